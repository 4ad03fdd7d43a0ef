"""Check that the database agrees with itself and the caches with the database."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from index.opened import open_keyword, open_vectors
from index.store import Store


def problems(index_dir: Path) -> list[str]:
    """What does not agree, a sentence each; none where all is well. Raises IndexMissing."""
    with Store(index_dir) as store, store.snapshot():
        found = store.problems()
        if found:
            return found
        ids, vectors = store.vectors()
        for chunk_id, _, text in store.texts():
            if not text.strip():
                found.append(f"Chunk {chunk_id} points at no text.")
        for row in np.flatnonzero(~np.isclose(np.linalg.norm(vectors, axis=1), 1, atol=0.02)):
            found.append(f"The vector of chunk {ids[row]} is not a unit vector.")
        if not np.array_equal(np.sort(open_vectors(index_dir, store).ids()), ids):
            found.append("The vector cache names other chunks than the database.")
        if open_keyword(index_dir, store).count() != len(ids):
            found.append("The keyword cache holds another number of chunks than the database.")
    return found
