"""The SQLite file that keeps articles, their chunks and vectors: the only durable state.

Knows nothing of files, models or searching. Every change is one transaction.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.article import Article, Chunk
from index.digests import (
    ARTICLE_COLUMNS,
    Stored,
    article_digest,
    chunk_digest,
    read_stored,
    to_date,
    write_digests,
)
from index.durable import make_folder
from index.errors import IndexDamaged, IndexMissing, IndexProblem
from index.schema import MIGRATIONS
from index.store import Filters, StoredArticle, StoredChunk

FILE_NAME = "articles.sqlite"

#: Of a damaged file, SQLite's own message may be no text.
_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Content:
    """What is searched of an article: some or all of its chunks, n of them."""

    title: str
    texts: tuple[str, ...]
    rows: NDArray[np.int64]  #: `[n, 2]`: ids, rising, and digests
    vectors: NDArray[np.float32]  #: `[n, dimension]`


class Database:
    """The SQLite file of one index. Close it, or use it as a context manager.

    Raises IndexMissing where there is none and `create` is false, and IndexDamaged where the file
    is not such a database.
    """

    def __init__(self, index_dir: Path, *, create: bool = False) -> None:
        self._index_dir = index_dir
        self._path = index_dir / FILE_NAME
        if not self._path.is_file() and not create:
            raise IndexMissing(
                f"There is no index in {index_dir} yet. "
                f"Make one with: python -m index PATH --index {index_dir}"
            )
        try:
            if create:
                make_folder(index_dir)
            self._still = self._path.exists() and not os.access(index_dir, os.W_OK)
            self._open()
        except OSError as error:
            raise IndexProblem(f"{index_dir} cannot be used: {error.strerror}.") from error

    def _open(self) -> None:
        """In a folder that it cannot write to, SQLite reads only what it is told nobody changes.

        With a log beside the database somebody does, and the log must be read, too.
        """
        looks = self._looks()
        option = ("?mode=ro" if looks[0] else "?immutable=1") if self._still else ""
        try:
            self._db = sqlite3.connect(
                f"{self._path.absolute().as_uri()}{option}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare(self._still)
            except BaseException:
                self._db.close()
                raise
        except _UNREADABLE as error:
            raise _problem(self._index_dir, error) from error
        self._looked = looks  # only now: where it failed, the next reading tries again

    def _looks(self) -> tuple[bool, int, int, int]:
        """What differs after somebody has written: is there a log, and the file's own marks."""
        logged = self._path.with_name(f"{FILE_NAME}-wal").exists()
        found = self._path.stat() if self._path.exists() else None
        return (
            (logged, found.st_ino, found.st_size, found.st_mtime_ns) if found else (False, 0, 0, 0)
        )

    def _prepare(self, still: bool) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        if not still:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise IndexProblem("A newer release made this index. Upgrade this project to open it.")
        if version < len(MIGRATIONS):
            self._db.execute("BEGIN IMMEDIATE")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            for migrate in MIGRATIONS[version:]:
                migrate(self._db)
            self._db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
            self._db.execute("COMMIT")

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    # Reading

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read inside is of one moment, whatever others write meanwhile."""
        if self._still and self._looks() != self._looked:
            self._db.close()
            self._open()
        self._select("BEGIN")
        try:
            yield
        finally:
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile
                self._db.rollback()  # nothing was written

    def _select(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Raises IndexDamaged where what is read is not what SQLite wrote."""
        try:
            return self._db.execute(statement, values).fetchall()
        except _UNREADABLE as error:
            raise _problem(self._index_dir, error) from error

    def state(self) -> str:
        """A name for what the database holds now; no two states of any two share one."""
        for (state,) in self._select("SELECT value FROM fact WHERE name = 'state'"):
            return str(state)
        raise self._damaged("it does not say which state it is in")

    def makers(self) -> set[str]:
        """What the articles' chunks and vectors were made by."""
        makers = {maker for (maker,) in self._select("SELECT DISTINCT made_by FROM article")}
        if not all(isinstance(maker, str) for maker in makers):
            raise self._damaged("it does not say what made an article")
        return makers

    def hashes(self) -> dict[str, str]:
        """The content hash of every article, by its source."""
        return dict(self._select("SELECT source, content_hash FROM article"))

    def articles(self) -> list[StoredArticle]:
        """Every article, by title and source."""
        rows = self._select(
            """SELECT source, title, publisher, published, length(text),
                      (SELECT count(*) FROM chunk WHERE chunk.article = article.id),
                      added, content_hash, made_by
               FROM article ORDER BY title, source"""
        )
        try:
            return [
                StoredArticle(source, title, publisher, to_date(published), *rest)
                for source, title, publisher, published, *rest in rows
            ]
        except (TypeError, ValueError) as error:
            raise self._damaged("it holds a date that is none") from error

    def article(self, source: str) -> Article | None:
        """The article that came from `source`."""
        for (article_id,) in self._select("SELECT id FROM article WHERE source = ?", source):
            return self._checked(article_id).article
        return None

    def chunks(self, ids: Sequence[int]) -> list[StoredChunk]:
        """The chunks with these ids, in this order; those that are gone are left out.

        Raises IndexDamaged where an article or a chunk is not what was stored.
        """
        found = {}
        articles: dict[int, tuple[Stored, Article]] = {}
        for chunk_id in ids:
            for article_id, value in self._select(
                "SELECT article, value FROM chunk LEFT JOIN vector ON chunk = id WHERE id = ?",
                chunk_id,
            ):
                if article_id not in articles:
                    stored = self._checked(article_id)
                    articles[article_id] = stored, stored.article
                stored, article = articles[article_id]
                start, end = self._checked_span(stored, chunk_id, value)
                chunk = Chunk(start, end, article.text[start:end])
                found[chunk_id] = StoredChunk(chunk_id, article, chunk)
        return list(found.values())

    def publishers(self) -> list[str]:
        """Every publisher that an article names, once, in order."""
        rows = self._select(
            "SELECT DISTINCT publisher FROM article WHERE publisher != '' ORDER BY publisher"
        )
        return [str(publisher) for (publisher,) in rows]

    def chunk_ids(self, filters: Filters) -> NDArray[np.int64]:
        """Ids of the chunks of the articles that may answer, in order.

        Articles without a date are outside every range of dates.
        """
        publishers = [
            name for name in self.publishers() if name.casefold() == filters.publisher.casefold()
        ]
        rows = self._select(
            f"""SELECT chunk.id FROM chunk JOIN article ON article.id = chunk.article
                WHERE (? OR publisher IN ({", ".join("?" * len(publishers))}))
                  AND (? IS NULL OR published >= ?) AND (? IS NULL OR published <= ?)
                ORDER BY chunk.id""",
            not filters.publisher,
            *publishers,
            *(2 * [filters.since and filters.since.isoformat()]),
            *(2 * [filters.until and filters.until.isoformat()]),
        )
        return np.fromiter((chunk_id for (chunk_id,) in rows), dtype=np.int64)

    def chunk_spans(self, source: str) -> list[tuple[int, int, int]]:
        """Id, start and end of the chunks of the article from `source`, by start."""
        return self._select(
            """SELECT chunk.id, start, end FROM chunk JOIN article ON article.id = chunk.article
               WHERE source = ? ORDER BY chunk.id""",
            source,
        )

    def rows(self) -> NDArray[np.int64]:
        """Ids, rising, and digests of all chunks, `[n, 2]`.

        A digest covers all that the chunk was made of; two chunks that share one are the same.
        """
        try:
            pairs = self._db.execute("SELECT id, digest FROM chunk ORDER BY id")
            numbers = np.fromiter((number for pair in pairs for number in pair), dtype=np.int64)
        except _UNREADABLE as error:
            raise _problem(self._index_dir, error) from error
        except (TypeError, ValueError, OverflowError) as error:
            raise self._damaged("a chunk has no number") from error
        return numbers.reshape(-1, 2)

    def contents(self, ids: NDArray[np.int64] | None = None) -> Iterator[Content]:
        """What is searched, article by article: all chunks, or those with these rising ids.

        Raises IndexDamaged where an article or a chunk is not what was stored.
        """
        if ids is None:
            articles = self._select("SELECT id FROM article ORDER BY id")
        elif len(ids):
            articles = self._select(
                "SELECT DISTINCT article FROM chunk WHERE id BETWEEN ? AND ?",
                *(int(ids[0]), int(ids[-1])),
            )
        else:
            articles = []
        wanted = None if ids is None else frozenset(ids.tolist())
        for (article_id,) in articles:
            content = self._content(article_id, wanted)
            if len(content.rows):
                yield content

    def _content(self, article_id: int, wanted: frozenset[int] | None = None) -> Content:
        stored = self._checked(article_id)
        article = stored.article
        texts, rows, vectors = [], [], []
        for chunk_id, value in self._select(
            """SELECT id, value FROM chunk LEFT JOIN vector ON chunk = id
               WHERE article = ? ORDER BY id""",
            article_id,
        ):
            if wanted is None or chunk_id in wanted:
                start, end = self._checked_span(stored, chunk_id, value)
                texts.append(article.text[start:end])
                rows.append((chunk_id, stored.chunks[chunk_id][2]))
                vectors.append(value)
        return Content(
            article.title,
            tuple(texts),
            np.array(rows, np.int64).reshape(-1, 2),
            np.frombuffer(b"".join(vectors), "<f4").reshape(len(rows), -1 if rows else 0),
        )

    def problems(self) -> list[str]:
        """What does not agree within the database: a sentence each, none where all is well."""
        found = []
        try:
            found += [
                f"SQLite reports: {line}."
                for (line,) in self._select("PRAGMA integrity_check")
                if line != "ok"
            ]
            for table, row, *_ in self._select("PRAGMA foreign_key_check"):
                found.append(f"Row {row} of {table} belongs to nothing.")
            for article_id, source in self._select("SELECT id, source FROM article"):
                try:
                    content = self._content(article_id)
                except IndexDamaged:
                    found.append(
                        f"{source} is not what was stored. Remove it (python -m index remove "
                        "SOURCE), then take it in again."
                    )
                    continue
                if not all(text.strip() for text in content.texts):
                    found.append(f"A chunk of {source} points at no text.")
                lengths = np.linalg.norm(content.vectors, axis=1)
                if not np.allclose(lengths, 1, atol=0.02):
                    found.append(f"A vector of {source} is not a unit vector.")
        except IndexProblem as error:
            found.append(str(error))
        return found

    def _checked(self, article_id: int) -> Stored:
        """Raises IndexDamaged where the article is not what was stored."""
        stored = read_stored(self._select, article_id)
        if stored is None or stored.digest != article_digest(stored):
            raise self._damaged_article(stored.source if stored else f"article {article_id}")
        return stored

    def _checked_span(self, stored: Stored, chunk_id: int, vector: object) -> tuple[int, int]:
        """The chunk's start and end. Raises IndexDamaged where it is not what was stored."""
        start, end, digest = stored.chunks.get(chunk_id, (0, 0, None))
        if not isinstance(vector, bytes) or digest != chunk_digest(stored, start, end, vector):
            raise self._damaged_article(stored.source)
        return start, end

    def _damaged_article(self, source: str) -> IndexDamaged:
        return IndexDamaged(
            f"The index in {self._index_dir} is damaged: {source} is not what was stored. Remove "
            f"it (python -m index remove SOURCE --index {self._index_dir}) and take it in again."
        )

    def _damaged(self, cause: str) -> IndexProblem:
        return _problem(self._index_dir, sqlite3.DatabaseError(cause))

    # Writing

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            # Not a counter: a database that was restored from a copy and changed again would come
            # to a number that it had before, with caches that show something else.
            self._db.execute("UPDATE fact SET value = ? WHERE name = 'state'", (uuid.uuid4().hex,))
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise IndexProblem(
                    f"The index cannot be written: {error}. What was stored before is intact."
                ) from error
            if isinstance(error, sqlite3.DatabaseError):
                raise _problem(self._index_dir, error) from error
            raise

    def put(
        self,
        article: Article,
        chunks: Sequence[Chunk],
        vectors: NDArray[np.float32],
        made_by: str,
    ) -> None:
        """Store an article with its chunks and their vectors, in place of any from its source."""
        with self._transaction():
            self._db.execute("DELETE FROM article WHERE source = ?", (article.source,))
            article_id = self._db.execute(
                f"""INSERT INTO article ({ARTICLE_COLUMNS}, made_by, digest)
                    VALUES (?, ?, ?, ?, ?, ?, ?, '')""",
                (
                    article.source,
                    article.title,
                    article.publisher,
                    article.published and article.published.isoformat(),
                    article.text,
                    article.content_hash,
                    made_by,
                ),
            ).lastrowid
            assert article_id is not None
            for chunk, vector in zip(chunks, vectors, strict=True):
                chunk_id = self._db.execute(
                    "INSERT INTO chunk (article, start, end) VALUES (?, ?, ?)",
                    (article_id, chunk.start, chunk.end),
                ).lastrowid
                self._db.execute(
                    "INSERT INTO vector VALUES (?, ?)", (chunk_id, vector.astype("<f4").tobytes())
                )
            write_digests(self._db, article_id)

    def rename(self, old_source: str, new_source: str) -> None:
        """The article from `old_source` now comes from `new_source`; nothing else changes."""
        with self._transaction():
            for (article_id,) in self._db.execute(
                "UPDATE article SET source = ? WHERE source = ? RETURNING id",
                (new_source, old_source),
            ).fetchall():
                write_digests(self._db, article_id)

    def remove(self, source: str) -> bool:
        """Delete an article with its chunks and vectors. False where there is none."""
        with self._transaction():
            deleted = self._db.execute("DELETE FROM article WHERE source = ?", (source,)).rowcount
        return deleted > 0


def _problem(index_dir: Path, error: Exception) -> IndexProblem:
    """What SQLite's error means: the file is damaged, or it cannot be used just now."""
    if isinstance(error, sqlite3.OperationalError) and "decode" not in str(error):
        hint = " The disk may be full." if "I/O" in str(error) or "full" in str(error) else ""
        return IndexProblem(f"The index in {index_dir} cannot be used: {error}.{hint}")
    return IndexDamaged(
        f"The index in {index_dir} is damaged: {error}. Move {FILE_NAME} and the files whose names "
        f"begin so elsewhere, and make it again with: python -m index PATH --index {index_dir} "
        "(files that were dropped into the chat window are in its folder uploads)."
    )
