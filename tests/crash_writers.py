"""Two writers and eight readers at one index; any of them is killed at any moment, and comes again.

Every writer writes down what it is about to store and what it has stored. A reader compares what it
sees with that: what was stored before its reading began is there, and what was deleted is not.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from crash_articles import EMBEDDER, MAKER, SETTINGS, change, fill, take_in
from crash_cases import Outcome, Trial
from crash_processes import announced, ending, forked
from crash_views import difference, opened_view, questions

from index.errors import IndexBusy
from index.keyword import stems
from index.local import LocalStore

_READERS = 8
#: To begin to read never takes so long, whoever writes: readers do not wait for a sync.
_LONGEST_WAIT_SECONDS = 5.0


class Lines:
    """Values, one JSON line each, that one process adds to a file and others read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def add(self, *value: Any) -> None:
        with open(self._path, "ab", buffering=0) as stream:
            stream.write((json.dumps(value) + "\n").encode())

    def new(self) -> list[Any]:
        if not self._path.exists():
            return []
        with open(self._path, "rb") as stream:
            stream.seek(self._read)
            whole, newline, _ = stream.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]


@dataclass(slots=True)
class History:
    """When each source got which content, as far as that still matters; "" is for none."""

    journals: Sequence[Lines]
    changes: dict[str, list[list[Any]]] = field(default_factory=dict)  #: [begun, done, content]

    def read(self) -> None:
        for journal in self.journals:
            for moment, when, name, sources, content in journal.new():
                for source in sources:
                    changes = self.changes.setdefault(source, [])
                    if when == "begin":
                        is_old_name = name == "rename" and source == sources[0]
                        changes.append([moment, None, "" if is_old_name else content])
                    else:
                        changes[-1][1] = moment

    def wrongs(self, shown: dict[str, str], begun: float, ended: float) -> list[str]:
        """What a reading from `begun` to `ended` showed that it must not. Readings are in order."""
        self.read()
        wrong = []
        for source in [*self.changes, *(shown.keys() - self.changes.keys())]:
            changes = self.changes.get(source, [])
            while len(changes) > 1 and any(done and done < begun for _, done, _ in changes[1:]):
                del changes[0]
            allowed = {content for moment, _, content in changes if moment <= ended}
            if not changes or not changes[0][1] or changes[0][1] >= begun:
                allowed.add("")  # before its first change there was nothing
            if shown.get(source, "") not in allowed:
                wrong.append(f"{Path(source).name} is {shown.get(source)}, not one of {allowed}")
            if len(changes) == 1 and changes[0][1] and not changes[0][2]:
                del self.changes[source]
        return wrong


def write(articles: Path, index_dir: Path, journal: Lines, report: Lines) -> None:
    """Change some articles and sync them."""
    chance = random.Random(os.urandom(8))
    change(articles, chance, 3)
    timeout = {"lock_timeout_seconds": chance.choice([0, 0.1, 10])}
    try:
        with announced(lambda *deed: journal.add(time.monotonic(), *deed)):
            take_in(articles, index_dir, SETTINGS.model_copy(update=timeout))
        report.add("syncs", "")
    except IndexBusy as error:
        named = re.search(r"\(process (\d+), since ", str(error))
        report.add("busy", named[1] if named else "")


def read(index_dir: Path, history: History, report: Lines) -> None:
    """Ask and look at what is found, some times with one open store."""
    chance = random.Random(os.urandom(8))
    with LocalStore(index_dir, maker=MAKER) as store:
        for _ in range(chance.randint(1, 50)):
            begun = time.monotonic()
            with store.reading():
                waited = time.monotonic() - begun
                shown = {one.source: one.content_hash for one in store.articles()}
                wrong = disagreements(store, chance.choice(questions()), shown)
            ended = time.monotonic()
            wrong += history.wrongs(shown, begun, ended)
            report.add("readings", [waited, ended - begun, wrong])


def disagreements(store: LocalStore, question: str, shown: dict[str, str]) -> list[str]:
    """What does not agree within one reading."""
    vector = EMBEDDER.encode([question])[0]
    by_vector = dict(store.search_vectors(vector, 10))
    by_keyword = dict(store.search_keywords(question, 10))
    wrong = []
    for hit in store.chunks([*by_vector, *by_keyword]):
        article, chunk = hit.article, hit.chunk
        name = Path(article.source).name
        if shown.get(article.source) != article.content_hash:
            wrong.append(f"{name} is found, but listed otherwise.")
        if article != store.article(article.source):
            wrong.append(f"{name} is another article a moment later.")
        if not chunk.text or chunk.text != article.text[chunk.start : chunk.end]:
            wrong.append(f"A chunk of {name} is not a part of its text.")
        embedded = f"{article.title}\n{chunk.text}"
        cosine = float(EMBEDDER.encode([embedded])[0] @ vector)
        if abs(by_vector.get(hit.id, cosine) - cosine) > 1e-3:
            wrong.append(f"A chunk of {name} is found by another one's vector.")
        words = set(stems(embedded)) & set(stems(question))
        if hit.id in by_keyword and not words:
            wrong.append(f"A chunk of {name} is found by another one's words.")
    return wrong


