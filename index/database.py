"""The SQLite file that keeps articles, their chunks and vectors: the only durable state.

Knows nothing of files, models or searching. Every change is one transaction.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.article import Article, Chunk
from index.errors import IndexDamaged, IndexMissing, IndexProblem
from index.store import Filters, StoredArticle, StoredChunk

FILE_NAME = "articles.sqlite"


def _create_tables(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
    db.execute(
        """CREATE TABLE article (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            source TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL,
            publisher TEXT NOT NULL,
            published TEXT,
            text TEXT NOT NULL,
            content_hash TEXT NOT NULL,
            made_by TEXT NOT NULL,
            digest TEXT NOT NULL,
            added TEXT NOT NULL DEFAULT (datetime('now'))
        ) STRICT"""
    )
    # Ids are never used twice, so that a cache which is behind can miss a chunk, but never name
    # another one.
    db.execute(
        """CREATE TABLE chunk (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            article INTEGER NOT NULL REFERENCES article ON DELETE CASCADE,
            start INTEGER NOT NULL,
            end INTEGER NOT NULL,
            vector BLOB NOT NULL
        ) STRICT"""
    )
    db.execute("CREATE INDEX chunk_article ON chunk (article)")
    db.execute("INSERT INTO fact VALUES ('state', ?)", (uuid.uuid4().hex,))


#: The history of the schema. Add a function; never change one that was released.
_MIGRATIONS = (_create_tables,)


class Database:
    """The SQLite file of one index. Close it, or use it as a context manager.

    Raises IndexMissing where there is none and `create` is false, and IndexDamaged where the file
    is not such a database.
    """

    def __init__(self, index_dir: Path, *, create: bool = False) -> None:
        self._index_dir = index_dir
        path = index_dir / FILE_NAME
        if not path.is_file() and not create:
            raise IndexMissing(
                f"There is no index in {index_dir} yet. "
                f"Make one with: python -m index PATH --index {index_dir}"
            )
        try:
            if create:
                index_dir.mkdir(parents=True, exist_ok=True)
            still = path.exists() and not os.access(index_dir, os.W_OK)
            # In a folder that it cannot write to, SQLite reads only what it is told nobody changes;
            # with a log beside the database somebody does, and the log must be read, too.
            logged = path.with_name(f"{FILE_NAME}-wal").exists()
            option = ("?mode=ro" if logged else "?immutable=1") if still else ""
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}{option}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare(still)
            except BaseException:
                self._db.close()
                raise
        except sqlite3.DatabaseError as error:
            raise _problem(index_dir, error) from error
        except OSError as error:
            raise IndexProblem(f"{index_dir} cannot be used: {error.strerror}.") from error

    def _prepare(self, still: bool) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        if not still:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(_MIGRATIONS):
            raise IndexProblem("A newer release made this index. Upgrade this project to open it.")
        if version < len(_MIGRATIONS):
            self._db.execute("BEGIN IMMEDIATE")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            for migrate in _MIGRATIONS[version:]:
                migrate(self._db)
            self._db.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
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
        """All that is read inside is of one moment, whatever others write meanwhile.

        Raises IndexDamaged where what is read is not what SQLite wrote.
        """
        try:
            self._db.execute("BEGIN")
            yield
        except sqlite3.DatabaseError as error:
            raise _problem(self._index_dir, error) from error
        finally:
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile
                self._db.rollback()  # nothing was written

    def state(self) -> str:
        """A name for what the store holds now; no two states of any two stores share one."""
        (state,) = self._db.execute("SELECT value FROM fact WHERE name = 'state'").fetchone()
        return str(state)

    def makers(self) -> set[str]:
        """What the articles' chunks and vectors were made by."""
        return {maker for (maker,) in self._db.execute("SELECT DISTINCT made_by FROM article")}

    def articles(self) -> list[StoredArticle]:
        """Every article, by title and source."""
        rows = self._db.execute(
            """SELECT source, title, publisher, published, length(text),
                      (SELECT count(*) FROM chunk WHERE chunk.article = article.id),
                      added, content_hash, made_by
               FROM article ORDER BY title, source"""
        )
        return [
            StoredArticle(
                source=row[0],
                title=row[1],
                publisher=row[2],
                published=_date(row[3]),
                characters=row[4],
                chunks=row[5],
                added=row[6],
                content_hash=row[7],
                made_by=row[8],
            )
            for row in rows
        ]

    def article(self, source: str) -> Article | None:
        """The article that came from `source`."""
        row = self._db.execute(
            f"SELECT {_ARTICLE_COLUMNS} FROM article WHERE source = ?", (source,)
        ).fetchone()
        return _article(row) if row else None

    def chunks(self, ids: Sequence[int]) -> list[StoredChunk]:
        """The chunks with these ids, in this order; those that are gone are left out."""
        found = {}
        articles: dict[int, Article] = {}
        for chunk_id in ids:
            row = self._db.execute(
                "SELECT article, start, end FROM chunk WHERE id = ?", (chunk_id,)
            ).fetchone()
            if row is None:
                continue
            article_id, start, end = row
            if article_id not in articles:
                articles[article_id] = _article(
                    self._db.execute(
                        f"SELECT {_ARTICLE_COLUMNS} FROM article WHERE id = ?", (article_id,)
                    ).fetchone()
                )
            article = articles[article_id]
            chunk = Chunk(start, end, article.text[start:end])
            found[chunk_id] = StoredChunk(chunk_id, article, chunk)
        return list(found.values())

    def publishers(self) -> list[str]:
        """Every publisher that an article names, once, in order."""
        rows = self._db.execute(
            "SELECT DISTINCT publisher FROM article WHERE publisher != '' ORDER BY publisher"
        )
        return [publisher for (publisher,) in rows]

    def chunk_ids(self, filters: Filters) -> NDArray[np.int64]:
        """Ids of the chunks of the articles that may answer, in order.

        Articles without a date are outside every range of dates.
        """
        publishers = [
            name for name in self.publishers() if name.casefold() == filters.publisher.casefold()
        ]
        rows = self._db.execute(
            f"""SELECT chunk.id FROM chunk JOIN article ON article.id = chunk.article
                WHERE (? OR publisher IN ({", ".join("?" * len(publishers))}))
                  AND (? IS NULL OR published >= ?) AND (? IS NULL OR published <= ?)
                ORDER BY chunk.id""",
            (
                not filters.publisher,
                *publishers,
                *(2 * [filters.since and filters.since.isoformat()]),
                *(2 * [filters.until and filters.until.isoformat()]),
            ),
        )
        return np.fromiter((chunk_id for (chunk_id,) in rows), dtype=np.int64)

    def chunk_spans(self, source: str) -> list[tuple[int, int, int]]:
        """Id, start and end of the chunks of the article from `source`, by id."""
        return self._db.execute(
            """SELECT chunk.id, start, end FROM chunk JOIN article ON article.id = chunk.article
               WHERE source = ? ORDER BY chunk.id""",
            (source,),
        ).fetchall()

    def vectors(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ids `[n]` of all chunks and their vectors `[n, dimension]`, by id."""
        ids, blobs = [], []
        for chunk_id, blob in self._db.execute("SELECT id, vector FROM chunk ORDER BY id"):
            ids.append(chunk_id)
            blobs.append(blob)
        matrix = np.frombuffer(b"".join(blobs), dtype="<f4")
        return np.array(ids, dtype=np.int64), matrix.reshape(len(ids), -1 if ids else 0)

    def texts(self) -> Iterator[tuple[int, str, str]]:
        """Id, title and text of every chunk, by id."""
        for article_id, title, text in self._db.execute("SELECT id, title, text FROM article"):
            for chunk_id, start, end in self._db.execute(
                "SELECT id, start, end FROM chunk WHERE article = ? ORDER BY id", (article_id,)
            ):
                yield chunk_id, title, text[start:end]

    def problems(self) -> list[str]:
        """What does not agree within the database: a sentence each, none where all is well."""
        try:
            found = [
                f"SQLite reports: {line}."
                for (line,) in self._db.execute("PRAGMA integrity_check")
                if line != "ok"
            ]
            for article_id, source, digest in self._db.execute(
                "SELECT id, source, digest FROM article"
            ):
                if self._digest(article_id) != digest:
                    found.append(f"{source} is not what was stored.")
        except sqlite3.DatabaseError as error:
            return [f"The database cannot be read: {error}."]
        return found

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
                f"""INSERT INTO article ({_ARTICLE_COLUMNS}, made_by, digest)
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
            self._db.executemany(
                "INSERT INTO chunk (article, start, end, vector) VALUES (?, ?, ?, ?)",
                [
                    (article_id, chunk.start, chunk.end, vector.astype("<f4").tobytes())
                    for chunk, vector in zip(chunks, vectors, strict=True)
                ],
            )
            self._db.execute(
                "UPDATE article SET digest = ? WHERE id = ?", (self._digest(article_id), article_id)
            )

    def rename(self, old_source: str, new_source: str) -> None:
        """The article from `old_source` now comes from `new_source`; nothing else changes."""
        with self._transaction():
            self._db.execute(
                "UPDATE article SET source = ? WHERE source = ?", (new_source, old_source)
            )

    def remove(self, source: str) -> bool:
        """Delete an article with its chunks and vectors. False where there is none."""
        with self._transaction():
            deleted = self._db.execute("DELETE FROM article WHERE source = ?", (source,)).rowcount
        return deleted > 0

    def _digest(self, article_id: int) -> str:
        """SHA-256 of all that was stored for an article, but for where it came from."""
        digest = hashlib.sha256()
        row = self._db.execute(
            """SELECT title, publisher, published, text, content_hash, made_by
               FROM article WHERE id = ?""",
            (article_id,),
        ).fetchone()
        digest.update(repr(row).encode())
        for start, end, vector in self._db.execute(
            "SELECT start, end, vector FROM chunk WHERE article = ? ORDER BY id", (article_id,)
        ):
            digest.update(b"%d:%d:" % (start, end) + vector)
        return digest.hexdigest()


_ARTICLE_COLUMNS = "source, title, publisher, published, text, content_hash"


def _article(row: tuple[str, str, str, str | None, str, str]) -> Article:
    source, title, publisher, published, text, content_hash = row
    return Article(source, title, publisher, _date(published), text, content_hash)


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _problem(index_dir: Path, error: sqlite3.DatabaseError) -> IndexProblem:
    """What SQLite's error means: the file is damaged, or it cannot be used just now."""
    if isinstance(error, sqlite3.OperationalError):
        return IndexProblem(f"The index in {index_dir} cannot be used: {error}.")
    return IndexDamaged(
        f"The index in {index_dir} is damaged: {error}. Delete that folder and make it again "
        f"with: python -m index PATH --index {index_dir}"
    )
