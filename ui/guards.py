"""What a request must be before anything looks at it: where it came from, where to, and how large.

Plain ASGI, since responses are streamed through. Knows nothing of who asks or what for.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.problems import Problem, ProblemResponse

_SAFE = {"GET", "HEAD"}

#: All that a page of Gradio's asks for, as seen in a Chromium. Everything else of Gradio's is
#: refused, such as its routes for files, proxies and its API. None of it needs an encoded sign.
_OF_GRADIO = (
    ("GET", r"/(assets|static)/[\w-][\w.-]*(/[\w-][\w.-]*)*"),
    ("GET", r"/(theme\.css|favicon\.ico|robots\.txt)"),
    ("GET", r"/gradio_api/(startup-events|queue/data|upload_progress|heartbeat/[a-z0-9]+)"),
    ("POST", r"/gradio_api/(queue/join|run/predict|cancel|reset|upload)"),
)

#: A form with a name and a password is a thousandth of a second to read.
_SMALL_BYTES = 10_000
_HEARD_OUT_BYTES = 20_000_000
_HEARD_OUT_SECONDS = 5.0

Headers = Sequence[tuple[bytes, bytes]]


class Refusing:
    """A guard: what `refusal` says is sent, else the request goes on."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http":  # nothing here speaks over a WebSocket
            await send({"type": "websocket.close", "code": 1008})
        elif problem := self.refusal(scope):
            await ProblemResponse(problem)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def refusal(self, scope: Scope) -> Problem | None:
        raise NotImplementedError


class HostGuard(Refusing):
    """Under another name it would be a page that had its own name changed to here."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        super().__init__(app)
        self._hosts = {host.casefold().strip("[]") for host in hosts}

    def refusal(self, scope: Scope) -> Problem | None:
        given = _all(scope["headers"], b"host")
        if len(given) == 1 and _host_name(given[0]) in self._hosts:
            return None
        return Problem(400, "This server does not go by that name (RAG_HOSTS).")


class OriginGuard(Refusing):
    """No other site's page may have anything done here, or read; it may only link to a page.

    Of a client that is no browser neither header comes, and it carries no cookie either.
    """

    def refusal(self, scope: Scope) -> Problem | None:
        headers = scope["headers"]
        (host,) = _all(headers, b"host")
        origins = _all(headers, b"origin")
        sites = _all(headers, b"sec-fetch-site")
        is_link = scope["method"] in _SAFE and _all(headers, b"sec-fetch-mode") == ["navigate"]
        if any(origin not in {f"http://{host}", f"https://{host}"} for origin in origins):
            return Problem(403, "Another site's page may not ask this.")
        if not is_link and any(site not in {"same-origin", "none"} for site in sites):
            return Problem(403, "Another site's page may not ask this.")
        return None


class PathGuard(Refusing):
    """Only what is needed is there; a path is what it looks like, with nothing encoded in it."""

    def __init__(self, app: ASGIApp, pages: Collection[str], ours: Collection[str]) -> None:
        super().__init__(app)
        self._pages = set(pages)
        self._ours = tuple(ours)
        self._theirs = [(method, re.compile(path, re.ASCII)) for method, path in _OF_GRADIO]

    def refusal(self, scope: Scope) -> Problem | None:
        path = scope["path"]
        # Where the two differ something was encoded.
        is_plain = scope.get("raw_path", path.encode()) == path.encode()
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if is_plain and (
            (method == "GET" and path in self._pages)
            or any(path == ours or path.startswith(f"{ours}/") for ours in self._ours)
            or any(method == m and pattern.fullmatch(path) for m, pattern in self._theirs)
        ):
            return None
        return Problem(404, "There is nothing here.")


class _TooMuch(Exception):
    """More came than may come."""


class SizeGuard:
    """A whole request has at most so many bytes, counted as they come, whatever it says of itself,
    fewer where it is to one of the `small` paths; and who uploads has so many for an hour, counted
    likewise."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        most_bytes: int,
        small: Collection[str],
        uploads: Collection[str],
        most_bytes_per_hour: int,
    ) -> None:
        self.app = app
        self._most_bytes = most_bytes
        self._small = set(small)
        self._uploads = set(uploads)
        self._quota = Quota(most_bytes_per_hour)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE:
            await self.app(scope, receive, send)
            return
        most = _SMALL_BYTES if scope["path"] in self._small else self._most_bytes
        too_large = Problem(413, f"At most {most:,} bytes are taken at once.", Connection="close")
        refused: Problem | None = None
        who = _who(scope) if scope["path"] in self._uploads else ""
        lengths = _all(scope["headers"], b"content-length")
        if any(int(length) > most for length in lengths if length.isdecimal()):
            refused = too_large
        elif who and (seconds := self._quota.seconds_until(who)):
            refused = _over_quota(seconds)
        if refused:
            await _refuse(refused, scope, receive, send)
            return
        came, has_begun = 0, False

        async def counted() -> Message:
            nonlocal came, refused
            message = await receive()
            size = len(message.get("body", b""))
            came += size
            if came > most:
                refused = too_large
            elif who and not self._quota.add(who, size):
                refused = _over_quota(self._quota.seconds_until(who))
            if refused:
                raise _TooMuch
            return message

        async def unless_refused(message: Message) -> None:
            nonlocal has_begun
            if refused and not has_begun:
                return  # the application's own idea of what is wrong
            has_begun = True
            await send(message)

        with suppress(_TooMuch):
            await self.app(scope, counted, unless_refused)
        if refused and not has_begun:
            await _refuse(refused, scope, receive, send)


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Who is still sending when the connection is closed never reads why: hear out a little."""
    left = _HEARD_OUT_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_HEARD_OUT_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    break
    await ProblemResponse(problem)(scope, receive, send)


class Quota:
    """So many bytes an hour for each who uploads, from their first one on."""

    _HOUR = 3600.0

    def __init__(self, most: int) -> None:
        self._most = most
        self._used: dict[str, tuple[float, int]] = {}  # since when, how many bytes

    def seconds_until(self, who: str) -> int:
        """How long until there is room again; 0 where there is."""
        since, used = self._used.get(who, (0.0, 0))
        left = since + self._HOUR - time.monotonic()
        return max(1, int(left)) if used >= self._most and left > 0 else 0

    def add(self, who: str, size: int) -> bool:
        """Count them. False where they are too many."""
        now = time.monotonic()
        since, used = self._used.get(who, (now, 0))
        if now - since >= self._HOUR:
            since, used = now, 0
        if who not in self._used:  # forget those whose hour is over
            alive = {w: kept for w, kept in self._used.items() if now - kept[0] < self._HOUR}
            self._used = alive
        self._used[who] = since, used + size
        return used + size <= self._most


def _over_quota(seconds: int) -> Problem:
    return Problem(
        429,
        f"Enough was uploaded for an hour. Try again in {1 + seconds // 60} minutes.",
        Retry_After=str(seconds),
        Connection="close",
    )


def _who(scope: Scope) -> str:
    """Whoever uploads: by name where that is known, else by address."""
    name: str = getattr(scope.get("user"), "name", "")
    client: Any = scope.get("client") or ("",)
    return name or f"address {client[0]}"


def _all(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


def _host_name(host: str) -> str:
    """Without the port, and of an IPv6 address without its brackets."""
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(:\d{1,5})?", host)
    return match[1].casefold().strip("[]") if match else ""
