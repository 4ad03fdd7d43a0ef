"""Merge rankings into one. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

#: Cormack, Clarke and Büttcher took 60; with 10 the first places count for more. On the dev split,
#: both rankings at the same weight: hit@5 .931 against .914, MRR .848 against .845 (58 questions).
RANK_CONSTANT = 10


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[T]],
    weights: Sequence[float] | None = None,
    constant: int = RANK_CONSTANT,
) -> list[tuple[T, float]]:
    """Items with their sum of weight / (constant + rank) over the rankings, best first.

    Ranks count from 1 (Cormack, Clarke and Büttcher 2009); without `weights` each ranking counts
    the same, as there. Ties keep the order of first mention.
    """
    scores: dict[T, float] = {}
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + weight / (constant + rank)
    return sorted(scores.items(), key=lambda pair: -pair[1])
