"""A client of a server, and what the tests ask through it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from ui.serving import Server

QUESTION = {"question": "Who organised the mineral forum in Islamabad?"}
TIN = b"# Tin in Orvalia\n\nThe Orvalia mine made 4,512 tonnes of tin in 2025.\n"

Serve = Callable[..., Any]


class Client(httpx.Client):
    """A client of one server; `send_raw` says what no well-behaved one would."""

    def __init__(self, address: str, server: Server, folder: Path) -> None:
        super().__init__(base_url=address, timeout=30)
        self.server = server
        self.folder = folder

    def send_raw(self, target: str, method: str = "GET", *headers: str) -> int:
        """The status of a request whose target is sent as it is."""
        host, port = self.base_url.host, self.base_url.port
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}:{port}", *headers]
        lines += ["Connection: close", "", ""]
        with socket.create_connection((host, port or 80), timeout=10) as connection:
            connection.sendall("\r\n".join(lines).encode("latin-1"))
            answer = b""
            while data := connection.recv(65536):
                answer += data
        self.last = answer
        return int(answer.split(b" ", 2)[1])
