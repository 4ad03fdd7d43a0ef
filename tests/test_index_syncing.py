"""Bringing an index in line with a folder: what is read, what is encoded, what is gone."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import filelock
import pytest

from index.database import FILE_NAME, Database
from index.embedder import Embedder
from index.errors import IndexBusy, IndexDamaged, IndexMismatch, SettingsError
from index.local import LocalStore
from index.settings import Settings
from index.syncing import SyncReport, maker, rebuild, sync
from rag import Assistant

Write = Callable[[str, str | bytes], Path]

ROOT = Path(__file__).parents[1]


class Counting(Protocol):
    encoded: list[str]


COPPER = "# Copper\n\nThe Toquepala mine sold 40 tonnes of copper.\n"
STEEL = "# Steel\n\nThe Monterrey mill rolled 70 tonnes of steel.\n"


@pytest.fixture
def index_dir(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def articles(write: Write) -> Path:
    """A folder of two small articles."""
    write("copper.md", COPPER)
    return write("steel.md", STEEL).parent


@pytest.fixture
def synced(articles: Path, index_dir: Path, embedder: Embedder) -> Path:
    """That folder, synced once."""
    sync(articles, index_dir, embedder=embedder)
    return articles


def names(sources: tuple[str, ...]) -> list[str]:
    return sorted(Path(source).name for source in sources)


def encoded_by(embedder: Counting, action: Callable[[], SyncReport]) -> tuple[SyncReport, int]:
    before = len(embedder.encoded)
    report = action()
    return report, len(embedder.encoded) - before


def problems(index_dir: Path) -> list[str]:
    with LocalStore(index_dir) as store:
        return store.problems()


def found_words(index_dir: Path, embedder: Embedder, word: str) -> list[str]:
    """Names of the articles that keyword search returns for a word."""
    with LocalStore(index_dir, maker=maker(embedder, Settings())) as store, store.reading():
        hits = store.chunks([chunk for chunk, _ in store.search_keywords(word, 9)])
    return [Path(hit.article.source).name for hit in hits]


def found_vectors(index_dir: Path, embedder: Embedder) -> list[str]:
    """Names of the articles that vector search returns for anything."""
    with LocalStore(index_dir, maker=maker(embedder, Settings())) as store, store.reading():
        nearest = store.search_vectors(embedder.encode(["copper"])[0], 9)
        hits = store.chunks([chunk for chunk, _ in nearest])
    assert len(hits) == len(nearest)
    return [Path(hit.article.source).name for hit in hits]


def test_first_sync_takes_every_article_in(
    articles: Path, index_dir: Path, embedder: Embedder
) -> None:
    report = sync(articles, index_dir, embedder=embedder)
    assert names(report.added) == ["copper.md", "steel.md"]
    assert (report.changed, report.removed, report.unchanged, report.failed) == ((), (), (), ())
    assert found_words(index_dir, embedder, "Toquepala") == ["copper.md"]
    assert found_vectors(index_dir, embedder) == ["copper.md", "steel.md"]
    assert problems(index_dir) == []


def test_second_sync_encodes_nothing(
    bundled_articles: Path, bundled_index: Path, embedder: Embedder
) -> None:
    report, count = encoded_by(
        embedder, lambda: sync(bundled_articles, bundled_index, embedder=embedder)
    )
    assert count == 0
    assert len(report.unchanged) == 5
    assert (report.added, report.changed, report.removed, report.failed) == ((), (), (), ())


def test_edit_encodes_that_one_article_anew(
    synced: Path, index_dir: Path, embedder: Embedder, write: Write
) -> None:
    write("steel.md", STEEL.replace("Monterrey", "Monclova"))
    before = len(embedder.encoded)
    report = sync(synced, index_dir, embedder=embedder)
    assert names(report.changed) == ["steel.md"]
    assert names(report.unchanged) == ["copper.md"]
    assert embedder.encoded[before:] == [
        "Steel\n# Steel\n\nThe Monclova mill rolled 70 tonnes of steel."
    ]
    assert found_words(index_dir, embedder, "Monclova") == ["steel.md"]
    assert found_words(index_dir, embedder, "Monterrey") == []
    assert problems(index_dir) == []


def test_rename_encodes_nothing(synced: Path, index_dir: Path, embedder: Embedder) -> None:
    (synced / "metals").mkdir()
    (synced / "steel.md").rename(synced / "metals" / "iron.md")
    report, count = encoded_by(embedder, lambda: sync(synced, index_dir, embedder=embedder))
    assert count == 0
    assert report.changed == (str(synced / "metals" / "iron.md"),)
    assert (report.added, report.removed) == ((), ())
    assert found_words(index_dir, embedder, "Monterrey") == ["iron.md"]


def test_copy_is_another_article(
    synced: Path, index_dir: Path, embedder: Embedder, write: Write
) -> None:
    write("again.md", COPPER)
    assert names(sync(synced, index_dir, embedder=embedder).added) == ["again.md"]


def test_deleted_file_is_gone_everywhere(synced: Path, index_dir: Path, embedder: Embedder) -> None:
    (synced / "steel.md").unlink()
    report, count = encoded_by(embedder, lambda: sync(synced, index_dir, embedder=embedder))
    assert (names(report.removed), count) == (["steel.md"], 0)
    assert found_words(index_dir, embedder, "Monterrey") == []
    assert found_vectors(index_dir, embedder) == ["copper.md"]
    with Database(index_dir) as store:
        assert [article.title for article in store.articles()] == ["Copper"]
        assert len(store.rows()) == 1
    assert b"Monterrey" not in b"".join(
        file.read_bytes() for file in (index_dir / "caches").rglob("*") if file.is_file()
    )


def test_bad_files_are_reported_by_name_and_the_rest_go_in(
    articles: Path, index_dir: Path, embedder: Embedder, write: Write
) -> None:
    write("empty.txt", b"")
    write("binary.txt", b"\x00\x01")
    write("half.pdf", b"%PDF-1.4")
    os.truncate(write("large.txt", b""), 300_000_000)
    write("picture.png", b"no article, and not even mentioned")
    write(".hidden.md", COPPER)
    (articles / "link.md").symlink_to("/etc/hostname")
    (articles / "inner.md").symlink_to("copper.md")
    (articles / "Makefile").symlink_to("/etc/hostname")
    (articles / ".link.md").symlink_to("/etc/hostname")
    report = sync(articles, index_dir, embedder=embedder)
    assert names(report.added) == ["copper.md", "steel.md"]
    assert {Path(failure.source).name: failure.cause for failure in report.failed} == {
        "empty.txt": "it is empty",
        "binary.txt": "it is not text: it holds zero bytes",
        "half.pdf": "it is not a whole PDF: its end is missing",
        "large.txt": "it has 300 MB; at most 50 are read (RAG_MAX_FILE_MEGABYTES)",
        "link.md": "it is a link that leads out of the folder",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="only there is a file's name any bytes")
def test_file_whose_name_is_not_unicode_stops_nobody(
    articles: Path, index_dir: Path, embedder: Embedder
) -> None:
    with open(os.fsencode(articles) + b"/\xff.md", "wb") as file:
        file.write(b"Tin was sold.")
    report = sync(articles, index_dir, embedder=embedder)
    assert {"copper.md", "steel.md"} <= set(names(report.added))
    assert len(report.added) + len(report.failed) == 3


def test_file_that_fails_keeps_what_was_stored_of_it(
    synced: Path, index_dir: Path, embedder: Embedder, write: Write
) -> None:
    write("steel.md", b"\x00")
    report = sync(synced, index_dir, embedder=embedder)
    assert [Path(failure.source).name for failure in report.failed] == ["steel.md"]
    assert report.removed == ()
    assert found_words(index_dir, embedder, "Monterrey") == ["steel.md"]


def test_articles_from_elsewhere_are_left_alone(
    synced: Path, index_dir: Path, embedder: Embedder, tmp_path: Path
) -> None:
    other = tmp_path / "articles-of-others"
    other.mkdir()
    (other / "tin.txt").write_text("Tin\n\nThe Oruro smelter made 9 tonnes.")
    report = sync(other, index_dir, embedder=embedder)
    assert (names(report.added), report.removed) == (["tin.txt"], ())
    (synced / "steel.md").unlink()
    assert names(sync(synced, index_dir, embedder=embedder).removed) == ["steel.md"]
    assert found_words(index_dir, embedder, "Oruro") == ["tin.txt"]


def test_single_files_and_overlapping_folders_are_taken_once(
    articles: Path, index_dir: Path, embedder: Embedder, write: Write
) -> None:
    bad = write("inner/empty.txt", b"")
    report = sync([articles, articles / "copper.md", bad.parent], index_dir, embedder=embedder)
    assert names(report.added) == ["copper.md", "steel.md"]
    assert [failure.source for failure in report.failed] == [str(bad)]


def test_path_that_does_not_exist_is_named(
    tmp_path: Path, index_dir: Path, embedder: Embedder
) -> None:
    with pytest.raises(SettingsError, match=r"There is no file or folder .*nowhere"):
        sync(tmp_path / "nowhere", index_dir, embedder=embedder)
    assert not (index_dir / FILE_NAME).exists()


def test_progress_counts_the_articles_that_are_read(
    synced: Path, index_dir: Path, embedder: Embedder, write: Write
) -> None:
    paths = [write("tin.md", "Tin was sold."), write("zinc.md", "")]
    steps: list[tuple[int, int, str]] = []
    sync(synced, index_dir, embedder=embedder, progress=lambda *step: steps.append(step))
    assert steps == [(1, 2, str(paths[0])), (2, 2, str(paths[1]))]


def test_other_chunk_size_is_a_mismatch_that_a_rebuild_mends_without_the_files(
    bundled_index: Path, bundled_articles: Path, tmp_path: Path, embedder: Embedder
) -> None:
    index_dir = tmp_path / "index"
    shutil.copytree(bundled_index, index_dir)
    smaller = Settings(chunk_tokens=100)
    remedy = f"python -m index rebuild --index {index_dir}"
    with pytest.raises(IndexMismatch, match=remedy):
        sync(bundled_articles, index_dir, settings=smaller, embedder=embedder)
    with pytest.raises(IndexMismatch, match=remedy):
        LocalStore(index_dir, maker=maker(embedder, smaller))
    with Database(index_dir) as store:
        chunks_before = len(store.rows())
        first = store.articles()[0].source
        with store.snapshot():
            text = store.article(first)
    assert rebuild(index_dir, settings=smaller, embedder=embedder) == 5
    with Database(index_dir) as store:
        assert len(store.rows()) > 1.5 * chunks_before
        assert store.article(first) == text
    assert problems(index_dir) == []
    assert rebuild(index_dir, settings=smaller, embedder=embedder) == 0
    with LocalStore(index_dir, maker=maker(embedder, smaller)) as store, store.reading():
        assert len(store.articles()) == 5


def test_fact_after_token_300_is_found(
    index_dir: Path,
    write: Write,
    embedder: Embedder,
    assistant_over: Callable[[Path], Assistant],
) -> None:
    filler = "The committee met again and spoke of many matters of order. "
    fact = "Ambassador Quispe opened the Zorritos bridge in 1987."
    path = write("long.txt", f"Minutes of a committee\n\n{filler * 60}{fact} {filler * 60}")
    assert embedder.count_tokens(filler * 60) > 300
    sync(path, index_dir, embedder=embedder)
    with assistant_over(index_dir) as assistant:
        passages = assistant.retrieve("Who opened the bridge at Zorritos?", limit=1)
        answer = assistant.answer("Who opened the Zorritos bridge in 1987?")
    assert fact in passages[0].text
    assert fact in [citation.quote for citation in answer.citations]


def test_sync_while_another_process_writes_is_busy(
    articles: Path, index_dir: Path, embedder: Embedder
) -> None:
    index_dir.mkdir()
    with (
        filelock.FileLock(index_dir / "write.lock", is_singleton=False),
        pytest.raises(IndexBusy, match="Another process is writing"),
    ):
        sync(articles, index_dir, settings=Settings(lock_timeout_seconds=0), embedder=embedder)
    assert len(sync(articles, index_dir, embedder=embedder).added) == 2


def test_sync_of_a_damaged_index_says_so(synced: Path, index_dir: Path, embedder: Embedder) -> None:
    (index_dir / FILE_NAME).write_bytes(b"garbage" * 999)
    with pytest.raises(
        IndexDamaged, match=r"Move articles\.sqlite and .* elsewhere, and make it again"
    ):
        sync(synced, index_dir, embedder=embedder)


def test_index_over_an_empty_folder_abstains(
    tmp_path: Path,
    index_dir: Path,
    embedder: Embedder,
    assistant_over: Callable[[Path], Assistant],
) -> None:
    (tmp_path / "empty").mkdir()
    assert sync(tmp_path / "empty", index_dir, embedder=embedder) == SyncReport((), (), (), (), ())
    assert problems(index_dir) == []
    with assistant_over(index_dir) as assistant:
        answer = assistant.answer("Who attended?")
    assert answer.abstained
    assert (answer.citations, answer.passages) == ((), ())


# What is killed is a whole process, so that nothing can tidy up. It encodes with word lengths in
# place of the model, which would take seconds to load.
SYNC_WITH_WORD_LENGTHS = """
import sys
import numpy as np
from index.database import FILE_NAME, Database
from index.embedder import Embedder
from index.syncing import sync

