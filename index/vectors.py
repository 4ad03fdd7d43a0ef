"""Search by vector with FAISS. Knows nothing of articles, of SQLite or of what the vectors mean."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import faiss
import numpy as np
from numpy.typing import NDArray

_FILE_NAME = "vectors.faiss"


class VectorIndex:
    """Exact inner-product search over vectors with ids of their own."""

    def __init__(self, index: faiss.IndexIDMap2) -> None:
        self._index = index

    @classmethod
    def build(cls, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> VectorIndex:
        """From ids `[n]` and vectors `[n, dimension]`."""
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        index.add_with_ids(vectors, ids)
        return cls(index)

    @classmethod
    def load(cls, folder: Path) -> VectorIndex:
        """From a folder whose checksums were compared: FAISS itself accepts a damaged file."""
        return cls(cast(faiss.IndexIDMap2, faiss.read_index(str(folder / _FILE_NAME))))

    def save(self, folder: Path) -> None:
        faiss.write_index(self._index, str(folder / _FILE_NAME))

    def ids(self) -> NDArray[np.int64]:
        """The ids of all vectors."""
        return np.array(faiss.vector_to_array(self._index.id_map), dtype=np.int64)

    def search(
        self, vector: NDArray[np.float32], limit: int, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Ids and inner products of the `limit` vectors nearest to `vector`, best first.

        With `among`, only these ids are considered.
        """
        if not self._index.ntotal or (among is not None and not len(among)):
            return []
        parameters = None
        if among is not None:
            parameters = faiss.SearchParameters()
            parameters.sel = faiss.IDSelectorBatch(among)
        scores, ids = self._index.search(
            vector.reshape(1, -1), min(limit, self._index.ntotal), params=parameters
        )
        found = zip(ids[0].tolist(), scores[0].tolist(), strict=True)
        return [(chunk_id, score) for chunk_id, score in found if chunk_id >= 0]
