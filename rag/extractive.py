"""The extractive reader: rank the passages' sentences for a question and quote the best.

Knows nothing of how passages were found.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from index.keyword import stems
from index.sentences import sentence_spans
from rag.agreement import contradict, same
from rag.answers import Candidate, Line, Passage, Reading
from rag.calibration import Calibration
from rag.reader import Part
from rag.span import SpanReader, with_sign
from rag.squad import normalise

#: A vector is 1.5 kB, so that these are at most 30 MB; reading again what was read costs nothing.
_REMEMBERED_SENTENCES = 20_000
_FEWEST_WORDS = 4

_YES_OR_NO = re.compile(
    r"(is|are|was|were|do|does|did|has|have|had|can|could|will|would|may(?! \d)|might|must|should)"
    r"(n['\u2019]t)?\b",
    re.IGNORECASE,
)
_WANTS_MORE = re.compile(r"\b(or|who|whom|whose|what|which|when|where|why|how)\b", re.IGNORECASE)

#: Two articles contradict each other only where both spans score more than this.
_SURE = 4.0

#: Of a title so much is read before each passage.
_TITLE_CHARACTERS = 200
#: Scores of spans below this say nothing more.
_NO_SPAN = -20.0

_QUESTION_WORDS = frozenset(
    stems(
        "a about an and any are as at be been being both but by can could did do does during each "
        "for from had has have how if in into is it its long many may might much must of on or "
        "should so some than that the their them then there these they this those to was were "
        "what when where which while who whom whose why will with would you your s t"
    )
)
#: What a sentence is scored by, each in about [0, 1].
SENTENCE_FEATURES = (
    "cosine",  # of question and sentence
    "overlap",  # share of the question's words in the sentence, rare words counting for more
    "context",  # the same for the sentence's passage and title
    "rank",  # of its passage: 11 / (10 + rank)
    "span",  # tenths of the score of the best short answer in it
)
#: What decides whether there is an answer at all.
ANSWER_FEATURES = (
    "cosine",  # the greatest value among the sentences
    "context",  # likewise
    "span",  # likewise
    "margin",  # how far the best short answer is above the next other one, in tenths, at most 1
    "support",  # the context of the sentence with the best short answer
    "no number",  # 1 where a number is asked for and the best short answer has none
    "no year",  # 1 where a year is named that the best short answer's passage does not have
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_WANTS_A_NUMBER = re.compile(
    r"\bhow (many|much)\b|"
    r"\b(what|which) (share|percentage|proportion|number|sum|amount|price|year)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Sentences with their features, rows being in the order of `sentences`, and the question's."""

    sentences: tuple[tuple[Passage, int, int], ...]  #: passage, start and end in its article
    shorts: tuple[str, ...]  #: the best short answer in each
    spans: tuple[float, ...]  #: its score
    features: NDArray[np.float64]  #: `[sentences, SENTENCE_FEATURES]`
    answer: NDArray[np.float64]  #: `[ANSWER_FEATURES]`


