"""An index before a sync and after it, and what must hold of one that met a fault between."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crash_articles import change, fill, take_in
from crash_processes import Deed, Died, forked
from crash_views import View, difference, opened_view, reordered

from index.errors import IndexMissing
from index.local import LocalStore

#: What is counted, each a phrase, and what is wrong, each a sentence.
Outcome = tuple[list[str], list[str]]
#: A number and its outcome.
Trial = tuple[int, Outcome]


@dataclass(frozen=True, slots=True)
class Case:
    """Articles that changed, the index as it was before, and what a sync must make of them."""

    articles: Path
    start: Path  #: the index before; may not exist
    before: View
    clean: View

    def index(self, target: Path) -> Path:
        """A copy of the index as it was before, in place of anything in `target`."""
        shutil.rmtree(target, ignore_errors=True)
        if self.start.exists():
            shutil.copytree(self.start, target)
        return target


def make_case(
    folder: Path, chance: random.Random, *, first: bool = False, count: int = 24, steps: int = 6
) -> Case:
    """A case in `folder`; with `first` nothing has been indexed yet."""
    shutil.rmtree(folder, ignore_errors=True)
    articles, start = folder / "articles", folder / "start"
    fill(articles, chance, count)
    before = View({}, [], []) if first else synced_view(articles, start)
    if not first:
        change(articles, chance, steps)
    return Case(articles, start, before, synced_view(articles, folder / "clean"))


def synced_view(articles: Path, index_dir: Path) -> View:
    def action() -> dict[str, Any]:
        take_in(articles, index_dir)
        return asdict(opened_view(index_dir))

    answer = forked(action)
    if isinstance(answer, Died):
        raise RuntimeError(answer.cause)
    return View(**answer)


def possible(case: Case, said: Sequence[Deed]) -> list[dict[str, list[Any]]]:
    """What may be stored when this was said: all that was done, and maybe what was begun."""

    def after(articles: dict[str, list[Any]], deed: Deed) -> dict[str, list[Any]]:
        _, name, sources, _ = deed
        if name == "remove" or name == "rename":
            articles = {source: one for source, one in articles.items() if source != sources[0]}
        if name == "put" or name == "rename":
            articles = {**articles, sources[-1]: case.clean.articles[sources[-1]]}
        return articles

    states = [case.before.articles]
    begun: list[Deed] = []
    for deed in said:
        if deed[0] == "begin":
            begun = [deed]
        elif deed[0] == "done":
            states, begun = [after(state, deed) for state in states], []
        elif begun:  # the next sync after one that was killed
            states, begun = states + [after(state, begun[0]) for state in states], []
    return states + [after(state, deed) for deed in begun for state in states]


def checked(case: Case, index_dir: Path, said: Sequence[Deed], *, finish: bool = True) -> Outcome:
    """What holds of the index after a fault and, with `finish`, after another sync.

    In a process of its own, so that its death is one more thing that is wrong.
    """
    answer = forked(lambda: _checked(case, index_dir, said, finish))
    return ([], [answer.cause]) if isinstance(answer, Died) else answer


def _checked(case: Case, index_dir: Path, said: Sequence[Deed], finish: bool) -> Outcome:
    counted, wrong = [], []
    allowed = possible(case, said)
    try:
        found = opened_view(index_dir).articles
        with LocalStore(index_dir) as store:
            wrong += [f"After the fault: {problem}" for problem in store.problems()]
    except IndexMissing:
        found = {}
    if found not in allowed:
        differs = difference(View(found, [], []), View(allowed[-1], [], []))
        wrong.append(f"After the fault it does not hold what was acknowledged: {differs}.")
    if finish:
        take_in(case.articles, index_dir)
        again = opened_view(index_dir)
        if differs := difference(again, case.clean):
            wrong.append(f"After the next sync {differs}.")
        else:
            counted += ["keyword orders that differ"] * reordered(again, case.clean)
        with LocalStore(index_dir) as store:
            wrong += [f"After the next sync: {problem}" for problem in store.problems()]
    return counted, wrong
