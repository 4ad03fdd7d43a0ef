"""The command `python -m eval`, run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.__main__ import app
from eval.gold import load_gold

GOLD = Path(__file__).parent.parent / "eval" / "gold.jsonl"


def test_no_arguments_mean_that_the_gold_set_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What asks it is seen in the next test; here it must only not be a missing command."""
    monkeypatch.setenv("RAG_CHUNK_TOKENS", "1")
    result = CliRunner().invoke(app, [])
    assert "RAG_CHUNK_TOKENS" in str(result.exception)


def test_figures_are_printed_written_and_held_to_the_thresholds(tmp_path: Path) -> None:
    lines = GOLD.read_text("utf-8").split("\n")
    (tmp_path / "gold.jsonl").write_text("\n".join(lines[:3]), "utf-8")
    (tmp_path / "thresholds.json").write_text('{"all": {"short exact match": 1.1}}', "utf-8")
    command = [sys.executable, "-m", "eval", "--gold", str(tmp_path / "gold.jsonl")]
    command += ["--json", str(tmp_path / "out.json"), "--markdown", str(tmp_path / "out.md")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "below 1.1" in done.stdout
    written = json.loads((tmp_path / "out.json").read_text("utf-8"))
    asked = [question["id"] for question in written["questions"]]
    assert asked == [question.id for question in load_gold(GOLD)[:3]]
    assert "| answer recall |" in (tmp_path / "out.md").read_text("utf-8")


def test_conversations_about_other_articles_are_asked_without_the_bundled_gold_set(
    tmp_path: Path,
) -> None:
    (tmp_path / "salt.md").write_text("Miguel Condori has led the Uyuni salt works since 2004.")
    evidence = [{"article": "salt.md", "quote": "Miguel Condori has led the Uyuni salt works"}]
    turns = [
        {"type": "opening", "question": "Who leads the Uyuni salt works?",
         "answers": ["Miguel Condori"], "evidence": evidence},
        {"type": "follow_up", "question": "Since when?", "answers": ["2004"],
         "evidence": [{"article": "salt.md", "quote": "since 2004"}]},
    ]  # fmt: skip
    file = tmp_path / "talks.jsonl"
    file.write_text(json.dumps({"id": "salt", "split": "test", "turns": turns}), "utf-8")
    command = ["conversations", "--articles", str(tmp_path), "--conversations", str(file)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.exception
    assert "test, in turn" in result.stdout
    assert "test: follow up" in result.stdout
    assert "gold set" not in result.stdout


def test_folder_for_records_is_looked_for_before_any_work(tmp_path: Path) -> None:
    command = ["records", "--gold", str(GOLD), "--articles", str(tmp_path / "none")]
    result = CliRunner().invoke(app, [*command, "--output", str(tmp_path / "no" / "records.jsonl")])
    assert str(result.exception) == f"There is no folder {tmp_path / 'no'}."
