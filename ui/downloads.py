"""Files to download: conversations, and feedback as gold questions. Knows nothing of pages."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response

from rag.conversation import Conversation, to_json, without_paths
from rag.export import to_markdown
from ui.api import user
from ui.feedback import gold_lines
from ui.storage import Storage

_Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


def downloads(storage: Storage, *, with_paths: bool) -> APIRouter:
    """The routes. Feedback is everybody's, so that only who may edit gets it.

    Without paths an export does not tell where on this computer the articles lie.
    """
    routes = APIRouter(include_in_schema=False)

    @routes.get("/feedback.jsonl")
    def feedback(request: Request) -> Response:
        if not user(request).is_editor:
            raise HTTPException(403, "Only an editor may download what others thought.")
        gold = gold_lines(storage.judged())
        return _file(gold.lines, "feedback.jsonl", "application/x-ndjson")

    def kept(conversation: str, request: Request) -> Conversation:
        found = storage.conversation(user(request).name, conversation)
        return found if with_paths else without_paths(found)

    @routes.get("/export/{conversation}.json")
    def as_json(conversation: _Id, request: Request) -> Response:
        found = kept(conversation, request)
        return _file(to_json(found), f"{_file_stem(found.title)}.json", "application/json")

    @routes.get("/export/{conversation}.md")
    def as_markdown(conversation: _Id, request: Request) -> Response:
        found = kept(conversation, request)
        return _file(to_markdown(found), f"{_file_stem(found.title)}.md", "text/markdown")

    return routes


def _file(text: str, name: str, kind: str) -> Response:
    """Saved by the browser, never shown; the file's name is plain ASCII."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    body = text.encode("utf-8", "replace")
    return Response(body, media_type=f"{kind}; charset=utf-8", headers=headers)


def _file_stem(title: str) -> str:
    """Of a title what any system takes as a file's name."""
    words = re.findall(r"[a-z0-9]+", title.lower())
    return "-".join(words)[:60].strip("-") or "conversation"