class WordLengths(Embedder):
    def encode(self, texts):
        rows = [[1 + len(word) for word in (text.split() * 8)[:8]] for text in texts]
        vectors = np.array(rows, np.float32).reshape(-1, 8)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

print("ready", flush=True)
sync(sys.argv[1], sys.argv[2], embedder=WordLengths())
print("done", flush=True)
"""


def content(index_dir: Path) -> list[object]:
    with Database(index_dir) as store:
        articles = sorted(store.articles(), key=lambda article: article.source)
        vectors = {
            row[0]: vector.tolist()
            for content in store.contents()
            for row, vector in zip(content.rows.tolist(), content.vectors, strict=True)
        }
        return [
            (
                store.article(article.source),
                [
                    (start, end, vectors[chunk])
                    for chunk, start, end in store.chunk_spans(article.source)
                ],
            )
            for article in articles
        ]


def test_sync_killed_at_any_moment_and_run_again_equals_a_clean_one(
    tmp_path: Path, index_dir: Path, write: Write
) -> None:
    for number in range(40):
        folder = write(f"{number}.md", f"# Mine {number}\n\n" + f"It sold {number} tonnes. " * 9)
    command = [sys.executable, "-c", SYNC_WITH_WORD_LENGTHS, str(folder.parent)]
    moments = random.Random(7)
    killed = 0
    for attempt in range(4):
        with subprocess.Popen(
            [*command, str(index_dir)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0.02, 0.4))
            process.send_signal(signal.SIGKILL)
            killed += process.stdout.read() == ""
        write(f"{attempt}.md", f"# Mine {attempt}\n\nIt was edited.\n")
        if (index_dir / FILE_NAME).is_file():
            assert problems(index_dir) == []
    assert killed >= 2
    clean = tmp_path / "clean"
    for target in (index_dir, clean):
        subprocess.run([*command, str(target)], check=True, cwd=ROOT, timeout=60)
    assert len(content(index_dir)) == 40
    assert content(index_dir) == content(clean)
    assert problems(index_dir) == []
