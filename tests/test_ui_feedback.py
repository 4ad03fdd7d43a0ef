"""Feedback becomes gold questions, and what is downloaded is whole, safe and one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from eval.gold import Evidence, load_gold
from index.article import source_id
from index.errors import RagError
from rag.conversation import NearPassage, Quotation, Turn, from_json
from ui.accounts import User
from ui.downloads import downloads
from ui.feedback import gold_lines
from ui.server import told
from ui.storage import Feedback, Storage

QUOTATION = Quotation(1, "Tin rose by 5 %.", 0, 16, "/home/ana/tin.md", "Tin", "", None)
PASSAGE = NearPassage(
    "/home/ana/zinc.md", "Zinc", 0, 40, "Zinc fell. The Orvalia mine made 40 tonnes of it.",
    0.1, 1, 0.5, None, None, None,
)  # fmt: skip
RIGHT, WRONG = Feedback(True), Feedback(False, "No.")


def turn(name: str, **fields: object) -> Turn:
    return Turn(**{"question": "Q?", "id": name * 32, **fields})  # type: ignore[arg-type]


ANSWERED = turn("a", short="5 %", quotations=(QUOTATION,), passages=(PASSAGE,))
DECLINED = turn("d", abstained=True, passages=(PASSAGE,))


def test_judged_answers_become_questions_that_the_gold_set_takes(tmp_path: Path) -> None:
    gold = gold_lines(
        [
            (ANSWERED, RIGHT),
            (turn("b", quotations=(QUOTATION,)), RIGHT),
            (turn("c", short="4 %", quotations=(QUOTATION,)), Feedback(False, "", "5 %")),
            (DECLINED, RIGHT),
            (turn("e", abstained=True, passages=(PASSAGE,)), Feedback(False, "", "40 tonnes")),
        ]
    )
    (tmp_path / "gold.jsonl").write_text(gold.lines, "utf-8")
    found = load_gold(tmp_path / "gold.jsonl")
    assert (gold.questions, gold.left_out) == (5, 0)
    assert [question.id for question in found] == [f"feedback-{name * 32}" for name in "abcde"]
    assert {question.type for question in found} == {"feedback"}
    rise = (Evidence("tin.md", "Tin rose by 5 %."),)
    assert [(question.answers, question.evidence) for question in found] == [
        (("5 %",), rise),
        (("Tin rose by 5 %.",), rise),
        (("5 %",), rise),
        ((), ()),
        (("40 tonnes",), (Evidence("zinc.md", "The Orvalia mine made 40 tonnes of it."),)),
    ]


def test_what_has_no_right_answer_with_evidence_is_left_out_and_counted() -> None:
    gold = gold_lines(
        [
            (ANSWERED, WRONG),
            (ANSWERED, Feedback(False, "", "7 %")),
            (DECLINED, WRONG),
            (turn("e", error="Busy."), RIGHT),
        ]
    )
    assert gold.lines == ""
    assert (gold.questions, gold.left_out) == (0, 4)


def test_question_that_leaned_on_earlier_turns_stands_alone(tmp_path: Path) -> None:
    asked = turn("a", question="And zinc?", understood="How much zinc was made?", abstained=True)
    (tmp_path / "gold.jsonl").write_text(gold_lines([(asked, RIGHT)]).lines, "utf-8")
    assert load_gold(tmp_path / "gold.jsonl")[0].question == "How much zinc was made?"


def test_foreign_characters_stay_as_they_are(tmp_path: Path) -> None:
    asked = turn("a", question="כמה חביות?\u2028", abstained=True)
    (tmp_path / "gold.jsonl").write_text(gold_lines([(asked, RIGHT)]).lines, "utf-8")
    assert load_gold(tmp_path / "gold.jsonl")[0].question == "כמה חביות?\u2028"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "kept")


def _client(
    storage: Storage, who: str = "", *, editor: bool = True, with_paths: bool = True
) -> TestClient:
    app = FastAPI(exception_handlers={RagError: told})
    app.include_router(downloads(storage, with_paths=with_paths))

    async def signed_in(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "user": User(who, editor)}, receive, send)

    return TestClient(signed_in)


def test_conversation_is_exported_to_its_owner_alone(storage: Storage) -> None:
    name = storage.begin("ana", 'What of "tin"; \r\n../ore — цинк?')
    storage.add("ana", name, ANSWERED)
    answer = _client(storage, "ana").get(f"/export/{name}.json")
    assert answer.headers["content-disposition"] == 'attachment; filename="what-of-tin-ore.json"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert from_json(answer.text) == storage.conversation("ana", name)
    assert _client(storage).get(f"/export/{name}.json").status_code == 404
    assert _client(storage).get("/export/..%2fx.json").status_code in (404, 422)


def test_export_of_a_server_with_accounts_does_not_tell_where_articles_lie(
    storage: Storage,
) -> None:
    name = storage.begin("ana", "Q?", ANSWERED)
    for kind in ("json", "md"):
        text = _client(storage, "ana", with_paths=False).get(f"/export/{name}.{kind}").text
        assert "ana" not in text
        assert source_id("/home/ana/tin.md") in text


def test_feedback_is_downloaded_by_editors_alone(storage: Storage) -> None:
    name = storage.begin("ana", "Q?")
    storage.add("ana", name, ANSWERED)
    storage.judge("ana", ANSWERED.id, RIGHT)
    answer = _client(storage).get("/feedback.jsonl")
    assert answer.text == gold_lines([(ANSWERED, RIGHT)]).lines
    assert answer.headers["content-disposition"] == 'attachment; filename="feedback.jsonl"'
    assert _client(storage, editor=False).get("/feedback.jsonl").status_code == 403
