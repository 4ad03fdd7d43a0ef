"""Conversations are asked with and without what came before. Knows nothing of how they are shown.

A line of the file is a conversation: `id`, `split` and `turns`, each turn as a line of the gold set
without its id. Its type is `opening`, `follow_up` (it leans on the turns before it) or
`stand_alone` (it does not).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.evaluate import Outcome, judge, places_of
from eval.gold import GoldQuestion, question_of, read_lines
from eval.metrics import Figure, ratio
from eval.report import figures
from index.settings import Settings
from rag import Assistant
from rag.conversation import Turn, keep
from rag.follow_up import understand

FOLLOW_UP, STAND_ALONE = "follow_up", "stand_alone"
TYPES = ("opening", FOLLOW_UP, STAND_ALONE)
MEASURES = (
    "hit@5", "answer recall", "citation hit", "short right", "abstention recall",
    "answerable declined",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GoldConversation:
    """Questions in the order in which they are asked; the first leans on nothing."""

    id: str
    split: str
    turns: tuple[GoldQuestion, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, asked after the turns before it and asked by itself."""

    gold: GoldQuestion
    in_turn: Outcome
    alone: Outcome


def load_conversations(path: Path) -> list[GoldConversation]:
    """The conversations of a JSONL file. Raises SettingsError that names the line and the cause."""
    return read_lines(path, _conversation, "conversation")


def _conversation(fields: dict[str, Any]) -> GoldConversation:
    name, split = str(fields["id"]), str(fields["split"])
    turns = tuple(
        question_of({**turn, "id": f"{name}-{number}", "split": split})
        for number, turn in enumerate(fields["turns"], start=1)
    )
    types = [turn.type for turn in turns]
    if len(turns) < 2 or types[0] != TYPES[0] or not set(types[1:]) <= {FOLLOW_UP, STAND_ALONE}:
        raise ValueError(f"a conversation has an opening, then turns of {FOLLOW_UP}, {STAND_ALONE}")
    return GoldConversation(name, split, turns)


def ask(
    assistant: Assistant,
    settings: Settings,
    conversations: Sequence[GoldConversation],
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Asked]:
    """Ask every turn but the openings. Earlier turns are as they were answered, right or wrong.

    Raises SettingsError where evidence stands in no article.
    """
    places = places_of(settings, [turn for talk in conversations for turn in talk.turns])
    asked = []
    for done, talk in enumerate(conversations, start=1):
        history: list[Turn] = []
        for gold in talk.turns:
            in_turn = judge(assistant, gold, places, history)
            if history:  # what was asked as it stands would be answered the same alone
                understood = in_turn.answer.understood
                alone = judge(assistant, gold, places) if understood else in_turn
                asked.append(Asked(gold, in_turn, alone))
            history.append(keep(in_turn.answer))
        if progress:
            progress(done, len(conversations), talk.id)
    return asked


def left_alone(outcomes: Sequence[Outcome]) -> Figure:
    """The share of complete questions that are asked as they stand after one about another matter.

    That is the first one from halfway round the set that has no article in common; a question for
    which there is none is not counted.
    """
    turns = [keep(outcome.answer) for outcome in outcomes]
    alone = []
    for place, outcome in enumerate(outcomes):
        articles = {part.article for part in outcome.gold.evidence}
        others = ((place + len(outcomes) // 2 + step) % len(outcomes) for step in range(len(turns)))
        before = next(
            (
                turns[other]
                for other in others
                if other != place
                and not articles & {part.article for part in outcomes[other].gold.evidence}
            ),
            None,
        )
        if before:
            alone.append(float(not understand(outcome.gold.question, [before])))
    return ratio(alone)


def rows(asked: Sequence[Asked]) -> list[list[str]]:
    """The table of follow-up turns by split, with the turns before them and without.

    A split that has none is left out.
    """
    follow_ups = [one for one in asked if one.gold.type == FOLLOW_UP]
    head, columns = ["follow-up turns"], []
    for split in dict.fromkeys(one.gold.split for one in follow_ups):
        part = [one for one in follow_ups if one.gold.split == split]
        head += [f"{split}, in turn", f"{split}, alone"]
        columns += [figures([one.in_turn for one in part]), figures([one.alone for one in part])]
    return [head, *([name, *(str(column[name]) for column in columns)] for name in MEASURES)]


def rows_of_understanding(asked: Sequence[Asked], gold: Figure | None) -> list[list[str]]:
    """The table of which questions were asked as they stand; `gold` is `left_alone`'s figure."""
    table = [["asked as it stands", "share"]]
    for split in dict.fromkeys(one.gold.split for one in asked):
        for kind in (STAND_ALONE, FOLLOW_UP):
            part = [o for o in asked if o.gold.split == split and o.gold.type == kind]
            share = ratio([float(not one.in_turn.answer.understood) for one in part])
            table.append([f"{split}: {kind.replace('_', ' ')}", str(share)])
    return [
        *table,
        *([["gold set, after a question about another matter", str(gold)]] if gold else []),
    ]
