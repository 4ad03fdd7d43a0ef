"""What is said when a request cannot be served: RFC 9457's problem details, safe to show.

Knows nothing of who asked, or what for.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from http import HTTPStatus

from starlette.responses import JSONResponse

from index.errors import (
    AccountError,
    ArticleError,
    BusyError,
    ConversationError,
    IndexBusy,
    IndexProblem,
    QuestionError,
    RagError,
    StorageError,
)

#: The name of the request that is being served; "" outside of any.
request_id: ContextVar[str] = ContextVar("request_id", default="")

_STATUS: Mapping[type[RagError], int] = {
    QuestionError: 422,
    ArticleError: 422,
    AccountError: 422,
    ConversationError: 404,
    StorageError: 503,
    BusyError: 503,
    IndexBusy: 503,
    IndexProblem: 503,
}
_RETRY_SECONDS = 5

_log = logging.getLogger(__name__)


class Problem(Exception):
    """A request that cannot be served, and why; `detail` is safe to show."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class ProblemResponse(JSONResponse):
    """A problem, with the id under which the log knows more."""

    media_type = "application/problem+json"

    def __init__(self, problem: Problem) -> None:
        content = {
            "type": "about:blank",
            "title": HTTPStatus(problem.status).phrase,
            "status": problem.status,
            "detail": problem.detail,
            "request_id": request_id.get(),
        }
        super().__init__(content, problem.status, problem.headers)


def unforeseen() -> str:
    """What a page says of the error that is being handled; the log has the rest by the same id."""
    name = uuid.uuid4().hex[:8]
    _log.exception("Error %s", name)
    return f"Something went wrong (error {name})."


def said(error: RagError, who: str) -> str:
    """What `who` is told of an error; "" runs the server, and what to do is said to no one else."""
    if not who or not isinstance(error, IndexProblem) or isinstance(error, IndexBusy):
        return str(error)
    _log.error("%s", error)
    return "The articles cannot be read just now. The server's log has the cause."


def problem_of(error: Exception, who: str = "") -> Problem:
    """What an error means to `who`. Of one that nobody foresaw only its id is said."""
    if isinstance(error, Problem):
        return error
    if not isinstance(error, RagError):
        return Problem(500, f"Something went wrong (error {request_id.get()}).")
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
    if status == 503:
        return Problem(status, said(error, who), Retry_After=str(_RETRY_SECONDS))
    return Problem(status, said(error, who))
