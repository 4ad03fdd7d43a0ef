"""Reciprocal rank fusion, worked out by hand."""

from __future__ import annotations

import pytest

from rag.fusion import reciprocal_rank_fusion


def test_scores_are_sums_of_reciprocal_ranks() -> None:
    fused = reciprocal_rank_fusion([["a", "b"], ["b", "c"]], constant=10)
    assert [item for item, _ in fused] == ["b", "a", "c"]
    assert [score for _, score in fused] == pytest.approx([1 / 12 + 1 / 11, 1 / 11, 1 / 12])


def test_ranking_of_half_the_weight_counts_half() -> None:
    fused = reciprocal_rank_fusion([["a"], ["b", "a"]], weights=[1.0, 0.5], constant=10)
    assert [item for item, _ in fused] == ["a", "b"]
    assert [score for _, score in fused] == pytest.approx([1 / 11 + 0.5 / 12, 0.5 / 11])


def test_ties_keep_the_order_of_first_mention() -> None:
    fused = reciprocal_rank_fusion([["d", "a"], ["c", "b"]])
    assert [item for item, _ in fused] == ["d", "c", "a", "b"]


def test_no_rankings_give_nothing() -> None:
    assert reciprocal_rank_fusion([]) == []
    assert reciprocal_rank_fusion([[], []]) == []
