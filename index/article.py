"""The two values that an index is made of. Knows nothing of files, models or storage."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Article:
    """One document. Offsets into `text` count characters (code points)."""

    source: str  #: where it came from: an absolute path
    title: str
    publisher: str  #: "" where the document does not say
    published: date | None  #: None where the document does not say
    text: str
    content_hash: str  #: SHA-256 of the file's bytes, in hexadecimal


@dataclass(frozen=True, slots=True)
class Chunk:
    """The span `[start, end)` of an article's text: `article.text[start:end] == chunk.text`."""

    start: int
    end: int
    text: str


def source_id(source: str) -> str:
    """A name for a source, 16 hexadecimal digits, that does not tell where it lies."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:16]
