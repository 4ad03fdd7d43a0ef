"""Conversations, feedback and evaluations in their SQLite file."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from index.errors import ConversationError, StorageError
from rag.conversation import Quotation, Turn
from ui.storage import FILE_NAME, Evaluation, Feedback, Storage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    opened = Storage(tmp_path / "index")
    yield opened
    opened.close()


TURN = Turn(
    "Who dug the tin?",
    text="Ada dug it. [1]",
    quotations=(Quotation(1, "Ada dug it.", 0, 11, "/a.md", "Tin", "TASS", date(2026, 1, 2)),),
    timings={"read": 0.25},
)


def test_conversation_comes_back_as_it_was_after_a_restart(tmp_path: Path) -> None:
    first = Storage(tmp_path)
    name = first.begin("", "Who dug\n the tin?")
    first.add("", name, TURN)
    first.add("", name, Turn("And when?", error="Stopped."))
    first.close()
    second = Storage(tmp_path)
    found = second.conversation("", name)
    assert found.title == "Who dug the tin?"
    assert found.turns[0] == TURN
    assert [turn.question for turn in found.turns] == ["Who dug the tin?", "And when?"]
    second.close()


def test_question_is_kept_before_it_is_answered(storage: Storage) -> None:
    name = storage.begin("", TURN.question)
    storage.add("", name, Turn(TURN.question, error="Stopped.", id=TURN.id))
    storage.answered("", TURN)
    assert storage.conversation("", name).turns == (TURN,)


def test_title_of_a_long_question_is_cut(storage: Storage) -> None:
    storage.begin("", "x" * 500)
    assert storage.conversations("")[0].title == "x" * 79 + "…"


def test_latest_conversation_is_listed_first(storage: Storage) -> None:
    tin, zinc = storage.begin("", "tin"), storage.begin("", "zinc")
    storage.add("", tin, TURN)
    assert [(c.id, c.turns) for c in storage.conversations("")] == [(tin, 1), (zinc, 0)]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("МЕДЬ", True),
        ("ada DUG", True),
        ("ada zinc", False),
        ("%", False),
        ("_", False),
        ("\\", False),
        ("read", False),  # a part of how a turn is kept, not of what was said
    ],
)
def test_search_finds_words_of_titles_and_turns_in_any_case(
    storage: Storage, search: str, found: bool
) -> None:
    storage.add("", storage.begin("", "медь"), TURN)
    assert bool(storage.conversations("", search)) == found


def test_nobody_reads_or_changes_what_belongs_to_another(storage: Storage) -> None:
    name = storage.begin("ana", "tin")
    storage.add("ana", name, TURN)
    assert storage.conversations("ben") == []
    assert storage.feedback("ben", name) == {}
    for forbidden in (
        lambda: storage.conversation("ben", name),
        lambda: storage.add("ben", name, Turn("zinc")),
        lambda: storage.answered("ben", TURN),
        lambda: storage.rename("ben", name, "zinc"),
        lambda: storage.delete("ben", name),
        lambda: storage.judge("ben", TURN.id, Feedback(True)),
    ):
        with pytest.raises(ConversationError, match="no such conversation"):
            forbidden()
    assert len(storage.conversation("ana", name).turns) == 1


def test_renamed_and_deleted_with_everything_in_it(storage: Storage, tmp_path: Path) -> None:
    name = storage.begin("", "tin")
    storage.add("", name, TURN)
    storage.judge("", TURN.id, Feedback(False, "wrong", "Ben"))
    storage.rename("", name, "  Tin, again ")
    assert storage.conversations("")[0].title == "Tin, again"
    with pytest.raises(ConversationError, match="one to 200"):
        storage.rename("", name, " ")
    storage.delete("", name)
    assert storage.conversations("") == storage.judged() == []
    with pytest.raises(ConversationError):
        storage.conversation("", name)


def test_answered_questions_about_articles_are_the_owners_latest_each_once(
    storage: Storage,
) -> None:
    name, other = storage.begin("ana", "tin"), storage.begin("ben", "tin")
    storage.add("ana", name, replace(TURN, id="1"))
    storage.add("ana", name, replace(TURN, id="2", question="Who?", understood="Who dug tin?"))
    storage.add("ana", name, replace(TURN, id="3"))
    storage.add("ana", name, Turn("Who sank it?", abstained=True))
    storage.add("ben", other, replace(TURN, id="4", question="Ben's?"))
    assert storage.answered_about("ana", ["/a.md"], 5) == ["Who dug the tin?", "Who dug tin?"]
    assert storage.answered_about("ana", ["/a.md"], 1) == ["Who dug the tin?"]
    assert storage.answered_about("ana", ["/b.md"], 5) == []
    assert storage.answered_about("ana", [], 5) == []


def test_last_judgement_counts(storage: Storage) -> None:
    name = storage.begin("", "tin")
    storage.add("", name, TURN)
    storage.judge("", TURN.id, Feedback(True))
    storage.judge("", TURN.id, Feedback(False, " wrong ", "Ben"))
    assert storage.feedback("", name) == {TURN.id: Feedback(False, "wrong", "Ben")}
    assert storage.judged() == [(TURN, Feedback(False, "wrong", "Ben"))]


def test_evaluations_are_kept_latest_first(storage: Storage) -> None:
    runs = [Evaluation(str(day), datetime(2026, 1, day, tzinfo=UTC), "{}") for day in (1, 2)]
    for run in runs:
        storage.keep_evaluation("", run)
    assert storage.evaluations() == runs[::-1]


def test_what_was_deleted_is_in_none_of_its_files(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    ana = storage.begin("ana", "Who dug the orichalcum?", TURN)
    storage.begin("ben", "What of the adamantine?")
    storage.begin("cy", "What of the tin?")
    storage.delete("ana", ana)
    storage.delete_all("ben")
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"the tin" in kept
    assert b"orichalcum" not in kept
    assert b"adamantine" not in kept


def test_full_disk_is_said_and_takes_all_of_a_change_back(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    storage.begin("", "tin")
    with storage._reading() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
    storage._file._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match=r"^What the server keeps .* \(database or disk is full"):
        storage.begin("", "zinc", replace(TURN, text="x" * 1_000_000))
    assert [listed.title for listed in storage.conversations("")] == ["tin"]


def test_nobody_waits_for_another_process_that_writes_in_order_to_read(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    name = storage.begin("", "tin")
    with sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = threading.Thread(target=storage.rename, args=("", name, "zinc"))
        writing.start()
        assert storage.conversation("", name).title == "tin"
        other.execute("COMMIT")
        writing.join()
    assert storage.conversation("", name).title == "zinc"


def test_file_is_the_owners_alone(tmp_path: Path) -> None:
    Storage(tmp_path).close()
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_file_that_is_no_database_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match=r"conversations\.sqlite cannot be used.*Move it"):
        Storage(tmp_path)


def test_file_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    Storage(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="newer release"):
        Storage(tmp_path)
