"""Syncs are killed at random moments, most of them in a commit or while caches are made."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from crash_cases import Case, Outcome, Trial, checked, make_case
from crash_processes import Deed, Victim


def trials(folder: Path, seed: int, first: int, count: float) -> Iterator[Trial]:
    for number in range(first, first + int(count)):
        yield number, trial(folder, random.Random(f"kill {seed} {number}"))


def trial(folder: Path, chance: random.Random) -> Outcome:
    case = make_case(folder / "case", chance, first=chance.random() < 0.1, count=12)
    index_dir = case.index(folder / "index")
    counted: list[str] = []
    said: list[Deed] = []
    for _ in range(chance.choice([1, 1, 2, 3])):  # what one left behind is the next one's to mend
        said += killed(case, index_dir, chance)
        when, kind, *_ = said[-1] if said else ("", "")
        counted.append("kills that came too late" if when == "end" else "kills")
        if when == "begin":
            where = "while caches were made" if kind == "caches" else "in commits"
            counted.append(f"kills {where}")
    more, wrong = checked(case, index_dir, said)
    return counted + more, wrong


def killed(case: Case, index_dir: Path, chance: random.Random) -> list[Deed]:
    """What a sync says that is killed at some moment."""
    victim = Victim(case.articles, index_dir)
    victim.let_go()
    if chance.random() < 0.7:
        # After it began to do something; most deeds are puts, which take about a millisecond.
        kinds = chance.choice([("put", "rename", "remove"), ("caches",)])
        nth = chance.randint(1, 4 if "put" in kinds else 1)
        while _begun(victim, kinds) < nth and victim.hear():
            pass
        _wait(chance.uniform(0, 0.0005 if "put" in kinds else 0.04))
    else:
        _wait(chance.uniform(0, 0.06))
    victim.kill()
    return victim.bury()


def _begun(victim: Victim, kinds: tuple[str, ...]) -> int:
    return sum(said == "begin" and kind in kinds for said, kind, *_ in victim.said)


def _wait(seconds: float) -> None:
    """Sleeping would round a moment to a tenth of a millisecond or more."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
