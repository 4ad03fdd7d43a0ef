"""Files of an index are harmed: a cache is made anew, and no answer is ever another one."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from crash_articles import MAKER, take_in
from crash_cases import Trial, make_case
from crash_processes import Died, forked
from crash_views import View, answers, difference, listing, opened_view

from index.database import FILE_NAME
from index.errors import IndexProblem
from index.local import LocalStore

_PAGE = 4096


def flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice([1, 1, 1, 2, 8])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def truncate(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def zero(data: bytearray, chance: random.Random) -> None:
    page = _page(data, chance)
    data[page] = bytes(len(data[page]))


def duplicate(data: bytearray, chance: random.Random) -> None:
    page, other = _page(data, chance), _page(data, chance)
    data[page] = data[other][: len(data[page])].ljust(len(data[page]), b"\0")


def _page(data: bytearray, chance: random.Random) -> slice:
    start = chance.randrange(0, len(data), _PAGE)
    return slice(start, min(start + _PAGE, len(data)))


_HARMS: tuple[Callable[[bytearray, random.Random], None], ...] = (flip, truncate, zero, duplicate)


def trials(folder: Path, seed: int, first: int, count: float) -> Iterator[Trial]:
    case = make_case(folder / "case", random.Random(f"mutate {seed}"), count=10)
    older, newer = case.start, folder / "newer"

    def synced() -> dict[str, object]:
        shutil.copytree(older, newer)
        take_in(case.articles, newer)
        return asdict(opened_view(newer))

    whole = View(**forked(synced))
    target = folder / "index"
    for number in range(first, first + int(count)):
        chance = random.Random(f"mutate {seed} {number}")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(newer, target)
        if number % 100 == 99:
            shutil.copy(older / FILE_NAME, target / FILE_NAME)
            name, expected, is_cache = "older databases", case.before, True
        elif number % 2:
            name, expected, is_cache = harm_caches(target, older, chance), whole, True
        else:
            name, expected, is_cache = harm_database(target, chance), whole, False
        answer = forked(partial(judged, target, expected, is_cache))
        verdict, wrong = ("crashed", [answer.cause]) if isinstance(answer, Died) else answer
        yield number, ([name, f"{name} {verdict}"], [f"{name}: {one}" for one in wrong])


def harm_database(index_dir: Path, chance: random.Random) -> str:
    """Harm it, and let the caches be made from it in half of all cases."""
    harm = chance.choice(_HARMS)
    _harm(index_dir / FILE_NAME, harm, chance)
    if chance.random() < 0.5:
        shutil.rmtree(index_dir / "caches", ignore_errors=True)
    return f"databases, {harm.__name__}"


def harm_caches(index_dir: Path, older: Path, chance: random.Random) -> str:
    caches = index_dir / "caches"
    files, old_files = (
        [file for file in sorted(folder.rglob("*")) if file.is_file() and file.stat().st_size]
        for folder in (caches, older / "caches")
    )
    if not files or not old_files:
        return "caches, none"
    if chance.random() < 0.9:
        harm = chance.choice(_HARMS)
        _harm(chance.choice(files), harm, chance)
        return f"caches, {harm.__name__}"
    if chance.random() < 0.5:  # one older file
        file = chance.choice(files)
        alike = [old for old in old_files if old.suffix == file.suffix] or old_files
        shutil.copy(chance.choice(alike), file)
    else:  # all of the older ones, under the newer names
        new_folders = [folder for folder in sorted(caches.iterdir()) if folder.is_dir()]
        old_folders = [folder for folder in sorted((older / "caches").iterdir()) if folder.is_dir()]
        for new, old in zip(new_folders, old_folders, strict=False):
            shutil.rmtree(new)
            shutil.copytree(old, new)
    return "caches, older ones"


def _harm(
    file: Path, harm: Callable[[bytearray, random.Random], None], chance: random.Random
) -> None:
    data = bytearray(file.read_bytes())
    harm(data, chance)
    file.write_bytes(data)


def judged(index_dir: Path, whole: View, is_cache: bool) -> tuple[str, list[str]]:
    """What became of a harmed index, in a word, and what is wrong with that."""
    refused = answered = listed = ""
    try:
        with LocalStore(index_dir, maker=MAKER) as store, store.reading():
            answered = difference(View(whole.articles, *answers(store)), whole)
            listed = difference(View(listing(store), whole.dense, whole.keyword), whole)
    except IndexProblem as error:
        refused = str(error)
    try:
        with LocalStore(index_dir) as store:
            problems = store.problems()
    except IndexProblem as error:
        problems = [str(error)]
    if answered:
        return "answered otherwise", [f"{answered}; problems: {problems[:1]}"]
    if is_cache and (refused or problems):
        return "not made anew", [refused, *problems]
    if (refused or listed) and not problems:
        return "not named", [f"{refused or listed}, but no problem is named"]
    named = "problem named" if problems else "same answers"
    return ("refused" if refused else "listed otherwise, problem named" if listed else named), []