class ExtractiveReader:
    """Quotes whole sentences and gives the best span in the first of them as the short answer.

    `encode` gives unit vectors `[n, dimension]` of n texts.
    """

    def __init__(
        self,
        encode: Callable[[Sequence[str]], NDArray[np.float32]],
        spans: SpanReader,
        calibration: Calibration,
        *,
        calibrated: bool = True,
        most_sentences: int = 3,
        caution: float | None = None,
    ) -> None:
        self._encode = encode
        self._spans = spans
        self._calibration = calibration
        self._calibrated = calibrated
        self._most_sentences = most_sentences
        self._bar = calibration.bar if caution is None else caution
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def read(self, question: str, passages: Sequence[Passage]) -> Reading:
        """The one to three best sentences, none twice; none where nothing supports an answer."""
        ranking = self.rank(question, passages)
        if not ranking.sentences:
            return Reading(
                (), "", 0.0, -self._bar, (), tuple(passages), calibrated=self._calibrated
            )
        chosen = choose(ranking, self._calibration, self._most_sentences)
        confidence = self._calibration.answer_confidence(ranking.answer)
        answers = confidence >= self._bar
        return Reading(
            quoted=chosen.quoted if answers else (),
            # Of a question that wants yes or no the sentence that decides it is the answer.
            short=chosen.quoted[0].short if answers and not _wants_yes_or_no(question) else "",
            confidence=confidence,
            margin=confidence - self._bar,
            considered=chosen.considered,
            # A passage is as good as its best sentence; what has none keeps its order.
            passages=tuple(dict.fromkeys([*(c.passage for c in chosen.considered), *passages])),
            withheld=() if answers else chosen.quoted,
            note=chosen.note if answers else "",
            calibrated=self._calibrated,
        )

    def write(self, question: str, reading: Reading) -> Generator[Part, None, None]:
        """Each quotation as it stands; nothing is left to wait for."""
        for candidate in reading.quoted:
            yield Line(candidate.text, (candidate,))
        yield reading

    def rank(self, question: str, passages: Sequence[Passage]) -> Ranking:
        """Every sentence of the passages once, with its features."""
        sentences = tuple(_sentences(passages))
        if not sentences:
            nothing = np.zeros((0, len(SENTENCE_FEATURES)))
            return Ranking((), (), (), nothing, np.zeros(len(ANSWER_FEATURES)))
        texts = [passage.article.text[start:end] for passage, start, end in sentences]
        vectors = self._remembered([question, *texts])
        cosine = vectors[1:] @ vectors[0]
        words = [_words(text) for text in texts]
        rarity = _rarity(_words(question) - _QUESTION_WORDS, words)
        ranks = {passage.id: rank for rank, passage in enumerate(passages, start=1)}
        texts_read = [titled(passage) for passage in passages]
        read = self._spans.read(question, texts_read)
        tokens = {
            passage.id: (scores, passage.end - len(text))
            for passage, scores, text in zip(passages, read, texts_read, strict=True)
        }
        shorts, spans, features = [], [], []
        for row, (passage, start, end) in enumerate(sentences):
            overlap = _share(rarity, words[row])
            context = _share(rarity, _words(passage.text) | _words(passage.article.title))
            scores, shift = tokens[passage.id]
            first, last, score = scores.best(start - shift, end - shift) or (0, 0, _NO_SPAN)
            first = with_sign(passage.article.text, first + shift)
            shorts.append(passage.article.text[first : last + shift])
            spans.append(score)
            rank = 11 / (10 + ranks[passage.id])
            span = max(score, _NO_SPAN) / 10
            features.append((cosine[row], overlap, context, rank, span))
        table = np.array(features, float)
        answer = _answer_features(question, sentences, table, shorts)
        return Ranking(sentences, tuple(shorts), tuple(spans), table, answer)

    def _remembered(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of `texts`; only those not seen lately are encoded. Threads may share it."""
        remembered = self._vectors
        known = {text: remembered[text] for text in texts if text in remembered}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            if len(self._vectors) + len(new) > _REMEMBERED_SENTENCES:
                self._vectors = {}
            encoded = dict(zip(new, self._encode(new), strict=True))
            self._vectors.update(encoded)
            known.update(encoded)
        return np.stack([known[text] for text in texts])


@dataclass(frozen=True, slots=True)
class Choice:
    """What to quote of a ranking, were it sure enough."""

    considered: tuple[Candidate, ...]  #: every sentence, best first
    quoted: tuple[Candidate, ...]  #: best first
    note: str  #: that the first two of these differ, or ""


def choose(ranking: Ranking, calibration: Calibration, most: int) -> Choice:
    """The best sentence, one of another article that says the same or otherwise, others as good.

    At most `most` of them; there must be a sentence.
    """
    scores = ranking.features @ np.array(calibration.sentence_weights)
    considered = tuple(
        Candidate(passage, start, end, float(scores[row]), ranking.shorts[row], ranking.spans[row])
        for row in np.argsort(-scores, kind="stable")
        for passage, start, end in [ranking.sentences[row]]
    )
    best = considered[0]
    elsewhere = [
        candidate
        for candidate in considered[1:]
        if candidate.passage.article != best.passage.article
        and min(candidate.span_score, best.span_score) > 0
    ]
    alike = [c for c in elsewhere if same(c.short, best.short)]
    against = [
        candidate
        for candidate in elsewhere
        if min(candidate.span_score, best.span_score) > _SURE
        and contradict(candidate.short, best.short)
    ]
    second = (against or alike)[:1]
    close = [c for c in considered[1:] if c.score >= best.score - calibration.spread]
    quoted = (best, *second, *(c for c in close if c not in second))[:most]
    differ = against and len(quoted) > 1
    note = f"The articles differ: {best.short} [1], {quoted[1].short} [2]." if differ else ""
    return Choice(considered, quoted, note)


def titled(passage: Passage) -> str:
    """A passage as it is read: after its article's title, which often says what it is about."""
    return f"{passage.article.title[:_TITLE_CHARACTERS]}. {passage.text}"


def _answer_features(
    question: str,
    sentences: Sequence[tuple[Passage, int, int]],
    features: NDArray[np.float64],
    shorts: Sequence[str],
) -> NDArray[np.float64]:
    """The values of ANSWER_FEATURES."""
    cosine, _, context, _, span = features.T
    best = int(span.argmax())
    said = normalise(shorts[best])
    others = [score for score, short in zip(span, shorts, strict=True) if normalise(short) != said]
    margin = min(span[best] - max(others, default=-np.inf), 1.0)
    has_number = any(sign.isdigit() for sign in shorts[best])
    lacks_number = bool(_WANTS_A_NUMBER.search(question)) and not has_number
    passage = sentences[best][0]
    there = f"{passage.article.title} {passage.article.published} {passage.text}"
    lacks_year = any(year not in there for year in _YEAR.findall(question))
    checks = (margin, context[best], lacks_number, lacks_year)
    return np.array([cosine.max(), context.max(), span[best], *checks])


def _wants_yes_or_no(question: str) -> bool:
    return bool(_YES_OR_NO.match(question)) and not _WANTS_MORE.search(question)


def _sentences(passages: Sequence[Passage]) -> list[tuple[Passage, int, int]]:
    """The passages' sentences, each wording once; headings and scraps are left out."""
    found: dict[str, tuple[Passage, int, int]] = {}
    for passage in passages:
        for first, last in _spans_in(passage):
            # Of a sentence that is longer than a chunk the passage has a part.
            start, end = max(first, passage.start), min(last, passage.end)
            sentence = passage.article.text[start:end]
            # "-2.5" is neither "2.5" nor "2,5".
            words = re.findall(r"\w+|[-\u2212.,](?=\d)", sentence.casefold())
            count = sum(word not in "-\u2212.," for word in words)
            if count >= _FEWEST_WORDS and not sentence.startswith("#"):
                found.setdefault(" ".join(words), (passage, start, end))
    return list(found.values())


def whole_sentences(passage: Passage) -> list[tuple[int, int]]:
    """Where in its article the sentences stand that the passage has whole, without headings."""
    return [
        (start, end)
        for start, end in _spans_in(passage)
        if passage.start <= start and end <= passage.end and passage.article.text[start] != "#"
    ]


def _spans_in(passage: Passage) -> list[tuple[int, int]]:
    """The sentences of its article of which the passage has at least a part."""
    spans = _sentence_spans(passage.article.text)
    first = bisect_right(spans, passage.start, key=lambda span: span[1])
    return spans[first : bisect_left(spans, passage.end, lo=first, key=lambda span: span[0])]


#: Whole articles are kept, each as large as `max_megabytes` allows: enough for two questions.
@lru_cache(maxsize=16)
def _sentence_spans(text: str) -> list[tuple[int, int]]:
    """An article's sentences; in a part of it the line breaks might look otherwise."""
    return sentence_spans(text)


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(stems(text))


def _rarity(question: frozenset[str], sentences: Sequence[frozenset[str]]) -> dict[str, float]:
    """For each word of the question, its inverse frequency among the sentences."""
    counts = Counter(word for words in sentences for word in words & question)
    return {word: math.log(1 + len(sentences) / (0.5 + counts[word])) for word in sorted(question)}


def _share(rarity: dict[str, float], words: frozenset[str]) -> float:
    """How much of the question's weight stands in `words`; 0 for a question without words."""
    total = sum(rarity.values())
    return sum(value for word, value in rarity.items() if word in words) / total if total else 0.0
