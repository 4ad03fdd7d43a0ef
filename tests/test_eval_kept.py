"""Runs of the gold set as they are kept and compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eval.evaluate import Outcome
from eval.gold import Evidence, GoldQuestion
from eval.kept import differences, from_json, keep, to_json, turned
from index.article import Article
from index.errors import SettingsError
from rag import Answer, Citation

MEASURES = (
    "hit@1", "hit@5", "MRR@10", "nDCG@10", "hit@1 once read", "hit@5 once read", "MRR@8 once read"
)  # fmt: skip


def outcome(
    name: str, *, accepted: bool = True, answered: bool = True, recall: float = 1.0
) -> Outcome:
    article = Article("/home/ana/tin.md", "Tin", "", None, "Tin rose.", "")
    cited = (Citation(1, "Tin rose.", 0, 9, article),) if answered else ()
    return Outcome(
        gold=GoldQuestion(
            name,
            "what",
            f"Q {name}?",
            ("tin",) if accepted else (),
            (Evidence("tin.md", "Tin rose."),) if accepted else (),
            "dev",
        ),
        answer=Answer(f"Q {name}?", "A", "tin", cited, (), 0.5, not answered, 0.0, ()),
        retrieval=dict.fromkeys(MEASURES, recall),
        article_hit=1.0,
        exact_match=recall,
        f1=recall,
        short_right=recall,
        right=recall,
        answer_recall=recall,
        citation_hit=recall,
        exact_citations=len(cited),
        seconds=0.25,
    )


EARLIER = keep(
    [
        outcome("a"),
        outcome("b", recall=0.0),
        outcome("c", answered=False, recall=0.0),
        outcome("d", accepted=False, answered=False, recall=0.0),
        outcome("e", accepted=False, recall=0.0),
    ],
    ["read by R"],
)


def test_every_question_has_a_verdict() -> None:
    assert [asked.verdict for asked in EARLIER.questions] == [
        "right",
        "wrong",
        "declined",
        "rightly declined",
        "not in the articles",
    ]
    assert [asked.good for asked in EARLIER.questions] == [True, False, False, True, False]
    assert EARLIER.questions[0].quoted == (Evidence("tin.md", "Tin rose."),)


def test_what_was_kept_comes_back_and_what_is_no_run_is_refused() -> None:
    assert from_json(to_json(EARLIER)) == EARLIER
    assert "/home/ana" not in to_json(EARLIER)
    with pytest.raises(SettingsError, match="cannot be read"):
        from_json('{"splits": {}}')


def test_difference_is_over_the_questions_that_both_have_asked() -> None:
    """Of a, b and c, which both have with an answer, one is right before and two are after."""
    later = keep(
        [
            outcome("new", recall=0.0),
            outcome("a"),
            outcome("b"),
            outcome("c", answered=False, recall=0.0),
            outcome("e", accepted=False, answered=False, recall=0.0),
        ],
        ["read by S"],
    )
    found = {change.measure: change for change in differences(EARLIER, later)}
    recall = found["answer recall"]
    assert recall.risen.value == pytest.approx(1 / 3)
    assert recall.risen.low == 0
    assert (recall.before.value, recall.after.value) == (pytest.approx(1 / 3), 0.5)
    assert found["article hit@5"].risen.value == 0
    assert "p50 seconds" not in found
    assert [asked.id for asked in turned(EARLIER, later, good=True)] == ["b", "e"]
    assert turned(EARLIER, later, good=False) == []
    assert [asked.id for asked in turned(later, EARLIER, good=False)] == ["b", "e"]


def test_a_question_that_was_rewritten_is_another_one() -> None:
    asked = tuple(replace(one, question="Another?") for one in EARLIER.questions)
    assert differences(EARLIER, replace(EARLIER, questions=asked)) == []


def test_measure_that_counts_none_of_the_questions_in_both_has_no_difference() -> None:
    """Of d, the only one in both, an answer is not to be had: recall counts it in neither run."""
    both = keep([outcome("d", accepted=False, answered=False, recall=0.0)], ["read by S"])
    changed = [change.measure for change in differences(EARLIER, both)]
    assert "answer recall" not in changed
    assert "abstention recall" in changed
