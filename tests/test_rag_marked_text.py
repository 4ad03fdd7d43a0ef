"""A model's text becomes plain sentences with numbers, whatever it is cut into."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.marked_text import MarkedSentence, marked_sentences, plain_sentence

TEXT = (
    "The SCO was founded in 2001. [1] It began with six members [1, 2]. **Boldly said** here [3].\n"
    "\n- A list item [2]\n- Another one. [4][5]\nSee [here](http://x.y) now [1]. "
    "The U.S. joined on Jan. 30 [7]. The articles do not say."
)
SENTENCES = [
    MarkedSentence("The SCO was founded in 2001.", (1,)),
    MarkedSentence("It began with six members.", (1, 2)),
    MarkedSentence("Boldly said here.", (3,)),
    MarkedSentence("A list item", (2,)),
    MarkedSentence("Another one.", (4, 5)),
    MarkedSentence("", ()),
    MarkedSentence("The U.S. joined on Jan. 30.", (7,)),
    MarkedSentence("The articles do not say.", ()),
]


@pytest.mark.parametrize("length", [1, 2, 3, 7, 50, 1000])
def test_sentences_are_the_same_however_the_text_comes(length: int) -> None:
    pieces = [TEXT[at : at + length] for at in range(0, len(TEXT), length)]
    assert list(marked_sentences(pieces)) == SENTENCES


def test_sentence_is_told_as_soon_as_the_next_one_begins() -> None:
    taken: list[str] = []

    def pieces() -> list[str]:
        for piece in ("It opened", " in 1881 [2].", " Ana", " Quispe", " led it [1]."):
            taken.append(piece)
            yield piece  # type: ignore[misc]

    assert next(marked_sentences(pieces())) == MarkedSentence("It opened in 1881.", (2,))
    assert taken == ["It opened", " in 1881 [2].", " Ana"]


@pytest.mark.parametrize(
    "text",
    [
        "See [the report](https://evil.example) for more.",
        "![a picture](x.png) is here.",
        "Go to evil.example/x now.",
        "Go to www.evil now.",
        "<b>Tin fell.</b>",
        "`rm` is a command.",
        "Tin\u200b fell.",
        "Tin \u202efell.",
        "Tin fell\ufe0f.",
        "Tin\x1b[31m fell.",
        "{{config.secret}}",
        "Tin fell [page 3].",
        "mailto:someone is a link.",
        "javascript:alert is a link.",
    ],
)
def test_what_is_more_than_words_and_punctuation_is_no_sentence(text: str) -> None:
    assert plain_sentence(text) is None


def test_emphasis_and_list_signs_are_taken_off() -> None:
    assert plain_sentence("- **Tin**  *fell* .") == "Tin fell."
    assert plain_sentence("2. __Tin__ rose, 5% of $3.5 (net).") == "Tin rose, 5% of $3.5 (net)."


def test_endless_sentence_is_none() -> None:
    found = list(marked_sentences(["and so on, "] * 2000))
    assert found[:-1] == [MarkedSentence("", ())] * 10
    assert found[-1]
    assert len(found[-1].text) < 2100


def test_long_text_in_one_piece_is_cut_into_its_sentences_first() -> None:
    text = "It opened in 1881 [2]. " * 200 + "On and on " * 250 + ". Tin fell [1]."
    assert list(marked_sentences([text])) == [
        *[MarkedSentence("It opened in 1881.", (2,))] * 200,
        MarkedSentence("", ()),
        MarkedSentence("Tin fell.", (1,)),
    ]


def test_empty_piece_is_passed_on_as_nothing_yet() -> None:
    found = list(marked_sentences(["Tin", "", " fell [1].", ""]))
    assert found == [None, None, MarkedSentence("Tin fell.", (1,))]


@given(st.lists(st.text(st.sampled_from("aB 1.[]!?\n*-,;(é"), max_size=12), max_size=20))
def test_any_text_gives_plain_sentences(pieces: list[str]) -> None:
    for sentence in filter(None, marked_sentences(pieces)):
        assert not set("[]*\n") & set(sentence.text)
        assert len(set(sentence.numbers)) == len(sentence.numbers)


def test_time_for_marks_without_end_does_not_grow_with_their_square() -> None:
    spent = []
    for count in (2_000, 8_000):
        before = time.process_time()
        list(marked_sentences("!" * count for _ in range(1)))
        spent.append(time.process_time() - before)
    assert spent[1] < 8 * spent[0] + 0.2  # the square would be sixteen times


def test_opening_quotation_mark_waits_for_the_words_after_it() -> None:
    found = list(
        marked_sentences(["It is worth 6 million [1].", ' "', 'They pay later," she said.'])
    )
    assert found == [
        MarkedSentence("It is worth 6 million.", (1,)),
        MarkedSentence('"They pay later," she said.', ()),
    ]
