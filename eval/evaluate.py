"""Ask every gold question and compare what comes back. Knows nothing of how it is shown."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ir_measures
from ir_measures import RR, Measure, Success, nDCG

from eval.gold import Evidence, GoldQuestion
from index.errors import SettingsError
from index.opening import open_store
from index.settings import Settings
from rag import Answer, Assistant, Citation, Passage
from rag.conversation import Turn
from rag.follow_up import understand
from rag.squad import contains_answer, exact_match, token_f1

#: Retrieval is judged on this many passages; the answer is read from its usual number.
DEPTH = 10
RETRIEVAL_MEASURES: dict[str, Measure] = {
    "hit@1": Success @ 1,
    "hit@5": Success @ 5,
    "MRR@10": RR @ 10,
    "nDCG@10": nDCG @ 10,
}
#: The same for the passages of the answer, in the order in which they stand once they were read.
READ_MEASURES: dict[str, Measure] = {
    "hit@1 once read": Success @ 1,
    "hit@5 once read": Success @ 5,
    "MRR@8 once read": RR @ 8,
}
#: A short answer of at most so many words is right where it holds an accepted one.
_SHORT_WORDS = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """One gold question with what came back. What was not answered scores 0."""

    gold: GoldQuestion
    answer: Answer
    retrieval: dict[str, float]  #: by measure, passages that hold the evidence being relevant
    article_hit: float  #: 1 where one of the first five passages is of an article with evidence
    exact_match: float
    f1: float
    short_right: float  #: 1 where it is an accepted answer or holds one within eight words
    right: float  #: 1 where an accepted answer stands in what is quoted, or would have been
    answer_recall: float  #: 1 where an accepted answer stands in the text
    citation_hit: float  #: 1 where evidence is cited
    exact_citations: int  #: citations whose quotation stands at its offsets
    seconds: float

    @property
    def answerable(self) -> bool:
        return bool(self.gold.answers)


def evaluate(
    assistant: Assistant,
    settings: Settings,
    questions: Sequence[GoldQuestion],
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Outcome]:
    """Ask the questions in order of an assistant over the index that `settings` name.

    Raises SettingsError where evidence stands in no article.
    """
    outcomes = []
    for done, outcome in enumerate(evaluate_each(assistant, settings, questions), start=1):
        outcomes.append(outcome)
        if progress:
            progress(done, len(questions), outcome.gold.id)
    return outcomes


def evaluate_each(
    assistant: Assistant, settings: Settings, questions: Sequence[GoldQuestion]
) -> Iterator[Outcome]:
    """As `evaluate`, one question at a time: each is asked when its outcome is wanted."""
    places = places_of(settings, questions)
    for gold in questions:
        yield judge(assistant, gold, places)


def judge(
    assistant: Assistant,
    gold: GoldQuestion,
    places: Mapping[Evidence, Place],
    history: Sequence[Turn] = (),
) -> Outcome:
    """Ask one question, after the turns of `history`, and judge what comes back."""
    asked = understand(gold.question, history) or gold.question
    passages = assistant.retrieve(asked, limit=DEPTH)
    started = time.perf_counter()
    answer = assistant.answer(gold.question, history=history)
    seconds = time.perf_counter() - started
    evidence = [places[part] for part in gold.evidence]
    relevant = {chunk for place in evidence for chunk in place.chunks}
    text = " ".join(citation.quote for citation in answer.citations)
    withheld = " ".join(candidate.text for candidate in answer.withheld)
    return Outcome(
        gold=gold,
        answer=answer,
        retrieval=_measured(relevant, passages, RETRIEVAL_MEASURES)
        | _measured(relevant, answer.passages, READ_MEASURES),
        article_hit=float(
            any(p.article.source == e.source for p in passages[:5] for e in evidence)
        ),
        exact_match=exact_match(answer.short, gold.answers) if answer.short else 0.0,
        f1=token_f1(answer.short, gold.answers) if answer.short else 0.0,
        short_right=short_right(answer.short, gold.answers),
        right=float(contains_answer(text or withheld, gold.answers)),
        answer_recall=float(contains_answer(text, gold.answers)),
        citation_hit=float(
            any(place.holds(citation) for place in evidence for citation in answer.citations)
        ),
        exact_citations=sum(
            citation.article.text[citation.start : citation.end] == citation.quote
            for citation in answer.citations
        ),
        seconds=seconds,
    )


def _measured(
    relevant: set[int], passages: Sequence[Passage], measures: dict[str, Measure]
) -> dict[str, float]:
    """By the name of the measure; 0 where nothing is relevant."""
    judged = {"q": {str(chunk): 1 for chunk in relevant}}
    run = {"q": {str(passage.id): -float(rank) for rank, passage in enumerate(passages)}}
    found = ir_measures.calc_aggregate(list(measures.values()), judged, run) if relevant else {}
    return {name: found.get(measure, 0.0) for name, measure in measures.items()}


def short_right(short: str, accepted: Sequence[str]) -> float:
    """1 for an accepted answer and for at most eight words that hold one."""
    within = len(short.split()) <= _SHORT_WORDS and contains_answer(short, accepted)
    return max(exact_match(short, accepted) if short else 0.0, float(within))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece of evidence stands, and the chunks that hold the whole of it."""

    source: str
    start: int
    end: int
    chunks: tuple[int, ...]

    def holds(self, citation: Citation) -> bool:
        """Whether the citation lies in the evidence or the evidence in the citation."""
        inside = self.start <= citation.start and citation.end <= self.end
        around = citation.start <= self.start and self.end <= citation.end
        return citation.article.source == self.source and (inside or around)


def places_of(settings: Settings, questions: Sequence[GoldQuestion]) -> dict[Evidence, Place]:
    """Where all evidence stands. Raises SettingsError where some stands in no article.

    Folders may have articles of one name: the first that holds the quotation is meant.
    """
    places = {}
    sources = defaultdict(list)
    with open_store(settings) as store:
        for stored in store.articles():
            sources[Path(stored.source).name].append(stored.source)
        for gold in questions:
            for part in gold.evidence:
                named = (store.article(source) for source in sources.get(part.article, ()))
                article = next((one for one in named if one and part.quote in one.text), None)
                if article is None:
                    raise SettingsError(
                        f"The evidence of {gold.id} does not stand in {part.article}: {part.quote}"
                    )
                start = article.text.find(part.quote)
                end = start + len(part.quote)
                chunks = store.chunk_spans(article.source)
                places[part] = Place(
                    article.source,
                    start,
                    end,
                    tuple(chunk for chunk, low, high in chunks if low <= start and end <= high),
                )
    return places
