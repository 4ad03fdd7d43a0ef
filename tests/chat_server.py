"""A server on this machine that speaks OpenAI's chat protocol: answers and faults by script."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server does with one request."""

    text: str = ""
    status: int = 200
    retry_after: float | None = None
    silent_seconds: float = 0.0  #: before anything is sent
    pause_seconds: float = 0.0  #: after each piece
    cut: bool = False  #: the connection ends after the text, in the middle of the answer
    endless: bool = False  #: the text again and again
    comments: bool = False  #: signs of life, again and again, and nothing else
    body: bytes | None = None  #: instead of all events
    refusal: str = ""
    finish: str = "stop"  #: why it ends


@dataclass(frozen=True, slots=True)
class Quotation:
    """A passage as the model sees it."""

    number: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a model was asked."""

    body: dict[str, Any]
    authorization: str

    @property
    def prompt(self) -> str:
        return "\n".join(message["content"] for message in self.body["messages"])

    @property
    def quotations(self) -> list[Quotation]:
        """Between lines that hold the code of this request."""
        code = re.search(r"the code (\w+)", self.prompt)
        assert code
        found = re.findall(rf"^\[(\d+)\] {code[1]} (.*)\n(.*)\n{code[1]}$", self.prompt, re.M)
        return [Quotation(int(number), title, text) for number, title, text in found]


Script = Callable[[Request], Reply]


@dataclass(slots=True)
class ChatServer:
    """While it runs: where, what it was asked, and whether a reader has gone."""

    script: Script
    address: str = ""
    asked: list[Request] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)  #: a reader hung up

    def say(self, *replies: Reply | str) -> None:
        """These in turn, the last one for ever."""
        waiting = [Reply(reply) if isinstance(reply, str) else reply for reply in replies]
        self.script = lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def chat_server(
    script: Script = lambda _: Reply("The articles do not say."),
) -> Iterator[ChatServer]:
    server = ChatServer(script)
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = Request(body, self.headers.get("Authorization", ""))
            server.asked.append(request)
            try:
                self._send(server.script(request))
            except OSError:
                server.left.set()
                self.close_connection = True

        def _send(self, reply: Reply) -> None:
            ended.wait(reply.silent_seconds)
            self.send_response(reply.status)
            if reply.retry_after is not None:
                self.send_header("Retry-After", str(reply.retry_after))
            if reply.status != 200:
                # An error that tells what no user may see.
                message = f"bad key {self.headers.get('Authorization')} for {server.address}"
                error = json.dumps({"error": {"message": message, "code": "x"}}).encode()
                self.send_header("Content-Length", str(len(error)))
                self.end_headers()
                self.wfile.write(error)
                return
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in self._events(reply):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
                self.wfile.flush()
                if reply.pause_seconds:
                    time.sleep(reply.pause_seconds)
            if reply.cut:
                self.close_connection = True
                return
            self.wfile.write(b"0\r\n\r\n")

        def _events(self, reply: Reply) -> Iterator[bytes]:
            if reply.body is not None:
                yield reply.body
                return
            while reply.comments and not ended.is_set():
                yield b": still here\n\n"
            if reply.refusal:
                yield _event({"refusal": reply.refusal}, None)
            yield _event({"role": "assistant", "content": ""}, None)
            while True:
                for piece in pieces(reply.text):
                    yield _event({"content": piece}, None)
                if not reply.endless or ended.is_set():
                    break
            if not reply.cut:
                yield _event({}, reply.finish)
                yield b"data: [DONE]\n\n"

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.address = f"http://127.0.0.1:{http.server_port}/v1"
    threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        ended.set()
        http.shutdown()
        http.server_close()


def pieces(text: str) -> Sequence[str]:
    """As tokens would be: words and the signs after them."""
    return re.findall(r"\s*[^\s\[\].]+|.", text, re.S)


def _event(delta: dict[str, Any], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "scripted",
             "choices": [choice]}  # fmt: skip
    return b"data: " + json.dumps(event).encode() + b"\n\n"
