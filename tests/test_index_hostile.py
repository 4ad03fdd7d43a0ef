"""Hostile files cost little, become an article or an ArticleError, and hold up no other file."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import CANARY, FILES, page, word

from index.article import Article
from index.errors import ArticleError
from index.loader import SUFFIXES, load

Python = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str | bytes], Path]

#: What a file of up to 100 kB may use; and what a slow machine adds before it is killed.
CPU_SECONDS, SLACK_SECONDS = 2.0, 0.2
RESIDENT_MEGABYTES = 200

GOOD = {
    ".md": "Output grew.",
    ".txt": "Output grew.",
    ".html": page("<p>Output grew.</p>"),
    ".pdf": FILES["javascript-and-launch.pdf"](),
    ".docx": word(document="<w:p><w:r><w:t>Output grew.</w:t></w:r></w:p>"),
}

#: Loads every file, and after each one a good one of its kind; says what became of it, what it took
#: of the child's time and memory, and how long its text takes to split. It is a process by itself
#: since a child counts as resident what its parent was when it was started.
LOAD_ALL = """
import json, resource, sys, time
from pathlib import Path
from index.chunker import chunk
from index.confined import parser
from index.errors import ArticleError
from index.loader import load

def used():
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, peak = ended.ru_utime + ended.ru_stime, ended.ru_maxrss / 1000
    if parser.child and parser.child.poll() is None:
        proc = Path("/proc", str(parser.child.pid))
        ticks = proc.joinpath("stat").read_text().rpartition(")")[2].split()[11:13]
        seconds += sum(map(int, ticks)) / 100
        status = proc.joinpath("status").read_text()
        peak = max(peak, int(status.partition("VmHWM:")[2].split()[0]) / 1000)
    return seconds, peak

def outcome(path):
    try:
        return load(path, max_megabytes=50).text, ""
    except ArticleError as error:
        return "", str(error)

folder = Path(sys.argv[1])
for path in sorted(folder.glob("hostile/*")):
    good = folder / f"good{path.suffix}"
    outcome(good)
    before, _ = used()
    text, cause = outcome(path)
    after, peak = used()
    started = time.process_time()
    chunks = len(chunk(text, len, 800))
    print(json.dumps({
        "name": path.name, "text": text[:1000], "cause": cause, "cpu_seconds": after - before,
        "resident_megabytes": peak, "chunks": chunks,
        "chunk_seconds": time.process_time() - started, "then": outcome(good)[1],
    }), flush=True)
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    if not Path("/proc/self/stat").exists():
        pytest.skip("what a process uses is read from /proc")
    folder = tmp_path_factory.mktemp("files")
    canary = folder / "canary.txt"
    canary.write_text(CANARY, "utf-8")
    (folder / "hostile").mkdir()
    made = {f"hostile/{name}": make() for name, make in FILES.items()}
    for name, content in {**made, **{f"good{suffix}": one for suffix, one in GOOD.items()}}.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data.replace(b"CANARY-FILE", bytes(canary)))
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALL, str(folder)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", FILES)
def test_hostile_file_costs_little_and_the_next_file_goes_in(
    outcomes: dict[str, dict[str, Any]], name: str
) -> None:
    outcome = outcomes[name]
    assert bool(outcome["cause"]) != bool(outcome["text"])
    assert outcome["cpu_seconds"] < CPU_SECONDS + SLACK_SECONDS
    assert outcome["resident_megabytes"] < RESIDENT_MEGABYTES
    assert outcome["chunk_seconds"] < CPU_SECONDS + SLACK_SECONDS
    assert outcome["then"] == ""
    assert CANARY not in outcome["text"]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("unpacks-to-90-megabytes-of-text.docx", "it needs too much memory"),
        ("declares-4-gigabytes.docx", "unpacked, it is too large"),
        ("overlapping-entries.docx", "unpacked, it is too large"),
        ("merged-aliases.md", "it took too long to read"),
        ("forms-in-a-circle.pdf", "its parser crashed"),
        ("page-of-a-million-lines.pdf", "its parser crashed"),
        ("truncated.pdf", "it is not a whole PDF: its end is missing"),
    ],
)
def test_cause_is_named(outcomes: dict[str, dict[str, Any]], name: str, cause: str) -> None:
    assert outcomes[name]["cause"] == cause


def test_what_a_pdf_wants_to_run_is_left_alone(outcomes: dict[str, dict[str, Any]]) -> None:
    text = outcomes["javascript-and-launch.pdf"]["text"]
    assert text == "Steel output grew by 3 percent in May."


def outcome(path: Path) -> Article | str:
    try:
        return load(path, max_megabytes=50)
    except ArticleError as error:
        return str(error)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "device.txt").symlink_to("/dev/zero")
    for path in sorted(tmp_path.iterdir()):
        assert outcome(path) == "it is not a regular file"


def test_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.symlink_to("/proc/self/status")  # says that it has no bytes, and has some
    assert outcome(path) == "it changed while it was read"


@pytest.fixture
def changing(write: Write) -> Iterator[tuple[Path, tuple[str, str]]]:
    """A file that is replaced and cut short without end."""
    texts = ("Output grew. " * 20_000, "Exports fell. " * 30_000)
    path, ended = write("a.txt", texts[0]), threading.Event()

    def change() -> None:
        while not ended.is_set():
            for text in texts:
                new = path.with_name("new")
                new.write_text(text)
                os.replace(new, path)
                os.truncate(path, 1000)

    thread = threading.Thread(target=change)
    thread.start()
    yield path, texts
    ended.set()
    thread.join()


def test_article_of_a_file_that_changes_is_of_one_state_of_it(
    changing: tuple[Path, tuple[str, str]],
) -> None:
    path, texts = changing
    states = {text.encode() for text in texts} | {text.encode()[:1000] for text in texts}
    hashes = {hashlib.sha256(state).hexdigest(): state.decode().strip() for state in states}
    found = [outcome(path) for _ in range(100)]
    assert any(isinstance(one, Article) for one in found)
    for one in found:
        if isinstance(one, Article):
            assert one.text == hashes[one.content_hash]
        else:
            assert one == "it changed while it was read"


def test_every_kind_of_file_has_hostile_ones() -> None:
    assert {Path(name).suffix for name in FILES} == set(SUFFIXES) - {".htm"}


def test_few_inputs_of_the_fuzzer_find_nothing(python: Python) -> None:
    done = python("tests/fuzz_loader.py", "--engine", "hypothesis", "--count", "300")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("300 inputs in ")
    assert ", 0 failures; " in done.stdout
