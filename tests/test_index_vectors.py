"""Search by vector: all of few, lists of many, and what changed since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.vectors import Batch, Nearest, VectorIndex, build_lists, load_lists, save_lists

NONE = np.empty(0, np.int64)


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def many() -> NDArray[np.float32]:
    """6,000 vectors of 32 dimensions around 60 subjects. Their ids count from 1."""
    draw = np.random.default_rng(1)
    subjects = draw.normal(size=(60, 32))
    noise = draw.normal(size=(6000, 32))
    return unit((subjects[draw.integers(60, size=6000)] + 0.6 * noise).astype(np.float32))


def batches(vectors: NDArray[np.float32]) -> Iterator[Batch]:
    for at in range(0, len(vectors), 700):
        part = vectors[at : at + 700]
        yield np.arange(at + 1, at + 1 + len(part)), part


@pytest.fixture(scope="module")
def folder(many: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists")
    save_lists(build_lists(lambda: batches(many), len(many)), folder)
    return folder


def exactly(vectors: NDArray[np.float32], question: NDArray[np.float32]) -> list[int]:
    return (np.argsort(-(vectors @ question), kind="stable")[:10] + 1).tolist()


def ids(found: list[tuple[int, float]]) -> list[int]:
    return [chunk_id for chunk_id, _ in found]


def test_few_vectors_are_all_compared() -> None:
    index = VectorIndex(None, NONE)
    assert index.search(np.array([1, 0], np.float32), 3) == []
    index.add(np.array([7, 9, 8]), np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32))
    found = index.search(np.array([1, 0], np.float32), 2)
    assert ids(found) == [7, 9]
    assert [score for _, score in found] == pytest.approx([1.0, 0.6], abs=1e-3)


def test_lists_find_nearly_all_of_the_ten_nearest(many: NDArray[np.float32], folder: Path) -> None:
    index = VectorIndex(load_lists(folder), NONE)
    draw = np.random.default_rng(2)
    questions = unit(many[:100] + 0.1 * draw.normal(size=(100, 32)).astype(np.float32))
    shares = [len(set(ids(index.search(q, 10))) & set(exactly(many, q))) / 10 for q in questions]
    assert np.mean(shares) >= 0.95


def test_lists_are_made_alike_every_time(many: NDArray[np.float32], folder: Path) -> None:
    again = VectorIndex(build_lists(lambda: batches(many), len(many)), NONE)
    index = VectorIndex(load_lists(folder), NONE)
    assert all(again.search(q, 10) == index.search(q, 10) for q in many[:20])


def test_what_is_gone_is_passed_over(many: NDArray[np.float32], folder: Path) -> None:
    best = exactly(many, many[0])
    gone = np.array(sorted(best[:9]))
    found = ids(VectorIndex(load_lists(folder), gone).search(many[0], 10))
    assert len(found) == 10
    assert not set(found) & set(gone.tolist())
    assert best[9] in found


def test_what_was_added_stands_beside_what_the_lists_hold(
    many: NDArray[np.float32], folder: Path
) -> None:
    index = VectorIndex(load_lists(folder), NONE)
    index.add(np.array([9001, 9002]), np.stack([many[0], -many[0]]))
    found = ids(index.search(many[0], 10))
    assert {found[0], found[1]} == {1, 9001}
    assert 9002 not in found


def test_only_some_ids_may_be_asked_for_wherever_they_are(
    many: NDArray[np.float32], folder: Path
) -> None:
    index = VectorIndex(load_lists(folder), NONE)
    index.add(np.array([9001]), many[:1])
    among = np.array([4, 2500, 5999, 9001])
    assert sorted(ids(index.search(many[0], 10, among))) == among.tolist()
    assert index.search(many[0], 10, NONE) == []


def test_id_whose_old_vector_is_gone_has_its_new_one_alone(
    many: NDArray[np.float32], folder: Path
) -> None:
    """As after a database was put back from a copy and changed again."""
    index = VectorIndex(load_lists(folder), np.array([1]))
    index.add(np.array([1]), -many[:1])
    for among in (None, np.array([1, 2])):
        scores = [score for chunk_id, score in index.search(-many[0], 9, among) if chunk_id == 1]
        assert scores == pytest.approx([1.0], abs=0.01)


def test_recall_is_the_share_of_the_nearest_that_was_found() -> None:
    nearest = Nearest(np.array([[1, 0]], np.float32), 2)
    nearest.add(np.array([1, 2]), np.array([[0, 1], [1, 0]], np.float32))
    nearest.add(np.array([3]), np.array([[0.9, 0.1]], np.float32))
    assert nearest.recall(np.array([[2, 3]])) == 1
    assert nearest.recall(np.array([[2, 1]])) == 0.5
