"""The chat reader: a model writes, and each of its sentences is held to a quotation.

Reads with the extractive reader, which also answers where the model does not. Knows nothing of
providers.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Generator, Sequence
from contextlib import closing

from index.errors import ModelError
from rag.answers import ABSTENTION, Candidate, Line, Passage, Reading
from rag.chat_model import ChatModel
from rag.events import Stage
from rag.extractive import ExtractiveReader, whole_sentences
from rag.marked_text import MarkedSentence, marked_sentences
from rag.prompt import prompt
from rag.reader import Part
from rag.squad import contains_answer, normalise
from rag.support import support

UNSUPPORTED = "[unsupported]"

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL")


class ChatReader:
    """Has a chat model write from the passages; what no quotation supports is dropped.

    With `mark`, it is shown, marked and without a citation, instead.
    """

    def __init__(self, own: ExtractiveReader, model: ChatModel, *, mark: bool = False) -> None:
        self._own = own
        self._model = model
        self._mark = mark

    def read(self, question: str, passages: Sequence[Passage]) -> Reading:
        return self._own.read(question, passages)

    def write(self, question: str, reading: Reading) -> Generator[Part, None, None]:
        """Sentences of the model as they are verified; where none is, the own reader's.

        Where the model says that the articles do not say, and nothing else, that is the answer.
        """
        if not reading.passages:
            yield reading
            return
        yield Stage("writing")
        lines: list[Line] = []
        dropped = 0
        marked = False
        fault = ""
        with closing(self._model.pieces(prompt(question, reading.passages))) as pieces:
            try:
                for sentence in marked_sentences(pieces):
                    if sentence is None:
                        yield Stage("writing")
                        continue
                    if normalise(sentence.text) == normalise(ABSTENTION):
                        continue
                    quotation = quotation_for(sentence, reading.passages)
                    if quotation is None:
                        dropped += 1
                        if self._mark and sentence.text and not _holds_a_secret(sentence.text):
                            marked = True
                            yield Line(f"{sentence.text} {UNSUPPORTED}", ())
                    elif all(sentence.text != line.text for line in lines):
                        lines.append(Line(sentence.text, (quotation,)))
                        yield lines[-1]
            except ModelError as error:
                fault = str(error)
        if not lines and (fault or dropped):
            why = fault or "none of its sentences is held by a quotation"
            yield from self._without_the_model(
                question,
                dataclasses.replace(
                    reading,
                    written_by=self._model.name if marked else "",
                    written=dropped,
                    dropped=dropped,
                ),
                why,
            )
            return
        places = {  # two sentences may say parts of one
            (candidate.passage.article.source, candidate.start, candidate.end): candidate
            for line in lines
            for candidate in line.quoted
        }
        quoted = tuple(places.values())
        says_short = contains_answer(" ".join(line.text for line in lines), [reading.short])
        yield dataclasses.replace(
            reading,
            quoted=quoted,
            short=reading.short if says_short else "",
            withheld=() if quoted else reading.withheld or reading.quoted,
            note=f"The chat model did not finish ({fault})." if fault else "",
            calibrated=False,
            written_by=self._model.name,
            written=len(lines) + dropped,
            dropped=dropped,
        )

    def _without_the_model(
        self, question: str, reading: Reading, why: str
    ) -> Generator[Part, None, None]:
        instead = "; the articles are quoted instead." if reading.quoted else "."
        note = f"The chat model did not answer ({why}){instead}"
        reading = dataclasses.replace(reading, note=f"{reading.note} {note}".strip())
        yield from self._own.write(question, reading)


def quotation_for(sentence: MarkedSentence, passages: Sequence[Passage]) -> Candidate | None:
    """The sentence of a cited passage that supports it best, or None."""
    cited = [passages[number - 1] for number in sentence.numbers if 0 < number <= len(passages)]
    found = [
        Candidate(passage, start, end, support(sentence.text, passage.article.text[start:end]))
        for passage in cited
        for start, end in whole_sentences(passage)
    ]
    best = max(found, key=lambda candidate: candidate.score, default=None)
    return best if best and best.score > 0 else None


def _holds_a_secret(text: str) -> bool:
    """Whether a key of this environment stands in it, which a server was sent and may send back."""
    return any(
        value in text
        for name, value in os.environ.items()
        if len(value) >= 6 and _SECRET.search(name.upper())
    )
