"""Parse files in a child process that has limits: memory, time, and how much comes out.

Knows nothing of formats. The child starts when it is first needed, takes one file after another and
is replaced when it was killed. It ends once the pipe from its parent is closed, however the parent
ended. Plain values cross the pipes, as lines of JSON.
"""

from __future__ import annotations

import atexit
import json
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from index.errors import ArticleError
from index.parsing import Parsed, parse, prepare

if sys.platform != "win32":
    import resource

#: What a file may use, and how much more for each of its bytes. Of ordinary files, web pages full
#: of tables took most: 3.6 s and 90 bytes for each of the first million; long PDFs took 0.7 s.
_CPU_SECONDS, _CPU_SECONDS_PER_BYTE = 1.0, 10e-6
MEMORY_BYTES, _MEMORY_BYTES_PER_BYTE = 150_000_000, 50
#: On the wall's clock, which goes on while a library is loaded and while other programs have the
#: processor: so much, and so many times its time on the processor. On Windows it is the only clock.
_WALL_SECONDS, _WALL_FACTOR = 30.0, 4.0
#: A child that keeps more memory than this between files is replaced: the libraries need 35 MB.
_WORN_BYTES = 90_000_000

# -I: no module of the folder that the user happens to be in is imported.
_COMMAND = "import sys; sys.path[:] = sys.argv[1:]; from index.confined import serve; serve()"


class Parser:
    """Parses files in a child process. Threads may share it; they wait for each other."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Leave the child to whoever else has it."""
        self._lock = threading.Lock()
        self.child: subprocess.Popen[bytes] | None = None

    def parse(self, suffix: str, data: bytes, *, most_characters: int) -> Parsed:
        """As `index.parsing.parse`, and an ArticleError whatever becomes of the child."""
        with self._lock:
            try:
                child = self._running()
                outcome = _ask(child, suffix, data, most_characters)
            except BaseException:  # Ctrl-C, too: the answer would be taken for the next file's
                self.stop()
                raise
            if bytes_in_use(child.pid) > _WORN_BYTES:
                self.stop()
        if "cause" in outcome:
            raise ArticleError(outcome["cause"])
        published = outcome.pop("published")
        return Parsed(**outcome, published=date.fromisoformat(published) if published else None)

    def stop(self) -> None:
        """End the child. The next file starts another."""
        child, self.child = self.child, None
        if child:
            with suppress(OSError), child:
                child.kill()

    def _running(self) -> subprocess.Popen[bytes]:
        if self.child and self.child.poll() is not None:
            self.stop()
        if not self.child:
            self.child = subprocess.Popen(
                [sys.executable, "-I", "-c", _COMMAND, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # Ctrl-C in the terminal is for the parent.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        return self.child


def _ask(
    child: subprocess.Popen[bytes], suffix: str, data: bytes, most_characters: int
) -> dict[str, Any]:
    assert child.stdin
    assert child.stdout
    request = {"suffix": suffix, "size": len(data), "most_characters": most_characters}
    wall_seconds = _WALL_SECONDS + _WALL_FACTOR * _cpu_seconds(len(data))
    started = time.monotonic()
    clock = threading.Timer(wall_seconds, child.kill)
    clock.daemon = True  # Ctrl-C may come before it is cancelled
    clock.start()
    try:
        with suppress(OSError):  # of a child that has ended, nothing can be read either
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.write(data)
            child.stdin.flush()
        reply = child.stdout.readline(4 * most_characters + 10_000)
    finally:
        clock.cancel()
    if reply.endswith(b"\n"):
        outcome: dict[str, Any] = json.loads(reply)
        return outcome
    child.kill()
    too_long = child.wait() == -getattr(signal, "SIGPROF", 0)
    if too_long or time.monotonic() - started >= wall_seconds:
        raise ArticleError("it took too long to read")
    raise ArticleError("its parser crashed")


def bytes_in_use(pid: int) -> int:
    """What RLIMIT_DATA counts; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[5]) * mmap.PAGESIZE
    except OSError:
        return 0


def _cpu_seconds(size: int) -> float:
    return _CPU_SECONDS + _CPU_SECONDS_PER_BYTE * size


def serve() -> None:
    """What the child does: read requests until there are no more."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    while line := requests.readline():
        request = json.loads(line)
        prepare(request["suffix"])
        data = requests.read(request["size"])
        with _limits(len(data)):
            reply = _reply(request["suffix"], data, request["most_characters"])
        replies.write(reply)
        replies.flush()


def _reply(suffix: str, data: bytes, most_characters: int) -> bytes:
    outcome: dict[str, Any]
    try:
        outcome = asdict(parse(suffix, data, most_characters=most_characters))
        return json.dumps(outcome, ensure_ascii=False, default=str).encode() + b"\n"
    except ArticleError as error:
        outcome = {"cause": str(error)}
    except MemoryError:
        outcome = {"cause": "it needs too much memory"}
    return json.dumps(outcome).encode() + b"\n"


@contextmanager
def _limits(size: int) -> Iterator[None]:
    """Hold this process to what a file of `size` bytes may use.

    Above its memory it gets MemoryErrors (on Linux; elsewhere there is no such limit), above its
    time on the processor it is killed, whatever it is in the middle of (except on Windows).
    """
    if sys.platform == "win32":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_DATA)
    most = MEMORY_BYTES + _MEMORY_BYTES_PER_BYTE * size
    with suppress(ValueError):  # a lower limit holds already
        resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, _cpu_seconds(size))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_DATA, before)


parser = Parser()
atexit.register(parser.stop)
if hasattr(os, "register_at_fork"):  # two processes cannot talk to one child
    os.register_at_fork(after_in_child=parser.forget)
