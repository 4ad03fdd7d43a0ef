"""The door: who is asking, the page where one signs in, and patience with those who guess.

Knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import time
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui import render
from ui.accounts import Accounts, User, folded
from ui.observing import Metrics
from ui.problems import Problem, ProblemResponse

COOKIE = "ask_articles"

#: Without accounts everybody is this one, and may do everything.
ANYBODY = User("", is_editor=True)

#: Where one may be sent after signing in: a path with a query, on this server.
_OUR_PAGE = re.compile(r"/(?!/)[a-z/]*(\?[\w=&.%+-]*)?", re.ASCII)

_OPEN = {"/healthz", "/readyz", "/signin"}
_FOR_EDITORS = {"/gradio_api/upload"}


class Doorkeeper:
    """Lets in who is signed in, by cookie or, as a program, by token; tells the rest who it is."""

    def __init__(self, app: ASGIApp, accounts: Accounts | None) -> None:
        self.app = app
        self._accounts = accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            user = (
                ANYBODY if self._accounts is None else _user(self._accounts, Headers(scope=scope))
            )
            if user is None and scope["path"] not in _OPEN:
                await _turn_away(scope)(scope, receive, send)
                return
            if scope["path"] in _FOR_EDITORS and not (user and user.is_editor):
                await ProblemResponse(Problem(403, "Only an editor may upload."))(
                    scope, receive, send
                )
                return
            scope["user"] = user
        await self.app(scope, receive, send)


def _user(accounts: Accounts, headers: Headers) -> User | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.casefold() == "bearer":
        return accounts.bearer(token.strip())
    secret = _secret(headers)
    return accounts.signed_in(secret) if secret else None


def _secret(headers: Headers) -> str:
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def _turn_away(scope: Scope) -> Response:
    if scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", ""):
        query = scope["query_string"].decode("latin-1")
        wanted = f"{scope['path']}?{query}" if query else scope["path"]
        return RedirectResponse(f"/signin?{urlencode({'to': wanted})}", 303)
    return ProblemResponse(Problem(401, "Sign in first.", WWW_Authenticate="Bearer"))


class Patience:
    """Each failure doubles the time until the next try, for a name and for an address."""

    _FREE = 3
    _FORGOTTEN_SECONDS = 3600.0
    _MOST = 10_000  # kept at once

    def __init__(self, most_seconds: float) -> None:
        self._most_seconds = most_seconds
        self._failed: dict[str, tuple[int, float]] = {}  # how often, when last

    def seconds_until(self, who: str) -> float:
        """How long `who` has to wait."""
        count, last = self._failed.get(who, (0, 0.0))
        if count < self._FREE:
            return 0.0
        wait = min(2.0 ** min(count - self._FREE, 30), self._most_seconds)
        return max(0.0, last + wait - time.monotonic())

    def failed(self, who: str) -> None:
        """Remember it."""
        now = time.monotonic()
        count, last = self._failed.pop(who, (0, now))
        if now - last > self._FORGOTTEN_SECONDS:
            count = 0
        if len(self._failed) >= self._MOST:
            del self._failed[next(iter(self._failed))]
        self._failed[who] = count + 1, now

    def forget(self, who: str) -> None:
        """They were right."""
        self._failed.pop(who, None)


def signing_in(accounts: Accounts, *, hours: float, metrics: Metrics) -> APIRouter:
    """The page, and what its form and the button to sign out do."""
    router = APIRouter(include_in_schema=False)
    # A name that somebody else guesses at must not be shut out for long; an address may be.
    names, addresses = Patience(30), Patience(900)
    # A try takes 64 MB for its hash: no more than two at once.
    trying = asyncio.Semaphore(2)

    @router.get("/signin")
    def page(to: str = "") -> Response:
        return _shown(to=to)

    @router.post("/signin")
    async def sign_in(request: Request) -> Response:
        address = network_of(request.client.host if request.client else "")
        if addresses.seconds_until(address):  # a form costs more to read than to send
            return _later(addresses.seconds_until(address))
        async with request.form(max_files=0, max_fields=4) as form:
            name, password = str(form.get("name", ""))[:64], str(form.get("password", ""))[:200]
            to = str(form.get("to", ""))
        whose = folded(name)
        if wait := names.seconds_until(whose):
            return _later(wait, name, to)
        # Until it has turned out right it counts as wrong: nobody tries many at once.
        names.failed(whose)
        addresses.failed(address)
        async with trying:
            user = await asyncio.to_thread(accounts.check, name, password)
        if user is None:
            metrics.sign_in_failures.inc()
            return _shown("The name or the password is wrong.", name, to, 401)
        names.forget(whose)
        addresses.forget(address)
        secret = await asyncio.to_thread(accounts.sign_in, user, hours)
        response = RedirectResponse(to if _OUR_PAGE.fullmatch(to) else "/", 303)
        response.set_cookie(
            COOKIE,
            secret,
            max_age=int(3600 * hours),
            httponly=True,
            samesite="lax",  # a link from elsewhere opens a page; OriginGuard refuses all else
            # Where something in front of this server does TLS, the browser still says so.
            secure="https" in (request.url.scheme, request.headers.get("origin", "")[:5]),
        )
        return response

    @router.post("/signout")
    async def sign_out(request: Request) -> Response:
        await asyncio.to_thread(accounts.sign_out, _secret(request.headers))
        response = RedirectResponse("/signin", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response

    return router


def network_of(address: str) -> str:
    """What one who guesses cannot easily change: of IPv6 the first half."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4 or found.ipv4_mapped:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False))


def _later(seconds: float, name: str = "", to: str = "") -> Response:
    wait = str(1 + int(seconds))
    message = f"Too many tries. Try again in {wait} seconds."
    return _shown(message, name, to, 429, {"Retry-After": wait})


def _shown(
    message: str = "",
    name: str = "",
    to: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    return HTMLResponse(render.signin(message, name, to), status, headers)
