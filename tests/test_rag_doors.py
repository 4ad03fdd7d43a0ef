"""Every door gives the same citations: Python, shell, batch, MCP, LangChain and HTTP."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from conftest import ROOT
from mcp import Client
from typer.testing import CliRunner

from index.article import source_id
from rag import Assistant, mcp_server
from rag.__main__ import app
from rag.batch import Asked, run
from ui.serving import Address, opened

#: Source, start and end of each.
Citations = list[tuple[str, int, int]]

QUESTIONS = [
    json.loads(line)["question"]
    for line in (ROOT / "eval" / "gold.jsonl").read_text("utf-8").splitlines()[::15][:20]
]


def places(citations: Sequence[Mapping[str, Any]]) -> Citations:
    return [(cited["source"], cited["start"], cited["end"]) for cited in citations]


def python(assistant: Assistant, _: Path, __: Path) -> list[Citations]:
    return [
        [(c.article.source, c.start, c.end) for c in assistant.answer(question).citations]
        for question in QUESTIONS
    ]


def shell(_: Assistant, index_dir: Path, __: Path) -> list[Citations]:
    found = []
    for question in QUESTIONS:  # in this process: each of twenty would wait for torch
        done = CliRunner().invoke(app, ["ask", question, "--json", "--index", str(index_dir)])
        citations = json.loads(done.stdout)["citations"]
        found.append([(c["article"]["source"], c["start"], c["end"]) for c in citations])
    return found


def batch(assistant: Assistant, _: Path, folder: Path) -> list[Citations]:
    output = folder / "answers.jsonl"
    run(assistant, [Asked(question) for question in QUESTIONS], output, lambda *_: None)
    answers = map(json.loads, output.read_text("utf-8").splitlines())
    return [places(answer["citations"]) for answer in answers]


def mcp(assistant: Assistant, _: Path, __: Path) -> list[Citations]:
    async def asked() -> list[Citations]:
        async with Client(mcp_server.server(assistant)) as client:
            results = [await client.call_tool("ask", {"question": q}) for q in QUESTIONS]
        return [places((result.structured_content or {})["citations"]) for result in results]

    return anyio.run(asked)


def langchain(assistant: Assistant, _: Path, __: Path) -> list[Citations]:
    answers = assistant.as_runnable().batch([{"question": question} for question in QUESTIONS])
    return [[(c.article.source, c.start, c.end) for c in answer.citations] for answer in answers]


def http(_: Assistant, index_dir: Path, folder: Path) -> list[Citations]:
    shutil.copytree(index_dir, folder / "index")  # conversations would be kept in it
    asked = Assistant.open(folder / "index")
    sources = {source_id(article.source): article.source for article in asked.articles()}
    with opened(asked, Address(port=0)) as (server, address):
        listening = threading.Thread(target=server.listen)
        listening.start()
        with httpx.Client(base_url=address, timeout=60) as client:
            answers = [client.post("/v1/answer", json={"question": q}).json() for q in QUESTIONS]
        server.should_exit = True
        listening.join(timeout=20)
    return [
        [(sources[q["article"]], q["start"], q["end"]) for q in answer["quotations"]]
        for answer in answers
    ]


DOORS: list[Callable[[Assistant, Path, Path], list[Citations]]] = [
    shell,
    batch,
    mcp,
    langchain,
    http,
]


@pytest.fixture(scope="module")
def expected(assistant: Assistant) -> list[Citations]:
    """What Python gives."""
    return python(assistant, Path(), Path())


@pytest.mark.parametrize("door", DOORS)
def test_door_gives_the_citations_that_python_gives(
    door: Callable[[Assistant, Path, Path], list[Citations]],
    expected: list[Citations],
    assistant: Assistant,
    bundled_index: Path,
    tmp_path: Path,
) -> None:
    assert len(QUESTIONS) == 20
    assert sum(map(bool, expected)) > 8
    assert door(assistant, bundled_index, tmp_path) == expected


def test_runnable_takes_a_question_or_an_object_with_one(assistant: Assistant) -> None:
    asked = assistant.as_runnable(limit=3)
    answer = asked.invoke("How many people attended the mineral forum?")
    assert (answer.short, len(answer.passages)) == ("900 people", 3)
    assert asked.invoke({"question": answer.question}).citations == answer.citations
