"""The one durable file, and the caches beside it that can be thrown away."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from index.article import Article, Chunk
from index.database import FILE_NAME, Database
from index.errors import IndexDamaged, IndexMissing, IndexProblem
from index.local import LocalStore
from index.schema import MIGRATIONS
from index.store import Filters

COPPER = Article(
    "/a.md", "Copper", "Andina", date(2026, 1, 30), "Copper rose. Tin fell.", "hash-of-copper"
)
STEEL = Article("/b.md", "Steel", "", None, "Steel 😀 rose.", "hash-of-steel")
NORTH, EAST = np.array([0, 1], np.float32), np.array([1, 0], np.float32)


def put_both(index_dir: Path) -> None:
    with Database(index_dir, create=True) as store:
        chunks = [Chunk(0, 12, "Copper rose."), Chunk(13, 22, "Tin fell.")]
        store.put(COPPER, chunks, np.stack([NORTH, EAST]), "maker")
        store.put(STEEL, [Chunk(0, 13, "Steel 😀 rose.")], NORTH[None], "maker")


@pytest.fixture
def index_dir(tmp_path: Path) -> Path:
    put_both(tmp_path)
    return tmp_path


def keyword_hits(index_dir: Path, word: str) -> list[int]:
    with LocalStore(index_dir, maker="maker") as store, store.reading():
        return [chunk_id for chunk_id, _ in store.search_keywords(word, 9)]


def dense_hits(index_dir: Path) -> list[tuple[int, float]]:
    with LocalStore(index_dir, maker="maker") as store, store.reading():
        return store.search_vectors(EAST, 1)


def problems(index_dir: Path) -> list[str]:
    """Without what to do about them."""
    with LocalStore(index_dir) as store:
        return [problem.partition(" Remove")[0] for problem in store.problems()]


def test_what_was_put_in_comes_out(index_dir: Path) -> None:
    with Database(index_dir) as store:
        assert store.article("/a.md") == COPPER
        assert store.article("/b.md") == STEEL
        assert store.article("/c.md") is None
        assert [found.chunk.text for found in store.chunks([3, 2, 99])] == [
            "Steel 😀 rose.",
            "Tin fell.",
        ]
        listed = store.articles()
    assert [(one.title, one.characters, one.chunks) for one in listed] == [
        ("Copper", 22, 2),
        ("Steel", 13, 1),
    ]
    assert problems(index_dir) == []


def test_article_from_the_same_source_takes_the_place_of_the_old_one(index_dir: Path) -> None:
    with Database(index_dir) as store:
        edited = Article("/b.md", "Steel", "", None, "Steel fell.", "other-hash")
        store.put(edited, [Chunk(0, 11, "Steel fell.")], EAST[None], "maker")
        assert store.article("/b.md") == edited
        contents = list(store.contents())
    # An id is never used twice.
    assert [row[0] for content in contents for row in content.rows.tolist()] == [1, 2, 4]
    assert [content.vectors.tolist() for content in contents] == [[[0, 1], [1, 0]], [[1, 0]]]


def test_chunks_are_chosen_by_publisher_and_date(index_dir: Path) -> None:
    with Database(index_dir) as store:
        assert store.chunk_ids(Filters()).tolist() == [1, 2, 3]
        assert store.chunk_ids(Filters("aNDINA")).tolist() == [1, 2]
        assert store.chunk_ids(Filters("Anders")).tolist() == []
        day = date(2026, 1, 30)
        assert store.chunk_ids(Filters(since=day, until=day)).tolist() == [1, 2]
        assert store.chunk_ids(Filters(since=date(2026, 1, 31))).tolist() == []


def test_put_that_fails_changes_nothing(index_dir: Path) -> None:
    with Database(index_dir) as store:
        before = store.state()
        with pytest.raises(ValueError, match="zip"):
            store.put(STEEL, [Chunk(0, 5, "Steel")], np.stack([NORTH, EAST]), "maker")
        assert store.state() == before
        assert store.article("/b.md") == STEEL
    assert problems(index_dir) == []


def test_missing_index_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="python -m index PATH --index"):
        Database(tmp_path)


def test_garbage_in_place_of_the_database_is_named(index_dir: Path) -> None:
    (index_dir / FILE_NAME).write_bytes(b"garbage " * 1000)
    with pytest.raises(IndexDamaged, match="is damaged: file is not a database"):
        Database(index_dir)


def test_index_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        MIGRATIONS[0](db)
        db.execute("PRAGMA user_version = 1")
        db.execute(
            """INSERT INTO article VALUES
               (7, '/a.md', 'Copper', 'Andina', '2026-01-30', 'Copper rose. Tin fell.',
                'hash-of-copper', 'maker', 'of the first kind', '2026-02-01 10:00:00')"""
        )
        rows = [(1, 7, 0, 12, NORTH.tobytes()), (2, 7, 13, 22, EAST.tobytes())]
        db.executemany("INSERT INTO chunk VALUES (?, ?, ?, ?, ?)", rows)
    db.close()
    assert dense_hits(tmp_path) == [(2, 1.0)]
    assert keyword_hits(tmp_path, "tin") == [2]
    assert problems(tmp_path) == []
    with Database(tmp_path) as store:
        assert store.article("/a.md") == COPPER
        store.remove("/a.md")
        assert len(store.rows()) == 0
    assert problems(tmp_path) == []


def test_index_of_a_newer_release_is_refused(index_dir: Path) -> None:
    with sqlite3.connect(index_dir / FILE_NAME) as db:
        db.execute("PRAGMA user_version = 999")
    with pytest.raises(IndexProblem, match="newer release"):
        Database(index_dir)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE article SET text = replace(text, 'Tin', 'Tan')", "/a.md is not what was stored."),
        ("UPDATE chunk SET start = 1 WHERE id = 3", "/b.md is not what was stored."),
        ("UPDATE article SET source = '/c.md' WHERE id = 2", "/c.md is not what was stored."),
        ("UPDATE article SET added = 'now' WHERE id = 2", "/b.md is not what was stored."),
        ("UPDATE vector SET value = zeroblob(8) WHERE chunk = 3", "/b.md is not what was stored."),
        ("DELETE FROM vector WHERE chunk = 3", "/b.md is not what was stored."),
    ],
)
def test_change_behind_the_stores_back_is_found(index_dir: Path, statement: str, said: str) -> None:
    with sqlite3.connect(index_dir / FILE_NAME) as db:
        db.execute(statement)
    assert problems(index_dir) == [said]
    source = said.split()[0]
    with pytest.raises(IndexDamaged, match="is not what was stored"):
        dense_hits(index_dir)  # it reads all vectors
    with Database(index_dir) as store, pytest.raises(IndexDamaged, match=source):
        store.chunks([1 if source == "/a.md" else 3])


def test_deleted_chunk_is_found(index_dir: Path) -> None:
    with sqlite3.connect(index_dir / FILE_NAME) as db:
        db.execute("DELETE FROM chunk WHERE id = 2")
    assert problems(index_dir) == [
        "Row 2 of vector belongs to nothing.",
        "/a.md is not what was stored.",
    ]
    with Database(index_dir) as store, pytest.raises(IndexDamaged):
        store.chunks([1])


def test_flipped_byte_in_a_text_is_found(index_dir: Path) -> None:
    file = index_dir / FILE_NAME
    file.write_bytes(file.read_bytes().replace(b"Tin fell.", b"Tin\x00fell."))
    assert problems(index_dir) == ["/a.md is not what was stored."]


@pytest.mark.parametrize("page", range(1, 7))
def test_zeroed_page_is_a_problem_named_never_a_traceback(index_dir: Path, page: int) -> None:
    file = index_dir / FILE_NAME
    whole = file.read_bytes()
    file.write_bytes(whole[: page * 4096] + bytes(4096) + whole[(page + 1) * 4096 :])
    try:
        found = problems(index_dir)
    except IndexDamaged:
        return
    assert found


def test_reading_a_database_with_a_zeroed_page_is_a_problem_named(index_dir: Path) -> None:
    with sqlite3.connect(index_dir / FILE_NAME) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'article'").fetchone()
    file = index_dir / FILE_NAME
    whole = file.read_bytes()
    file.write_bytes(whole[: (page - 1) * 4096] + bytes(4096) + whole[page * 4096 :])
    with pytest.raises(IndexDamaged):
        dense_hits(index_dir)


def caches(index_dir: Path) -> list[Path]:
    return [file for file in sorted((index_dir / "caches").rglob("*")) if file.is_file()]


def delete(file: Path) -> None:
    file.unlink()


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("harm", [delete, truncate, flip])
def test_harmed_caches_are_rebuilt_and_find_the_same(
    index_dir: Path, harm: Callable[[Path], None]
) -> None:
    assert keyword_hits(index_dir, "tin") == [2]
    assert dense_hits(index_dir) == [(2, 1.0)]
    for file in caches(index_dir):
        if file.stat().st_size:
            harm(file)
    assert keyword_hits(index_dir, "tin") == [2]
    assert dense_hits(index_dir) == [(2, 1.0)]
    assert problems(index_dir) == []


def test_caches_are_rebuilt_when_their_folder_is_gone(index_dir: Path) -> None:
    assert keyword_hits(index_dir, "tin") == [2]
    shutil.rmtree(index_dir / "caches")
    assert keyword_hits(index_dir, "tin") == [2]


def test_caches_of_an_older_state_are_deleted(index_dir: Path) -> None:
    assert dense_hits(index_dir) == [(2, 1.0)]
    with Database(index_dir) as store:
        store.remove("/a.md")
    assert keyword_hits(index_dir, "tin") == []
    assert dense_hits(index_dir) == [(3, 0.0)]
    assert len(list((index_dir / "caches").iterdir())) == 1


def test_stale_cache_swapped_in_is_not_used(index_dir: Path, tmp_path: Path) -> None:
    assert keyword_hits(index_dir, "tin") == [2]
    stale = {folder.name.split("-")[0]: folder for folder in (index_dir / "caches").iterdir()}
    for name, folder in stale.items():
        shutil.copytree(folder, tmp_path / "aside" / name)
    with Database(index_dir) as store:
        store.remove("/a.md")
    assert keyword_hits(index_dir, "tin") == []
    for folder in (index_dir / "caches").iterdir():
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "aside" / folder.name.split("-")[0], folder)
    assert keyword_hits(index_dir, "tin") == []
    assert dense_hits(index_dir) == [(3, 0.0)]


def test_caches_do_not_outlive_a_database_put_back_from_a_backup(
    index_dir: Path, tmp_path: Path
) -> None:
    """Two changes to one state, one of them undone by a backup, are two different states."""
    shutil.copy(index_dir / FILE_NAME, tmp_path / "backup")
    with Database(index_dir) as store:
        store.remove("/a.md")
    assert keyword_hits(index_dir, "tin") == []
    shutil.copy(tmp_path / "backup", index_dir / FILE_NAME)
    with Database(index_dir) as store:
        store.remove("/b.md")
    assert keyword_hits(index_dir, "tin") == [2]


def test_temporary_folders_of_a_killed_writer_are_cleared_away(index_dir: Path) -> None:
    for name, hours in (("keyword.tmp-killed", 2), ("keyword.tmp-at-work", 0)):
        (index_dir / "caches" / name).mkdir(parents=True)
        then = time.time() - 3600 * hours
        os.utime(index_dir / "caches" / name, (then, then))
    assert keyword_hits(index_dir, "tin") == [2]
    names = {folder.name.split("-")[0] for folder in (index_dir / "caches").iterdir()}
    assert names == {"keyword", "keyword.tmp"}
    assert not (index_dir / "caches" / "keyword.tmp-killed").exists()


def test_store_in_a_folder_that_it_may_not_write_to_sees_what_others_write(
    index_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as as_another_user:
        as_another_user.setattr(os, "access", lambda *_: False)
        reader = LocalStore(index_dir, maker="maker")

    def seen() -> list[str]:
        with reader.reading():
            return [article.source for article in reader.articles()]

    assert seen() == ["/a.md", "/b.md"]
    with LocalStore(index_dir) as writer, writer.writing():
        writer.put(replace(STEEL, source="/c.md"), [Chunk(0, 5, "Steel")], EAST[None], "maker")
        assert seen() == ["/a.md", "/b.md", "/c.md"]
        writer.remove("/b.md")
        assert seen() == ["/a.md", "/c.md"]
    assert seen() == ["/a.md", "/c.md"]
    with reader.reading():
        assert reader.search_keywords("steel", 9)[0][0] == 4
    reader.close()
