"""The HTTP API for programs, version 1. Knows nothing of pages.

The same line, the same accounts and the same limits as for the pages.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, File, Request, UploadFile
from fastapi.params import Path as InPath
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from index.errors import ArticleError
from index.store import Filters
from rag import Answer
from rag.conversation import keep
from rag.events import Done, Event, Sentence, Stage
from ui.accounts import User
from ui.api_values import (
    AnswerGiven,
    ArticleDeleted,
    ArticleGiven,
    ArticleId,
    ArticleListed,
    Asked,
    FileTaken,
    Judged,
    ProblemGiven,
)
from ui.catalogue import of_id
from ui.gate import Ticket
from ui.problems import Problem, ProblemResponse, problem_of
from ui.storage import Feedback
from ui.uploads import Uploads
from ui.window import Shelf, Window

T = TypeVar("T")

_PROBLEM: dict[str, Any] = {"model": ProblemGiven, "content": {"application/problem+json": {}}}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {**_PROBLEM, "description": said}
    for status, said in {
        400: "It cannot be understood.",
        401: "Nobody is signed in.",
        403: "It may not be done.",
        404: "It is not there.",
        413: "It is too large.",
        422: "It cannot be used.",
        429: "It was too much in an hour.",
        503: "Too many are waiting, or the index is being changed.",
    }.items()
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {}},
        "description": "The answer. With `Accept: text/event-stream` it comes as events: `waiting` "
        "with the place in the line, `stage` (searching, reading, writing), `sentence` for each "
        "that has been verified, then `done` with the answer, or `problem`.",
    }
}


def user(request: Request) -> User:
    """Whoever asks."""
    found = request.scope["user"]
    assert isinstance(found, User)
    return found


def editor(request: Request) -> User:
    """Whoever asks, where they may change what articles there are."""
    found = user(request)
    if not found.is_editor:
        raise Problem(403, "Only an editor may change what articles there are.")
    return found


def api(window: Window) -> APIRouter:
    """The routes under /v1."""
    assistant, storage, uploads = window.assistant, window.storage, window.uploads
    router = APIRouter(prefix="/v1", responses=_PROBLEMS)

    @router.post("/answer", response_model=AnswerGiven, responses=_ANSWERS)
    async def answer(asked: Asked, request: Request, who: Annotated[User, Depends(user)]) -> Any:
        """Answer a question with exact quotations, or say that the articles do not say."""
        filters = Filters(asked.publisher, asked.since, asked.until)
        name = who.name or (request.client.host if request.client else "")

        def events_of() -> Generator[Event, None, None]:
            return assistant.stream(
                asked.question, limit=asked.limit, filters=filters, history=asked.turns()
            )

        def kept(answer: Answer) -> AnswerGiven:
            turn = keep(answer)
            if asked.keep:
                storage.begin(who.name, turn.question, turn)
            return AnswerGiven.of(turn)

        async def at_once() -> AnswerGiven:
            async with window.gate.join(name) as ticket:
                async for event in ticket.each(events_of):
                    if isinstance(event, Done):
                        return await asyncio.to_thread(kept, event.answer)
            raise AssertionError("a stream ends with Done")

        async def by_and_by(ticket: Ticket) -> AsyncIterator[str]:
            async for place in ticket.waiting():
                yield f'event: waiting\ndata: {{"place": {place}}}\n\n'
            async for event in ticket.each(events_of):
                match event:
                    case Stage(name=stage):
                        yield f'event: stage\ndata: {{"name": "{stage}"}}\n\n'
                    case Sentence():
                        yield f"event: sentence\ndata: {json.dumps({'text': str(event)})}\n\n"
                    case Done(answer=answer):
                        given = await asyncio.to_thread(kept, answer)
                        yield f"event: done\ndata: {given.model_dump_json()}\n\n"

        if "text/event-stream" not in request.headers.get("accept", ""):
            return await _while_there(request, at_once())
        # Whoever finds no place is told so by the status, before anything is sent.
        place = window.gate.join(name)
        ticket = await place.__aenter__()

        async def events() -> AsyncIterator[str]:
            try:
                async for event in by_and_by(ticket):
                    yield event
            except Exception as error:
                found = ProblemResponse(problem_of(error, who.name))
                yield f"event: problem\ndata: {bytes(found.body).decode()}\n\n"
                if found.status_code == 500:
                    raise

        return _Events(events(), place)

    @router.get("/articles")
    def articles() -> list[ArticleListed]:
        """Every article, without its text."""
        return [ArticleListed.of(stored) for stored in assistant.articles()]

    @router.get("/articles/{id}")
    def article(id: Annotated[ArticleId, InPath()]) -> ArticleGiven:
        """One article with its text."""
        found = assistant.article(_source(window.shelf, id))
        if found is None:
            raise _no_article()
        return ArticleGiven.of(found)

    @router.post("/articles")
    async def take_in(
        files: Annotated[list[UploadFile], File(max_length=50)],
        who: Annotated[User, Depends(editor)],
    ) -> list[FileTaken]:
        """Take files in as articles; one of the same name takes the place of the earlier one."""
        with tempfile.TemporaryDirectory(prefix="ask-articles-") as folder:
            async with window.changes.join(who.name) as ticket:
                taken = await ticket.run(_store, uploads, files, Path(folder))
        return [FileTaken.of(one) for one in taken]

    @router.delete("/articles/{id}")
    async def delete(
        id: Annotated[ArticleId, InPath()], who: Annotated[User, Depends(editor)]
    ) -> ArticleDeleted:
        """Delete an article, and its file where that was uploaded."""
        try:
            async with window.changes.join(who.name) as ticket:
                deleted = await ticket.run(lambda: uploads.remove(_source(window.shelf, id)))
            return ArticleDeleted(file_deleted=deleted)
        except ArticleError as error:  # someone else was faster
            raise _no_article() from error

    @router.post("/feedback", status_code=204)
    def judge(judged: Judged, who: Annotated[User, Depends(user)]) -> Response:
        """Say what you think of an answer of yours that is kept."""
        feedback = Feedback(judged.helpful, judged.reason, judged.right_answer)
        storage.judge(who.name, judged.answer_id, feedback)
        return Response(status_code=204)

    return router


class _Events(StreamingResponse):
    """Gives a place in the line up when it ends, though whoever asked may have gone before it
    begins: its events are not even begun then."""

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncIterator[str], place: AbstractAsyncContextManager[Ticket]
    ) -> None:
        super().__init__(events)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._place.__aexit__(None, None, None)


def _store(uploads: Uploads, files: list[UploadFile], folder: Path) -> Any:
    placed = []
    for number, file in enumerate(files):
        path = folder / str(number)
        with path.open("wb") as stream:
            shutil.copyfileobj(file.file, stream)
        placed.append((file.filename or "", path))
    return uploads.take_in(placed)


def _source(shelf: Shelf, wanted: str) -> str:
    """Raises Problem where there is no such article."""
    found = of_id(shelf.articles(), wanted) or of_id(shelf.articles(fresh=True), wanted)
    if found is None:
        raise _no_article()
    return found.source


def _no_article() -> Problem:
    return Problem(404, "There is no such article.")


async def _while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; it is cancelled when whoever asked has gone."""

    async def gone() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(0.2)

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Problem(408, "Whoever asked has gone.")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
