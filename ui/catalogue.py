"""Which articles a table shows: those that a search finds, sorted, a page of them. Pure."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from index.article import source_id
from index.store import StoredArticle

PAGE_ROWS = 50

#: What each column is sorted by; what an article does not say comes last either way.
_COLUMNS: dict[str, Callable[[StoredArticle], Any]] = {
    "title": lambda article: article.title.casefold(),
    "publisher": lambda article: article.publisher.casefold(),
    "published": lambda article: article.published,
    "length": lambda article: article.characters,
    "added": lambda article: article.added,
}

COLUMNS = tuple(_COLUMNS)


@dataclass(frozen=True, slots=True)
class View:
    """What someone has asked to see."""

    search: str = ""
    column: str = "title"  #: one of COLUMNS
    descending: bool = False
    page: int = 1
    reading: str = ""  #: the id of the article that is open


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found."""

    rows: Sequence[StoredArticle]
    page: int  #: from 1
    pages: int
    found: int
    all: int


def find(articles: Sequence[StoredArticle], view: View) -> Found:
    """The articles whose title, publisher or file name hold every word of the search, any case."""
    words = view.search.casefold().split()
    found = [a for a in articles if _holds(a, words)] if words else list(articles)
    value = _COLUMNS[view.column]
    told = [article for article in found if value(article)]
    untold = [article for article in found if not value(article)]
    told.sort(key=value, reverse=view.descending)
    pages = max(1, -(-len(found) // PAGE_ROWS))
    page = min(max(1, view.page), pages)
    rows = (told + untold)[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    return Found(rows, page, pages, len(found), len(articles))


def of_id(articles: Sequence[StoredArticle], wanted: str) -> StoredArticle | None:
    """The article whose source has this id."""
    return next((article for article in articles if source_id(article.source) == wanted), None)


def _holds(article: StoredArticle, words: Sequence[str]) -> bool:
    text = f"{article.title} {article.publisher} {os.path.basename(article.source)}".casefold()
    return all(word in text for word in words)
