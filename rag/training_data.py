"""Turn questions with passages into windows and batches.

A file is JSON lines, gzipped or not, one passage a line:
{"context", "questions": [{"question", "answers": [{"text", "start"}], "source", "negatives"}]}.
Everything here follows from the file and the recipe alone, so that a run that was killed finds the
same batches again. Knows nothing of the model or of how it is trained.
"""

from __future__ import annotations

import gzip
import random
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from sklearn.feature_extraction.text import TfidfVectorizer

from index.bert import CLS, SEP
from index.embedder import Embedder
from index.errors import SettingsError
from rag.span import QUESTION_TOKENS, WINDOW_TOKENS
from rag.squad import normalise

#: Most questions from a source, before the recipe's share. Any other source is taken whole.
#: Questions on single sentences teach little about passages.
MOST_QUESTIONS = {
    "squadshifts_amazon": 2_000,
    "squadshifts_reddit": 2_000,
    "qamr": 3_000,
    "qadiscourse": 1_000,
    "qanom": 500,
    "qasrl_bank": 300,
    "qasrl_gs": 300,
    "fairytaleqa": 1_500,
    "covid_qa": 300,
}
#: The dev figures are about these sources, where the dev file has any of them, else about all.
DEV_SOURCES = {"squad1.1_train", "squad2_train_unanswerable", "qed", "squadshifts_new_wiki"}

#: A shorter passage is no use as the other passage of a question.
_OTHER_CHARACTERS = 200
#: The other passages of a question are drawn from so many that are most like it.
_OTHERS = 12
#: Examples that are sorted by length together.
_BLOCK = 3_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the outcome of a run, besides the data."""

    seed: int
    share: float  #: of each source's questions
    rate: float  #: the highest learning rate
    frozen_layers: int  #: lowest layers left as they are, besides the embeddings
    warmup: float = 0.06  #: share of the steps in which the rate rises
    weight_decay: float = 0.01
    average: float = 0.999  #: decay of the moving average of the weights
    batch_tokens: int = 4_400
    shortest_window: int = 80  #: window sizes are drawn from here
    longest_window: int = WINDOW_TOKENS
    grouped: float = 0.1  #: answerable questions that get one to three other passages
    unanswered: float = 0.2  #: of those, and of those with negatives, that lose their own passage
    evaluations: int = 6
    dev_questions: int = 600


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """An answer and the character of the passage at which it starts."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question on a passage, which without answers does not answer it. The first is preferred.

    `negatives` are passages that do not answer it either, though they look like it; each example
    gets one or two of them.
    """

    text: str
    passage: str
    answers: tuple[GoldAnswer, ...]
    source: str
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _RecordQuestion:
    question: str
    answers: tuple[GoldAnswer, ...]
    source: str = "own"
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Record:
    context: str
    questions: tuple[_RecordQuestion, ...]

    def __post_init__(self) -> None:
        for answer in (answer for item in self.questions for answer in item.answers):
            end = answer.start + len(answer.text)
            if not answer.text.strip() or self.context[max(0, answer.start) : end] != answer.text:
                raise ValueError(f"the answer {answer.text!r} is not at {answer.start} in context")


_RECORD = TypeAdapter(_Record)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """[CLS] question [SEP] a stretch of passage [SEP]; the passage begins at `start`."""

    ids: NDArray[np.int32]
    start: int


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Windows that share one softmax. The answer's tokens, if any, are `start` to `end` of the
    first of them; -1 for no answer."""

    windows: tuple[Window, ...]
    start: int = -1
    end: int = -1

    @property
    def length(self) -> int:
        """Tokens of the longest window."""
        return max(len(window.ids) for window in self.windows)


def data_file(folder: Path, name: str) -> Path | None:
    """`name`.jsonl.gz or else `name`.jsonl in the folder; None where there is neither."""
    files = (folder / f"{name}.jsonl.gz", folder / f"{name}.jsonl")
    return next((file for file in files if file.is_file()), None)


def read_questions(file: Path) -> tuple[list[str], list[Question]]:
    """All passages and all questions. Raises SettingsError that names file, line and cause."""
    passages: list[str] = []
    questions: list[Question] = []
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                record = _record(line, f"{file}, line {number}")
                passages.append(record.context)
                questions += [
                    Question(
                        item.question, record.context, item.answers, item.source, item.negatives
                    )
                    for item in record.questions
                ]
    except (EOFError, OSError, zlib.error) as error:
        raise SettingsError(f"{file} is damaged after line {len(passages)}: {error}.") from error
    if not questions:
        raise SettingsError(f"{file} holds no questions.")
    return passages, questions


def _record(line: bytes, place: str) -> _Record:
    try:
        return _RECORD.validate_json(line)
    except ValidationError as error:
        problem = error.errors()[0]
        part = ".".join(map(str, problem["loc"])) or "record"
        raise SettingsError(f"{place}, {part}: {problem['msg']}.") from error


def choose(questions: Sequence[Question], recipe: Recipe) -> list[Question]:
    """A random draw of each source up to its most, in random order."""
    chosen: list[Question] = []
    draw = random.Random(f"choose {recipe.seed}")
    for source, items in sorted(_by_source(questions).items()):
        most = min(MOST_QUESTIONS.get(source, len(items)), len(items))
        chosen += draw.sample(items, round(most * recipe.share))
    draw.shuffle(chosen)
    return chosen


