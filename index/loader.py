"""Read one file as an article.

Knows nothing of formats, chunks or storage. Whatever a file holds, the outcome is an article or an
ArticleError that names the cause.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from index.article import Article
from index.confined import parser
from index.errors import ArticleError
from index.parsing import SUFFIXES

__all__ = ["SUFFIXES", "content_hash", "load"]

_MEGABYTE = 1_000_000


def content_hash(path: Path, *, max_megabytes: int) -> str:
    """SHA-256 of a file's bytes. Raises ArticleError where it is too large or cannot be read."""
    return hashlib.sha256(_read(path, max_megabytes)).hexdigest()


def load(path: Path, *, max_megabytes: int) -> Article:
    """The article in a file. Raises ArticleError, whose message is the cause.

    The title is the document's own, or its first line; never the file's name, so that a renamed
    file stays the same article.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ArticleError(f"only {', '.join(SUFFIXES)} files are read")
    data = _read(path, max_megabytes)
    if not data:
        raise ArticleError("it is empty")
    # No text in a known encoding has more characters than bytes.
    parsed = parser.parse(suffix, data, most_characters=max_megabytes * _MEGABYTE)
    return Article(
        source=str(path.absolute()),
        title=parsed.title,
        publisher=parsed.publisher,
        published=parsed.published,
        text=parsed.text,
        content_hash=hashlib.sha256(data).hexdigest(),
    )


def _read(path: Path, max_megabytes: int) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ArticleError("it is not a regular file")
        megabytes = status.st_size / _MEGABYTE
        if megabytes > max_megabytes:
            raise ArticleError(
                f"it has {megabytes:,.0f} MB; at most {max_megabytes} are read "
                "(RAG_MAX_FILE_MEGABYTES)"
            )
        with open(path, "rb", opener=_open_at_once) as stream:
            data = stream.read(status.st_size + 1)
    except OSError as error:
        raise ArticleError(f"it cannot be opened: {error.strerror}") from error
    if data is None or len(data) != status.st_size:
        raise ArticleError("it changed while it was read")
    return data


def _open_at_once(path: str, flags: int) -> int:
    """As os.open; where a named pipe has come into the file's place, nobody is waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
