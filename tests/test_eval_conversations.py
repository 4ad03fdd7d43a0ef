"""The bundled conversations, what is said of malformed ones, and how they are asked and counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eval.conversations import (
    FOLLOW_UP,
    STAND_ALONE,
    GoldConversation,
    ask,
    left_alone,
    load_conversations,
    rows,
    rows_of_understanding,
)
from eval.evaluate import evaluate
from eval.gold import Evidence, GoldQuestion
from index.embedder import Embedder
from index.errors import SettingsError
from index.loader import load
from index.settings import Settings
from index.syncing import sync
from rag import Assistant

ROOT = Path(__file__).parents[1]
COPPER = "The Toquepala mine sold exactly 40 tonnes of copper in the year 1999."
SALT = "Miguel Condori has been the head of the Uyuni salt works since 2004."
TURN = {"type": "opening", "question": "Who?", "answers": [], "evidence": []}


@pytest.fixture(scope="module")
def bundled() -> list[GoldConversation]:
    return load_conversations(ROOT / "eval" / "conversations.jsonl")


def test_bundled_conversations_are_enough_of_every_kind(bundled: list[GoldConversation]) -> None:
    by_split = {s: [c for c in bundled if c.split == s] for s in ("dev", "test")}
    assert {split: len(part) for split, part in by_split.items()} == {"dev": 18, "test": 30}
    assert all(2 <= len(conversation.turns) <= 4 for conversation in bundled)
    turns = [turn for conversation in by_split["test"] for turn in conversation.turns]
    assert sum(turn.type == FOLLOW_UP for turn in turns) == 59
    assert sum(turn.type == STAND_ALONE for turn in turns) == 13
    assert sum(turn.type == FOLLOW_UP and not turn.answers for turn in turns) == 8


def test_bundled_evidence_stands_in_its_article(bundled: list[GoldConversation]) -> None:
    texts = {p.name: load(p, max_megabytes=1).text for p in (ROOT / "articles").glob("*.md")}
    parts = [part for talk in bundled for turn in talk.turns for part in turn.evidence]
    assert len(parts) >= 100
    assert [part for part in parts if part.quote not in texts[part.article]] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"split": "dev", "turns": [TURN, TURN]}, "is no gold conversation (KeyError: 'id')"),
        ({"id": "a", "split": "dev", "turns": [TURN]}, "has an opening, then turns of"),
        ({"id": "a", "split": "dev", "turns": [TURN, TURN]}, "has an opening, then turns of"),
        ({"id": "a", "split": "x", "turns": [TURN, TURN]}, "split must be one of"),
        (
            {"id": "a", "split": "dev", "turns": [{**TURN, "answers": ["1"]}]},
            "answers and evidence must both be given, or neither",
        ),
    ],
)
def test_malformed_conversation_is_named_with_line_and_cause(
    tmp_path: Path, line: object, said: str
) -> None:
    file = tmp_path / "talks.jsonl"
    file.write_text(json.dumps(line))
    with pytest.raises(SettingsError) as caught:
        load_conversations(file)
    assert f"Line 1 of {file}" in str(caught.value)
    assert said in str(caught.value)


TALK = GoldConversation(
    "t",
    "dev",
    (
        GoldQuestion(
            "t-1", "opening", "Who has been the head of the Uyuni salt works?",
            ("Miguel Condori",), (Evidence("salt.md", SALT),),
        ),
        GoldQuestion(
            "t-2", FOLLOW_UP, "Since when has he been that?", ("2004",),
            (Evidence("salt.md", SALT),),
        ),
        GoldQuestion(
            "t-3", STAND_ALONE, "How many tonnes of copper did the Toquepala mine sell in 1999?",
            ("40",), (Evidence("copper.md", COPPER),),
        ),
    ),
)  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, embedder: Embedder) -> Settings:
    """Of an index of both articles."""
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "copper.md").write_text(COPPER)
    (tmp_path / "articles" / "salt.md").write_text(SALT)
    sync(tmp_path / "articles", tmp_path / "index", embedder=embedder)
    return Settings(index_dir=tmp_path / "index")


def test_turns_are_asked_after_those_before_them_and_alone(
    settings: Settings, assistant_over: Callable[[Path], Assistant]
) -> None:
    with assistant_over(settings.index_dir) as assistant:
        asked = ask(assistant, settings, [TALK])
        outcomes = evaluate(assistant, settings, [TALK.turns[0], TALK.turns[2]])
    assert [one.gold.id for one in asked] == ["t-2", "t-3"]
    follow_up, other = asked
    assert follow_up.in_turn.answer.understood == "Since when has Miguel Condori been that?"
    assert follow_up.in_turn.answer_recall == 1
    assert follow_up.alone.answer.understood == ""
    assert other.in_turn.answer.understood == ""
    assert left_alone(outcomes).value == 1
    table = rows(asked)
    assert table[0] == ["follow-up turns", "dev, in turn", "dev, alone"]
    assert [row[0] for row in table[1:3]] == ["hit@5", "answer recall"]
    assert table[2][1] == "1.000 [1.000, 1.000] (1)"
    assert rows_of_understanding(asked, None)[1:] == [
        ["dev: stand alone", "1.000 [1.000, 1.000] (1)"],
        ["dev: follow up", "0.000 [0.000, 0.000] (1)"],
    ]


def test_small_sets_are_counted_as_far_as_they_go(
    settings: Settings, assistant_over: Callable[[Path], Assistant]
) -> None:
    """Here no turn of test leans on anything, and both complete questions are about one article."""
    stands_alone = replace(
        TALK, id="u", turns=tuple(replace(t, split="test") for t in TALK.turns[::2])
    )
    with assistant_over(settings.index_dir) as assistant:
        asked = ask(assistant, settings, [TALK, stands_alone])
        outcomes = evaluate(assistant, settings, TALK.turns[:2])
    assert rows(asked)[0] == ["follow-up turns", "dev, in turn", "dev, alone"]
    assert str(left_alone(outcomes)) == "- (0)"
    assert str(left_alone(outcomes[:1])) == "- (0)"