def dev_sample(questions: Sequence[Question], count: int) -> list[Question]:
    """The same questions in every run, as many of each of DEV_SOURCES, or else of any source."""
    wanted = [question for question in questions if question.source in DEV_SOURCES] or questions
    return sample(wanted, count // len(_by_source(wanted)))


def sample(questions: Sequence[Question], most: int) -> list[Question]:
    """The same questions in every run, at most so many of each source; all where that is 0."""
    draw = random.Random("dev")
    sources = sorted(_by_source(questions).items())
    return [
        q for _, items in sources for q in draw.sample(items, min(len(items), most or len(items)))
    ]


def make_examples(
    questions: Sequence[Question], passages: Sequence[str], embedder: Embedder, recipe: Recipe
) -> list[Example]:
    """A window around each answer, some together with windows of other passages."""
    draw = random.Random(f"examples {recipe.seed}")
    grouped = [
        place
        for place, question in enumerate(questions)
        if question.answers and not question.negatives and draw.random() < recipe.grouped
    ]
    similar = _similar([questions[place] for place in grouped], passages)
    others: dict[int, Sequence[str]] = {
        place: draw.sample(near, min(draw.randint(1, 3), len(near)))
        for place, near in zip(grouped, similar, strict=True)
    }
    others |= {
        place: draw.sample(q.negatives, min(draw.randint(1, 2), len(q.negatives)))
        for place, q in enumerate(questions)
        if q.negatives
    }
    used = {question.passage for question in questions}.union(*others.values())
    tokens = {passage: _tokens(passage, embedder) for passage in used}
    examples: list[Example] = []
    for place, question in enumerate(questions):
        asked = _tokens(question.text, embedder)[0][:QUESTION_TOKENS]
        size = draw.randint(recipe.shortest_window, recipe.longest_window)
        room = max(size, len(asked) + recipe.shortest_window // 2) - len(asked) - 3
        rest = []
        for other in others.get(place, []):
            ids, _ = tokens[other]
            rest.append(window(asked, ids, draw.randint(0, max(0, len(ids) - room)), room))
        ids, characters = tokens[question.passage]
        last = max(0, len(ids) - room)
        if not question.answers:
            own = window(asked, ids, draw.randint(0, last), room)
            examples.append(Example((own, *rest)))
        elif rest and draw.random() < recipe.unanswered:
            examples.append(Example(tuple(rest)))
        else:
            gold = question.answers[0]
            start, end = answer_tokens(characters, gold.start, gold.start + len(gold.text))
            lowest, highest = max(0, end + 1 - room), min(start, last)
            if start <= end and lowest <= highest:  # else no token, or longer than the window
                first = draw.randint(lowest, highest)
                own = window(asked, ids, first, room)
                shift = own.start - first
                examples.append(Example((own, *rest), start + shift, end + shift))
    return examples


def window(asked: NDArray[np.int32], passage: NDArray[np.int32], first: int, room: int) -> Window:
    """The window with at most `room` tokens of the passage, from token `first` on."""
    ids = np.concatenate([[CLS], asked, [SEP], passage[first : first + room], [SEP]])
    return Window(ids.astype(np.int32), len(asked) + 2)


def make_batches(examples: Sequence[Example], recipe: Recipe) -> list[list[Example]]:
    """Batches of like length and about `batch_tokens` tokens, in random order."""
    draw = random.Random(f"batches {recipe.seed}")
    order = list(examples)
    draw.shuffle(order)
    batches: list[list[Example]] = []
    for at in range(0, len(order), _BLOCK):
        block: list[list[Example]] = [[]]
        rows = 0
        for example in sorted(order[at : at + _BLOCK], key=lambda item: item.length):
            rows += len(example.windows)
            if block[-1] and rows * example.length > recipe.batch_tokens:
                block.append([])
                rows = len(example.windows)
            block[-1].append(example)
        draw.shuffle(block)
        batches += block
    return batches


def _by_source(questions: Sequence[Question]) -> dict[str, list[Question]]:
    sources: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        sources[question.source].append(question)
    return sources


def answer_tokens(characters: NDArray[np.int32], start: int, end: int) -> tuple[int, int]:
    """First and last of the tokens that touch `[start, end)`; last < first where none does."""
    first = np.searchsorted(characters[:, 1], start, side="right")
    last = np.searchsorted(characters[:, 0], end, side="left") - 1
    return int(first), int(last)


def _tokens(text: str, embedder: Embedder) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Token ids, `[tokens]`, and the characters of each, `[tokens, 2]`; in half of the memory."""
    ids, characters = embedder.tokens(text)
    return np.array(ids, np.int32), np.array(characters, np.int32).reshape(-1, 2)


def _similar(questions: Sequence[Question], passages: Sequence[str]) -> list[list[str]]:
    """For each question the passages nearest by tf-idf that do not hold its answer."""
    candidates = list(dict.fromkeys(text for text in passages if len(text) >= _OTHER_CHARACTERS))
    if not candidates or not questions:
        return [[] for _ in questions]
    vectorizer = TfidfVectorizer(stop_words="english", dtype=np.float32)
    vectors = vectorizer.fit_transform(candidates).T.tocsr()
    found: list[list[str]] = []
    for question in questions:
        scores = vectorizer.transform([question.text]) @ vectors
        order = np.argsort(-scores.data, kind="stable")[:_OTHERS]
        near = [candidates[place] for place in scores.indices[order]]
        answers = [normalise(answer.text) for answer in question.answers]
        found.append(
            [
                passage
                for passage in near
                if passage != question.passage
                and not any(answer in normalise(passage) for answer in answers)
            ]
        )
    return found
