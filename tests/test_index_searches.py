"""Caches over many chunks come in line with what changed, and are not made anew for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.article import Article, Chunk
from index.local import LocalStore
from index.store import Filters
from index.vectors import MOST_EXACT

ARTICLES, CHUNKS, WIDTH = 42, 500, 8


def chunk_vector(article: int, chunk: int) -> NDArray[np.float32]:
    row = np.random.default_rng([article, chunk]).normal(size=WIDTH).astype(np.float32)
    return row / np.linalg.norm(row)


def put(store: LocalStore, number: int, word: str = "copper") -> None:
    """An article whose every chunk has a word of its own."""
    pieces = [f"{word} a{number}c{place}." for place in range(CHUNKS)]
    starts = np.cumsum([0, *(len(piece) + 1 for piece in pieces)]).tolist()
    chunks = [Chunk(at, at + len(piece), piece) for at, piece in zip(starts, pieces, strict=False)]
    text = " ".join(pieces)
    publisher = "Odd" if number % 2 else ""
    article = Article(f"/{number}.txt", f"Mine {number}", publisher, None, text, f"{word} {number}")
    vectors = np.stack([chunk_vector(number, place) for place in range(CHUNKS)])
    store.put(article, chunks, vectors, "maker")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of so many chunks that their vectors are in lists. Copy it before you change it."""
    assert ARTICLES * CHUNKS > MOST_EXACT
    folder = tmp_path_factory.mktemp("many") / "index"
    with LocalStore(folder, create=True) as store, store.writing():
        for number in range(ARTICLES):
            put(store, number)
    return folder


@pytest.fixture
def index_dir(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "index")


def caches(index_dir: Path) -> dict[str, Path]:
    return {folder.name.split("-")[0]: folder for folder in (index_dir / "caches").iterdir()}


def sources(index_dir: Path, article: int, chunk: int) -> tuple[list[str], list[str]]:
    """Where the chunk nearest to that one, and the chunks with its word, come from."""
    with LocalStore(index_dir, maker="maker") as store, store.reading():
        dense = store.search_vectors(chunk_vector(article, chunk), 1)
        keyword = store.search_keywords(f"a{article}c{chunk}", 5)
        return tuple(
            [found.article.source for found in store.chunks([i for i, _ in hits])]
            for hits in (dense, keyword)
        )


def test_both_searches_find_a_chunk_among_many(index_dir: Path) -> None:
    assert set(caches(index_dir)) == {"keyword", "vectors"}
    assert sources(index_dir, 17, 400) == (["/17.txt"], ["/17.txt"])


def test_both_searches_find_the_best_of_the_articles_that_may_answer(index_dir: Path) -> None:
    odd = Filters(publisher="Odd")
    with LocalStore(index_dir, maker="maker") as store, store.reading():
        vectors = {
            spans[place][0]: chunk_vector(number, place)
            for number in range(1, ARTICLES, 2)
            for spans in [store.chunk_spans(f"/{number}.txt")]
            for place in range(CHUNKS)
        }
        asked = chunk_vector(2, 7)
        best = max(vectors.values(), key=lambda vector: float(asked @ vector))
        dense = store.search_vectors(asked, 10, odd)
        assert {number for number, _ in dense} <= set(vectors)
        assert dense[0][1] == pytest.approx(float(asked @ best), abs=0.02)
        question = "copper a2c7 a3c7 mine 5"
        found = store.search_keywords(question, ARTICLES * CHUNKS)
        among = [hit for hit in found if hit[0] in vectors]
        assert len(among) == 501  # "copper" and "mine" are everywhere
        assert store.search_keywords(question, 10, odd) == among[:10]
        assert store.search_keywords("a2c7", 10, odd) == []


def test_added_article_is_found_and_the_old_files_stay(index_dir: Path) -> None:
    before = caches(index_dir)
    segments = {file.stat().st_ino for file in before["keyword"].iterdir()}
    with LocalStore(index_dir) as store, store.writing():
        put(store, 99)
    after = caches(index_dir)
    assert after["vectors"] == before["vectors"]
    assert after["keyword"] != before["keyword"]
    assert len(segments & {file.stat().st_ino for file in after["keyword"].iterdir()}) >= 3
    assert sources(index_dir, 99, 7) == (["/99.txt"], ["/99.txt"])
    assert sources(index_dir, 17, 400) == (["/17.txt"], ["/17.txt"])


def test_deleted_article_is_found_no_more_and_the_old_lists_stay(index_dir: Path) -> None:
    before = caches(index_dir)["vectors"]
    with LocalStore(index_dir) as store, store.writing():
        store.remove("/17.txt")
    dense, keyword = sources(index_dir, 17, 400)
    assert "/17.txt" not in dense
    assert keyword == []
    assert caches(index_dir)["vectors"] == before


def test_edited_article_is_found_as_it_is_now(index_dir: Path) -> None:
    with LocalStore(index_dir) as store, store.writing():
        put(store, 17, word="tin")
    with LocalStore(index_dir, maker="maker") as store, store.reading():
        found = store.chunks([i for i, _ in store.search_keywords("tin", 1000)])
        (chunk_id, score) = store.search_vectors(chunk_vector(17, 3), 1)[0]
        assert [hit.chunk.text for hit in store.chunks([chunk_id])] == ["tin a17c3."]
    assert len(found) == CHUNKS
    assert score == pytest.approx(1, abs=0.01)


def test_caches_are_made_anew_once_much_has_changed(index_dir: Path) -> None:
    before = caches(index_dir)["vectors"]
    with LocalStore(index_dir) as store, store.writing():
        for number in range(50, 56):  # a seventh more
            put(store, number)
    assert caches(index_dir)["vectors"] != before
    assert sources(index_dir, 55, 7) == (["/55.txt"], ["/55.txt"])


def test_texts_that_are_gone_stop_counting_once_they_are_many(index_dir: Path) -> None:
    with LocalStore(index_dir) as store:
        for word in ("tin", "zinc", "lead", "iron", "gold"):
            with store.writing():
                put(store, 17, word=word)
                put(store, 18, word=word)
    forgotten = int((caches(index_dir)["keyword"] / "forgotten").read_text())
    assert forgotten <= ARTICLES * CHUNKS / 10
    assert sources(index_dir, 17, 400) == (["/17.txt"], ["/17.txt"])


@pytest.mark.parametrize("name", ["vectors.faiss", "rows.npy"])
def test_flipped_bit_in_the_lists_is_seen(index_dir: Path, name: str) -> None:
    file = caches(index_dir)["vectors"] / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert sources(index_dir, 17, 400) == (["/17.txt"], ["/17.txt"])
    assert file.exists() is False or file.read_bytes() != bytes(data)
