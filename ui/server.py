"""The server around the pages: one process, one model, and everything that a request passes first.

Knows nothing of what is on the pages.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import gradio as gr
import prometheus_client
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse, Response

from index.errors import RagError
from rag import Assistant
from ui import render
from ui.accounts import Accounts
from ui.api import api, user
from ui.downloads import downloads
from ui.guards import HostGuard, OriginGuard, PathGuard, SizeGuard
from ui.headers import SecurityHeaders
from ui.observing import Metrics, Observing
from ui.problems import Problem, ProblemResponse, problem_of
from ui.signin import Doorkeeper, signing_in
from ui.window import Window

_OURS = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/signin",
    "/signout",
    "/v1",
    "/export",
    "/feedback.jsonl",
)
#: Whoever has not signed in yet may send these a form.
_SMALL = ("/signin", "/signout")
_UPLOADS = ("/v1/articles", "/gradio_api/upload")


class Readiness:
    """Whether loading the model is over; where that failed, each question is told why."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self.is_ready = False

    def warm_up(self) -> None:
        """In a thread of its own: the model takes seconds to load."""
        threading.Thread(target=self._load, daemon=True).start()

    def _load(self) -> None:
        try:
            self._assistant.warm_up()
        except RagError:
            pass  # the first question will be told
        finally:
            self.is_ready = True


def make_app(
    page: gr.Blocks,
    window: Window,
    *,
    metrics: Metrics,
    accounts: Accounts | None,
    hosts: Collection[str],
    look: Mapping[str, Any],
) -> FastAPI:
    """Everything that is served. With `accounts` it is for those who have one."""
    settings = window.assistant.settings
    megabyte = 1_000_000
    pages = {f"/{name}" for name, *_ in page.pages}
    readiness = Readiness(window.assistant)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        readiness.warm_up()
        yield

    app = FastAPI(
        title="Ask Articles",
        version="1",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # those pages come with scripts from another server
        redoc_url=None,
        lifespan=lifespan,
        middleware=[
            Middleware(Observing, metrics=metrics),
            Middleware(SecurityHeaders),
            Middleware(HostGuard, hosts=hosts),
            Middleware(OriginGuard),
            Middleware(PathGuard, pages=pages, ours=_OURS),
            Middleware(Doorkeeper, accounts=accounts),
            Middleware(
                SizeGuard,
                most_bytes=settings.max_request_megabytes * megabyte,
                small=_SMALL,
                uploads=_UPLOADS,
                most_bytes_per_hour=settings.max_upload_megabytes_per_hour * megabyte,
            ),
        ],
        exception_handlers={
            RagError: told,
            Problem: told,
            HTTPException: _refused,
            RequestValidationError: _invalid,
        },
    )
    app.include_router(api(window))
    app.include_router(downloads(window.storage, with_paths=accounts is None))
    if accounts is not None:
        app.include_router(signing_in(accounts, hours=settings.signed_in_hours, metrics=metrics))

    @app.get("/v1", include_in_schema=False)
    async def described() -> Response:
        return HTMLResponse(render.api(app.openapi()))

    @app.get("/healthz", include_in_schema=False)
    async def alive() -> Response:
        return JSONResponse({"alive": True})

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        is_ready = readiness.is_ready and not window.gate.is_closed
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    @app.get("/metrics", include_in_schema=False)
    def figures(request: Request) -> Response:
        if not user(request).is_editor:
            raise Problem(403, "Only an editor may see the figures.")
        text = prometheus_client.generate_latest(metrics.registry)
        return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that of several pages none is made on the server
        gr.mount_gradio_app(
            app,
            page,
            path="/",
            auth_dependency=(lambda request: request.scope["user"].name) if accounts else None,
            allowed_paths=[],
            blocked_paths=[str(settings.index_dir)],
            footer_links=[],
            run_history=False,
            show_error=False,
            # Gradio's page would name a larger file in a message that it takes for HTML; what
            # takes files in refuses it as well, and `most_bytes` bounds the whole request.
            max_file_size=None,
            ssr_mode=False,
            enable_monitoring=False,
            pwa=False,
            mcp_server=False,
            app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
            **look,
        )
    return app


async def told(request: Request, error: Exception) -> Response:
    asks = request.scope["user"]  # None is whoever has not signed in yet
    return ProblemResponse(problem_of(error, asks.name if asks else "somebody"))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return ProblemResponse(Problem(error.status_code, str(error.detail), **(error.headers or {})))


async def _invalid(request: Request, error: Exception) -> Response:
    """Where it is wrong and how, without what was sent: that need not even be text."""
    assert isinstance(error, RequestValidationError)
    causes = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5]]
    detail = "; ".join(causes).encode("utf-8", "replace").decode()[:1000]
    return ProblemResponse(Problem(422, detail))
