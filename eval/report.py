"""Sum outcomes up as figures, and show figures as tables. Knows nothing of assistants."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.evaluate import READ_MEASURES, RETRIEVAL_MEASURES, Outcome
from eval.gold import SPLITS
from eval.metrics import CALIBRATION_BINS, Figure, calibration_error, quantile, ratio
from index.errors import SettingsError

#: What a measure counts for one outcome, over what.
_Part = Callable[[Outcome], float]


def _answerable(outcome: Outcome) -> float:
    return float(outcome.answerable)


def _retrieval(name: str) -> _Part:
    return lambda outcome: outcome.retrieval[name]


def _right_abstention(outcome: Outcome) -> float:
    return float(outcome.answer.abstained and not outcome.answerable)


_MEASURES: dict[str, tuple[_Part, _Part]] = {
    **{name: (_retrieval(name), _answerable) for name in (*RETRIEVAL_MEASURES, *READ_MEASURES)},
    "article hit@5": (lambda outcome: outcome.article_hit, _answerable),
    "short exact match": (lambda outcome: outcome.exact_match, _answerable),
    "short F1": (lambda outcome: outcome.f1, _answerable),
    "short right": (lambda outcome: outcome.short_right, _answerable),
    "answer recall": (lambda outcome: outcome.answer_recall, _answerable),
    "citation hit": (lambda outcome: outcome.citation_hit, _answerable),
    "citations exact": (
        lambda outcome: outcome.exact_citations,
        lambda outcome: len(outcome.answer.citations),
    ),
    "abstention precision": (_right_abstention, lambda outcome: float(outcome.answer.abstained)),
    "abstention recall": (_right_abstention, lambda outcome: float(not outcome.answerable)),
    "answerable declined": (
        lambda outcome: float(outcome.answer.abstained and outcome.answerable),
        _answerable,
    ),
    "coverage": (lambda outcome: float(not outcome.answer.abstained), lambda _: 1.0),
    "accuracy when answering": (
        lambda outcome: outcome.answer_recall,
        lambda outcome: float(not outcome.answer.abstained),
    ),
}

#: Only where a chat model wrote.
_WRITTEN: dict[str, tuple[_Part, _Part]] = {
    "sentences verified": (
        lambda outcome: outcome.answer.written - outcome.answer.dropped,
        lambda outcome: outcome.answer.written,
    ),
    "written by the model": (lambda outcome: float(bool(outcome.answer.written_by)), lambda _: 1.0),
}

Figures = dict[str, Figure]


def figures(outcomes: Sequence[Outcome]) -> Figures:
    """Every measure over the outcomes: the same outcomes give the same figures."""
    counted = [measured(outcome) for outcome in outcomes]
    named = [*_MEASURES, *(_WRITTEN if any(o.answer.written_by for o in outcomes) else ())]
    ratios = {name: ratio(*zip(*(o[name] for o in counted), strict=True)) for name in named}
    confidence, right = [o.answer.confidence for o in outcomes], [o.right for o in outcomes]
    return {**ratios, "calibration error": calibration_error(confidence, right)}


def measured(outcome: Outcome) -> dict[str, tuple[float, float]]:
    """What one outcome adds above and below the line of every measure."""
    every = _MEASURES | _WRITTEN
    return {name: (part(outcome), whole(outcome)) for name, (part, whole) in every.items()}


def by_split(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes of each split that there are any of, and of all together."""
    splits = {s: [o for o in outcomes if o.gold.split == s] for s in SPLITS}
    return {**{name: part for name, part in splits.items() if part}, "all": list(outcomes)}


