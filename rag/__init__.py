"""Question -> passages -> reader -> cited answer. Knows nothing of screens.

from rag import Assistant, answer
with Assistant.over("articles") as assistant:
    print(assistant.answer("How many people attended the mineral forum?").text)
"""

from __future__ import annotations

from index.errors import RagError
from index.store import Filters
from rag.answers import Answer, Candidate, Citation, Passage, Reading, Span
from rag.assistant import Assistant, answer
from rag.events import Done, Sentence, Stage
from rag.reading import read

__all__ = [
    "Answer",
    "Assistant",
    "Candidate",
    "Citation",
    "Done",
    "Filters",
    "Passage",
    "RagError",
    "Reading",
    "Sentence",
    "Span",
    "Stage",
    "answer",
    "read",
]
