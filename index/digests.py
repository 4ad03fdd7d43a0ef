"""Digests that tell whether what is read from the database is what was stored.

SQLite says nothing of a flipped bit in a text or a vector. Knows nothing of when they are compared.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from index.article import Article

ARTICLE_COLUMNS = "source, title, publisher, published, text, content_hash"
_READ = f"SELECT {ARTICLE_COLUMNS}, made_by, added, digest FROM article WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Stored:
    """An article's row as it was read, with its chunks: start, end and digest by id."""

    row: tuple[Any, ...]  #: all columns but the id and the digest, the source first
    digest: str
    facts: bytes  #: SHA-256 of the row without its source
    chunks: dict[int, tuple[int, int, int]]

    @property
    def source(self) -> str:
        return str(self.row[0])

    @property
    def article(self) -> Article:
        source, title, publisher, published, text, content_hash, *_ = self.row
        return Article(source, title, publisher, to_date(published), text, content_hash)


def read_stored(select: Callable[..., Sequence[tuple[Any, ...]]], article_id: int) -> Stored | None:
    rows = select(_READ, article_id)
    chunks = select(
        "SELECT id, start, end, digest FROM chunk WHERE article = ? ORDER BY id", article_id
    )
    for *row, digest in rows:
        facts = _facts(*row[1:])
        return Stored(tuple(row), digest, facts, {i: (s, e, d) for i, s, e, d in chunks})
    return None


def _facts(
    title: object, publisher: object, published: object, text: object, *more: object
) -> bytes:
    # A text is not quoted like the rest, which would take as long as to hash it.
    plain = text if isinstance(text, str) else repr((text,))
    others = repr((title, publisher, published, *more))
    return hashlib.sha256(f"{others}\n{plain}".encode("utf-8", "surrogatepass")).digest()


def write_digests(db: sqlite3.Connection, article_id: int) -> None:
    """Write down the digests of an article and of its chunks as they are now."""

    def select(statement: str, *values: object) -> list[tuple[Any, ...]]:
        return db.execute(statement, values).fetchall()

    stored = read_stored(select, article_id)
    assert stored is not None
    for chunk_id, (start, end, _) in stored.chunks.items():
        ((vector,),) = select("SELECT value FROM vector WHERE chunk = ?", chunk_id)
        digest = chunk_digest(stored, start, end, vector)
        db.execute("UPDATE chunk SET digest = ? WHERE id = ?", (digest, chunk_id))
        stored.chunks[chunk_id] = start, end, digest
    db.execute("UPDATE article SET digest = ? WHERE id = ?", (article_digest(stored), article_id))


def article_digest(stored: Stored) -> str:
    """SHA-256 of all that was stored for an article."""
    others = repr((stored.source, stored.chunks)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(stored.facts + others).hexdigest()


def chunk_digest(stored: Stored, start: int, end: int, vector: bytes) -> int:
    """The first 64 bits of the SHA-256 of a chunk and of its article but for its source."""
    digest = hashlib.sha256(b"%b %d %d %b" % (stored.facts, start, end, vector)).digest()
    return int.from_bytes(digest[:8], signed=True)


def to_date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
