"""The headers that tell a browser what a page may do. Knows nothing of what is on it."""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: What Gradio's page needs beyond scripts and connections of its own: it writes styles into the
#: page, and 'unsafe-eval' as `gr.HTML` compiles its templates and scripts by `Function`; without it
#: Chromium says "Evaluating a string as JavaScript violates" and no part of the page appears.
#: Strings reach it only from our own Python, never from an article or a question.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'nonce-{nonce}' 'strict-dynamic' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "manifest-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_ELSE = {
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" a browser sends a form of ours, too, with `Origin: null`: no one signs in.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
#: What Gradio sends to let other sites' pages read it, and what says which programs run here.
_UNWANTED = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Server")

_SCRIPT = re.compile(rb"<script(?=[\s>])", re.IGNORECASE)


class SecurityHeaders:
    """Sets them on every response; a page's scripts get a nonce, new for each response.

    Every `<script` of a page gets it, which is safe as long as no article or question can put one
    there: pages are Gradio's template with its configuration as JSON whose `<` is escaped, and
    templates of our own, escaped by default.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        start: Message | None = None  # of a page, held back until its length is known
        page = bytearray()

        async def with_headers(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in _UNWANTED:
                    del headers[name]
                headers.update(_ELSE)
                headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce)
                if headers.get("content-type", "").startswith("text/html"):
                    headers["Cache-Control"] = "no-store"
                    start = message
                    return
            elif start and message["type"] == "http.response.body":
                page.extend(message.get("body", b""))
                if message.get("more_body"):
                    return
                whole = _SCRIPT.sub(b'<script nonce="%s"' % nonce.encode(), bytes(page))
                if page:  # the answer to HEAD has none, but its length
                    MutableHeaders(scope=start)["Content-Length"] = str(len(whole))
                await send(start)
                start = None
                await send({"type": "http.response.body", "body": whole})
                return
            await send(message)

        await self.app(scope, receive, with_headers)
