"""An answer as it leaves the process: citations name their article instead of holding its text.

Knows nothing of the doors that it leaves by.
"""

from __future__ import annotations

from dataclasses import dataclass

from rag.answers import Answer
from rag.conversation import NearPassage, Quotation, keep


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    """What the articles say, quoted, or `abstained` with the passages that come nearest."""

    text: str  #: sentences, each followed by the number of its citation: `... [1]`
    short: str  #: the shortest right answer, or ""
    note: str  #: what must be said beside the quotations, such as that they differ
    abstained: bool
    confidence: float  #: in [0, 1]
    citations: tuple[Quotation, ...]
    nearest: tuple[NearPassage, ...]  #: best first; none where there is an answer


def cited(answer: Answer) -> CitedAnswer:
    """What goes out of an answer."""
    kept = keep(answer)
    return CitedAnswer(
        kept.text,
        kept.short,
        kept.note,
        kept.abstained,
        kept.confidence,
        kept.quotations,
        kept.passages if kept.abstained else (),
    )
