"""The command `python -m index`, from the outside."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from index import cli
from index.database import FILE_NAME
from index.embedder import Embedder
from index.syncing import sync

Python = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def index_dir(bundled_index: Path, tmp_path: Path) -> Path:
    """A copy of the bundled index."""
    return Path(shutil.copytree(bundled_index, tmp_path / "index"))


def test_sync_reports_what_went_in_and_what_did_not(python: Python, write: Write) -> None:
    folder = write("copper.md", "---\ntitle: Copper\n---\nCopper was sold.").parent
    bad = write("[bold]empty.txt", "")
    done = python("-m", "index", str(folder))
    assert done.returncode == 1
    assert done.stderr == ""
    said, figures = done.stdout.splitlines()
    assert said == f"Not taken in: {bad}: it is empty."
    assert figures.startswith("1 added, 0 changed, 0 removed, 0 unchanged, 1 not taken in: ")


def test_status_gives_figures_as_json(python: Python, index_dir: Path) -> None:
    done = python("-m", "index", "status", "--json", "--index", str(index_dir))
    assert done.returncode == 0
    figures = json.loads(done.stdout)
    assert figures["articles"] == 5
    assert figures["made_by"] == ["model 53aa51172d142c89 with chunker 1 at 200 tokens"]
    assert figures["index"] == str(index_dir)
    assert figures["vectors"] == "all compared in float16"
    assert float(figures["megabytes"]) > 0


def test_list_names_every_article_and_remove_takes_one_out(python: Python, index_dir: Path) -> None:
    listed = json.loads(python("-m", "index", "list", "--json", "--index", str(index_dir)).stdout)
    assert len(listed) == 5
    forum = next(one for one in listed if one["source"].endswith("pak-china-mineral-forum.md"))
    assert forum["title"] == (
        "Islamabad forum seeks a shared mining value chain for Pakistan and China"
    )
    assert (forum["publisher"], forum["published"]) == ("Xinhua", "2026-01-30")
    assert python("-m", "index", "remove", forum["source"], "--index", str(index_dir)).stdout == (
        f"Removed {forum['source']}.\n"
    )
    again = python("-m", "index", "remove", forum["source"], "--index", str(index_dir))
    assert again.returncode == 2
    assert again.stderr.startswith(f"Error: No article came from {forum['source']}.")


def test_list_shows_titles_as_they_are(
    python: Python, write: Write, tmp_path: Path, embedder: Embedder
) -> None:
    title = "Copper [/b] [red]up[/red]"
    path = write("copper.md", f"---\ntitle: '{title}'\n---\nCopper was sold.")
    sync(path, tmp_path / "index", embedder=embedder)
    done = python("-m", "index", "list", "--index", str(tmp_path / "index"))
    assert done.returncode == 0
    assert "[/b]" in done.stdout
    assert "[red]up" in done.stdout


def test_verify_and_rebuild_have_nothing_to_say_of_a_sound_index(
    python: Python, index_dir: Path
) -> None:
    verified = python("-m", "index", "verify", "--index", str(index_dir))
    assert (verified.returncode, verified.stdout) == (0, "Everything agrees.\n")
    rebuilt = python("-m", "index", "rebuild", "--index", str(index_dir))
    assert (rebuilt.returncode, rebuilt.stdout) == (0, "0 articles were made anew.\n")


def test_verify_has_exit_status_1_for_flipped_bytes(python: Python, index_dir: Path) -> None:
    file = index_dir / FILE_NAME
    whole = file.read_bytes()
    assert whole.count(b"About 900 people") == 1
    file.write_bytes(whole.replace(b"About 900 people", b"About 901 people"))
    done = python("-m", "index", "verify", "--json", "--index", str(index_dir))
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["agrees"] is False
    assert len(report["problems"]) == 1
    assert "pak-china-mineral-forum.md is not what was stored." in report["problems"][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "Error: There is no file or folder nowhere."),
        (("status", "--index", "nowhere"), "Error: There is no index in nowhere yet. Make one"),
    ],
)
def test_bad_use_is_one_line_and_exit_status_2(
    python: Python, arguments: tuple[str, ...], said: str
) -> None:
    done = python("-m", "index", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_help_names_every_command(python: Python) -> None:
    done = python("-m", "index", "--help")
    assert done.returncode == 0
    for command in ("sync", "status", "list", "remove", "rebuild", "verify"):
        assert f" {command} " in done.stdout


def test_progress_shows_file_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(cli, "errors", Console(file=screen, force_terminal=True, width=200))
    with cli.progress_bar("Reading") as progress:
        progress(1, 2, "[/b]/[red]copper.md")
    assert "[/b]/[red]copper.md" in screen.getvalue()


def test_foreign_text_is_one_line_and_keeps_its_spaces() -> None:
    assert cli.plain("the year\n1881\tby \u00ab\u00a0Le\u202fMonde\u00a0\u00bb") == (
        "the year 1881 by \u00ab\u00a0Le\u202fMonde\u00a0\u00bb"
    )
    assert (
        cli.plain("\x1b[31m\x07\u202e\u0645\u06cc\u200c\u0631") == "?[31m??\u0645\u06cc\u200c\u0631"
    )
