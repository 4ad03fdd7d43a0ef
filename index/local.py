"""The store on one machine: a folder with the database and two caches for searching it.

Knows nothing of questions beyond their words and their vector.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.article import Article, Chunk
from index.caches import has_cache
from index.database import FILE_NAME, Database
from index.lock import is_being_written, writing
from index.searches import bring_in_line, how_vectors_are_searched, open_keyword, open_vectors
from index.store import Filters, StoredArticle, StoredChunk, check_maker

#: While a sync is running, caches may be behind the database for so long.
_BEHIND_SECONDS = 60.0
#: A sync spends so many times as long on other things as on caches.
_OTHERWISE = 10


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
        self._opened = -math.inf  # when they were
        self._due = math.inf  # when caches are to be brought in line next
        self._allowed: tuple[tuple[str, Filters], NDArray[np.int64]] | None = None
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

        While a sync is running the caches are behind the database: what it added in the last
        minute is not found yet, and what it deleted is found by id only and then left out, so
        nothing stale is returned and nobody waits.
        """
        with self._database.snapshot():
            state = self._database.state()
            if state != self._state:
                if self._maker:
                    check_maker(self, self._maker)
                if (
                    time.monotonic() - self._opened > _BEHIND_SECONDS
                    or has_cache(self._index_dir, "keyword", state)
                    or not is_being_written(self._index_dir)
                ):
                    self._open_caches()
            self.is_behind = state != self._state
            yield

    def makers(self) -> set[str]:
        return self._database.makers()

    def hashes(self) -> dict[str, str]:
        return self._database.hashes()

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
        """The chunks that may answer: both searches, and the next question, ask for the same."""
        if not filters:
            return None
        asked = self._database.state(), filters
        if self._allowed is None or self._allowed[0] != asked:
            self._allowed = asked, self._database.chunk_ids(filters)
        return self._allowed[1]

    def figures(self) -> dict[str, str]:
        file = self._index_dir / FILE_NAME
        with self._database.snapshot():
            return {
                "megabytes": f"{file.stat().st_size / 1e6:.1f}",
                "vectors": how_vectors_are_searched(self._index_dir, self._database),
            }

    def problems(self) -> list[str]:
        """What does not agree within the database; caches that do not agree with it are made anew.

        Raises IndexDamaged where it cannot even be opened for searching.
        """
        with self._database.snapshot():
            found = self._database.problems()
            if not found:
                self._open_caches()
        return found

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Raises IndexBusy while another process writes."""
        with writing(self._index_dir, self._lock_timeout_seconds):
            self._due = time.monotonic() + _BEHIND_SECONDS
            try:
                yield
            finally:  # what an interrupted sync has stored can be found, too
                self._bring_in_line()
                self._due = math.inf

    def put(
        self,
        article: Article,
        chunks: Sequence[Chunk],
        vectors: NDArray[np.float32],
        made_by: str,
    ) -> None:
        self._database.put(article, chunks, vectors, made_by)
        if time.monotonic() > self._due:
            self._bring_in_line()

    def rename(self, old_source: str, new_source: str) -> None:
        self._database.rename(old_source, new_source)

    def remove(self, source: str) -> bool:
        return self._database.remove(source)

    def _bring_in_line(self) -> None:
        started = time.monotonic()
        with self._database.snapshot():
            bring_in_line(self._index_dir, self._database)
        ended = time.monotonic()
        self._due = ended + max(_BEHIND_SECONDS, _OTHERWISE * (ended - started))

    def _open_caches(self) -> None:
        """Open caches that show the database's present state; what they lack is added first."""
        state, rows = self._database.state(), self._database.rows()
        vectors = open_vectors(self._index_dir, self._database, rows)
        keyword = open_keyword(self._index_dir, self._database, rows)
        # Only once both are there: where one fails, the next reading tries again.
        self._vectors, self._keyword, self._state = vectors, keyword, state
        self._opened = time.monotonic()
