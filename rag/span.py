"""The span reader: score every stretch of a passage as the short answer to a question.

A BERT encoder with a start and an end score for each token, and the score of [CLS] for no answer
(Devlin et al. 2019, section 4.3). Scores count from [CLS], under one softmax over several passages
in training, so that they compare across passages (Clark and Gardner 2018, section 3.3). Knows
nothing of sentences or retrieval.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor
from torch.nn.functional import linear

from index.bert import CLS, SEP, Bert
from index.embedder import Embedder
from index.errors import SettingsError

WEIGHTS_FILE = Path(__file__).with_name("reader.safetensors")
WEIGHTS_SHA256 = "fcb084c73d9bac9412803f7d0200b44a0c67123ef078be34c9f4deda017771ca"

#: Longer passages are read in windows that overlap. A chunk with its question fits into one.
WINDOW_TOKENS, OVERLAP_TOKENS = 256, 96
#: Longer questions are cut; longer answers are not looked for.
QUESTION_TOKENS, ANSWER_TOKENS = 64, 30
#: What each token after the first takes from a span's score, since a short answer is wanted.
LENGTH_COST = 0.1
_HEADS = 12
_BATCH = 8
_SURROGATE = re.compile("[\ud800-\udfff]")
#: The sign of an amount, and the letters that say which dollar, at most four characters.
_SIGNED = re.compile(
    r"(?<![^\s(])([-\u2212\u2013+~\u00b1<>\u2264\u2265]?(?:[A-Z]{1,3}(?=\$))?)[\d$€£¥₹₽]\Z"
)


@dataclass(frozen=True, slots=True)
class TokenScores:
    """For each token of a text its characters `[tokens, 2]` and its start and end scores."""

    characters: NDArray[np.int64]
    starts: NDArray[np.float32]
    ends: NDArray[np.float32]

    def best(self, start: int, end: int) -> tuple[int, int, float] | None:
        """The best span within the characters `[start, end)`: its start, end and score.

        None where no token lies there. The score is that of its first token as a start and of its
        last as an end, together, less the cost of its length.
        """
        low, high = self.characters.T
        places = np.flatnonzero((low >= start) & (high <= end) & (low < high))
        starts, ends = self.starts[places], self.ends[places]
        best: tuple[int, int, float] | None = None
        for further in range(min(ANSWER_TOKENS, len(places))):
            sums = starts[: len(places) - further] + ends[further:] - LENGTH_COST * further
            first = int(sums.argmax())
            if best is None or sums[first] > best[2]:
                best = (
                    int(low[places[first]]),
                    int(high[places[first + further]]),
                    float(sums[first]),
                )
        return best


class SpanModel(Protocol):
    """What gives the tokens of a question and a passage their scores."""

    name: str
    weights_hash: str  #: SHA-256, which calibrations go by
    specials: tuple[list[int], list[int], list[int]]  #: before, between and after the two texts

    def tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids of `text` and the characters `(start, end)` of each; no special tokens."""
        ...

    def logits(self, inputs: Sequence[tuple[Sequence[int], int]]) -> list[Tensor]:
        """Start and end logits `[tokens, 2]` of each input, in float32, no answer at place 0.

        An input is its token ids and the place at which the passage begins.
        """
        ...


class OwnSpanModel:
    """Our own trained weights over the installed embedding model's embeddings and tokens.

    `weights` are taken instead of those that come with this project, under the same names. Raises
    SettingsError where the latter are not those that this release was made with.
    """

    specials: tuple[list[int], list[int], list[int]] = ([CLS], [SEP], [SEP])

    def __init__(
        self,
        embedder: Embedder,
        weights: Mapping[str, Tensor] | None = None,
        name: str = "the reader that comes with this project",
        weights_hash: str = WEIGHTS_SHA256,
    ) -> None:
        self.name, self.weights_hash = name, weights_hash
        encoder = dict(_released_weights() if weights is None else weights)
        self.tokens = embedder.tokens
        self._head = encoder.pop("head.weight").float(), encoder.pop("head.bias").float()
        embeddings = {
            name: value
            for name, value in embedder.bert_weights.items()
            if name.startswith("embeddings.")
        }
        self._bert = Bert({**embeddings, **encoder}, heads=_HEADS)

    @classmethod
    def of(cls, file: Path, embedder: Embedder) -> OwnSpanModel:
        """With the weights in a file that `python -m rag train` wrote.

        Raises SettingsError where it holds none.
        """
        weights = load_weights(file)
        return cls(embedder, weights, str(file), hashlib.sha256(file.read_bytes()).hexdigest())

    def logits(self, inputs: Sequence[tuple[Sequence[int], int]]) -> list[Tensor]:
        return [linear(states, *self._head) for states in self._bert.states(inputs)]


