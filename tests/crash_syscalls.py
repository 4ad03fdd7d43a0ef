"""Syncs are ended in place of every system call that changes files or makes them durable."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from crash_cases import Case, Outcome, Trial, checked, make_case
from crash_processes import Deed, Victim
from crash_tracer import KILL, Call, follow


def trials(folder: Path, seed: int, first: int, count: float) -> Iterator[Trial]:
    """Of a first sync and of a later one each call; evenly chosen ones where `count` is less."""
    cases = [
        make_case(folder / name, random.Random(f"syscalls {seed}"), first=name == "first", count=6)
        for name in ("first", "later")
    ]
    points = [(case, n) for case in cases for n in range(1, 1 + calls_of(case, folder / "index"))]
    step = max(1, len(points) // int(count))
    for number in range(first, len(points), step)[: int(count)]:
        yield number, trial(*points[number], folder / "index")


def trial(case: Case, nth: int, index_dir: Path) -> Outcome:
    last = []

    def begins(call: Call) -> int:
        if changes_files(call, index_dir):
            last.append(call.name)
            if len(last) == nth:
                return KILL
        return 0

    said = followed(case, index_dir, begins)
    counted, wrong = checked(case, index_dir, said)
    reached = ["points", f"at {last[-1]}"] if len(last) == nth else ["points not reached"]
    return reached + counted, wrong


def followed(case: Case, index_dir: Path, begins: Callable[[Call], int]) -> list[Deed]:
    """What a sync from the case's start says while it is followed."""
    victim = Victim(case.articles, case.index(index_dir))
    follow(victim.pid, victim.let_go, begins)
    return victim.bury(reaped=True)


def calls_of(case: Case, index_dir: Path) -> int:
    """How many calls of a whole sync change files of the index."""
    count = 0

    def begins(call: Call) -> int:
        nonlocal count
        count += changes_files(call, index_dir)
        return 0

    followed(case, index_dir, begins)
    return count


def changes_files(call: Call, index_dir: Path) -> bool:
    """Whether it may change files in `index_dir`, or that folder itself."""
    if call.name in ("open", "openat") and not call.flags & (os.O_CREAT | os.O_TRUNC):
        return False
    return any(Path(path).is_relative_to(index_dir) for path in call.paths())
