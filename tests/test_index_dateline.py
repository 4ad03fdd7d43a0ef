"""Publisher and date, read off the heads of news texts."""

from __future__ import annotations

from datetime import date

import pytest

from index.dateline import find_date, read_dateline


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("published 2026-01-30", date(2026, 1, 30)),
        ("30.01.2026 | 16:00", date(2026, 1, 30)),
        ("14:20, January 30, 2026", date(2026, 1, 30)),
        ("Jan. 30, 2026", date(2026, 1, 30)),
        ("SEPT 5 2025", date(2025, 9, 5)),
        ("30 Jan 2026", date(2026, 1, 30)),
        ("on 5 May, 2025, and again on 6 June 2025", date(2025, 5, 5)),
        ("31.02.2026, then 1 March 2026", date(2026, 3, 1)),
        ("31.02.2026", None),
        ("Jan. 30", None),
        ("in May of 2026", None),
        ("", None),
    ],
)
def test_first_full_date_is_found(text: str, expected: date | None) -> None:
    assert find_date(text) == expected


@pytest.mark.parametrize(
    ("text", "publisher", "published"),
    [
        ("LIMA, Jan. 30 (Andina) -- Output grew.", "Andina", None),
        ("LIMA, Jan. 30, 2026 (Andina) -- Output grew.", "Andina", date(2026, 1, 30)),
        ("Title\n\nby A. Writer\n\nBEIJING, Jan. 22 (Gwadar Pro) – Text.", "Gwadar Pro", None),
        ("WASHINGTON (Reuters) - Output grew.", "Reuters", None),
        ("Title\n14:20, January 30, 2026\nLIMA (Andina) -- Text.", "Andina", date(2026, 1, 30)),
        ("Title\n31.08.2025 | 16:00 | Output grew.", "", date(2025, 8, 31)),
        ("Title\n\nOutput grew.\n\nSource: The Daily Metal\n", "The Daily Metal", None),
        ("Title\n\nOutput grew.", "", None),
        ("", "", None),
    ],
)
def test_dateline_gives_publisher_and_date(
    text: str, publisher: str, published: date | None
) -> None:
    assert read_dateline(text) == (publisher, published)


def test_date_inside_a_sentence_is_not_the_date_of_publication() -> None:
    sentence = "The agreement about the exchange of copper and steel was signed on 30 January 2026."
    assert read_dateline(f"Title\n\n{sentence}") == ("", None)


def test_date_far_down_is_not_the_date_of_publication() -> None:
    assert read_dateline("Line.\n" * 6 + "30 January 2026") == ("", None)


def test_abbreviation_in_brackets_is_not_an_agency() -> None:
    """A dateline's place is in capitals."""
    text = "The Shanghai Cooperation Organisation (SCO) - a bloc of ten states - met."
    assert read_dateline(text) == ("", None)
