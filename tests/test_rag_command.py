"""The command `python -m rag`, from the outside. Each run that answers loads the model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Python = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parents[1]

QUESTION = "How many people attended the mineral forum?"
QUOTE = (
    "About 900 people from the two countries came to the forum, among them government "
    "officials, experts on mining and representatives of business."
)


@pytest.fixture
def ask(python: Python, bundled_index: Path) -> Python:
    """Run `python -m rag ARGUMENTS... --index` the bundled index."""
    return lambda *arguments: python("-m", "rag", *arguments, "--index", str(bundled_index))


def test_answer_in_a_pipe_is_plain_with_numbered_sources(ask: Python) -> None:
    done = ask(QUESTION, "--explain", "--publisher", "xinhua", "--since", "2026-01-30")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert f"{QUOTE} [1]\n" in done.stdout
    assert (
        "\nSources\n[1] Islamabad forum seeks a shared mining value chain for Pakistan and China, "
        "Xinhua, 2026-01-30\n"
    ) in done.stdout
    assert "pak-china-mineral-forum.md, characters " in done.stdout
    for explained in ("fused", "dense", "keyword", "BM25", "Confidence ", " from the bar.", " ms"):
        assert explained in done.stdout


def test_json_is_the_whole_answer(ask: Python) -> None:
    done = ask(QUESTION, "--json", "--limit", "2")
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert answer["question"] == QUESTION
    assert answer["citations"][0]["quote"] == QUOTE
    assert answer["abstained"] is False
    assert len(answer["passages"]) == 2


def test_exit_status_is_3_when_the_articles_do_not_say(ask: Python) -> None:
    done = ask("How do I bake sourdough bread?")
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("The articles do not say.\n\nThe nearest passages are in:\n  ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("x" * 100_000,), "Error: The question has 100,000 characters; at most 2,000 are read"),
        (
            (QUESTION, "--publisher", "Reuters"),
            "Error: No article is by Reuters. The publishers are: "
            "Gwadar Pro / China Economic Net, ORIENT, Xinhua.",
        ),
    ],
)
def test_bad_use_is_one_line_and_exit_status_2(
    ask: Python, arguments: tuple[str, ...], said: str
) -> None:
    done = ask(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_date_that_is_none_is_bad_use(ask: Python) -> None:
    done = ask(QUESTION, "--since", "yesterday")
    assert done.returncode == 2
    assert "Invalid value for '--since'" in done.stderr
    assert "Traceback" not in done.stderr


def test_question_without_an_index_names_the_command(python: Python, tmp_path: Path) -> None:
    done = python("-m", "rag", QUESTION)
    assert done.returncode == 2
    assert done.stderr == (
        f"Error: There is no index in {tmp_path}/default-index yet. "
        f"Make one with: python -m index PATH --index {tmp_path}/default-index\n"
    )


@pytest.fixture
def chat(bundled_index: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python -m rag --chat` with lines from a pipe."""

    def run(*lines: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rag", "--chat", "--index", str(bundled_index)],
            cwd=ROOT, input="\n".join(lines), capture_output=True, text=True, timeout=240,
        )  # fmt: skip

    return run


def test_chat_remembers_exports_and_what_it_exports_can_be_verified(
    chat: Python, ask: Python, tmp_path: Path
) -> None:
    done = chat(
        "/why", "How much did China export?", "What about Russia?", "/sources", "/why",
        f"/export {tmp_path}/talk.md", f"/export {tmp_path}/talk.json",
        f"/export {tmp_path}/talk.md", "/export talk.txt", f"/export {tmp_path}/none/a.md",
        "/export ~nobody-of-this-name/a.md", "/open\x1b[31m", "/help", "/new", "/sources",
        "When was it held?",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("Error: Nothing was asked yet.\n")
    for said in (
        "asked as: How much did Russia export?\n",
        "\n$386 billion\n",
        "It leans on the turn before it, and was asked as: ",
        f"Wrote {tmp_path}/talk.md. Check it with: python -m rag verify FILE",
        f"Error: {tmp_path}/talk.md exists. Choose another name.",
        "Error: Name a file that ends with .json or .md: /export FILE.md",
        f"Error: {tmp_path}/none/a.md cannot be written",
        "Error: ~nobody-of-this-name/a.md cannot be written",
        "Error: There is no command /open?[31m. /help says which there are.",
        "/export FILE   write this one down",
        "A new conversation.\nError: Nothing was asked yet.\n",
    ):
        assert said in done.stdout
    assert "asked as" not in done.stdout.split("A new conversation.")[1]
    for name in ("talk.md", "talk.json"):
        verified = ask("verify", str(tmp_path / name))
        assert (verified.returncode, verified.stderr) == (0, "")
        assert verified.stdout.startswith("exact [1] ")
        assert verified.stdout.endswith("0 of them no longer in the articles.\n")
    stale = (tmp_path / "talk.md").read_text("utf-8").replace("China led", "China lagged")
    (tmp_path / "talk.md").write_text(stale, "utf-8")
    lost = ask("verify", str(tmp_path / "talk.md"))
    assert lost.returncode == 1
    assert "stale [" in lost.stdout


def test_line_that_is_no_text_is_said_and_the_next_is_answered(bundled_index: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rag", "--chat", "--index", str(bundled_index)],
        cwd=ROOT, input=b"O\xf9 \xe9tait le forum ?\nWhen was the SCO founded?\n",
        capture_output=True, timeout=240, env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"Error: This line is no text in utf-8.\n\n2001\n")


def test_file_that_is_no_export_is_bad_use(ask: Python) -> None:
    done = ask("verify", "README.md")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: README.md cannot be verified. "
        "It is no conversation that was exported as Markdown.\n"
    )
