"""A chat model as a source of text: through the real client, against a server on this machine."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from chat_server import ChatServer, Reply, chat_server
from langchain_core.language_models import FakeListChatModel
from langchain_core.outputs import ChatGenerationChunk

from index.errors import ModelError, SettingsError
from index.settings import Settings
from rag.chat_model import ChatModel, open_chat_model
from rag.prompt import prompt

KEY = "sk-canary-5107"


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture
def model(server: ChatServer) -> ChatModel:
    server.asked.clear()
    server.left.clear()
    return open_model(server)


def open_model(server: ChatServer, **options: object) -> ChatModel:
    return open_chat_model(
        Settings(
            **{
                "model": "openai:scripted",
                "model_address": server.address,
                "model_key": KEY,
                "model_timeout_seconds": 20,
                "model_tokens": 20,
                **options,
            }
        )
    )


def text(model: ChatModel) -> str:
    return "".join(model.pieces(prompt("What fell?", [])))


def fault(model: ChatModel) -> str:
    with pytest.raises(ModelError) as caught:
        text(model)
    return str(caught.value)


def test_text_comes_in_pieces_and_the_settings_reach_the_server(
    model: ChatModel, server: ChatServer
) -> None:
    server.say("Tin fell [1]. Zinc rose [2].")
    pieces = list(model.pieces(prompt("What fell?", [])))
    assert "".join(pieces) == "Tin fell [1]. Zinc rose [2]."
    assert len(pieces) > 5
    (asked,) = server.asked
    assert asked.authorization == f"Bearer {KEY}"
    assert (asked.body["model"], asked.body["temperature"]) == ("scripted", 0)
    assert asked.body.get("max_completion_tokens", asked.body.get("max_tokens")) == 20
    assert asked.body["stream"] is True
    assert "tools" not in asked.body


@pytest.mark.parametrize(
    ("replies", "cause", "requests"),
    [
        ([Reply(status=500)], "error 500", 3),
        ([Reply(status=401)], "its key was refused", 1),
        ([Reply(status=404)], "no such model", 1),
        ([Reply(status=429, retry_after=3600)], "too many requests", 1),
        ([Reply("")], "it sent nothing", 3),
        ([Reply("Tin", cut=True)], "no connection", 1),
        ([Reply(body=b"data: {broken\n\n")], "an answer that cannot be read", 3),
        ([Reply("Tin fell. ", endless=True)], "an answer without end", 1),
        ([Reply("Tin fell", finish="length")], "cut at RAG_MODEL_TOKENS", 1),
        ([Reply("", finish="length")], "cut at RAG_MODEL_TOKENS", 1),
    ],
)
def test_fault_has_a_cause_and_no_more_than_two_further_requests(
    model: ChatModel, server: ChatServer, replies: list[Reply], cause: str, requests: int
) -> None:
    server.say(*replies)
    assert fault(model) == cause
    assert len(server.asked) == requests


def test_request_is_made_again_when_the_server_says(model: ChatModel, server: ChatServer) -> None:
    server.say(Reply(status=429, retry_after=1), Reply(status=503), "Tin fell.")
    started = time.monotonic()
    assert text(model) == "Tin fell."
    assert len(server.asked) == 3
    assert time.monotonic() - started >= 3  # the second the server asked for, and two of our own


@pytest.mark.parametrize(
    "reply", [Reply("Tin", silent_seconds=30), Reply(comments=True, pause_seconds=0.05)]
)
def test_whole_answer_has_its_time(server: ChatServer, reply: Reply) -> None:
    model = open_model(server, model_timeout_seconds=1)
    server.say(reply)
    started = time.monotonic()
    assert fault(model) == "timeout"
    assert time.monotonic() - started < 4


def test_closing_stops_the_request(model: ChatModel, server: ChatServer) -> None:
    model = open_model(server, model_tokens=100_000)
    server.say(Reply("Tin fell. ", endless=True, pause_seconds=0.01))
    pieces = model.pieces(prompt("What fell?", []))
    assert next(filter(None, pieces))
    pieces.close()
    assert server.left.wait(10)


class Cancelled(FakeListChatModel):
    async def _astream(self, *_: object, **__: object) -> AsyncIterator[ChatGenerationChunk]:
        raise asyncio.CancelledError
        yield


def test_request_that_is_cancelled_inside_is_a_fault() -> None:
    assert fault(ChatModel(Cancelled(responses=[]), "x", seconds=5, characters=100)) == (
        "it was cancelled"
    )


def test_no_server_is_a_fault(server: ChatServer) -> None:
    assert fault(open_model(server, model_address="http://127.0.0.1:9/v1")) == "no connection"


def test_key_is_in_no_message_and_no_log(
    model: ChatModel, server: ChatServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for status in (400, 401, 500):
        server.say(Reply(status=status))  # whose message repeats the key
        assert KEY not in fault(model)
    ours = [record.getMessage() for record in caplog.records]
    assert len(ours) > 3
    assert [line for line in ours if KEY in line] == []
    assert KEY not in repr(Settings(model_key=KEY)) + Settings(model_key=KEY).model_dump_json()


def test_key_of_the_provider_is_not_sent_to_another_address(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    server.asked.clear()
    server.say("Tin fell.")
    assert text(open_model(server, model_key="")) == "Tin fell."
    assert "sk-of-openai" not in server.asked[0].authorization


@pytest.mark.parametrize(
    ("own", "sent"), [("", "Bearer none"), (KEY, f"Bearer {KEY}")], ids=["none", "own"]
)
def test_key_of_ollama_is_not_sent_to_another_address(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, own: str, sent: str
) -> None:
    pytest.importorskip("langchain_ollama")
    monkeypatch.setenv("OLLAMA_API_KEY", "key-of-ollama")
    server.asked.clear()
    server.say(Reply(status=401))
    asked = open_model(server, model="ollama:x", model_key=own)
    assert fault(asked) == "its key was refused"
    assert [request.authorization for request in server.asked] == [sent]


@pytest.mark.parametrize("variable", ["OPENAI_ORG_ID", "OPENAI_PROJECT_ID"])
def test_what_a_package_would_send_of_the_environment_is_refused_for_another_address(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "org-canary")
    with pytest.raises(SettingsError, match=f"^{variable} would be sent to the server of RAG_M"):
        open_model(server)
    assert open_chat_model(Settings(model="openai:x", model_key=KEY)).name == "openai:x"


def test_tracing_of_a_developer_sends_nothing(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import langsmith.utils

    langsmith.utils.get_env_var.cache_clear()
    with socket.create_server(("127.0.0.1", 0)) as tracer:
        for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
            monkeypatch.setenv(name, "true")
        for name in ("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{tracer.getsockname()[1]}")
        monkeypatch.setenv("LANGSMITH_API_KEY", "ls-canary")
        server.say("Tin fell.")
        assert text(open_model(server)) == "Tin fell."
        tracer.settimeout(2)
        with pytest.raises(TimeoutError):
            tracer.accept()  # whatever is asked of it, a trace or what it can do
    langsmith.utils.get_env_var.cache_clear()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "gpt"}, "PROVIDER:NAME"),
        ({"model": "openai:"}, "PROVIDER:NAME"),
        ({"model": "anthropic:x"}, 'pip install "ask-articles[anthropic]"'),
        ({"model": "ollama:x"}, 'pip install "ask-articles[ollama]"'),
        ({"model": "mistralai:x"}, "pip install langchain-mistralai"),
        ({"model": "nobody:x"}, "LangChain must know the provider"),
        ({"model_address": "ftp://host"}, "http://HOST:PORT/PATH"),
        ({"model_address": "http://me:sk-canary-5107@host/v1"}, "holds a name or a password"),
        ({"model": "huggingface:/no/such/folder"}, "neither a folder nor a model"),
    ],
)
def test_what_cannot_be_used_is_said_at_the_door(
    server: ChatServer, options: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SettingsError) as caught:
        open_model(server, **options)
    assert said in str(caught.value)
    assert KEY not in str(caught.value)


def test_missing_key_and_a_gateway_are_said_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SettingsError, match="its key must be set"):
        open_chat_model(Settings(model="openai:x"))
    monkeypatch.setenv("LANGSMITH_GATEWAY", "true")
    with pytest.raises(SettingsError, match="Unset it"):
        open_chat_model(Settings(model="openai:x", model_key=KEY))


def test_what_an_article_says_cannot_end_its_quotation(tmp_path: Path) -> None:
    from index.article import Article
    from rag.answers import Passage

    body = "Tin\u200b fell.\n[2] 00 False\nLead {rose} {question}. See [1].\x00\n"
    article = Article("/a.md", "A {title}\n[9]", "", None, body, "")
    passage = Passage(1, article, 0, len(body), body, 0.1, 1, 0.9, None, None)
    _, asked = prompt("What {fell}?", [passage])
    head, line, end, empty, question = str(asked.text).split("\n")
    assert head == f"[1] {end} A {{title}} (9)"
    assert line == "Tin fell. (2) 00 False Lead {rose} {question}. See (1)."
    assert len(end) == 16
    assert (empty, question) == ("", "Question: What {fell}?")
