"""The child process that parses: when it starts and ends, what it is held to, who may use it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from index import confined
from index.confined import Parser
from index.errors import ArticleError

Python = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parents[1]
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are POSIX's")


@pytest.fixture
def parser() -> Iterator[Parser]:
    parser = Parser()
    yield parser
    parser.stop()


def text_of(parser: Parser, data: bytes, most_characters: int = 50_000_000) -> str:
    return parser.parse(".txt", data, most_characters=most_characters).text


def pid(parser: Parser) -> int:
    assert parser.child
    return parser.child.pid


def runs(process: int) -> bool:
    """Not a zombie that waits for init."""
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


def ends(process: int) -> bool:
    return any(not runs(process) or time.sleep(0.05) for _ in range(200))


def test_one_child_takes_file_after_file(parser: Parser) -> None:
    assert parser.child is None
    assert text_of(parser, b"Output grew.") == "Output grew."
    first = pid(parser)
    assert text_of(parser, "Exports fell – 钢.".encode()) == "Exports fell – 钢."
    assert pid(parser) == first


def test_child_that_was_killed_is_replaced(parser: Parser) -> None:
    text_of(parser, b"Output grew.")
    os.kill(pid(parser), signal.SIGTERM)
    assert ends(pid(parser))
    assert text_of(parser, b"Exports fell.") == "Exports fell."


@posix
def test_child_that_does_not_answer_is_killed(
    parser: Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confined, "_WALL_SECONDS", 0.5)
    monkeypatch.setattr(confined, "_WALL_FACTOR", 0.0)
    text_of(parser, b"Output grew.")
    stopped = pid(parser)
    os.kill(stopped, signal.SIGSTOP)
    with pytest.raises(ArticleError, match="it took too long to read"):
        text_of(parser, b"Output grew.")
    assert ends(stopped)
    assert text_of(parser, b"Exports fell.") == "Exports fell."


def test_text_that_is_longer_than_it_may_be_is_refused(parser: Parser) -> None:
    with pytest.raises(ArticleError, match="its text is too long; at most 10 characters are read"):
        text_of(parser, b"Output grew.", most_characters=10)


def test_text_of_50_megabytes_goes_in_and_its_child_is_not_kept(parser: Parser) -> None:
    text = "Output grew – 😀.\n" * 2_400_000
    assert len(text.encode()) > 49_000_000
    assert text_of(parser, text.encode()) == text.strip()
    assert parser.child is None or confined.bytes_in_use(pid(parser)) < 100_000_000
    assert text_of(parser, b"Exports fell.") == "Exports fell."


def test_threads_share_a_child_and_each_gets_its_own_text(parser: Parser) -> None:
    texts = [f"Output grew by {n} percent." * (n + 1) for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: text_of(parser, text.encode()), texts)) == texts


IMPORTED = """
import sys
import index.confined
print(sorted({"torch", "faiss", "numpy", "pydantic", "trafilatura", "docx"} & set(sys.modules)))
"""


def test_child_imports_no_model_and_no_parser_that_is_not_needed(python: Python) -> None:
    assert python("-c", IMPORTED).stdout == "[]\n"


LOAD = """
import sys
from pathlib import Path
from index.confined import parser
from index.loader import load
print(load(Path(sys.argv[1]), max_megabytes=50).text, flush=True)
print(parser.child.pid, flush=True)
"""


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("Output grew.")
    return path


def test_script_without_a_main_guard_works_in_a_folder_with_an_index_of_its_own(
    tmp_path: Path, article: Path
) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong one')")
    script = tmp_path / "elsewhere" / "script.py"
    script.parent.mkdir()
    script.write_text(LOAD)
    done = subprocess.run(
        [sys.executable, str(script), str(article)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    text, child = done.stdout.splitlines()
    assert (text, done.stderr, done.returncode) == ("Output grew.", "", 0)
    assert ends(int(child))


@posix
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_child_ends_with_its_parent_and_says_nothing(article: Path, how: signal.Signals) -> None:
    # Who runs the tests in the background has Ctrl-C ignored in all that they start.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    forever = "\nwhile True: load(Path(sys.argv[1]), max_megabytes=50)"
    parent = subprocess.Popen(
        [sys.executable, "-c", heed + LOAD + forever, str(article)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout
    assert parent.stdout.readline() == "Output grew.\n"
    child = int(parent.stdout.readline())
    assert runs(child)
    os.killpg(parent.pid, how)  # as Ctrl-C does, to all that the terminal has started
    try:
        said = parent.communicate(timeout=60)[1]
    finally:
        parent.kill()
    assert said.count("Traceback") == (1 if how == signal.SIGINT else 0)
    assert said.strip().endswith("KeyboardInterrupt") or not said
    assert ends(child)


FORK = """
import os, sys
from pathlib import Path
from index.confined import parser
from index.loader import load
path = Path(sys.argv[1])
load(path, max_megabytes=50)
first = parser.child.pid
forked = os.fork()
texts = {load(path, max_megabytes=50).text for _ in range(200)}
print(texts, (parser.child.pid == first) == bool(forked), flush=True)
if forked:
    os.waitpid(forked, 0)
else:
    parser.stop()
    os._exit(0)
"""


@posix
def test_forked_process_starts_a_child_of_its_own(python: Python, article: Path) -> None:
    done = python("-c", FORK, str(article))
    assert (done.stdout, done.stderr) == ("{'Output grew.'} True\n" * 2, "")
