"""The two searches over a database, opened from caches that come in line with it first.

A cache says which chunks it shows, by id and digest: what it lacks is added, what is gone is passed
over, and one of another database shows nothing of this one. Knows nothing of questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.caches import delete_caches, link_files, newest_cache, write_cache
from index.database import Database
from index.keyword import KeywordIndex
from index.vectors import MOST_EXACT, Batch, VectorIndex, build_lists, load_lists, save_lists

#: What FAISS and tantivy raise for a file of another release, or one deleted under them.
_UNREADABLE = (OSError, RuntimeError, ValueError)

#: In a cache's folder: ids and digests of the chunks that it shows, and how many it showed once.
_ROWS, _FORGOTTEN = "rows.npy", "forgotten"
#: A cache is made anew where a larger share of the chunks than this has changed.
_MOST_CHANGED = 0.1
#: So few texts are indexed in a fraction of a second, and then no text that is gone counts.
_MOST_INDEXED_ANEW = 2_000
_ARTICLES_A_BATCH = 1_000


def bring_in_line(index_dir: Path, database: Database) -> None:
    """Write what the caches lack of the database's present state, so that opening them is quick."""
    rows = database.rows()
    lists, _, _ = _lists(index_dir, database, rows)
    if lists is None:  # there may have been more vectors once
        delete_caches(index_dir, "vectors")
    _keyword_folder(index_dir, database, rows)


def how_vectors_are_searched(index_dir: Path, database: Database) -> str:
    lists, _, fresh = _lists(index_dir, database, database.rows())
    if lists is None:
        return "all compared in float16"
    return (
        f"{lists.nlist} lists in 8 bits, {lists.nprobe} read for a question; "
        f"{len(fresh)} vectors since all compared"
    )


def open_vectors(index_dir: Path, database: Database, rows: NDArray[np.int64]) -> VectorIndex:
    """Over inverted lists where there are many vectors, and what came since; else over all."""
    lists, gone, fresh = _lists(index_dir, database, rows)
    index = VectorIndex(lists, gone)
    for ids, vectors in vector_batches(database, fresh):
        index.add(ids, vectors)
    return index


def open_keyword(index_dir: Path, database: Database, rows: NDArray[np.int64]) -> KeywordIndex:
    """In its folder, or in memory where that cannot be written to."""
    with suppress(*_UNREADABLE):
        folder = _keyword_folder(index_dir, database, rows)
        if folder:
            return KeywordIndex.load(folder)
    return KeywordIndex.build(_titled_texts(database))


def _lists(
    index_dir: Path, database: Database, rows: NDArray[np.int64]
) -> tuple[Any, NDArray[np.int64], NDArray[np.int64]]:
    """Inverted lists, which of their ids are gone, and which ids they lack.

    None, for few vectors, which lacks all.
    """
    nothing = rows[:0, 0]
    if len(rows) <= MOST_EXACT:
        return None, nothing, rows[:, 0]
    folder = newest_cache(index_dir, "vectors")
    with suppress(*_UNREADABLE):
        if folder:
            gone, fresh = _difference(np.load(folder / _ROWS), rows)
            if len(gone) + len(fresh) <= len(rows) * _MOST_CHANGED:
                return load_lists(folder), gone, fresh
    lists = build_lists(lambda: vector_batches(database), len(rows))

    def write(new: Path) -> None:
        save_lists(lists, new)
        np.save(new / _ROWS, rows)

    write_cache(index_dir, "vectors", database.state(), write)
    return lists, nothing, nothing


def vector_batches(database: Database, ids: NDArray[np.int64] | None = None) -> Iterator[Batch]:
    """Ids and vectors of all chunks, or of those with these rising ids, some thousand at a time."""
    contents = database.contents(ids)
    while batch := list(islice(contents, _ARTICLES_A_BATCH)):
        yield (
            np.concatenate([content.rows[:, 0] for content in batch]),
            np.concatenate([content.vectors for content in batch]),
        )


def _keyword_folder(index_dir: Path, database: Database, rows: NDArray[np.int64]) -> Path | None:
    """The folder of a keyword index of all chunks; None where none can be written."""
    for _ in range(2):  # once it is written it is read again; another process may have done it, too
        with suppress(*_UNREADABLE):
            folder = newest_cache(index_dir, "keyword")
            gone, fresh = rows[:0, 0], rows[:, 0]
            if folder:
                gone, fresh = _difference(np.load(folder / _ROWS), rows)
                if not len(gone) and not len(fresh):
                    return folder
            write = _keyword_writer(database, folder, gone, fresh, rows)
            if not write_cache(index_dir, "keyword", database.state(), write):
                break
    return None


def _keyword_writer(
    database: Database,
    old: Path | None,
    gone: NDArray[np.int64],
    fresh: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> Callable[[Path], None]:
    """What fills a folder: the old one's texts and what changed, or where much did, all texts.

    Texts that are gone go on to count in how rare a word is, so they may be few, too.
    """
    forgotten = len(gone) + (_forgotten(old) if old else 0)
    few = len(rows) <= _MOST_INDEXED_ANEW
    anew = old is None or few or forgotten + len(fresh) > len(rows) * _MOST_CHANGED

    def write(new: Path) -> None:
        if old is None or anew:
            KeywordIndex.build(_titled_texts(database), new)
        else:
            link_files(old, new)
            KeywordIndex.load(new).change(gone.tolist(), _titled_texts(database, fresh))
        (new / _FORGOTTEN).unlink(missing_ok=True)
        (new / _FORGOTTEN).write_text(str(0 if anew else forgotten))
        (new / _ROWS).unlink(missing_ok=True)  # the old folder has the same file
        np.save(new / _ROWS, rows)

    return write


def _titled_texts(
    database: Database, ids: NDArray[np.int64] | None = None
) -> Iterator[tuple[int, str]]:
    for content in database.contents(ids):
        for chunk_id, text in zip(content.rows[:, 0].tolist(), content.texts, strict=True):
            yield chunk_id, f"{content.title}\n{text}"


def _forgotten(folder: Path) -> int:
    return int((folder / _FORGOTTEN).read_text())


def _difference(
    cached: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ids that only the cache has and those that only the database has.

    An id of another digest is another chunk: a database was put back from a copy.
    """
    places = np.searchsorted(rows[:, 0], cached[:, 0])
    same = places < len(rows)
    same[same] = (rows[places[same]] == cached[same]).all(axis=1)
    fresh = np.ones(len(rows), bool)
    fresh[places[same]] = False
    return cached[~same, 0], rows[fresh, 0]
