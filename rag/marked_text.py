"""A model's text becomes plain sentences with the numbers that they cite, as it comes in.

Knows nothing of passages or of what the sentences say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from index.sentences import sentence_spans

_MARKER = re.compile(r"\[\s*(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*\]")
#: Markers after a full stop belong to the sentence before it.
_MARKERS_AFTER_END = re.compile(
    rf"(?<![.!?…])([.!?…]++[\"'\u201d\u2019)]*+)(\s*{_MARKER.pattern}(?:\s*{_MARKER.pattern})*)"
)
_BEGINNING = re.compile(r"^(?:[#>*•\u2013-]+|\d{1,2}[.)])\s+")
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)([^*_]+?)(?<=\S)\1|(?<!\w)\*(?=\S)([^*]+?)(?<=\S)\*(?!\w)")
#: Punctuation that markup and code are made of.
_MARKUP = frozenset("\\*_{}[]#@")
_OTHER_SIGNS = frozenset(" +=°")
#: An address, with or without its scheme; "U.S." and "Co.,Ltd" are none.
_ADDRESS = re.compile(
    r":/|//|\bwww\b|\b(?:mailto|data|javascript):|[^\W\d_]{2,}\.[^\W\d_]{2,}", re.I
)
_NO_WORD = re.compile(r"\W*")
#: Letters and accents by their category, though nothing is to be seen of them.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_OPENING = " \"'(\u2018\u201c\u00ab"
_LONGEST = 2000  #: characters; longer is no sentence


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """One sentence without its markers."""

    text: str  #: "" where it was no plain sentence, such as one with a link
    numbers: tuple[int, ...]  #: that it cites, each once


def marked_sentences(pieces: Iterable[str]) -> Iterator[MarkedSentence | None]:
    """The sentences of a text that comes in pieces, each as soon as the next one has begun.

    None for an empty piece, with which nothing came.
    """
    waiting = ""
    for piece in pieces:
        if not piece:
            yield None
            continue
        waiting += piece
        if re.search(r"[.!?…\u3002\uff01\uff1f\n]", waiting):
            waiting = _MARKERS_AFTER_END.sub(r"\2\1", waiting)
            spans = sentence_spans(waiting)
            last = waiting[spans[-1][0] :] if spans else ""
            # Else a marker of the sentence before it may be on its way, or the next one's words.
            if len(spans) > 1 and last[0] not in "[【" and last.strip(_OPENING):
                for start, end in spans[:-1]:
                    yield from _sentence(waiting[start:end])
                waiting = last
        if len(waiting) > _LONGEST:
            yield MarkedSentence("", ())
            waiting = ""
    waiting = _MARKERS_AFTER_END.sub(r"\2\1", waiting)
    for start, end in sentence_spans(waiting):
        yield from _sentence(waiting[start:end])


def _sentence(text: str) -> Iterator[MarkedSentence]:
    """One at most: none where there is nothing to read."""
    found = [int(number) for m in _MARKER.finditer(text) for number in re.findall(r"\d+", m[1])]
    plain = plain_sentence(_MARKER.sub("", text)) if len(text) <= _LONGEST else None
    if plain is None:
        yield MarkedSentence("", ())
    elif not _NO_WORD.fullmatch(plain):
        yield MarkedSentence(plain, tuple(dict.fromkeys(found)))


def plain_sentence(text: str) -> str | None:
    """A sentence in one line without emphasis; None where it is more than words and punctuation.

    Links, pictures, HTML, code, control characters and signs that cannot be seen are such.
    """
    text = _EMPHASIS.sub(lambda m: m[2] or m[3], _BEGINNING.sub("", " ".join(text.split())))
    text = re.sub(r"\s+([.,;:!?])", r"\1", text).strip()
    plain = all(
        sign in _OTHER_SIGNS or unicodedata.category(sign)[0] in "LMNP" or _is_currency(sign)
        for sign in text
    )
    if not plain or _MARKUP & set(text) or _ADDRESS.search(text) or _UNSEEN.search(text):
        return None
    return text


def _is_currency(sign: str) -> bool:
    return unicodedata.category(sign) == "Sc"
