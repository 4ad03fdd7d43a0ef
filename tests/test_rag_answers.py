"""The values that a question turns into: what they refuse and how they are written out."""

from __future__ import annotations

import dataclasses
import json
from datetime import date

import pytest

from index.article import Article
from rag import Answer, Assistant, Candidate, Citation, Filters, Passage
from rag.answers import cite

ARTICLE = Article("/a.md", "Steel", "Andina", date(2026, 1, 30), "Steel 😀 rose. Tin fell.", "0")
PASSAGE = Passage(1, ARTICLE, 0, 23, ARTICLE.text, 0.1, 1, 0.9, None, None)
RIGHT = Citation(1, "Tin fell.", 14, 23, ARTICLE)


@pytest.mark.parametrize(
    ("quote", "start", "end"),
    [
        ("Tin fell", 14, 23),
        ("Tin rose.", 14, 23),
        ("Tin fell.", 15, 24),
        ("Tin fell.", 17, 26),  # as bytes count
        ("", 14, 14),
        ("", 50, 60),
    ],
)
def test_quotation_that_does_not_stand_there_is_refused(quote: str, start: int, end: int) -> None:
    with pytest.raises(ValueError, match="does not stand in its article"):
        Citation(1, quote, start, end, ARTICLE)


def test_citations_are_numbered_from_1_and_wrong_ones_left_out() -> None:
    quoted = [Candidate(PASSAGE, start, end, 1.0) for start, end in ((14, 23), (60, 70), (0, 13))]
    assert cite(quoted) == (RIGHT, Citation(2, "Steel 😀 rose.", 0, 13, ARTICLE))


def test_answer_is_plain_json() -> None:
    answer = Answer(
        question="What fell?",
        text="Tin fell. [1]",
        short="Tin",
        citations=(RIGHT,),
        passages=(PASSAGE,),
        confidence=0.75,
        abstained=False,
        margin=0.25,
        considered=(Candidate(PASSAGE, 14, 23, 0.5),),
        timings={"read": 0.125},
    )
    written = json.loads(json.dumps(answer.to_dict()))
    assert written["citations"] == [
        {
            "number": 1,
            "quote": "Tin fell.",
            "start": 14,
            "end": 23,
            "article": {
                "source": "/a.md",
                "title": "Steel",
                "publisher": "Andina",
                "published": "2026-01-30",
                "text": "Steel 😀 rose. Tin fell.",
                "content_hash": "0",
            },
        }
    ]
    assert written["passages"][0]["article"] == "/a.md"
    assert written["considered"] == [
        {"source": "/a.md", "start": 14, "end": 23, "text": "Tin fell.", "score": 0.5}
    ]
    assert written["timings"] == {"read": 0.125}
    assert (written["short"], written["confidence"], written["margin"]) == ("Tin", 0.75, 0.25)


def test_answer_of_the_assistant_is_plain_json(assistant: Assistant) -> None:
    answer = assistant.answer("How many people attended the mineral forum?")
    assert json.loads(json.dumps(answer.to_dict())) == answer.to_dict()


def test_answers_and_what_is_in_them_cannot_be_changed(assistant: Assistant) -> None:
    answer = assistant.answer("How many people attended the mineral forum?")
    for value, name in ((answer, "text"), (answer.citations[0], "quote"), (RIGHT.article, "text")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, "changed")
    with pytest.raises(TypeError):
        answer.timings["read"] = 0.0  # type: ignore[index]


def test_filters_are_false_when_they_filter_nothing() -> None:
    assert not Filters()
    assert Filters(publisher="Xinhua")
    assert Filters(until=date(2026, 1, 30))
