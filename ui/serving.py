"""The server listens, and stops. Knows nothing of what it serves."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from index.errors import SettingsError
from rag import Assistant
from ui.accounts import Accounts
from ui.app import LOOK, build
from ui.gate import Gate
from ui.observing import Metrics, watching
from ui.server import make_app
from ui.storage import Storage
from ui.uploads import Uploads
from ui.window import About, Shelf, Window

_NOTHING = About()
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EVERYWHERE = {"0.0.0.0", "::", ""}

#: How long what is running may take to end when the server stops.
_STOP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens, and under which names browsers ask for it."""

    host: str = "127.0.0.1"
    port: int = 7860  #: 0 for any that is free
    names: Collection[str] = ()  #: beside those of the host itself
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_loopback(self) -> bool:
        return self.host in _LOOPBACK

    @property
    def all_names(self) -> list[str]:
        """Raises SettingsError where there are none."""
        own = _LOOPBACK if self.is_loopback else {self.host} - _EVERYWHERE
        found = [*self.names, *own]
        if not found:
            raise SettingsError(
                "Under which names do browsers ask? Say it with --allow-host NAME or RAG_HOSTS."
            )
        return found

    def check_certificate(self) -> None:
        """Raises SettingsError where it cannot be used."""
        if self.certificate is None and self.key is not None:
            raise SettingsError("--key goes with --certificate.")
        if self.certificate is not None:
            try:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.certificate, self.key)
            except OSError as error:
                raise SettingsError(
                    f"{self.certificate} cannot be used as a certificate: {error}."
                ) from error

    def bind(self) -> socket.socket:
        """Raises SettingsError where it cannot be used."""
        try:
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            return socket.create_server((self.host, self.port), family=family, backlog=2048)
        except OSError as error:
            raise SettingsError(
                f"{self.host}, port {self.port}, cannot be used ({error.strerror}). "
                "Any port that is free: python -m ui --port 0"
            ) from error


@contextlib.contextmanager
def opened(
    assistant: Assistant, address: Address, about: About = _NOTHING, *, log: str = ""
) -> Iterator[tuple[Server, str]]:
    """The server over an assistant, ready to run, and where a browser finds it.

    Raises SettingsError where others could reach it and nobody has an account.
    """
    settings = assistant.settings
    with contextlib.ExitStack() as closing:
        closing.callback(assistant.close)
        accounts = None
        # Under a further name a proxy passes on what others ask.
        if settings.require_accounts or address.names or not address.is_loopback:
            accounts = Accounts(settings.index_dir)
            closing.callback(accounts.close)
            if not accounts.users():
                raise SettingsError(
                    "Nobody has an account yet. Make one first: python -m ui user add NAME "
                    f"--editor --index {settings.index_dir}"
                )
        names = address.all_names
        gate = Gate(most_waiting=settings.max_waiting, at_once=settings.questions_at_once)
        storage = Storage(settings.index_dir)
        closing.callback(storage.close)
        metrics = Metrics(gate)
        as_json = (log or settings.log) == "json"
        closing.enter_context(watching(metrics, as_json=as_json, questions=settings.log_questions))
        window = Window(assistant, gate, storage, Uploads(assistant), Shelf(assistant), about)
        app = make_app(
            build(window), window, metrics=metrics, accounts=accounts, hosts=names, look=LOOK
        )
        address.check_certificate()
        bound = address.bind()
        closing.callback(bound.close)
        host = names[0] if address.host in _EVERYWHERE else address.host
        shown = f"[{host}]" if ":" in host else host
        scheme = "https" if address.certificate else "http"
        yield (
            Server(app, window, address, bound),
            f"{scheme}://{shown}:{bound.getsockname()[1]}",
        )


class Server(uvicorn.Server):
    """Answers what it was asked when it is told to stop; told twice, it stops at once."""

    def __init__(
        self, app: FastAPI, window: Window, address: Address, bound: socket.socket
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ssl_certfile=address.certificate,
                ssl_keyfile=address.key,
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,  # anyone could say to be anywhere
                timeout_graceful_shutdown=_STOP_SECONDS,
                ws="none",
            )
        )
        self._app = app
        self.gate = window.gate
        self._changes = window.changes
        self._bound = bound

    def listen(self) -> None:
        """Serve until told to stop."""
        self.run(sockets=[self._bound])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        gates = (self.gate, self._changes)
        closing = asyncio.gather(*(gate.close(_STOP_SECONDS) for gate in gates))
        while not closing.done() and not self.force_exit:
            await asyncio.wait({closing}, timeout=0.05)
        for route in self._app.routes:  # the pages' connections never end by themselves
            stop: Any = getattr(getattr(route, "app", None), "stop_event", None)
            if stop is not None:
                stop.set()
        await super().shutdown(sockets)
