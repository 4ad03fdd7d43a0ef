"""Search by vector with FAISS. Knows nothing of articles, of SQLite or of what the vectors mean.

Few vectors are all compared. Many are in a file of inverted lists (IVF, Jegou et al. 2011) with one
byte a dimension, of which a question reads a few; what came since that file was made is compared
whole, and what is gone is passed over, so that a change costs what it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

_FILE_NAME = "vectors.faiss"

#: Up to so many are all compared: in float16 10,000 of 384 dimensions take 0.6 ms on two cores and
#: 20,000 take 1.3 ms (in float32 1.4 and 3.2 ms); 100,000 would take 5.7 ms.
MOST_EXACT = 20_000

#: A question reads as few lists as find this share of the ten nearest, and no fewer than that. With
#: eight lists of 2,000 a million chunks gave a recall of .94 to real questions.
_RECALL = 0.98
_FEWEST_LISTS = 32
_TRIALS = 256
#: Vectors to find the middle of each list by; FAISS wants at least 39.
_TRAINED_ON = 48

Batch = tuple[NDArray[np.int64], NDArray[np.float32]]


class VectorIndex:
    """The nearest of vectors with ids of their own, by inner product.

    `lists` is what `build_lists` made, without the ids in `gone`; what is added is compared whole.
    """

    def __init__(self, lists: faiss.IndexIVF | None, gone: NDArray[np.int64]) -> None:
        self._lists = lists
        self._gone = gone
        self._exact: faiss.IndexIDMap2 | None = None

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Ids `[n]` and vectors `[n, dimension]`."""
        if self._exact is None:
            kind = faiss.ScalarQuantizer.QT_fp16
            width = vectors.shape[1]
            self._exact = faiss.IndexIDMap2(
                faiss.IndexScalarQuantizer(width, kind, faiss.METRIC_INNER_PRODUCT)
            )
        self._exact.add_with_ids(vectors, ids)

    def search(
        self, vector: NDArray[np.float32], limit: int, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Ids and inner products of the `limit` vectors nearest to `vector`, best first.

        With `among`, only these ids are considered.
        """
        found: list[tuple[int, float]] = []
        if among is not None and not len(among):
            return found
        if self._exact is not None:
            only = among is not None and faiss.SearchParameters(sel=_only(among))
            found += _search(self._exact, vector, limit, only or None)
        if self._lists is not None:
            parameters = faiss.SearchParametersIVF(nprobe=self._lists.nprobe)
            if among is not None:  # the fewer there are, the more lists have as many of them
                listed = np.setdiff1d(among, self._gone) if len(self._gone) else among
                wider = self._lists.nprobe * self._lists.ntotal // max(1, len(listed))
                nprobe = min(self._lists.nlist, wider)
                parameters = faiss.SearchParametersIVF(sel=_only(listed), nprobe=nprobe)
            elif len(self._gone):
                left = faiss.IDSelectorNot(_only(self._gone))
                parameters = faiss.SearchParametersIVF(sel=left, nprobe=self._lists.nprobe)
            found += _search(self._lists, vector, limit, parameters)
        found.sort(key=lambda pair: (-pair[1], pair[0]))
        return found[:limit]


def _search(
    index: Any, vector: NDArray[np.float32], limit: int, parameters: Any
) -> list[tuple[int, float]]:
    scores, ids = index.search(vector.reshape(1, -1), min(limit, index.ntotal), params=parameters)
    found = zip(ids[0].tolist(), scores[0].tolist(), strict=True)
    return [(chunk_id, score) for chunk_id, score in found if chunk_id >= 0]


def _only(ids: NDArray[np.int64]) -> Any:
    """A selector of these ids."""
    marks = np.zeros(int(ids.max(initial=0)) + 1, bool)
    marks[ids] = True
    return faiss.IDSelectorBitmap(np.packbits(marks, bitorder="little"))


def build_lists(batches: Callable[[], Iterable[Batch]], count: int) -> faiss.IndexIVF:
    """Inverted lists of `count` vectors; `batches` gives them, as ids and vectors, every time."""
    draw = np.random.default_rng(0)
    lists = int(2 * np.sqrt(count))
    sample = _some(batches(), min(1.0, _TRAINED_ON * lists / count), draw)
    width = sample.shape[1]
    index = faiss.index_factory(width, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.train(sample)
    # A question is about as far from the chunk that answers it as these are from theirs.
    trials = sample[draw.permutation(len(sample))[:_TRIALS]]
    trials = trials + draw.normal(size=trials.shape).astype(np.float32) / np.sqrt(width)
    nearest = Nearest(trials, 10)
    for ids, vectors in batches():
        index.add_with_ids(vectors, ids)
        nearest.add(ids, vectors)
    index.nprobe = min(_FEWEST_LISTS, lists)
    while index.nprobe < lists and nearest.recall(index.search(trials, 10)[1]) < _RECALL:
        index.nprobe = min(index.nprobe * 2, lists)
    return index


class Nearest:
    """The exactly nearest of all vectors that were added, for each of some questions."""

    def __init__(self, questions: NDArray[np.float32], count: int) -> None:
        self._questions = questions
        self._ids = np.full((len(questions), count), -1, np.int64)
        self._scores = np.full((len(questions), count), -np.inf, np.float32)

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        scores = np.hstack([self._scores, self._questions @ vectors.T])
        every = np.hstack([self._ids, np.broadcast_to(ids, (len(self._ids), len(ids)))])
        best = np.argpartition(-scores, self._ids.shape[1] - 1)[:, : self._ids.shape[1]]
        self._scores = np.take_along_axis(scores, best, 1)
        self._ids = np.take_along_axis(every, best, 1)

    def recall(self, found: NDArray[np.int64]) -> float:
        """The share of them that stand in `found`, row by row."""
        pairs = zip(self._ids, found, strict=True)
        return float(np.mean([np.isin(wanted, row).mean() for wanted, row in pairs]))


def _some(batches: Iterable[Batch], share: float, draw: np.random.Generator) -> NDArray[np.float32]:
    return np.concatenate([vectors[draw.random(len(vectors)) < share] for _, vectors in batches])


def save_lists(index: faiss.IndexIVF, folder: Path) -> None:
    faiss.write_index(index, str(folder / _FILE_NAME))


def load_lists(folder: Path) -> faiss.IndexIVF:
    """From a folder whose checksums were compared: FAISS itself accepts a damaged file.

    The lists stay in the file and are mapped into memory.
    """
    flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY
    index = faiss.read_index(str(folder / _FILE_NAME), flags)
    # A thread for each list that is read ahead cost more than the search: 3.7 ms instead of 0.5.
    faiss.downcast_InvertedLists(index.invlists).prefetch_nthread = 0
    return index
