"""The store on one machine: a folder with the database and two caches for searching it.

Knows nothing of questions beyond their words and their vector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.article import Article, Chunk
from index.caches import cache_folder, write_cache
from index.database import Database
from index.keyword import KeywordIndex
from index.lock import is_being_written, writing
from index.store import Filters, StoredArticle, StoredChunk, check_maker
from index.vectors import VectorIndex

#: What FAISS and tantivy raise for a file of another release, or one deleted under them.
_UNREADABLE = (OSError, RuntimeError, ValueError)


class LocalStore:
    """The index in a folder; see `index.store.Store` for what its methods promise.

    With a `maker` it is made ready for searching, and `reading` checks that it made everything.
    Raises IndexMissing where there is none and `create` is false, and IndexDamaged where the
    database is none.
    """

    def __init__(
        self,
        index_dir: Path | str,
        *,
        maker: str = "",
        create: bool = False,
        lock_timeout_seconds: float = 10.0,
    ) -> None:
        self._index_dir = Path(index_dir)
        self._maker = maker
        self._lock_timeout_seconds = lock_timeout_seconds
        self.address = str(index_dir)
        self.options = f"--index {index_dir}"
        self.is_behind = False
        self._state = ""  # which the caches show; none are open yet
        self._database = Database(self._index_dir, create=create)
        if maker:
            try:
                with self.reading():
                    pass  # what does not fit is found now, and no question waits for a cache
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> LocalStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All that is read inside is of one moment; takes up what other processes have synced.

        While a sync is running the caches are behind the database: what it added is not found yet,
        and what it deleted is found by id only and then left out, so nothing stale is returned.
        """
        with self._database.snapshot():
            state = self._database.state()
            if state != self._state:
                if self._maker:
                    check_maker(self, self._maker)
                ready = cache_folder(self._index_dir, "keyword", state) is not None
                if ready or not self._state or not is_being_written(self._index_dir):
                    self._open_caches()
            self.is_behind = state != self._state
            yield

    def makers(self) -> set[str]:
        return self._database.makers()

    def articles(self) -> list[StoredArticle]:
        return self._database.articles()

    def article(self, source: str) -> Article | None:
        return self._database.article(source)

    def chunk_spans(self, source: str) -> list[tuple[int, int, int]]:
        return self._database.chunk_spans(source)

    def publishers(self) -> list[str]:
        return self._database.publishers()

    def chunks(self, ids: Sequence[int]) -> list[StoredChunk]:
        return self._database.chunks(ids)

    def search_vectors(
        self, vector: NDArray[np.float32], limit: int, filters: Filters | None = None
    ) -> list[tuple[int, float]]:
        return self._vectors.search(vector, limit, self._among(filters))

    def search_keywords(
        self, question: str, limit: int, filters: Filters | None = None
    ) -> list[tuple[int, float]]:
        return self._keyword.search(question, limit, self._among(filters))

    def _among(self, filters: Filters | None) -> NDArray[np.int64] | None:
        return self._database.chunk_ids(filters) if filters else None

    def problems(self) -> list[str]:
        """What does not agree within the database, and between it and the caches."""
        with self._database.snapshot():
            found = self._database.problems()
            if found:
                return found
            self._open_caches()
            ids, vectors = self._database.vectors()
            for chunk_id, _, text in self._database.texts():
                if not text.strip():
                    found.append(f"Chunk {chunk_id} points at no text.")
            for row in np.flatnonzero(~np.isclose(np.linalg.norm(vectors, axis=1), 1, atol=0.02)):
                found.append(f"The vector of chunk {ids[row]} is not a unit vector.")
            if not np.array_equal(np.sort(self._vectors.ids()), ids):
                found.append("The vector cache names other chunks than the database.")
            if self._keyword.count() != len(ids):
                found.append("The keyword cache holds another number of chunks than the database.")
        return found

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Raises IndexBusy while another process writes."""
        with writing(self._index_dir, self._lock_timeout_seconds):
            try:
                yield
            finally:  # what an interrupted sync has stored can be found, too
                with self._database.snapshot():
                    self._open_caches()

    def put(
        self,
        article: Article,
        chunks: Sequence[Chunk],
        vectors: NDArray[np.float32],
        made_by: str,
    ) -> None:
        self._database.put(article, chunks, vectors, made_by)

    def rename(self, old_source: str, new_source: str) -> None:
        self._database.rename(old_source, new_source)

    def remove(self, source: str) -> bool:
        return self._database.remove(source)

    def _open_caches(self) -> None:
        """Open, and build where they are missing, the caches of the database's present state."""
        self._vectors = _open_vectors(self._index_dir, self._database)
        self._keyword = _open_keyword(self._index_dir, self._database)
        self._state = self._database.state()


def _open_vectors(index_dir: Path, database: Database) -> VectorIndex:
    """The vector cache of the database's present state; built, and kept if possible, if missing."""
    folder = cache_folder(index_dir, "vectors", database.state())
    if folder is not None:
        with suppress(*_UNREADABLE):
            return VectorIndex.load(folder)
    vectors = VectorIndex.build(*database.vectors())
    write_cache(index_dir, "vectors", database.state(), vectors.save)
    return vectors


def _open_keyword(index_dir: Path, database: Database) -> KeywordIndex:
    """The keyword cache of the database's present state; built and kept if possible."""

    def load() -> KeywordIndex | None:
        folder = cache_folder(index_dir, "keyword", database.state())
        with suppress(*_UNREADABLE):
            return KeywordIndex.load(folder) if folder else None
        return None

    def titled_texts() -> list[tuple[int, str]]:
        return [(chunk_id, f"{title}\n{text}") for chunk_id, title, text in database.texts()]

    def write(folder: Path) -> None:
        KeywordIndex.build(titled_texts(), folder)

    keyword = load()
    if keyword is None and write_cache(index_dir, "keyword", database.state(), write):
        keyword = load()
    return keyword or KeywordIndex.build(titled_texts())
