"""The assistant as a server of the Model Context Protocol: ask, search and read an article.

Over standard input and output, or over HTTP on this computer only. Knows nothing of how answers
are found.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import anyio
from pydantic import Field, RootModel

from index.errors import QuestionError, RagError, SettingsError
from index.store import Filters
from rag.assistant import Assistant
from rag.cited import CitedAnswer, cited
from rag.conversation import NearPassage, near_passage

try:
    import uvicorn
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.server.transport_security import TransportSecuritySettings
    from mcp_types import ToolAnnotations
except ImportError as error:
    raise SettingsError(
        'The MCP server needs a package that is not installed: pip install "ask-articles[mcp]"'
    ) from error

_HOST = "127.0.0.1"
#: Of an article in one reply: some 5,000 tokens, which any chat model has room for.
_MOST_CHARACTERS = 20_000

_INSTRUCTIONS = """\
Answers questions about a folder of articles with exact quotations, or says that the articles do not
say. Every citation's `quote` is what stands in the text of its `source` from character `start` to
`end`; quote it as it is. Where `abstained` is true, do not answer from these articles."""

Question = Annotated[str, Field(description="In English, in full: earlier ones are not known.")]
Limit = Annotated[int, Field(ge=1, le=100, description="Passages to read.")]
Publisher = Annotated[str, Field(description="Only articles by this publisher; empty for any.")]
Since = Annotated[date | None, Field(description="Only articles published on or after this day.")]
Until = Annotated[date | None, Field(description="Only articles published on or before this day.")]


@dataclass(frozen=True, slots=True)
class FoundPassages:
    """The passages nearest to a question, best first."""

    passages: tuple[NearPassage, ...]


@dataclass(frozen=True, slots=True)
class ArticlePart:
    """Characters `[start, end)` of an article that has `characters` of them."""

    source: str
    title: str
    publisher: str
    published: date | None
    start: int
    end: int
    characters: int
    text: str


class Tools:
    """What a client may call. Each answers from one assistant and changes nothing.

    What they give is a RootModel of it: the package takes the slots of a dataclass for defaults.
    """

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    def ask(
        self,
        question: Question,
        limit: Limit = 8,
        publisher: Publisher = "",
        since: Since = None,
        until: Until = None,
    ) -> RootModel[CitedAnswer]:
        """Answer a question with exact quotations from the articles, or say that they do not say"""
        with _said_safely():
            filters = Filters(publisher, since, until)
            answer = self._assistant.answer(question, limit=limit, filters=filters)
        return RootModel(cited(answer))

    def search(
        self,
        question: Question,
        limit: Limit = 8,
        publisher: Publisher = "",
        since: Since = None,
        until: Until = None,
    ) -> RootModel[FoundPassages]:
        """Find the passages of the articles nearest to a question, with their scores"""
        with _said_safely():
            filters = Filters(publisher, since, until)
            passages = self._assistant.retrieve(question, limit=limit, filters=filters)
        return RootModel(FoundPassages(tuple(map(near_passage, passages))))

    def read_article(
        self,
        source: Annotated[str, Field(description="As citations and passages name it.")],
        start: Annotated[int, Field(ge=0, description="First character.")] = 0,
        end: Annotated[int | None, Field(ge=0, description="Character after the last.")] = None,
    ) -> RootModel[ArticlePart]:
        """Read an article, or the part of it from one character to another; at most 20,000 at once,
        so go on from `end` while it is less than `characters`"""
        with _said_safely():
            article = self._assistant.article(source)
            if article is None:
                raise QuestionError(f"No article comes from {source}. `search` names sources.")
        characters = len(article.text)
        start = min(start, characters)
        end = min(characters if end is None else max(start, end), start + _MOST_CHARACTERS)
        end = min(end, characters)
        part = ArticlePart(
            source,
            article.title,
            article.publisher,
            article.published,
            start,
            end,
            characters,
            article.text[start:end],
        )
        return RootModel(part)


def server(assistant: Assistant) -> MCPServer:
    """A server whose tools ask `assistant`."""
    made = MCPServer("ask-articles", instructions=_INSTRUCTIONS, log_level="WARNING")
    tools = Tools(assistant)
    changes_nothing = ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    )
    for tool in (tools.ask, tools.search, tools.read_article):
        made.add_tool(tool, annotations=changes_nothing, structured_output=True)
    return made


def serve_stdio(assistant: Assistant) -> None:
    """Serve whoever started this process, until it closes our standard input."""
    server(assistant).run("stdio")


def serve_http(assistant: Assistant, port: int, ready: Callable[[str], None]) -> None:
    """Serve this computer only, until interrupted; port 0 takes any. `ready` gets the address.

    A page that another site's name leads here is refused by its Host and its Origin. Raises
    SettingsError where the port is taken.
    """
    try:
        listening = socket.create_server((_HOST, port))
    except OSError as error:
        raise SettingsError(f"Port {port} is taken. Name another with --port.") from error
    with listening:
        port = listening.getsockname()[1]
        hosts = [f"{name}:{port}" for name in (_HOST, "localhost")]
        app = server(assistant).streamable_http_app(
            host=_HOST,
            transport_security=TransportSecuritySettings(
                allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
            ),
        )
        ready(f"http://{_HOST}:{port}/mcp")
        config = uvicorn.Config(app, log_level="warning")
        anyio.run(uvicorn.Server(config).serve, [listening])


@contextmanager
def _said_safely() -> Iterator[None]:
    """An error that a user may meet reaches the client in its own words; others do not."""
    try:
        yield
    except RagError as error:
        raise ToolError(str(error)) from error