class SpanReader:
    """Scores every token of any text as the start and as the end of the answer."""

    def __init__(self, model: SpanModel) -> None:
        self.model = model

    def best(self, question: str, text: str) -> tuple[int, int, float] | None:
        """The best span of a text: its start, end and score. None where the text has no token."""
        best = self.read(question, [text])[0].best(0, len(text))
        return best and (with_sign(text, best[0]), *best[1:])

    def read(self, question: str, texts: Sequence[str]) -> list[TokenScores]:
        """The scores of every token of each text."""
        before, between, after = self.model.specials
        asked = [*before, *self.model.tokens(question)[0][:QUESTION_TOKENS], *between]
        room = WINDOW_TOKENS - len(asked) - len(after)
        found, windows = [], []
        for place, text in enumerate(map(_encodable, texts)):
            ids, characters = self.model.tokens(text)
            nothing = np.full(len(ids), -np.inf, np.float32)
            found.append(TokenScores(np.array(characters).reshape(-1, 2), nothing, nothing.copy()))
            last = max(len(ids) - room, 0)
            for first in [*range(0, last, room - OVERLAP_TOKENS), last]:
                windows.append((place, first, ids[first : first + room]))
        windows.sort(key=lambda window: len(window[2]))  # for models that pad
        for at in range(0, len(windows), _BATCH):
            batch = windows[at : at + _BATCH]
            logits = self.model.logits([([*asked, *w[2], *after], len(asked)) for w in batch])
            for (place, first, ids), own in zip(batch, logits, strict=True):
                scores = (own - own[0])[len(asked) : len(asked) + len(ids)].numpy()
                span = slice(first, first + len(ids))
                for kept, new in zip(
                    (found[place].starts, found[place].ends), scores.T, strict=True
                ):
                    kept[span] = np.maximum(kept[span], new)
        return found


def with_sign(text: str, start: int) -> int:
    """Where an answer of the text begins that starts at `start`, the sign of an amount included."""
    signed = _SIGNED.search(text[max(0, start - 5) : start + 1])
    return start - len(signed[1]) if signed else start


def _encodable(text: str) -> str:
    """With halves of surrogate pairs replaced, character for character."""
    return _SURROGATE.sub("\ufffd", text)


def open_span_reader(name: str = "", embedder: Embedder | None = None) -> SpanReader:
    """Our own reader, or the one that `name` names.

    `name` is a file that `python -m rag train` wrote, or an extractive question answering model's
    folder or Hugging Face name; `embedder` spares loading the installed model again. Raises
    SettingsError where there is no such model.
    """
    if name.endswith(".safetensors"):
        return SpanReader(OwnSpanModel.of(Path(name), embedder or Embedder()))
    if name:
        from rag.huggingface import HuggingFaceModel

        return SpanReader(HuggingFaceModel(name))
    return SpanReader(OwnSpanModel(embedder or Embedder()))


def load_weights(file: Path) -> dict[str, Tensor]:
    """A trained reader's weights. Raises SettingsError where the file holds none."""
    try:
        weights = load(file.read_bytes())
    except (OSError, SafetensorError) as error:
        raise SettingsError(f"{file} cannot be read as a reader's weights: {error}.") from error
    if "head.weight" not in weights:
        raise SettingsError(f"{file} holds no reader's weights.")
    return weights


def _released_weights() -> dict[str, Tensor]:
    data = WEIGHTS_FILE.read_bytes()
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise SettingsError(f"{WEIGHTS_FILE.name} is damaged. Install this project again.")
    return load(data)
