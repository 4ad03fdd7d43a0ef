"""Chunks: where they end, how large they are, how they overlap."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.article import Article, Chunk
from index.chunker import chunk
from index.embedder import Embedder
from index.sentences import sentence_spans
from index.settings import Settings
from index.syncing import encode


def at_most(characters: int, text: str) -> list[str]:
    return [part.text for part in chunk(text, len, characters)]


def test_text_that_fits_is_one_chunk() -> None:
    assert chunk("Output grew. Exports fell.", len, 26) == [
        Chunk(0, 26, "Output grew. Exports fell.")
    ]


def test_text_without_sentences_has_no_chunks() -> None:
    assert chunk(" \n ", len, 9) == []


def test_last_sentence_of_a_chunk_is_the_first_of_the_next() -> None:
    assert at_most(20, "One is one. Two. Three. Four.") == ["One is one. Two.", "Two. Three. Four."]


def test_sentence_is_not_repeated_where_that_leaves_no_room() -> None:
    assert at_most(12, "One is one. Two is two. Three.") == ["One is one.", "Two is two.", "Three."]


def test_sentence_that_does_not_fit_is_cut_at_white_space() -> None:
    assert at_most(10, "One two three four five") == ["One two", "three four", "five"]


def test_word_that_does_not_fit_is_cut_anywhere() -> None:
    assert at_most(4, "abcdefghij") == ["abcd", "efgh", "ij"]


def test_character_that_does_not_fit_is_a_chunk_all_the_same() -> None:
    assert [part.text for part in chunk("ab", len, 0)] == ["a", "b"]


def test_chunk_of_tokens_without_end_has_an_end() -> None:
    """As a tokenizer sees it that makes one token of a word it does not know, however long."""
    asked = 0

    def size(span: str) -> int:
        nonlocal asked
        asked += len(span)
        return 0

    assert [part.end for part in chunk("a" * 120_000, size, 9)] == [50_000, 98_000, 120_000]
    assert asked < 5_000_000


@given(
    st.text(st.sampled_from("abC .!?\n#-\u00a0😀é。"), max_size=120),
    st.integers(min_value=1, max_value=40),
)
def test_chunks_stand_in_the_text_fit_and_leave_nothing_out(text: str, most: int) -> None:
    covered = set()
    for part in chunk(text, len, most):
        assert part.text == text[part.start : part.end]
        assert 0 < len(part.text) <= most
        covered.update(range(part.start, part.end))
    assert all(at in covered for at, sign in enumerate(text) if not sign.isspace())


LIMIT = 200


@pytest.fixture(scope="module")
def long_article() -> Article:
    """60 sentences, among them one of 5,000 words without a full stop, under a long title."""
    sentences = [f"In year {1900 + n} the mine of Toquepala sold {n} tonnes." for n in range(60)]
    sentences[30] = " ".join(["copper"] * 4999 + ["tin"])
    text = "\n\n".join(" ".join(sentences[at : at + 5]) for at in range(0, 60, 5))
    return Article("/a.txt", "Sixty years of copper " * 9, "", date(2026, 1, 30), text, "0")


@pytest.fixture(scope="module")
def long_article_chunks(embedder: Embedder, long_article: Article) -> list[Chunk]:
    chunks, vectors = encode(long_article, embedder, Settings(chunk_tokens=LIMIT))
    assert vectors.shape == (len(chunks), 384)
    return chunks


def test_no_chunk_is_above_the_limit_with_its_title_and_special_tokens(
    embedder: Embedder, long_article: Article, long_article_chunks: list[Chunk]
) -> None:
    title = embedder.shorten(long_article.title, 32)
    counts = [embedder.count_tokens(f"{title}\n{part.text}") for part in long_article_chunks]
    assert max(counts) == LIMIT
    assert embedder.count_tokens(title) == 34


def test_sentence_of_5000_words_without_a_full_stop_is_kept_in_as_few_pieces_as_fit(
    long_article_chunks: list[Chunk],
) -> None:
    # 200 tokens less 34 of the title leave at most 166 words a piece.
    pieces = [part.text for part in long_article_chunks if "copper" in part.text]
    assert len(pieces) == 31
    words = " ".join(pieces).split()
    assert words.count("copper") == 4999
    assert words.count("tin") == 1


def test_chunks_of_an_article_begin_and_end_where_sentences_do(
    long_article: Article, long_article_chunks: list[Chunk]
) -> None:
    spans = sentence_spans(long_article.text)
    whole = [part for part in long_article_chunks if "copper" not in part.text]
    assert len(whole) >= 4
    assert {part.start for part in whole} <= {start for start, _ in spans}
    assert {part.end for part in whole} <= {end for _, end in spans}
