"""Where the lines and bars of charts stand. Pure numbers; templates draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: The area that is drawn into, in units of the drawing.
WIDTH, HEIGHT = 400.0, 200.0

_BINS = 20


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of points `x,y` from left to right; y counts from the top."""

    points: str
    across: Sequence[Tick]
    up: Sequence[Tick]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram, which counts the values from `low` up to `high`."""

    x: float
    y: float
    width: float
    height: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars of equal width, from left to right."""

    bars: Sequence[Bar]
    across: Sequence[Tick]
    up: Sequence[Tick]


def risk_coverage(judged: Sequence[tuple[float, bool]]) -> list[tuple[float, float, float]]:
    """Coverage, risk and least confidence when the most confident are answered, one by one.

    `judged` has the confidence of each question and whether its answer is right. Questions of one
    confidence are answered together: their order would be chance.
    """
    ordered = sorted(judged, key=lambda pair: -pair[0])
    points, wrong = [], 0
    for count, (confidence, right) in enumerate(ordered, start=1):
        wrong += not right
        if count == len(ordered) or ordered[count][0] != confidence:
            points.append((count / len(ordered), wrong / count, confidence))
    return points


def curve(points: Sequence[tuple[float, float]]) -> Curve:
    """A line through points of [0, 1] by [0, 1], with axes in percent, the upright one as high as
    the highest point needs."""
    most = max((y for _, y in points), default=0.0)
    top = max(0.1, math.ceil(most * 10) / 10)
    line = " ".join(f"{x * WIDTH:.1f},{HEIGHT - y / top * HEIGHT:.1f}" for x, y in points)
    return Curve(
        line,
        [Tick(WIDTH * quarter / 4, f"{25 * quarter} %") for quarter in range(5)],
        [Tick(HEIGHT - HEIGHT * half / 2, f"{50 * half * top:.0f} %") for half in range(3)],
    )


def histogram(values: Sequence[float]) -> Histogram:
    """How often values of 0 and above occur, in bins of a round width."""
    width = _round_up(max(values, default=0.0) / _BINS)
    bins = int(max(values, default=0.0) // width) + 1
    counts = [0] * bins
    for value in values:
        counts[int(value // width)] += 1
    most = max(counts) or 1
    step = WIDTH / bins
    bars = [
        Bar(
            x=place * step,
            y=HEIGHT - count / most * HEIGHT,
            width=step,
            height=count / most * HEIGHT,
            low=place * width,
            high=(place + 1) * width,
            count=count,
        )
        for place, count in enumerate(counts)
    ]
    every = max(1, math.ceil(bins / 5))
    across = [Tick(place * step, f"{place * width:.3g}") for place in range(0, bins + 1, every)]
    return Histogram(bars, across, [Tick(HEIGHT, "0"), Tick(0.0, str(most))])


def _round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 5, 10) if value <= power * step * (1 + 1e-9))
