"""What keeps articles and finds their chunks: the seam between one machine and many.

Two stores fit it: `index.local.LocalStore`, a folder, and `index.milvus.MilvusStore`, a server or a
cluster. Knows nothing of how either does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol, Self

from index.errors import IndexMismatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.article import Article, Chunk


@dataclass(frozen=True, slots=True)
class Filters:
    """Which articles may answer: by publisher (any case) and by date, both ends included."""

    publisher: str = ""  #: "" for any
    since: date | None = None
    until: date | None = None

    def __bool__(self) -> bool:
        return bool(self.publisher or self.since or self.until)


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """An article as a store lists it, without its text."""

    source: str
    title: str
    publisher: str
    published: date | None
    characters: int
    chunks: int
    added: str  #: UTC, as `YYYY-MM-DD HH:MM:SS`
    content_hash: str
    made_by: str


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with the article it belongs to."""

    id: int
    article: Article
    chunk: Chunk


class Store(Protocol):
    """Articles with their chunks and vectors. Close it, or use it as a context manager.

    Every method raises IndexProblem, or one of its kinds, where the store cannot be used.
    """

    address: str  #: its folder or where its server listens
    options: str  #: what names it on a command line, such as "--index /home/ana/index"
    is_behind: bool  #: whether searches show less than is stored, as they may while others write

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None: ...

    # Reading

    def reading(self) -> AbstractContextManager[None]:
        """Searching happens inside. All of it is of one moment, whatever others write meanwhile.

        What others have written by then is taken up. Raises IndexMismatch where something else
        than the store's maker made any of it.
        """
        ...

    def makers(self) -> set[str]:
        """What the articles' chunks and vectors were made by."""
        ...

    def hashes(self) -> dict[str, str]:
        """The content hash of every article, by its source."""
        ...

    def articles(self) -> list[StoredArticle]:
        """Every article, by title and source."""
        ...

    def article(self, source: str) -> Article | None:
        """The article that came from `source`."""
        ...

    def chunk_spans(self, source: str) -> list[tuple[int, int, int]]:
        """Id, start and end of the chunks of the article from `source`, by start."""
        ...

    def publishers(self) -> list[str]:
        """Every publisher that an article names, once, in order."""
        ...

    def search_vectors(
        self, vector: NDArray[np.float32], limit: int, filters: Filters | None = None
    ) -> list[tuple[int, float]]:
        """Chunk ids and cosines of the chunks nearest to a unit vector, best first."""
        ...

    def search_keywords(
        self, question: str, limit: int, filters: Filters | None = None
    ) -> list[tuple[int, float]]:
        """Chunk ids and BM25 scores of the best chunks that share a word with it, best first.

        A chunk is found by the words of its article's title, too. The question is never parsed as
        a query: each of its words is one term, whatever it looks like.
        """
        ...

    def chunks(self, ids: Sequence[int]) -> list[StoredChunk]:
        """The chunks with these ids, in this order; those that are gone are left out."""
        ...

    def figures(self) -> dict[str, str]:
        """What only this kind of store has to say of itself, by name."""
        ...

    def problems(self) -> list[str]:
        """What does not agree within the store: a sentence each, none where all is well."""
        ...

    # Writing

    def writing(self) -> AbstractContextManager[None]:
        """All writing happens inside. What was written when it ends, however it ends, is found."""
        ...

    def put(
        self,
        article: Article,
        chunks: Sequence[Chunk],
        vectors: NDArray[np.float32],
        made_by: str,
    ) -> None:
        """Store an article with its chunks and their vectors, in place of any from its source.

        `vectors` are unit vectors `[chunks, dimension]`. Once it returns the article is safe; cut
        short at any moment it leaves the article as it was.
        """
        ...

    def rename(self, old_source: str, new_source: str) -> None:
        """The article from `old_source` now comes from `new_source`; nothing else changes."""
        ...

    def remove(self, source: str) -> bool:
        """Delete an article with its chunks and vectors. False where there is none."""
        ...


def check_maker(store: Store, maker: str) -> None:
    """Raise IndexMismatch where an article in `store` was made by anything but `maker`."""
    others = store.makers() - {maker}
    if others:
        raise IndexMismatch(
            f"The index in {store.address} was made by {', '.join(sorted(others))}; "
            f"now it is {maker}. Make it anew with: python -m index rebuild {store.options}"
        )
