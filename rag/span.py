"""The span reader: score every stretch of a passage as the short answer to a question.

A BERT encoder with a start and an end score for each token, and the score of [CLS] for no answer
(Devlin et al. 2019, section 4.3). Scores count from [CLS], under one softmax over several passages
in training, so that they compare across passages (Clark and Gardner 2018, section 3.3): above 0 the
passage answers. Knows nothing of sentences or retrieval.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor
from torch.nn.functional import linear

from index.bert import CLS, SEP, Bert
from index.embedder import Embedder
from index.errors import SettingsError

WEIGHTS_FILE = Path(__file__).with_name("reader.safetensors")
WEIGHTS_SHA256 = "5f8d60a4b6d91c2055e4a5a14f62d649876d6310dfdcc4af27518e36bb87540f"

#: Longer passages are read in windows that overlap; training sees no longer ones.
WINDOW_TOKENS, OVERLAP_TOKENS = 208, 96
#: Longer questions are cut; longer answers are not looked for.
QUESTION_TOKENS, ANSWER_TOKENS = 64, 30
_HEADS = 12
_BATCH = 8


@dataclass(frozen=True, slots=True)
class TokenScores:
    """For each token of a text its characters `[tokens, 2]` and its start and end scores."""

    characters: NDArray[np.int64]
    starts: NDArray[np.float32]
    ends: NDArray[np.float32]

    def best(self, start: int, end: int) -> tuple[int, int, float] | None:
        """The best span within the characters `[start, end)`: its start, end and score.

        None where no token lies there. The score is that of its first token as a start and of its
        last as an end, together.
        """
        inside = (self.characters[:, 0] >= start) & (self.characters[:, 1] <= end)
        places = np.flatnonzero(inside)
        if not len(places):
            return None
        sums = self.starts[places][:, None] + self.ends[places][None, :]
        length = np.arange(len(places))[None, :] - np.arange(len(places))[:, None]
        sums[(length < 0) | (length >= ANSWER_TOKENS)] = -np.inf
        first, last = np.unravel_index(int(sums.argmax()), sums.shape)
        return (
            int(self.characters[places[first], 0]),
            int(self.characters[places[last], 1]),
            float(sums[first, last]),
        )


class SpanReader:
    """Our own trained weights over the installed model's embeddings and tokens.

    `weights` are read instead of those that come with this project, under the same names. Raises
    SettingsError where the latter are not those that this release was made with.
    """

    def __init__(self, embedder: Embedder, weights: Mapping[str, Tensor] | None = None) -> None:
        encoder = dict(_released_weights() if weights is None else weights)
        self._embedder = embedder
        self._head = encoder.pop("head.weight").float(), encoder.pop("head.bias").float()
        embeddings = {
            name: value
            for name, value in embedder.bert_weights.items()
            if name.startswith("embeddings.")
        }
        self._bert = Bert({**embeddings, **encoder}, heads=_HEADS)

    def read(self, question: str, texts: Sequence[str]) -> list[TokenScores]:
        """The scores of every token of each text."""
        asked = [CLS, *self._embedder.tokens(question)[0][:QUESTION_TOKENS], SEP]
        room = WINDOW_TOKENS - len(asked) - 1
        found, windows = [], []
        for place, text in enumerate(texts):
            ids, characters = self._embedder.tokens(text)
            nothing = np.full(len(ids), -np.inf, np.float32)
            found.append(TokenScores(np.array(characters).reshape(-1, 2), nothing, nothing.copy()))
            last = max(len(ids) - room, 0)
            for first in [*range(0, last, room - OVERLAP_TOKENS), last]:
                windows.append((place, first, ids[first : first + room]))
        windows.sort(key=lambda window: len(window[2]))
        for at in range(0, len(windows), _BATCH):
            batch = windows[at : at + _BATCH]
            states, _ = self._bert.states([([*asked, *w[2], SEP], len(asked)) for w in batch])
            logits = linear(states, *self._head)
            scores = (logits - logits[:, :1])[:, len(asked) :].numpy()
            for (place, first, ids), score in zip(batch, scores, strict=True):
                span = slice(first, first + len(ids))
                for kept, new in zip(
                    (found[place].starts, found[place].ends), score[: len(ids)].T, strict=True
                ):
                    kept[span] = np.maximum(kept[span], new)
        return found


def _released_weights() -> dict[str, Tensor]:
    data = WEIGHTS_FILE.read_bytes()
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise SettingsError(f"{WEIGHTS_FILE.name} is damaged. Install this project again.")
    return load(data)
