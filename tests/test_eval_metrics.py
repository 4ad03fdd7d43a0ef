"""Measures, worked out by hand."""

from __future__ import annotations

import pytest

from eval.metrics import Figure, calibration_error, difference, quantile, ratio
from rag.squad import contains_answer, exact_match, normalise, token_f1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  5.5-billion Yuan!", "55billion yuan"),
        ("A theory of an anthem", "theory of anthem"),
        ("the", ""),
        ("Évry", "évry"),
    ],
)
def test_normalisation_is_that_of_squad(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("prediction", "accepted", "match", "f1"),
    [
        ("The Sputnik V.", ["sputnik v"], 1.0, 1.0),
        ("about 900 people", ["900", "900 people"], 0.0, 0.8),  # 2 * 2 / (3 + 2)
        ("Lima", ["Oruro"], 0.0, 0.0),
        ("no no yes", ["no yes yes"], 0.0, pytest.approx(2 / 3)),  # 2 * 2 / (3 + 3)
        ("Lima", [], 0.0, 0.0),
        ("", ["Lima"], 0.0, 0.0),
    ],
)
def test_exact_match_and_token_f1(
    prediction: str, accepted: list[str], match: float, f1: float
) -> None:
    assert exact_match(prediction, accepted) == match
    assert token_f1(prediction, accepted) == f1


@pytest.mark.parametrize(
    ("text", "accepted", "expected"),
    [
        ("It cost 5.5 billion yuan. [1]", ["5.5 billion yuan"], True),
        ("It cost 15.5 billion yuan.", ["5.5 billion yuan"], False),
        ("Russia, and India", ["Russia and India"], True),
        ("Russia met India", ["Russia and India"], False),
        ("Russia met India", ["China", "India"], True),
        ("Russia met India", [], False),
        ("", ["a"], False),
    ],
)
def test_answer_is_contained_when_its_tokens_stand_in_a_row(
    text: str, accepted: list[str], expected: bool
) -> None:
    assert contains_answer(text, accepted) is expected


def test_ratio_divides_the_sums_and_its_interval_holds_it() -> None:
    figure = ratio([1, 0, 1, 1, 0, 0, 1, 1], [1] * 8)
    assert (figure.value, figure.count) == (0.625, 8)
    assert 0 <= figure.low < 0.625 < figure.high <= 1
    assert ratio([1, 0, 1, 1, 0, 0, 1, 1], [1] * 8) == figure


def test_interval_of_a_ratio_that_never_varies_is_a_point() -> None:
    assert ratio([2, 2, 2], [4, 4, 4]) == Figure(0.5, 0.5, 0.5, 12)


def test_interval_of_one_in_two_is_everything() -> None:
    assert ratio([1, 0], [1, 1]) == Figure(0.5, 0.0, 1.0, 2)


def test_ratio_of_nothing_is_0() -> None:
    assert ratio([0, 0], [0, 0]) == Figure(0.0, 0.0, 0.0, 0)
    assert ratio([], []) == Figure(0.0, 0.0, 0.0, 0)


def test_calibration_error_weighs_the_gap_of_each_bin() -> None:
    # Two at .9 of which one is right, two at .2 of which none is: .4 and .2, each for half.
    figure = calibration_error([0.9, 0.9, 0.2, 0.2], [1, 0, 0, 0])
    assert figure.value == pytest.approx(0.3)
    assert figure.low <= figure.value <= figure.high
    assert calibration_error([1.0, 0.0], [1, 0]).value == 0


def test_quantile_lies_between_the_times_around_it() -> None:
    figure = quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    assert (figure.value, figure.count) == (2.5, 4)
    assert 1.0 <= figure.low <= 2.5 <= figure.high <= 4.0
    assert quantile([3.0], 0.95) == Figure(3.0, 3.0, 3.0, 1)


def test_difference_between_two_runs_is_drawn_question_by_question() -> None:
    """Half right before and all after; a run beside itself differs by nothing in any sample."""
    before = [(0.0, 1.0), (1.0, 1.0)] * 20
    risen = difference(before, [(1.0, 1.0)] * 40)
    assert (risen.value, risen.count) == (0.5, 40)
    assert 0.3 < risen.low < 0.5 < risen.high < 0.7
    assert difference(before, before) == Figure(0.0, 0.0, 0.0, 40)
    assert difference([(0.0, 0.0)], [(1.0, 1.0)]).count == 0
