"""A run of the gold set as it is kept, and what changed between two. Knows nothing of screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from eval import report
from eval.evaluate import Outcome
from eval.gold import Evidence
from eval.metrics import Figure, difference
from index.errors import SettingsError

Verdict = Literal["right", "wrong", "declined", "rightly declined", "not in the articles"]

#: Of these a question was done justice to.
GOOD: tuple[Verdict, ...] = ("right", "rightly declined")


@dataclass(frozen=True, slots=True)
class Asked:
    """One gold question with what came back."""

    id: str
    type: str
    split: str
    question: str
    accepted: tuple[str, ...]  #: none where the articles do not say
    evidence: tuple[Evidence, ...]
    answer: str
    short: str
    quoted: tuple[Evidence, ...]
    abstained: bool
    confidence: float
    holds: bool  #: an accepted answer stands in what is quoted, or would have been
    recalled: bool  #: an accepted answer stands in what is quoted
    seconds: float
    measures: dict[str, tuple[float, float]]  #: above and below the line, where that is not 0

    @property
    def verdict(self) -> Verdict:
        """Of an answer that is not in the articles at all: what was quoted answers nothing."""
        if not self.accepted:
            return "rightly declined" if self.abstained else "not in the articles"
        if self.abstained:
            return "declined"
        return "right" if self.recalled else "wrong"

    @property
    def good(self) -> bool:
        return self.verdict in GOOD


@dataclass(frozen=True, slots=True)
class Kept:
    """A run: its figures by split and by type, and every question in the order of the gold set."""

    models: tuple[str, ...]  #: the names of what answered
    splits: dict[str, dict[str, Figure]]
    types: dict[str, dict[str, Figure]]
    questions: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure in two runs over the questions that both have asked."""

    measure: str
    before: Figure
    after: Figure
    risen: Figure


_kept = TypeAdapter(Kept)


def keep(outcomes: Sequence[Outcome], models: Sequence[str]) -> Kept:
    """What is kept of a run."""
    splits, types = report.by_split(outcomes), report.by_type(outcomes)
    return Kept(
        models=tuple(models),
        splits={s: report.figures(part) | report.seconds(part) for s, part in splits.items()},
        types={name: report.figures(part) for name, part in types.items()},
        questions=tuple(map(_asked, outcomes)),
    )


def to_json(kept: Kept) -> str:
    """As it is stored; `from_json` gives it back."""
    return _kept.dump_json(kept).decode()


def from_json(text: str) -> Kept:
    """Raises SettingsError where `text` is no run that was kept."""
    try:
        return _kept.validate_json(text)
    except ValidationError as error:
        raise SettingsError("This evaluation cannot be read; another release kept it.") from error


def differences(before: Kept, after: Kept) -> list[Difference]:
    """What became of every measure, over the questions that both runs have asked."""
    pairs = _pairs(before, after)
    found = []
    for name in after.splits["all"]:
        if pairs and name in before.splits["all"]:
            early, late = (
                [asked.measures.get(name, (0.0, 0.0)) for asked in run]
                for run in zip(*pairs, strict=True)
            )
            risen = difference(early, late)
            if risen.count:
                figures = before.splits["all"][name], after.splits["all"][name]
                found.append(Difference(name, *figures, risen))
    return found


def turned(before: Kept, after: Kept, *, good: bool) -> list[Asked]:
    """The questions whose answers became good, or no longer are, as they are in the later run."""
    pairs = _pairs(before, after)
    return [late for early, late in pairs if late.good is good and early.good is not good]


def _pairs(before: Kept, after: Kept) -> list[tuple[Asked, Asked]]:
    """Questions are the same where all that was asked and accepted is."""
    earlier = {asked.id: asked for asked in before.questions}
    return [
        (earlier[asked.id], asked)
        for asked in after.questions
        if asked.id in earlier
        and (earlier[asked.id].question, earlier[asked.id].accepted)
        == (asked.question, asked.accepted)
    ]


def _asked(outcome: Outcome) -> Asked:
    gold, answer = outcome.gold, outcome.answer
    return Asked(
        id=gold.id,
        type=gold.type,
        split=gold.split,
        question=gold.question,
        accepted=gold.answers,
        evidence=gold.evidence,
        answer=answer.text,
        short=answer.short,
        quoted=tuple(Evidence(Path(c.article.source).name, c.quote) for c in answer.citations),
        abstained=answer.abstained,
        confidence=answer.confidence,
        holds=bool(outcome.right),
        recalled=bool(outcome.answer_recall),
        seconds=outcome.seconds,
        measures={name: both for name, both in report.measured(outcome).items() if both[1]},
    )
