"""How articles lie in the rows of three Milvus collections: their names, hashes and versions.

Knows nothing of servers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.article import Article, Chunk
from index.keyword import stems
from index.milvus_server import MOST_BYTES
from index.store import Filters, StoredArticle

ARTICLES = {
    "key": "hash",  # stays with the article when it is renamed
    "owner": "hash",  # of the source; "" where this row only says that a version was begun
    "version": "hash",
    "maker": "hash",
    "source": "text",
    "title": "text",
    "publisher": "text",
    "published": "number",  # as a proleptic Gregorian ordinal; 0 where it is not known
    "content_hash": "text",
    "made_by": "text",
    "added": "text",
    "characters": "number",
    "chunks": "number",
    "unused": "vector",  # Milvus has no collection without one
}
TEXTS = {"key": "hash", "version": "hash", "text": "text", "unused": "vector"}
CHUNKS = {
    "id": "number",
    "version": "hash",
    "publisher": "hash",
    "published": "number",
    "start": "number",
    "end": "number",
    "words": "words",
    "sparse": "sparse",
    "vector": "vector",
}
UNUSED = [0.0, 0.0]
_STORED = [field.name for field in fields(StoredArticle)]
RECORD_FIELDS = ["key", "version", *_STORED]
IS_RECORD, IS_BEGUN = 'owner != ""', 'owner == ""'


@dataclass(frozen=True, slots=True)
class Record:
    key: str
    version: str
    stored: StoredArticle

    def row(self) -> dict[str, Any]:
        return asdict(self.stored) | {
            "key": self.key,
            "owner": hash_of(self.stored.source),
            "version": self.version,
            "maker": hash_of(self.stored.made_by),
            "published": day_number(self.stored.published),
            "unused": UNUSED,
        }

    @classmethod
    def of(cls, row: dict[str, Any]) -> Record:
        day = date.fromordinal(row["published"]) if row["published"] else None
        stored = {name: row[name] for name in _STORED} | {"published": day}
        return cls(row["key"], row["version"], StoredArticle(**stored))

    def article(self, text: str) -> Article:
        stored = self.stored
        return Article(
            stored.source,
            stored.title,
            stored.publisher,
            stored.published,
            text,
            stored.content_hash,
        )


def chunk_rows(
    article: Article, version: str, chunks: Sequence[Chunk], vectors: NDArray[np.float32]
) -> list[dict[str, Any]]:
    return [
        {
            "id": int(hash_of(version, chunk.start, chunk.end)[:16], 16) >> 1,
            "version": version,
            "publisher": hash_of(article.publisher.casefold()),
            "published": day_number(article.published),
            "start": chunk.start,
            "end": chunk.end,
            "words": cut(" ".join(words_of(f"{article.title}\n{chunk.text}"))),
            "vector": vector.tolist(),
        }
        for chunk, vector in zip(chunks, vectors, strict=True)
    ]


def text_rows(text: str, version: str) -> list[dict[str, Any]]:
    return [
        {"key": f"{version}{number:06}", "version": version, "text": part, "unused": UNUSED}
        for number, part in enumerate(parts_of(text))
    ]


def hash_of(*parts: object) -> str:
    """128 bits of SHA-256 in hexadecimal. Takes any text, lone surrogates too."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def spans_of(chunk_rows: Iterable[dict[str, Any]]) -> list[tuple[int, int, int]]:
    """Id, start and end of chunks, by start."""
    spans = ((row["id"], row["start"], row["end"]) for row in chunk_rows)
    return sorted(spans, key=lambda span: span[1:])


def version_of(key: str, article: Article, spans: Sequence[tuple[int, int]], made_by: str) -> str:
    """A name for all that is stored for an article but its source, so that it may be renamed."""
    return hash_of(
        key,
        article.title,
        article.publisher,
        day_number(article.published),
        article.text,
        article.content_hash,
        made_by,
        list(spans),
    )


def parts_of(text: str) -> Iterator[str]:
    """A text in parts of at most 65,535 bytes that end with a character."""
    encoded = text.encode()
    start = 0
    while start < len(encoded):
        part = encoded[start : start + MOST_BYTES].decode(errors="ignore")
        yield part
        start += len(part.encode())


def cut(text: str) -> str:
    return next(parts_of(text), "")


def words_of(text: str) -> list[str]:
    """The index terms of any text, lone surrogates too."""
    return stems(text.encode(errors="replace").decode())


def day_number(day: date | None) -> int:
    return day.toordinal() if day else 0


def now(earlier: timedelta = timedelta()) -> str:
    """The present moment, in UTC, or one before it. Sorts as time does."""
    return f"{datetime.now(UTC) - earlier:%Y-%m-%d %H:%M:%S}"


def condition(filters: Filters) -> str:
    parts = []
    if filters.publisher:
        parts.append(f'publisher == "{hash_of(filters.publisher.casefold())}"')
    if filters.since or filters.until:
        parts.append(f"published >= {max(1, day_number(filters.since))}")
    if filters.until:
        parts.append(f"published <= {day_number(filters.until)}")
    return " and ".join(parts)
