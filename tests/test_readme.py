"""What the README says is so: its tree, its commands, its examples with their output."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
TREE = next(body for kind, body in BLOCKS if not kind and body.startswith("articles/"))
SHELL = "\n".join(body for kind, body in BLOCKS if kind == "bash")


def _paths_of_the_tree() -> set[str]:
    paths, folder = set(), ""
    for line in TREE.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name
        paths.add(name if name == folder else folder + name)
    return paths


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_every_path_of_the_tree_exists_and_has_a_phrase() -> None:
    assert [path for path in sorted(_paths_of_the_tree()) if not (ROOT / path).exists()] == []
    assert [line for line in TREE.splitlines() if "/" not in line and len(line.split()) < 3] == []


def test_every_module_is_in_the_tree() -> None:
    modules = {
        f"{package}/{file.name}"
        for package in ("index", "rag", "ui", "eval")
        for file in (ROOT / package).glob("*.py")
        if not file.name.startswith("__")
    }
    assert sorted(modules - _paths_of_the_tree()) == []


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"make (\w+) ", SHELL)) | set(re.findall(r"`make (\w+)`", README))
    assert {"chat", "test", "check", "eval"} <= named
    assert named <= targets


@pytest.mark.parametrize("package", ["index", "rag", "ui", "eval"])
def test_every_option_of_the_readme_exists(package: str) -> None:
    commands = re.findall(rf"python -m {package}\b([^`\n#]*)", README)
    assert commands
    helps = _run("-m", package, "--help").stdout
    for command in {words[0] for words in map(str.split, commands) if words}:
        if re.fullmatch(r"[a-z]+", command):
            assert f" {command} " in helps
            helps += _run("-m", package, command, "--help").stdout
            for inner in {w[1] for w in map(str.split, commands) if w[0:1] == [command] and w[1:]}:
                if command in {"bench", "user", "token"}:  # commands of commands
                    helps += _run("-m", package, command, inner, "--help").stdout
    helps += _run(
        "-m",
        package,
        {"rag": "ask", "index": "sync", "ui": "serve"}.get(package, "--help"),
        "--help",
    ).stdout
    for option in set(re.findall(r"--[a-z-]+", " ".join(commands))):
        assert option in helps


def test_options_of_asking_exist() -> None:
    helps = _run("-m", "rag", "ask", "--help").stdout
    for option in ("--json", "--explain", "--publisher", "--since", "--until", "--index"):
        assert f"`{option}`" in README
        assert option in helps


def test_every_setting_of_the_readme_exists_and_the_other_way_round() -> None:
    from index.settings import Settings

    named = set(re.findall(r"RAG_[A-Z_]+", README))
    assert named == {f"RAG_{name.upper()}" for name in Settings.model_fields}


def test_shell_example_prints_what_the_readme_shows() -> None:
    question = re.search(r'python -m rag "([^"]+)"', SHELL)
    assert question is not None
    shown = next(body for kind, body in BLOCKS if not kind and "Sources\n" in body)
    _run("-m", "index", "articles")
    assert _run("-m", "rag", question[1]).stdout == shown


def test_python_examples_give_what_the_readme_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    examples = "\n".join(body for kind, body in BLOCKS if kind == "python")
    test = doctest.DocTestParser().get_doctest(examples, {}, "README.md", None, 0)
    assert len(test.examples) > 10
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_picture_of_the_readme_is_there() -> None:
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
    assert os.path.getsize(ROOT / picture) < 500_000
