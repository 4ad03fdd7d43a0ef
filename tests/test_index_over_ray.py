"""Reading and encoding over a real Ray of two workers on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.database import Database
from index.embedder import Embedder
from index.errors import IndexProblem
from index.local import LocalStore
from index.settings import Settings
from index.syncing import Encoded, sync

pytest.importorskip("ray", reason="Ray is not installed")

from index.over_ray import encode_files_over_ray

Python = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def articles(write: Write) -> Path:
    """Twenty-four small articles and a file that is none."""
    for number in range(24):
        write(
            f"{number}.md", f"# Mine {number} 😀\n\nThe mine of Oruro sold {number} tonnes. 锡。\n"
        )
    return write("empty.txt", "").parent


def workers() -> list[int]:
    """The processes of Ray's that encode and were started by this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            raylet = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            parent = int(Path(f"/proc/{raylet}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError):
            continue
        if command.startswith(b"ray::") and b"_Worker" in command and parent == os.getpid():
            found.append(int(folder.name))
    return found


def test_same_index_comes_of_it_as_without_although_a_worker_is_killed(
    articles: Path, tmp_path: Path, embedder: Embedder
) -> None:
    killed: list[int] = []
    steps: list[tuple[int, int]] = []

    def kill_one(done: int, total: int, source: str) -> None:
        steps.append((done, total))
        if not killed and (found := workers()):
            os.kill(found[0], signal.SIGKILL)
            killed.append(found[0])

    report = sync(
        articles,
        tmp_path / "ray",
        embedder=embedder,
        progress=kill_one,
        encode_files=encode_files_over_ray,
    )
    assert len(killed) == 1
    assert [(Path(one.source).name, one.cause) for one in report.failed] == [
        ("empty.txt", "it is empty")
    ]
    assert steps == [(number, 25) for number in range(1, 26)]
    plain = sync(articles, tmp_path / "plain", embedder=embedder)
    assert sorted(report.added) == sorted(plain.added)
    for source in plain.added:
        one, other = (content(tmp_path / name, source) for name in ("ray", "plain"))
        assert one[:2] == other[:2]
        assert np.sum(one[2] * other[2], axis=1) == pytest.approx(1, abs=0.01)
    with LocalStore(tmp_path / "ray") as store:
        assert store.problems() == []
    again: list[Path] = []

    def remember(paths: Sequence[Path], *_: object) -> Iterator[tuple[Path, Encoded]]:
        again.extend(paths)
        return iter(())

    sync(articles, tmp_path / "ray", embedder=embedder, encode_files=remember)
    assert [path.name for path in again] == ["empty.txt"]


def content(index_dir: Path, source: str) -> tuple[object, object, NDArray[np.float32]]:
    with Database(index_dir) as database:
        spans = database.chunk_spans(source)
        ids = np.array([chunk for chunk, _, _ in spans])
        (stored,) = database.contents(ids)
        return database.article(source), [span[1:] for span in spans], stored.vectors


def test_address_where_no_cluster_answers_is_named(embedder: Embedder, tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("Tin.")
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1", "nowhere"):
        encoded = encode_files_over_ray([file], embedder, Settings(), address=address)
        with pytest.raises(IndexProblem, match=f"No Ray cluster answers at {address}: "):
            next(encoded)


def test_address_without_ray_is_bad_use(python: Python) -> None:
    done = python("-m", "index", "articles", "--address", "127.0.0.1:6379")
    assert done.returncode == 2
    assert done.stderr == "Error: --address is that of a Ray cluster; say --ray, too.\n"
