"""Where sentences begin and end."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.sentences import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\n ", []),
        ("Output grew. Exports fell.", ["Output grew.", "Exports fell."]),
        ("It met on Jan. 30 in Lima. It ended.", ["It met on Jan. 30 in Lima.", "It ended."]),
        ("Silk Road Co., Ltd signed. He left.", ["Silk Road Co., Ltd signed.", "He left."]),
        ("The U.S. economy grew. It did.", ["The U.S. economy grew.", "It did."]),
        ("It cost $3.5 billion. So it was.", ["It cost $3.5 billion.", "So it was."]),
        ("Did it? It did! Good.", ["Did it?", "It did!", "Good."]),
        ("One 😀 two. Three 𝔸 four.", ["One 😀 two.", "Three 𝔸 four."]),
    ],
)
def test_text_is_split_at_sentence_ends(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_wrapped_lines_are_one_sentence_and_a_blank_line_ends_one() -> None:
    assert sentences("Output\ngrew in May\n\nExports fell.") == [
        "Output\ngrew in May",
        "Exports fell.",
    ]


def test_headings_and_list_items_are_sentences_of_their_own() -> None:
    assert sentences("# Steel\nOutput grew.\n\n- copper\n- tin\n1. zinc\n") == [
        "# Steel",
        "Output grew.",
        "- copper",
        "- tin",
        "1. zinc",
    ]


def test_line_breaks_end_paragraphs_where_lines_are_not_wrapped() -> None:
    long = "Output grew " + "and grew " * 20 + "in May"
    assert sentences(f"A title\n{long}\nExports fell") == ["A title", long, "Exports fell"]


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", " \u2009"])
def test_initial_before_a_wide_space_and_a_full_stop_is_no_accident(space: str) -> None:
    assert sentences(f"He is J{space}. Lee. He left.") == [f"He is J{space}. Lee.", "He left."]


def test_sentences_of_a_long_paragraph_are_those_of_its_parts() -> None:
    part = 'Mr. A. Lee said: "Output grew." It did (by 3.5 percent). Did it? '
    assert sentences(part * 1000) == sentences(part) * 1000


def test_sentence_of_a_hundred_thousand_characters_is_one() -> None:
    long = "Output grew " + "and grew " * 11_000 + "in May."
    assert sentences(f"It is so. {long} It ended.") == ["It is so.", long, "It ended."]


@pytest.mark.parametrize("sign", ["\"'", "«", "1. ", "A\u00a0", "\n", "# \n", "...", "(", "?!"])
def test_half_a_million_signs_take_no_longer_than_they_are_many(sign: str) -> None:
    """A million quotation marks took 56 s; what a slow machine may take here is 10."""
    started = time.process_time()
    sentence_spans("A" + sign * (500_000 // len(sign)))
    assert time.process_time() - started < 10


@given(st.text(st.sampled_from("aB .!?\n#-1)\u00a0\u3000😀é。\t"), max_size=80))
def test_every_visible_character_is_in_one_sentence_in_order(text: str) -> None:
    spans = sentence_spans(text)
    assert all(low < high for low, high in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