def by_type(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes of each type of question, in the order of the gold set."""
    types = dict.fromkeys(outcome.gold.type for outcome in outcomes)
    return {name: [o for o in outcomes if o.gold.type == name] for name in types}


def seconds(outcomes: Sequence[Outcome]) -> Figures:
    """How long an answer took; unlike all else this differs from run to run."""
    times = [outcome.seconds for outcome in outcomes]
    return {"p50 seconds": quantile(times, 0.5), "p95 seconds": quantile(times, 0.95)}


def to_json(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All figures and every question with its answer. Only `seconds` differs from run to run."""
    return {
        "splits": {name: _plain(figures(part)) for name, part in by_split(outcomes).items()},
        "types": {name: _plain(figures(part)) for name, part in by_type(outcomes).items()},
        "seconds": _plain(seconds(outcomes)),
        "questions": [
            {
                "id": outcome.gold.id,
                "type": outcome.gold.type,
                "split": outcome.gold.split,
                "question": outcome.gold.question,
                "accepted": list(outcome.gold.answers),
                "answer": outcome.answer.text,
                "short": outcome.answer.short,
                "abstained": outcome.answer.abstained,
                "confidence": outcome.answer.confidence,
                "written": outcome.answer.written,
                "dropped": outcome.answer.dropped,
                "right": outcome.right,
                "citations": [
                    {"article": Path(c.article.source).name, "start": c.start, "end": c.end}
                    for c in outcome.answer.citations
                ],
                **outcome.retrieval,
                "answer recall": outcome.answer_recall,
                "citation hit": outcome.citation_hit,
            }
            for outcome in outcomes
        ],
    }


def rows(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """The table of measures by split: a head, then a row a measure."""
    splits = by_split(outcomes)
    columns = {name: {**figures(part), **seconds(part)} for name, part in splits.items()}
    head = ["measure", *(f"{name} ({len(part)} questions)" for name, part in splits.items())]
    names = list(columns["all"])
    return [head, *([name, *(str(columns[s].get(name, "-")) for s in splits)] for name in names)]


def rows_by_type(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """The table of question types: how many, how many answered, and how well."""
    measures = ("hit@5", "answer recall", "citation hit", "short F1", "abstention recall")
    table = [["type", "questions", "answered", *measures]]
    for name, part in by_type(outcomes).items():
        found = figures(part)
        answered = sum(not outcome.answer.abstained for outcome in part)
        table.append(
            [name, str(len(part)), str(answered)]
            + [str(found[m]) if found[m].count else "-" for m in measures]
        )
    return table


def reliability(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """The table of confidence: how often what was that sure is right."""
    table = [["confidence", "questions", "mean confidence", "right"]]
    for place in range(CALIBRATION_BINS):
        low, high = place / CALIBRATION_BINS, (place + 1) / CALIBRATION_BINS
        part = [o for o in outcomes if low <= o.answer.confidence < high + (high == 1) * 1e-9]
        if part:
            mean = sum(o.answer.confidence for o in part) / len(part)
            right = sum(o.right for o in part) / len(part)
            table.append(
                [f"{low:.1f} to {high:.1f}", str(len(part)), f"{mean:.3f}", f"{right:.3f}"]
            )
    return table


def risk_coverage(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """The risk-coverage curve (El-Yaniv and Wiener 2010): the most confident answered first.

    Coverage is the share of all questions answered, risk the share of those that is wrong.
    """
    ordered = sorted(outcomes, key=lambda outcome: -outcome.answer.confidence)
    table = [["coverage", "least confidence", "risk", ""]]
    for tenth in range(1, 11):
        part = ordered[: max(1, round(len(ordered) * tenth / 10))]
        risk = 1 - sum(outcome.right for outcome in part) / len(part)
        least = part[-1].answer.confidence
        table.append([f"{tenth / 10:.1f}", f"{least:.3f}", f"{risk:.3f}", "█" * round(40 * risk)])
    return table


def tables(outcomes: Sequence[Outcome]) -> list[list[list[str]]]:
    """Every table, a head and then its rows."""
    views = (rows, rows_by_type, reliability, risk_coverage)
    return [view(outcomes) for view in views]


def markdown(outcomes: Sequence[Outcome]) -> str:
    """All tables as Markdown."""
    return "\n".join(_markdown_table(table) for table in tables(outcomes))


def below_thresholds(outcomes: Sequence[Outcome], file: Path) -> list[str]:
    """What falls short of the file's bars (`{split: {measure: bar}}`), a sentence each."""
    if not file.is_file():
        return []
    try:
        bars: Mapping[str, Mapping[str, float]] = json.loads(file.read_text("utf-8"))
        found = {name: figures(part) for name, part in by_split(outcomes).items()}
        return [
            f"{measure} on {split} is {found[split][measure].value:.3f}, below {bar}."
            for split, measures in bars.items()
            for measure, bar in measures.items()
            if split in found and found[split][measure].value < bar
        ]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SettingsError(f"{file} is no file of thresholds ({error!r}).") from error


def _markdown_table(table: list[list[str]]) -> str:
    head, *body = table
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _plain(found: Figures) -> dict[str, dict[str, float]]:
    return {name: dataclasses.asdict(figure) for name, figure in found.items()}
