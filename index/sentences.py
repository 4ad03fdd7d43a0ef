"""Find the sentences of a text. Knows nothing of chunks, models or storage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import sentencex

#: Plain text and Markdown wrap lines at 72 to 100 columns; where a longer line occurs the
#: text is not wrapped, and every line break ends a paragraph.
_LONGEST_WRAPPED_LINE = 120

_PARAGRAPH_END = re.compile(
    r"\n[^\S\n]*(?=\n)"  # a blank line follows
    r"|\n(?=\s*(?:#{1,6}\s|[-*•]\s|\d{1,3}[.)]\s))"  # a heading or a list item follows
    r"|^#{1,6}\s[^\n]*\n",  # the end of a heading
    re.MULTILINE,
)
#: sentencex takes a time that grows with the square of a paragraph: 56 s for a million quotation
#: marks. So it gets a window of this many characters at a time, which makes them 0.6 s.
_WINDOW = 10_000

#: sentencex 1.0.32 panics at a capital letter, white space that is not ASCII and a full stop.
_INITIAL_AND_WIDE_SPACE = re.compile(r"([A-Z]\s*)[^\S\x00-\x7f]\.")

_LIST_MARKER = re.compile(r"[-*•]|\d{1,3}[.)]")
_LINE_BREAK = re.compile(r"\n")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The spans `(start, end)` of the sentences, in order, without white space around them.

    No sentence runs over the end of a paragraph; headings and list items count as sentences.
    """
    wrapped = max(map(len, text.split("\n"))) <= _LONGEST_WRAPPED_LINE
    border = _PARAGRAPH_END if wrapped else _LINE_BREAK
    edges = [0, *(match.end() for match in border.finditer(text)), len(text)]
    spans = []
    for paragraph_start, paragraph_end in pairwise(edges):
        paragraph = text[paragraph_start:paragraph_end]
        if paragraph.isspace():
            continue
        visible_end = paragraph_start + len(paragraph.rstrip())
        item_from = None  # where a list item begins of which only the marker was seen
        for start, end in _boundaries(paragraph):
            start, end = paragraph_start + start, paragraph_start + end
            sentence = text[start:end]
            start += len(sentence) - len(sentence.lstrip())
            end -= len(sentence) - len(sentence.rstrip())
            if start >= end:
                continue
            if item_from is not None:
                start = item_from
            is_marker = item_from is None and _LIST_MARKER.fullmatch(text[start:end])
            item_from = start if is_marker else None
            if not is_marker or end == visible_end:
                spans.append((start, end))
    return spans


def _boundaries(paragraph: str) -> Iterator[tuple[int, int]]:
    """Where sentences begin and end; one that reaches the end of a window goes on after it."""
    paragraph = _INITIAL_AND_WIDE_SPACE.sub(r"\1 .", paragraph)
    begin = at = 0
    while at < len(paragraph):
        found = sentencex.get_sentence_boundaries("en", paragraph[at : at + _WINDOW])
        if at + _WINDOW < len(paragraph):
            found = found[:-1]
        for boundary in found:
            yield begin, at + boundary["end_index"]
            begin = at + boundary["end_index"]
        at = begin if found else at + _WINDOW
