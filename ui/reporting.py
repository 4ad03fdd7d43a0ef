"""What is shown of a run of the gold set. Pure; knows no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval import kept
from eval.kept import Asked, Difference, Kept
from ui import charts
from ui.charts import Curve, Histogram
from ui.storage import Evaluation

PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class View:
    """What someone has asked to see."""

    run: str = ""  #: its id; "" for the latest
    against: str = ""  #: the run that it is compared with; "" for none
    type: str = ""  #: of question; "" for all
    verdict: str = ""  #: one of eval.kept.Verdict, "good", "bad", or "" for all
    page: int = 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of an earlier run."""

    earlier: Evaluation
    models: Sequence[str]  #: of the earlier run
    differences: Sequence[Difference]
    better: Sequence[Asked]
    worse: Sequence[Asked]


@dataclass(frozen=True, slots=True)
class Charts:
    """What is drawn of a run; `points` are coverage, risk and least confidence."""

    points: Sequence[tuple[float, float, float]]
    risk: Curve
    seconds: Histogram


@dataclass(frozen=True, slots=True)
class Questions:
    """A page of the questions of a run, and what was chosen of them."""

    shown: Sequence[Asked]
    found: int
    all: int
    page: int  #: from 1
    pages: int
    types: Sequence[str]
    type: str
    verdict: str


def compare(shown: Kept, earlier: Evaluation | None) -> Comparison | None:
    """What changed since the earlier run, if there is one."""
    if earlier is None:
        return None
    before = kept.from_json(earlier.report)
    return Comparison(
        earlier,
        before.models,
        kept.differences(before, shown),
        kept.turned(before, shown, good=True),
        kept.turned(before, shown, good=False),
    )


def draw(shown: Kept) -> Charts:
    """The risk-coverage curve, and how long answers took."""
    points = charts.risk_coverage([(asked.confidence, asked.holds) for asked in shown.questions])
    return Charts(
        points,
        charts.curve([(coverage, risk) for coverage, risk, _ in points]),
        charts.histogram([asked.seconds for asked in shown.questions]),
    )


def tenths(points: Sequence[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Of the points of a curve the first at or after each tenth of coverage."""
    found = [next(p for p in points if p[0] >= n / 10 - 1e-9) for n in range(1, 11)]
    return list(dict.fromkeys(found))


def choose(shown: Kept, view: View) -> Questions:
    """A page of the questions that the view's filters leave."""
    found = [
        asked
        for asked in shown.questions
        if view.type in ("", asked.type)
        and view.verdict in ("", asked.verdict, "good" if asked.good else "bad")
    ]
    pages = max(1, -(-len(found) // PAGE_ROWS))
    page = min(max(1, view.page), pages)
    return Questions(
        found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS],
        len(found),
        len(shown.questions),
        page,
        pages,
        list(shown.types),
        view.type,
        view.verdict,
    )
