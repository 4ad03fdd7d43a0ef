"""Split a text into overlapping chunks that end at sentence boundaries.

Knows nothing of models or storage: how large a stretch of text is, is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from index.article import Chunk
from index.sentences import sentence_spans

#: Raise it when the same text would be split otherwise than before: indexes then ask for a rebuild.
VERSION = 1

#: No tokenizer in use makes a chunk of this many characters a token long.
_LONGEST_PIECE = 2000
#: A word of a million letters is one unknown token, so that any chunk of it fits: without a limit
#: the time to count would grow with the square of the word.
_LONGEST_CHUNK = 50_000


def chunk(text: str, size: Callable[[str], int], most: int) -> list[Chunk]:
    """Chunks of `text`, in order; each holds as many whole sentences as `most` allows.

    `size` is asked once for each sentence and for what stands between two; a chunk is as large as
    they are together. The last sentence of a chunk is the first of the next, where both fit. A
    sentence that does not fit by itself is cut at white space, and where there is none, anywhere.
    """
    chunks: list[Chunk] = []
    first = last = (0, 0)  # of the chunk being filled, as spans
    held = last_held = 0  # how large it is, and how large its last sentence
    for span in sentence_spans(text):
        for start, end in _pieces(text, *span, lambda piece: size(piece) <= most):
            own = size(text[start:end])
            if not last[1]:
                first, held = (start, end), own
            else:
                more = size(text[last[1] : start]) + own
                if held + more <= most and end - first[0] <= _LONGEST_CHUNK:
                    held += more
                else:
                    chunks.append(_chunk(text, first[0], last[1]))
                    overlaps = first != last and last_held + more <= most
                    first, held = (last, last_held + more) if overlaps else ((start, end), own)
            last, last_held = (start, end), own
    if last[1]:
        chunks.append(_chunk(text, first[0], last[1]))
    return chunks


def _chunk(text: str, start: int, end: int) -> Chunk:
    return Chunk(start, end, text[start:end])


def _pieces(
    text: str, start: int, end: int, fits: Callable[[str], bool]
) -> Iterator[tuple[int, int]]:
    """The sentence `[start, end)` itself, or the fewest pieces of it that fit."""
    while start < end:
        longest = min(end, start + _LONGEST_PIECE)
        if longest == end and fits(text[start:end]):
            yield start, end
            return
        # Bisect for the longest prefix that fits; a single character always counts as fitting.
        low, high = start + 1, longest
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(text[start:middle]) else (low, middle - 1)
        cut = next((at for at in range(low, start, -1) if text[at : at + 1].isspace()), low)
        yield start, cut
        start = next((at for at in range(cut, end) if not text[at].isspace()), end)
