"""What an index shows, and how that differs from what a clean one shows."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from crash_articles import EMBEDDER, MAKER, WORDS

from index.article import Article
from index.local import LocalStore

#: A store is ready for questions within this, whatever happened to it, on a machine with nothing
#: else to do; with more processes than cores it takes as many times longer.
_READY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class View:
    """All that is stored, and what some questions find; in values that JSON keeps as they are."""

    articles: dict[str, list[Any]]  #: by source: the article's fields, and its chunks' spans
    dense: list[list[list[Any]]]  #: for each question its hits: chunk, article, score; best first
    keyword: list[list[list[Any]]]


def questions() -> list[str]:
    chance = random.Random("questions")
    return [" ".join(chance.choices(WORDS, k=4)) for _ in range(6)]


def view(store: LocalStore) -> View:
    with store.reading():
        return View(listing(store), *answers(store))


def listing(store: LocalStore) -> dict[str, list[Any]]:
    """Every article by its source. Raises AssertionError where one is listed twice."""
    listed: dict[str, list[Any]] = {}
    for source in [stored.source for stored in store.articles()]:
        if source in listed:
            raise AssertionError(f"{source} is there twice.")
        article = store.article(source)
        spans = [[start, end] for _, start, end in store.chunk_spans(source)]
        listed[source] = [*_fields(article), article.content_hash, spans] if article else []
    return listed


def answers(store: LocalStore) -> tuple[list[list[list[Any]]], list[list[list[Any]]]]:
    """What the questions find by vector and by keyword."""

    def hits(found: list[tuple[int, float]]) -> list[list[Any]]:
        scores = dict(found)
        return [
            [*_fields(hit.article), hit.chunk.start, hit.chunk.end, hit.chunk.text, scores[hit.id]]
            for hit in store.chunks([*scores])
        ]

    asked = questions()
    return (
        [hits(store.search_vectors(row, 10)) for row in EMBEDDER.encode(asked)],
        [hits(store.search_keywords(question, 9999)) for question in asked],
    )


def _fields(article: Article) -> list[str]:
    published = str(article.published)
    return [article.source, article.title, article.publisher, published, article.text]


def opened_view(index_dir: Path) -> View:
    """What an index shows once it is opened. Raises AssertionError where it takes too long."""
    started = time.monotonic()
    with LocalStore(index_dir, maker=MAKER) as store:
        seconds = time.monotonic() - started
        if seconds > _READY_SECONDS * max(1, os.getloadavg()[0] / (os.cpu_count() or 1)):
            raise AssertionError(f"It took {seconds:.1f} s to open.")
        return view(store)


def difference(found: View, clean: View) -> str:
    """How what an index shows differs from what a clean one shows; "" where it does not.

    By keyword only which chunks are found counts: an index that was updated may weigh words by
    chunks that are gone, which turns near ties round. See `reordered`.
    """
    if found.articles != clean.articles:
        differing = {
            source
            for source in found.articles.keys() | clean.articles.keys()
            if found.articles.get(source) != clean.articles.get(source)
        }
        named = ", ".join(sorted(Path(source).name for source in differing)[:3])
        return f"{len(differing)} articles differ, among them {named}"
    for name in ("dense", "keyword"):
        for question, one, other in zip(
            questions(), getattr(found, name), getattr(clean, name), strict=True
        ):
            found_hits, clean_hits = [hit[:-1] for hit in one], [hit[:-1] for hit in other]
            if name == "keyword":
                found_hits, clean_hits = sorted(found_hits), sorted(clean_hits)
            if found_hits != clean_hits:
                return f"{name} search for {question!r} finds other chunks"
            if name == "dense" and not np.allclose(
                [hit[-1] for hit in one], [hit[-1] for hit in other], atol=1e-5, rtol=0
            ):
                return f"{name} search for {question!r} gives other scores"
    return ""


def reordered(found: View, clean: View) -> int:
    """For how many questions the ten best by keyword are others, or in another order."""
    return sum(
        [hit[:-1] for hit in one[:10]] != [hit[:-1] for hit in other[:10]]
        for one, other in zip(found.keyword, clean.keyword, strict=True)
    )
