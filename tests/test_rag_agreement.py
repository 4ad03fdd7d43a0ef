"""Short answers that say the same, contradict each other, or neither."""

from __future__ import annotations

import pytest

from rag.agreement import contradict, same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana Quispe", "ana quispe."),
        ("the Lumen Foundation", "Lumen Foundation"),
        ("1.5 billion dollars", "1,500 million dollars"),
        ("about 900 people", "900 people"),
        ("30 billion yuan", "29.8 billion yuan"),  # the first is rounded
        ("USD 767.8 million", "$767.8 million"),
        ("6.2 percent", "6.2%"),
        ("RMB 5.5 billion", "5.5 billion yuan"),
        ("US$2.4bn", "2.4 billion dollars"),
        ("0 percent", "0.0 percent"),
        ("-$12 million", "-12 million dollars"),
        ("\u221212 million dollars", "minus 12 million dollars"),
    ],
)
def test_same(one: str, other: str) -> None:
    assert same(one, other)
    assert same(other, one)
    assert not contradict(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("41 million dollars", "46 million dollars"),
        ("118,400 tonnes", "117,300 tonnes"),
        ("4.1 metres", "4.6 metres"),
        ("2,350", "1,900"),
        ("12 per cent", "13%"),
        ("5.5 percent", "55 percent"),
        ("-5%", "5%"),
        ("-$12 million", "$12 million"),
        ("+5%", "7%"),
        ("5% over the year", "7%"),
        ("10 million dollars", "14 million dollars"),
        ("1,000 people", "1,400 people"),
    ],
)
def test_contradiction(one: str, other: str) -> None:
    assert contradict(one, other)
    assert contradict(other, one)
    assert not same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana Quispe", "Luis Mamani"),
        ("41 million dollars", "38 million euros"),
        ("A$5.5 billion", "US$6.5 billion"),
        ("More than 800 people", "900 people"),
        ("up to 1,000 people", "700 people"),
        ("at least 12 tonnes", "15 tonnes"),
        ("over $12 million", "$15 million"),
        ("800+ people", "900 people"),
        ("12 tonnes", "2019"),
        ("2018", "2019"),  # two years may both be right
        ("1881", "1879"),
        ("14 May", "16 May"),
        ("Jan. 30", "Jan. 28"),
        ("14 Sept", "16 Sept"),
        ("the 14th", "the 16th"),
        ("for 900 people", "for 3 days"),
        ("900 people in the US", "5 million dollars"),
        ("40 tonnes per year", "50 percent"),
        ("12 tonnes and 14 tonnes", "13 tonnes"),
        ("12 tonnes", "much"),
        ("1,2 million", "1.3 million"),  # unclear what the comma means
        ("", ""),
    ],
)
def test_neither(one: str, other: str) -> None:
    assert not same(one, other)
    assert not contradict(one, other)
    assert not contradict(other, one)
