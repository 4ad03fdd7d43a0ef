"""An index opened for searching: the store, with its two caches in memory.

Knows nothing of questions beyond their words and their vector.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.caches import cache_folder, write_cache
from index.errors import IndexMismatch
from index.keyword import KeywordIndex
from index.lock import is_being_written
from index.store import Store, StoredArticle, StoredChunk
from index.vectors import VectorIndex

#: What FAISS and tantivy raise for a file of another release, or one deleted under them.
_UNREADABLE = (OSError, RuntimeError, ValueError)


class OpenIndex:
    """Open the index in `index_dir`, made by `maker`, for searching; close it when done.

    Raises IndexMissing, IndexDamaged, and IndexMismatch where something else than `maker` made it.
    """

    def __init__(self, index_dir: Path, maker: str) -> None:
        self._index_dir = index_dir
        self._maker = maker
        #: Whether the caches show less than the store holds, as they do while a sync is running.
        self.is_behind = False
        self._store = Store(index_dir)
        try:
            with self._store.snapshot():
                check_maker(self._store, index_dir, maker)
                self._state = self._store.state()
                self._vectors = open_vectors(index_dir, self._store)
                self._keyword = open_keyword(index_dir, self._store)
        except BaseException:
            self._store.close()
            raise

    def close(self) -> None:
        self._store.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All that is read inside is of one moment; takes up what other processes have synced.

        While a sync is running the caches are behind the store: what it added is not found yet,
        and what it deleted is found by id only and then left out, so nothing stale is returned.
        """
        with self._store.snapshot():
            state = self._store.state()
            if state != self._state:
                check_maker(self._store, self._index_dir, self._maker)
                ready = cache_folder(self._index_dir, "keyword", state) is not None
                if ready or not is_being_written(self._index_dir):
                    self._vectors = open_vectors(self._index_dir, self._store)
                    self._keyword = open_keyword(self._index_dir, self._store)
                    self._state = state
            self.is_behind = state != self._state
            yield

    def articles(self) -> list[StoredArticle]:
        """Every article, by title."""
        return self._store.articles()

    def chunks(self, ids: Sequence[int]) -> list[StoredChunk]:
        """The chunks with these ids, in this order; those that are gone are left out."""
        return self._store.chunks(ids)

    def chunk_ids(
        self, publishers: Sequence[str] = (), since: date | None = None, until: date | None = None
    ) -> NDArray[np.int64]:
        """Ids of the chunks of articles by one of `publishers`, published in `[since, until]`."""
        return self._store.chunk_ids(publishers, since, until)

    def search_vectors(
        self, vector: NDArray[np.float32], limit: int, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Chunk ids and cosines of the chunks nearest to a unit vector, best first."""
        return self._vectors.search(vector, limit, among)

    def search_keywords(
        self, question: str, limit: int, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Chunk ids and BM25 scores of the best chunks that share a word with it, best first."""
        return self._keyword.search(question, limit, among)


def check_maker(store: Store, index_dir: Path, maker: str) -> None:
    """Raise IndexMismatch where an article in `store` was made by anything but `maker`."""
    others = store.makers() - {maker}
    if others:
        raise IndexMismatch(
            f"The index in {index_dir} was made by {', '.join(sorted(others))}; now it is {maker}. "
            f"Make it anew with: python -m index rebuild --index {index_dir}"
        )


def open_vectors(index_dir: Path, store: Store) -> VectorIndex:
    """The vector cache of the store's present state; built, and kept if possible, if missing."""
    folder = cache_folder(index_dir, "vectors", store.state())
    if folder is not None:
        with suppress(*_UNREADABLE):
            return VectorIndex.load(folder)
    vectors = VectorIndex.build(*store.vectors())
    write_cache(index_dir, "vectors", store.state(), vectors.save)
    return vectors


def open_keyword(index_dir: Path, store: Store) -> KeywordIndex:
    """The keyword cache of the store's present state; built, and kept if possible, if missing."""

    def load() -> KeywordIndex | None:
        folder = cache_folder(index_dir, "keyword", store.state())
        with suppress(*_UNREADABLE):
            return KeywordIndex.load(folder) if folder else None
        return None

    def titled_texts() -> list[tuple[int, str]]:
        return [(chunk_id, f"{title}\n{text}") for chunk_id, title, text in store.texts()]

    def write(folder: Path) -> None:
        KeywordIndex.build(titled_texts(), folder)

    keyword = load()
    if keyword is None and write_cache(index_dir, "keyword", store.state(), write):
        keyword = load()
    return keyword or KeywordIndex.build(titled_texts())
