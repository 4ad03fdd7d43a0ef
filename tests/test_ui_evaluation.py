"""The page of evaluation: its run, its charts and what is shown of what was kept."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eval import kept
from eval.evaluate import evaluate_each
from eval.gold import load_gold
from eval.kept import Kept
from index.errors import BusyError
from rag import Assistant
from ui import render, reporting
from ui.charts import Tick, curve, histogram, risk_coverage
from ui.evaluating import Evaluating
from ui.gate import Gate
from ui.reporting import View
from ui.storage import Storage
from ui.uploads import Uploads
from ui.window import About, Shelf, Window

GOLD = Path(__file__).parents[1] / "eval" / "gold.jsonl"
QUESTIONS = 4


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two questions of the bundled gold set that have an answer, and two that have none."""
    lines = GOLD.read_text("utf-8").splitlines()
    file = tmp_path_factory.mktemp("gold") / "gold.jsonl"
    file.write_text("\n".join([*lines[:2], *lines[-2:]]), "utf-8")
    return file


@pytest.fixture
def window(
    bundled_index: Path,
    assistant_over: Callable[[Path], Assistant],
    tmp_path: Path,
    gold: Path,
) -> Window:
    assistant = assistant_over(bundled_index)
    storage = Storage(tmp_path / "kept")
    return Window(
        assistant, Gate(), storage, Uploads(assistant), Shelf(assistant), About(gold=gold)
    )


@pytest.fixture(scope="module")
def run(bundled_index: Path, assistant_over: Callable[[Path], Assistant], gold: Path) -> Kept:
    with assistant_over(bundled_index) as assistant:
        outcomes = list(evaluate_each(assistant, assistant.settings, load_gold(gold)))
    return kept.keep(outcomes, ["read by <R>"])


async def _end(evaluating: Evaluating) -> list[int]:
    return [running.done async for running in evaluating.watch()]


def test_a_run_belongs_to_the_server_and_is_kept(window: Window) -> None:
    async def go() -> None:
        evaluating = Evaluating(window)
        evaluating.start("ana")
        with pytest.raises(BusyError, match="being asked already"):
            evaluating.start("ben")
        watchers = asyncio.gather(_end(evaluating), _end(evaluating))
        evaluating.cancel("ben")  # it is not his
        first, second = await watchers
        assert first == second == sorted(first)
        assert (evaluating.now, evaluating.said) == (None, "")

    asyncio.run(go())
    (found,) = window.storage.evaluations()
    assert len(kept.from_json(found.report).questions) == QUESTIONS
    assert (
        kept.from_json(found.report).models[0] == "read by the reader that comes with this project"
    )


def test_a_run_that_is_cancelled_keeps_nothing(window: Window) -> None:
    async def go() -> str:
        evaluating = Evaluating(window)
        evaluating.start("ana")
        await asyncio.sleep(0)
        evaluating.cancel("ana")
        await _end(evaluating)
        return evaluating.said

    assert "nothing was kept" in asyncio.run(go())
    assert window.storage.evaluations() == []


def test_a_gold_set_that_cannot_be_read_ends_the_run_with_the_cause(
    window: Window, gold: Path, tmp_path: Path
) -> None:
    evidence = {"article": "gone.md", "quote": "Tin rose."}
    lost = {"id": "x", "type": "t", "question": "Q?", "answers": ["tin"], "evidence": [evidence]}
    (tmp_path / "lost.jsonl").write_text(json.dumps(lost))

    async def go(file: Path) -> str:
        evaluating = Evaluating(replace(window, about=About(gold=file)))
        evaluating.start("")
        await _end(evaluating)
        return evaluating.said

    assert asyncio.run(go(tmp_path / "none.jsonl")).startswith("There is no gold set")
    assert "does not stand in gone.md" in asyncio.run(go(tmp_path / "lost.jsonl"))


def test_who_asks_meanwhile_waits_for_one_gold_question_at_most(window: Window) -> None:
    """Of a run of four questions at least two are left when the first answer is there."""

    async def go() -> int:
        evaluating = Evaluating(window)
        evaluating.start("")
        while not (evaluating.now and evaluating.now.done):
            await asyncio.sleep(0.01)
        async with window.gate.join("ana") as ticket:
            await ticket.run(time.sleep, 0)
        assert evaluating.now is not None
        left = QUESTIONS - evaluating.now.done
        await _end(evaluating)
        return left

    assert asyncio.run(go()) >= 2


def test_kept_run_is_of_a_bounded_size_for_each_question(run: Kept) -> None:
    questions = run.__class__((), {}, {}, run.questions)
    assert len(kept.to_json(questions)) / len(run.questions) < 2500  # characters


def test_questions_are_chosen_by_type_and_by_verdict(run: Kept) -> None:
    def ids(view: View) -> list[str]:
        return [asked.id for asked in reporting.choose(run, view).shown]

    assert ids(View()) == [asked.id for asked in run.questions]
    assert ids(View(type="number")) == ["number-01", "number-02"]
    assert ids(View(verdict="rightly declined")) == ids(View(verdict="good"))[-2:]
    assert ids(View(verdict="bad")) == ids(View(type="nothing")) == []


def test_report_escapes_what_is_foreign_and_compares_with_another_run(run: Kept) -> None:
    from datetime import UTC, datetime

    from ui.storage import Evaluation

    runs = [
        Evaluation(name, datetime(2026, 1, 30, 10, day, tzinfo=UTC), kept.to_json(run))
        for day, name in enumerate(("one", "two"))
    ]
    page = render.report(run, runs[1], runs, reporting.compare(run, runs[0]), reporting.draw(run))
    assert "read by &lt;R&gt;" in page
    assert "Since 2026-01-30 10:00 UTC" in page
    assert "+0.000" in page
    assert "Became wrong: 0" in page
    page = render.report(run, runs[1], runs, None, reporting.draw(run))
    assert "Became wrong" not in page
    assert page.count("<svg") == page.count("<desc") == 2


def test_risk_at_each_coverage_takes_questions_of_one_confidence_together() -> None:
    judged = [(0.5, True), (0.9, True), (0.5, False), (0.1, False)]
    assert risk_coverage(judged) == [(0.25, 0.0, 0.9), (0.75, 1 / 3, 0.5), (1.0, 0.5, 0.1)]


def test_curve_is_drawn_from_the_lower_left_and_as_high_as_it_needs() -> None:
    drawn = curve([(0.5, 0.0), (1.0, 0.4)])
    assert drawn.points == "200.0,200.0 400.0,0.0"
    assert drawn.up == [Tick(200.0, "0 %"), Tick(100.0, "20 %"), Tick(0.0, "40 %")]
    assert [tick.label for tick in drawn.across] == ["0 %", "25 %", "50 %", "75 %", "100 %"]


def test_histogram_counts_every_value_once_in_bins_of_a_round_width() -> None:
    drawn = histogram([0.0, 0.02, 0.06, 0.99])
    assert [(round(b.low, 6), b.count) for b in drawn.bars if b.count] == [
        (0.0, 2),
        (0.05, 1),
        (0.95, 1),
    ]
    assert (drawn.bars[0].height, drawn.bars[1].height) == (200.0, 100.0)
    assert sum(bar.count for bar in histogram([]).bars) == 0
    assert sum(bar.count for bar in histogram([3.0] * 7).bars) == 7
