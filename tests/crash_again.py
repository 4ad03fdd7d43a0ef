"""A long random walk of edits: all that is there is found by vector and keyword; nothing else."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from crash_articles import EMBEDDER, MAKER, article_text, fill, take_in
from crash_cases import Trial, synced_view
from crash_processes import Died, forked
from crash_views import View, difference, view

from index.local import LocalStore

#: After so many steps the index is compared with a clean one, and synced ten times more.
_STRETCH = 20


def trials(folder: Path, seed: int, first: int, count: float) -> Iterator[Trial]:
    """A walk of `count` steps over one index, in stretches: each goes on from the one before."""
    chance = random.Random(f"again {seed}")
    fill(folder / "articles", chance, 12)
    deleted: list[str] = []
    for number in range(0, int(count), _STRETCH):
        steps = min(_STRETCH, int(count) - number)
        chance = random.Random(f"again {seed} {number}")
        answer = forked(partial(walk, folder, chance, steps, deleted))
        if isinstance(answer, Died):
            yield number, ([], [answer.cause])
            return  # what comes after follows from it
        found, wrong, deleted = answer
        clean = synced_view(folder / "articles", folder / "clean")
        if differs := difference(View(**found), clean):
            wrong.append(f"Unlike a clean index: {differs}.")
        shutil.rmtree(folder / "clean")
        yield number, (["steps"] * steps + ["times synced again"] * 10, wrong)


def walk(
    folder: Path, chance: random.Random, steps: int, deleted: list[str]
) -> tuple[Any, list[str], list[str]]:
    """What the index shows in the end, what was wrong on the way, and which texts are deleted."""
    articles, index_dir = folder / "articles", folder / "index"
    wrong: list[str] = []
    take_in(articles, index_dir)
    with LocalStore(index_dir, maker=MAKER) as kept_open:
        for _ in range(steps):
            deed = step(articles, chance, deleted)
            take_in(articles, index_dir)
            with LocalStore(index_dir, maker=MAKER) as opened:
                for store in (kept_open, opened):
                    wrong += [f"{deed}: {one}" for one in unfound(store, articles, deleted)]
        before = rows(kept_open)
        for _ in range(10):
            take_in(articles, index_dir)
            if rows(kept_open) != before:
                wrong.append("Syncing again changed rows.")
        shown = asdict(view(kept_open))
        wrong += kept_open.problems()
    return shown, wrong, deleted


def step(articles: Path, chance: random.Random, deleted: list[str]) -> str:
    """Change one article; says how. `deleted` keeps the texts that are no more."""
    files = sorted(articles.iterdir())
    file = chance.choice(files)
    deed = chance.choice(["edit", "rename", "delete", "add", "add again"])
    if deed == "add again" and deleted:
        (articles / f"{chance.randrange(10**9)}.md").write_text(deleted.pop())
    elif deed == "edit":
        deleted.append(file.read_text())
        file.write_text(article_text(chance))
    elif deed == "rename":
        file.rename(articles / f"{chance.randrange(10**9)}.md")
    elif deed == "delete" and len(files) > 5:
        deleted.append(file.read_text())
        file.unlink()
    else:
        (articles / f"{chance.randrange(10**9)}.md").write_text(article_text(chance))
    return f"{deed} {file.name}"


def unfound(store: LocalStore, articles: Path, deleted: list[str]) -> Iterator[str]:
    """What a store does not find as it should: each article by the number in its title."""
    with store.reading():
        for text in deleted:
            if by_keyword(store, number_of(text)):
                yield f"What was deleted is found by keyword: {number_of(text)}."
            if any(number_of(text) in found for found in by_vector(store, text)):
                yield f"What was deleted is found by vector: {number_of(text)}."
        for file in sorted(articles.iterdir()):
            text = file.read_text()
            if set(by_keyword(store, number_of(text))) != {str(file)}:
                yield f"{file.name} is not found by keyword."
            article = store.article(str(file))
            if article is None:
                yield f"{file.name} is not there."
                continue
            _, start, end = store.chunk_spans(str(file))[-1]
            embedded = f"{article.title}\n{article.text[start:end]}"
            if by_vector(store, embedded)[0] != article.text:
                yield f"{file.name} is not found by vector."


def number_of(text: str) -> str:
    """The last word of the title, which no other article has."""
    return text.partition("\n")[0].rpartition(" ")[2]


def by_keyword(store: LocalStore, word: str) -> list[str]:
    found = store.search_keywords(word, 99)
    return [hit.article.source for hit in store.chunks([chunk_id for chunk_id, _ in found])]


def by_vector(store: LocalStore, text: str) -> list[str]:
    """The texts of the articles nearest to what was embedded, best first."""
    found = store.search_vectors(EMBEDDER.encode([text])[0], 99)
    return [hit.article.text for hit in store.chunks([chunk_id for chunk_id, _ in found])]


def rows(store: LocalStore) -> list[Any]:
    """All that is stored, with the ids and the times."""
    with store.reading():
        return [(one, store.chunk_spans(one.source)) for one in store.articles()]
