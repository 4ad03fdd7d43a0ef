"""Processes of their own, to be killed: they are forked, so that each starts at once.

The process they are forked from never opens a store itself: no thread of FAISS's or tantivy's is
alive in it that could hold a lock.
"""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash_articles import take_in

from index.errors import RagError
from index.local import LocalStore

_HANGING_SECONDS = 60
_FRAMES = -4  #: of a traceback that are shown


@dataclass(frozen=True, slots=True)
class Died:
    """A process that ended without an answer: what is known of its end."""

    cause: str


def forked(action: Callable[[], Any]) -> Any:
    """What `action` returns in a process of its own, as JSON keeps it; Died where it does not."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        said = ""
        signal.alarm(_HANGING_SECONDS)
        try:
            said = json.dumps({"value": action()})
        except RagError as error:
            said = json.dumps({"cause": f"{type(error).__name__}: {error}"})
        except BaseException:
            said = json.dumps({"cause": traceback.format_exc(limit=_FRAMES)})
        finally:
            with open(writing, "w") as stream:
                stream.write(said)
            os._exit(0)
    os.close(writing)
    with open(reading) as stream:
        said = stream.read()
    _, status = os.waitpid(pid, 0)
    if not said:
        return Died(f"ended by {ending(status)}")
    answer = json.loads(said)
    return Died(answer["cause"]) if "cause" in answer else answer["value"]


def ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


#: "begin" or "done", of which change, to which sources; and for a put or a rename the content hash.
#: First is ("held", "lock", ...), and last ("end", the kind of its error, its message, "").
Deed = tuple[str, str, list[str], str]


@contextmanager
def announced(say: Callable[[str, str, list[str], str], None]) -> Iterator[None]:
    """Have each change to a LocalStore, and the making of its caches, said before and after it."""
    originals = {name: getattr(LocalStore, name) for name in ("put", "rename", "remove", "writing")}

    def announcing(name: str) -> Callable[..., Any]:
        def changed(self: LocalStore, *arguments: Any) -> Any:
            article = arguments[0] if name == "put" else self.article(arguments[0])
            content_hash = "" if name == "remove" or article is None else article.content_hash
            sources = [article.source] if name == "put" else arguments
            say("begin", name, [*sources], content_hash)
            value = originals[name](self, *arguments)
            say("done", name, [*sources], content_hash)
            return value

        return changed

    @contextmanager
    def writing(self: LocalStore) -> Iterator[None]:
        with originals["writing"](self):
            say("held", "lock", [], "")
            try:
                yield
            finally:
                say("begin", "caches", [], "")
        say("done", "caches", [], "")

    for name in ("put", "rename", "remove"):
        setattr(LocalStore, name, announcing(name))
    LocalStore.writing = writing
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(LocalStore, name, original)


class Victim:
    """A sync in a process of its own, which says through a pipe what it does.

    It waits until it is let go, so that one can take hold of it.
    """

    def __init__(self, articles: Path, index_dir: Path) -> None:
        self._pipe, writing = os.pipe()
        held, self._release = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self._release)
            os.read(held, 1)
            signal.alarm(_HANGING_SECONDS)

            def say(*words: Any) -> None:
                os.write(writing, (json.dumps(words) + "\n").encode())

            try:
                with announced(say):
                    take_in(articles, index_dir)
                say("end", "", [], "")
            except RagError as error:
                say("end", type(error).__name__, [str(error)], "")
            except BaseException:
                say("end", "traceback", [traceback.format_exc(limit=_FRAMES)], "")
            finally:
                os._exit(0)
        os.close(held)
        os.close(writing)
        self._said = b""

    def let_go(self) -> None:
        os.write(self._release, b"!")
        os.close(self._release)

    def hear(self) -> bool:
        """Wait for it to say something. False when it has ended."""
        heard = os.read(self._pipe, 65536)
        self._said += heard
        return bool(heard)

    @property
    def said(self) -> list[Deed]:
        return deeds(self._said)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def bury(self, *, reaped: bool = False) -> list[Deed]:
        """Wait for its end; all that it said."""
        while self.hear():
            pass
        os.close(self._pipe)
        if not reaped:
            os.waitpid(self.pid, 0)
        return self.said


def deeds(said: bytes) -> list[Deed]:
    return [tuple(json.loads(line)) for line in said.splitlines()]
