"""Files that were dropped in."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.database import Database
from index.errors import ArticleError, IndexBusy, IndexProblem
from index.lock import writing
from rag import Assistant
from ui.uploads import Taken, Uploads, safe_name

Write = Callable[[str, str | bytes], Path]

TIN = "# Tin in Orvalia\n\nThe Orvalia mine made 4,512 tonnes of tin in 2025.\n"
MORE_TIN = TIN.replace("4,512", "9,876")
QUESTION = "How many tonnes of tin did the Orvalia mine make?"


@pytest.fixture
def opened(
    bundled_index: Path, tmp_path: Path, assistant_over: Callable[[Path], Assistant]
) -> Iterator[Assistant]:
    shutil.copytree(bundled_index, tmp_path / "index")
    with assistant_over(tmp_path / "index") as assistant:
        yield assistant


def sources(assistant: Assistant) -> set[str]:
    return {article.source for article in assistant.articles()}


def test_file_is_added_then_unchanged_then_updated_then_deleted(
    opened: Assistant, write: Write, tmp_path: Path
) -> None:
    uploads = Uploads(opened)
    before = sources(opened)
    tin = write("tmp1", TIN)
    (added,) = uploads.take_in([("C:\\texts\\Tin, in 2025!.MD", tin)])
    stored = Path(added.source)
    assert (added.name, added.outcome) == ("C:\\texts\\Tin, in 2025!.MD", "added")
    assert stored.parent == tmp_path / "index" / "uploads"
    assert stored.name == safe_name("Tin, in 2025!.MD")
    assert stored.name.startswith("Tin-in-2025-")
    assert stored.suffix == ".md"
    assert opened.answer(QUESTION).short.startswith("4,512")
    assert uploads.take_in([("Tin, in 2025!.MD", tin), ("other.md", tin)]) == [
        Taken("Tin, in 2025!.MD", "unchanged", added.source),
        Taken("other.md", "unchanged", added.source),
    ]
    (updated,) = uploads.take_in([("Tin, in 2025!.MD", write("tmp2", MORE_TIN))])
    assert updated == Taken("Tin, in 2025!.MD", "updated", added.source)
    assert opened.answer(QUESTION).short.startswith("9,876")
    assert sources(opened) == before | {added.source}
    assert uploads.remove(added.source)
    assert sources(opened) == before
    assert list(stored.parent.iterdir()) == []
    with pytest.raises(ArticleError, match="no such article"):
        uploads.remove(added.source)


def test_each_file_that_cannot_be_read_is_named_with_its_cause_and_leaves_nothing(
    opened: Assistant, write: Write, tmp_path: Path
) -> None:
    taken = Uploads(opened).take_in(
        [
            ("tin.md", write("1", TIN)),
            ("tin.exe", write("2", TIN)),
            ("broken.pdf", write("3", b"%PDF-1.7 nothing")),
            ("empty.txt", write("4", "")),
            ("x/tin.md", write("5", MORE_TIN)),
        ]
    )
    assert [(one.name, one.outcome) for one in taken] == [
        ("tin.md", "added"),
        ("tin.exe", "refused"),
        ("broken.pdf", "refused"),
        ("empty.txt", "refused"),
        ("x/tin.md", "refused"),
    ]
    assert [one.cause for one in taken[1:]] == [
        "only .md, .txt, .html, .htm, .pdf, .docx files are read",
        "it is not a whole PDF: its end is missing",
        "it is empty",
        "another file has the same name",
    ]
    files = list((tmp_path / "index" / "uploads").iterdir())
    assert [str(file) for file in files] == [taken[0].source]


def test_update_that_cannot_be_read_leaves_file_and_article_as_they_were(
    opened: Assistant, write: Write
) -> None:
    uploads = Uploads(opened)
    (added,) = uploads.take_in([("tin.txt", write("1", TIN))])
    (refused,) = uploads.take_in([("tin.txt", write("2", b" \n"))])
    assert refused.outcome == "refused"
    assert Path(added.source).read_text() == TIN
    assert opened.answer(QUESTION).short.startswith("4,512")


def test_too_many_files_are_refused_before_any_is_stored(
    opened: Assistant, write: Write, tmp_path: Path
) -> None:
    files = [(f"{number}.md", write(str(number), TIN)) for number in range(3)]
    with pytest.raises(ArticleError, match="3 files are too many; at most 2"):
        Uploads(opened, most_files=2).take_in(files)
    assert not (tmp_path / "index" / "uploads").exists()


def test_while_another_process_writes_all_stays_as_it_was(
    opened: Assistant, write: Write, tmp_path: Path
) -> None:
    opened.settings = opened.settings.model_copy(update={"lock_timeout_seconds": 0.0})
    with writing(tmp_path / "index", 0), pytest.raises(IndexBusy):
        Uploads(opened).take_in([("tin.md", write("1", TIN))])
    assert list((tmp_path / "index" / "uploads").iterdir()) == []


def test_file_from_elsewhere_stays_when_its_article_is_deleted(
    opened: Assistant, write: Write
) -> None:
    path = write("tin.md", TIN)
    opened.sync([path])
    assert not Uploads(opened).remove(str(path))
    assert path.read_text() == TIN
    assert str(path) not in sources(opened)


def test_many_take_in_files_of_one_name_at_once_and_one_article_is_left(
    opened: Assistant, write: Write
) -> None:
    uploads = Uploads(opened)
    outcomes: list[str] = []

    def drop(number: int) -> None:
        (taken,) = uploads.take_in([("tin.md", write(str(number), f"{TIN}\nNumber {number}.\n"))])
        outcomes.append(taken.outcome)

    threads = [threading.Thread(target=drop, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["added", "updated", "updated", "updated"]
    assert len(opened.articles()) == 6


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        ("../../etc/passwd.md", "passwd-"),
        ("..\\..\\boot.md", "boot-"),
        (".hidden.md", "hidden-"),
        ("CON.md", "CON-"),
        ("a\x00b\u202e.md", "a-b-"),
        ("нефть и газ.md", "нефть-и-газ-"),
        ("\ud800.md", "article-"),
        (".md", "article-"),
        ("", "article-"),
        ("e\u0301tain.md", "étain-"),
    ],
)
def test_names_become_safe_and_stay_readable(name: str, readable: str) -> None:
    assert safe_name(name).startswith(readable)


@given(st.text(max_size=300))
def test_whatever_the_name_it_is_one_name_in_one_folder(name: str) -> None:
    made = safe_name(f"{name}.md")
    assert Path(made).name == made
    assert not made.startswith(".")
    assert made.endswith(".md")
    assert len(made.encode()) <= 220
    assert made.isprintable()


def test_file_stays_whose_article_went_in_before_the_index_failed(
    opened: Assistant, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, calls = Database.put, []

    def fail_at_the_second(*args: Any, **options: Any) -> Any:
        calls.append(args)
        if len(calls) > 1:
            raise IndexProblem("The disk is full.")
        return put(*args, **options)

    monkeypatch.setattr(Database, "put", fail_at_the_second)
    files = [(name, write(name, TIN + name)) for name in ("a.txt", "b.txt")]
    with pytest.raises(IndexProblem, match="disk is full"):
        Uploads(opened).take_in(files)
    kept = {str(path) for path in (tmp_path / "index" / "uploads").iterdir()}
    assert len(kept) == 1
    assert kept <= sources(opened)


def test_bytes_of_a_file_in_capitals_change_nothing(
    opened: Assistant, write: Write, tmp_path: Path
) -> None:
    loud = write("NEWS.TXT", TIN)
    opened.sync([loud])
    (taken,) = Uploads(opened).take_in([("NEWS.TXT", loud)])
    assert taken == Taken("NEWS.TXT", "unchanged", str(loud))
