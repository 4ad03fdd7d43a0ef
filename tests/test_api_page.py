"""What docs/api.md says is so: its examples, and that it leaves nothing out."""

from __future__ import annotations

import doctest
import inspect
import re

import pytest
from conftest import ROOT

import index
import rag

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")


def test_examples_give_what_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "docs/api.md", None, 0)
    assert len(test.examples) > 10
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_every_public_name_is_on_the_page() -> None:
    assert [name for name in rag.__all__ if f"`{name}" not in PAGE] == []


@pytest.mark.parametrize("value", [rag.Answer, rag.Candidate, rag.Citation, rag.Passage, rag.Span])
def test_every_field_of_a_value_is_on_the_page(value: type) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{value.__name__}` |"))
    assert [name for name in value.__dataclass_fields__ if f"`{name}`" not in row] == []


def test_every_call_of_the_page_exists_with_its_arguments() -> None:
    for call, arguments in re.findall(r"^\| `assistant\.(\w+)\((.*?)\)`", PAGE, re.MULTILINE):
        parameters = inspect.signature(getattr(rag.Assistant, call)).parameters
        written = re.findall(r"\w+(?==)|^\w+", arguments)
        assert written == [name for name in parameters if name != "self"], call


def test_every_error_of_the_page_exists() -> None:
    errors = re.findall(r"^\| `(\w+)` \|", PAGE.split("## Errors")[1], re.MULTILINE)
    assert len(errors) == 7
    assert all(issubclass(getattr(index, name), rag.RagError) for name in errors)
