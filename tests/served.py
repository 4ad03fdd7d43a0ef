"""The window as people start it, and the browser they open it in, for tests and for commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Playwright

ROOT = Path(__file__).parents[1]

_CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    address: str
    process: subprocess.Popen[str]
    said: list[str]  #: lines of its standard error, as they come


@contextmanager
def running(
    index_dir: Path, *options: str, warm: bool = True, **settings: str
) -> Iterator[Running]:
    """`python -m ui` with these options, until the block ends; `warm`: only once it is ready."""
    command = [sys.executable, "-m", "ui", "--no-browser", "--port", "0", *options]
    environment = {**os.environ, "RAG_INDEX_DIR": str(index_dir), **settings}
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )
    said: list[str] = []

    def listen() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    try:
        address = ""
        while not address or (warm and not _is_ready(address)):
            time.sleep(0.05)
            found = re.search(r"https?://\S+:\d+", "".join(said))
            address = found[0] if found else ""
            if process.poll() is not None:
                raise AssertionError(f"the server ended:\n{''.join(said)}")
        yield Running(address, process, said)
    finally:
        process.terminate()
        process.wait(timeout=20)
        listening.join(timeout=5)


@contextmanager
def served(index_dir: Path, *options: str, **settings: str) -> Iterator[str]:
    """Where a browser finds it."""
    with running(index_dir, *options, **settings) as server:
        yield server.address


def chromium(playwright: Playwright) -> Browser | None:
    """Any Chromium or Chrome that is installed, else Playwright's own, if that is."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), playwright.chromium.executable_path)
    if not Path(path).is_file():
        return None
    return playwright.chromium.launch(executable_path=path, args=_CHROMIUM_ARGUMENTS)


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except urllib.error.URLError:
        return False