def started(action: Callable[..., None], *arguments: Any) -> int:
    """A process that does this over and over, for as long as this one lives."""
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        try:
            while os.getppid() == parent:
                action(*arguments)
        except BaseException:
            arguments[-1].add("ended", traceback.format_exc())
        finally:
            os._exit(1)
    return pid


def trials(folder: Path, seed: int, first: int, count: float) -> Iterator[Trial]:
    """`count` minutes of it; one trial is one kill."""
    chance = random.Random(f"writers {seed}")
    index_dir, report = folder / "index", Lines(folder / "report")
    homes = {folder / name: Lines(folder / f"journal {name}") for name in ("one", "two")}
    for home, journal in homes.items():
        fill(home, chance, 12)
        forked(partial(_first_sync, home, index_dir, journal))
    roles: list[tuple[Any, ...]] = [
        (write, home, index_dir, journal, report) for home, journal in homes.items()
    ]
    roles += [(read, index_dir, History([*homes.values()]), report)] * _READERS
    alive = {started(*role): role for role in roles}
    pids = set(alive)
    waits, readings = [0.0], [0.0]

    def judged() -> Outcome:
        """What the processes have reported meanwhile."""
        counted, wrong = [], []
        for kind, said in report.new():
            counted.append(kind)
            if kind == "readings":
                waits.append(said[0])
                readings.append(said[1])
                wrong += said[2]
            elif kind == "busy":
                counted.append("busy, holder named" if said else "busy, nobody named")
                if said and int(said) not in pids:
                    wrong.append(f"Process {said} was named, which never wrote.")
            elif kind == "ended":
                wrong.append(said)
        return counted, wrong

    number = 0
    until = time.monotonic() + 60 * count
    try:
        while time.monotonic() < until:
            time.sleep(chance.uniform(0.05, 0.5))
            action = chance.choice([write, read])  # a writer as often as a reader
            pid = chance.choice([pid for pid, role in alive.items() if role[0] is action])
            role = alive.pop(pid)
            status = _end(pid)
            alive[new := started(*role)] = role
            pids.add(new)
            counted, wrong = judged()
            if status != "SIGKILL":
                wrong.append(f"A process ended by itself: {status}.")
            number += 1
            yield number, ([*counted, f"kills of those that {action.__name__}"], wrong)
    finally:
        for pid in alive:
            _end(pid)
    counted, wrong = judged()
    answer = forked(partial(settled, index_dir, homes, folder / "clean"))
    wrong += answer if isinstance(answer, list) else [answer.cause]
    if max(waits) > _LONGEST_WAIT_SECONDS:
        wrong.append(f"A reader waited {max(waits):.1f} s.")
    counted += ["ms that a reader waited at most"] * round(1000 * max(waits))
    counted += ["ms that a reading took at most"] * round(1000 * max(readings))
    yield number, (counted, wrong)


def _end(pid: int) -> str:
    os.kill(pid, signal.SIGKILL)
    return ending(os.waitpid(pid, 0)[1])


def _first_sync(home: Path, index_dir: Path, journal: Lines) -> None:
    with announced(lambda *deed: journal.add(time.monotonic(), *deed)):
        take_in(home, index_dir)


def overlaps(journals: Sequence[Lines]) -> list[str]:
    """Where one process changed something while another one held the lock."""
    spans: list[list[float]] = []
    for journal in journals:
        for moment, when, name, *_ in journal.new():
            if when == "held":
                spans.append([moment, moment])
            elif (when, name) != ("done", "caches"):  # said once the lock is free
                spans[-1][1] = moment
    spans.sort()
    return [
        f"Two processes held the lock for {ended - begun:.3f} s."
        for (_, ended), (begun, _) in pairwise(spans)
        if begun < ended
    ]


def settled(index_dir: Path, homes: dict[Path, Lines], clean_dir: Path) -> list[str]:
    """What is wrong when all is quiet: before and after the articles are synced once more."""
    begun = time.monotonic()
    with LocalStore(index_dir, maker=MAKER) as store, store.reading():
        shown = {one.source: one.content_hash for one in store.articles()}
    journals = [*homes.values()]
    wrong = overlaps([copy(journal) for journal in journals])
    wrong += History(journals).wrongs(shown, begun, begun)
    for home in homes:
        for file in home.iterdir():
            if not file.stat().st_size:
                file.unlink()  # its writer was killed before it wrote a word
        for target in (index_dir, clean_dir):
            take_in(home, target)
    if differs := difference(opened_view(index_dir), opened_view(clean_dir)):
        wrong.append(f"In the end {differs}.")
    with LocalStore(index_dir) as store:
        wrong += store.problems()
    return wrong
