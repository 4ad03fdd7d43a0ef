"""What holds for the code as a whole, read from its source."""

from __future__ import annotations

import ast
import importlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Python = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parents[1]
FOLDERS = ("index", "rag", "ui", "eval")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = node.func.id if isinstance(node.func, ast.Name) else called
            if called in {"import_module", "__import__"}:
                yield str(node.args[0].value)


@pytest.mark.parametrize(
    ("folder", "never"),
    [("index", {"rag", "ui", "eval"}), ("rag", {"ui", "eval"}), ("eval", {"ui"}), ("ui", set())],
)
def test_imports_run_one_way(folder: str, never: set[str]) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert len(files) >= 3
    arrows = {
        (str(path.relative_to(ROOT)), name)
        for path in files
        for name in imported(ast.parse(path.read_text("utf-8")))
        if name.split(".")[0] in never
    }
    assert arrows == set()


def test_nothing_runs_pickles_shells_or_code_that_comes_with_a_model() -> None:
    found = []
    for path in FILES:
        tree = ast.parse(path.read_text("utf-8"))
        unsafe = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
        found += [(path.name, name) for name in imported(tree) if name.split(".")[0] in unsafe]
        found += [
            (path.name, keyword.arg)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            for keyword in node.keywords
            if keyword.arg in {"shell", "trust_remote_code", "allow_pickle"}
            and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
        ]
    assert found == []


@pytest.mark.parametrize("name", ["index", "rag"])
def test_public_names_exist_and_are_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert list(module.__all__) == sorted(module.__all__)
    for public in module.__all__:
        # A dataclass without a docstring gets its signature as one.
        written = getattr(module, public).__doc__ or ""
        assert written, f"{name}.{public}"
        assert not written.startswith(f"{public}("), f"{name}.{public}"


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in FILES
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


IMPORT_RAG = """
import sys, time
started = time.perf_counter()
import rag
print(time.perf_counter() - started)
heavy = {"torch", "faiss", "gradio", "langchain_core", "transformers", "sentence_transformers"}
print(sorted(heavy & set(sys.modules)))
"""


def test_import_of_rag_is_light(python: Python) -> None:
    runs = [python("-c", IMPORT_RAG).stdout.splitlines() for _ in range(3)]
    assert [heavy for _, heavy in runs] == ["[]"] * 3
    assert min(float(seconds) for seconds, _ in runs) < 0.3
