"""The MCP server, asked by the protocol's own client: over standard input and over HTTP."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import httpx2
import pytest
from conftest import ROOT
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult

from rag import Assistant, mcp_server

QUESTION = "How many people attended the mineral forum?"
QUOTE = (
    "About 900 people from the two countries came to the forum, among them government "
    "officials, experts on mining and representatives of business."
)

Call = Callable[..., CallToolResult]


@pytest.fixture
def call(assistant: Assistant) -> Call:
    """Call a tool of a server in this process."""

    def call_tool(name: str, **arguments: object) -> CallToolResult:
        async def called() -> CallToolResult:
            async with Client(mcp_server.server(assistant)) as client:
                return await client.call_tool(name, arguments)

        return anyio.run(called)

    return call_tool


def said(result: CallToolResult) -> str:
    """What a client is told in words."""
    return "".join(part.text for part in result.content if part.type == "text")


def test_answer_comes_with_citations_as_structured_content(call: Call) -> None:
    result = call("ask", question=QUESTION)
    assert not result.is_error
    answer = result.structured_content
    assert answer is not None
    assert (answer["short"], answer["abstained"], answer["nearest"]) == ("900 people", False, [])
    assert answer["text"].startswith(f"{QUOTE} [1]")
    cited = answer["citations"][0]
    assert (cited["number"], cited["quote"], cited["published"]) == (1, QUOTE, "2026-01-30")
    part = call("read_article", source=cited["source"], start=cited["start"], end=cited["end"])
    assert part.structured_content is not None
    assert part.structured_content["text"] == QUOTE


def test_abstention_comes_with_the_nearest_passages(call: Call) -> None:
    answer = call("ask", question="How do I bake sourdough bread?", limit=2).structured_content
    assert answer is not None
    assert (answer["text"], answer["citations"]) == ("The articles do not say.", [])
    assert len(answer["nearest"]) == 2


def test_passages_come_with_scores_and_filters_choose_articles(call: Call) -> None:
    found = call("search", question="mineral forum", limit=3, publisher="xinhua")
    assert found.structured_content is not None
    passages = found.structured_content["passages"]
    assert {Path(passage["source"]).name for passage in passages} == {"pak-china-mineral-forum.md"}
    assert passages[0]["dense_rank"] == 1
    assert passages[0]["fused_score"] >= passages[-1]["fused_score"] > 0
    late = call("search", question="mineral forum", since="2026-01-31", until="2026-02-01")
    assert late.structured_content == {"passages": []}


def test_long_article_is_read_in_parts(call: Call, assistant: Assistant) -> None:
    source = assistant.articles()[0].source
    article = assistant.article(source)
    assert article is not None
    whole = call("read_article", source=source).structured_content
    assert whole is not None
    assert whole["text"] == article.text[: whole["end"]]
    assert whole["characters"] == len(article.text)
    beyond = call("read_article", source=source, start=10**9, end=3).structured_content
    assert beyond is not None
    assert (beyond["text"], beyond["start"]) == ("", len(article.text))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ask", {"question": " "}, "The question is empty."),
        ("ask", {"question": "x" * 2001}, "The question has 2,001 characters; at most 2,000"),
        ("ask", {"question": "Who?", "publisher": "Reuters"}, "No article is by Reuters."),
        ("ask", {"question": "Who?", "limit": 0}, "greater than or equal to 1"),
        ("search", {"question": "Who?", "since": "yesterday"}, "since"),
        ("read_article", {"source": "/etc/passwd"}, "No article comes from /etc/passwd."),
    ],
)
def test_error_of_a_tool_says_what_is_wrong(
    call: Call, name: str, arguments: dict[str, object], message: str
) -> None:
    result = call(name, **arguments)
    assert result.is_error
    assert message in said(result)
    assert "Traceback" not in said(result)


def test_cause_of_a_crash_stays_with_the_server(bundled_index: Path) -> None:
    class Broken(Assistant):
        def __init__(self) -> None:
            pass

        def answer(self, *_: object, **__: object) -> None:  # type: ignore[override]
            raise OSError("the secret is 7")

    async def called() -> CallToolResult:
        async with Client(mcp_server.server(Broken())) as client:
            return await client.call_tool("ask", {"question": "Who?"})

    result = anyio.run(called)
    assert (result.is_error, said(result)) == (True, "Error executing tool ask")


def test_tools_say_what_they_take_and_give_and_that_they_change_nothing(
    assistant: Assistant,
) -> None:
    async def listed() -> None:
        async with Client(mcp_server.server(assistant)) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"ask", "search", "read_article"}
        for tool in tools.values():
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
            assert tool.output_schema is not None
            assert all("description" in value for value in tool.input_schema["properties"].values())
        assert "citations" in tools["ask"].output_schema["properties"]

    anyio.run(listed)


def test_server_over_standard_input_writes_nothing_but_the_protocol(bundled_index: Path) -> None:
    arguments = ["-m", "rag", "mcp", "--index", str(bundled_index)]

    async def asked() -> CallToolResult:
        # The client fails at a line that is no message.
        started = StdioServerParameters(command=sys.executable, args=arguments, cwd=ROOT)
        async with Client(started) as client:
            return await client.call_tool("ask", {"question": QUESTION})

    answer = anyio.run(asked).structured_content
    assert answer is not None
    assert answer["short"] == "900 people"


@pytest.fixture(scope="module")
def address(bundled_index: Path) -> Iterator[str]:
    """Of `python -m rag mcp --http`."""
    command = [sys.executable, "-m", "rag", "mcp", "--http", "--port", "0"]
    with subprocess.Popen(
        [*command, "--index", str(bundled_index)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        found = re.fullmatch(r"Serving (http://127\.0\.0\.1:\d+/mcp)\n", process.stderr.readline())
        assert found is not None
        yield found[1]
        process.terminate()


def test_server_over_http_answers(address: str) -> None:
    async def asked() -> CallToolResult:
        async with Client(address) as client:
            return await client.call_tool("ask", {"question": QUESTION})

    answer = anyio.run(asked).structured_content
    assert answer is not None
    assert answer["citations"][0]["quote"] == QUOTE


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"Host": "articles.example"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Origin": "https://articles.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_page_of_another_site_is_refused(address: str, header: dict[str, str], status: int) -> None:
    headers = {"Accept": "application/json, text/event-stream", **header}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert httpx2.post(address, json=message, headers=headers).status_code == status


def test_port_that_is_taken_is_bad_use(
    address: str, python: Callable[..., subprocess.CompletedProcess[str]], bundled_index: Path
) -> None:
    port = address.split(":")[2].split("/")[0]
    done = python("-m", "rag", "mcp", "--http", "--port", port, "--index", str(bundled_index))
    assert done.returncode == 2
    assert done.stderr == f"Error: Port {port} is taken. Name another with --port.\n"
