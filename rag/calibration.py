"""What was fitted for one set of reader's weights: how sure it is, and when it stays silent.

`python -m eval read --fit` and `python -m eval fit` write the file. Knows nothing of how the
numbers are found.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CALIBRATION_FILE = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic regressions (Kamath et al. 2020) and the bars below which nothing is answered."""

    reader_hash: str  #: of the span reader's weights that the answers' part was fitted for
    embedding_hash: str  #: likewise of the embedding model
    span_hash: str  #: of the span reader's weights that the spans' part was fitted for
    span_weight: float  #: of a span's score, in one text
    span_bias: float
    span_bar: float  #: `read` gives no span below this confidence
    sentence_weights: tuple[float, ...]  #: one for each of SENTENCE_FEATURES
    topic_weights: tuple[float, ...]  #: one for each of the first of ANSWER_FEATURES
    topic_bar: float  #: a question below it is about something else than the articles
    answer_weights: tuple[float, ...]  #: one for each of ANSWER_FEATURES
    answer_bias: float
    bar: float  #: abstain below this confidence
    spread: float  #: quote further sentences that score at most so much less than the best

    @classmethod
    def load(cls) -> Calibration:
        """The one that comes with this project."""
        fields: dict[str, Any] = json.loads(CALIBRATION_FILE.read_text("utf-8"))
        for name in ("sentence_weights", "topic_weights", "answer_weights"):
            fields[name] = tuple(fields[name])
        return cls(**fields)

    def fits(self, reader_hash: str, embedding_hash: str) -> bool:
        """Whether it was fitted for these models."""
        return (reader_hash, embedding_hash) == (self.reader_hash, self.embedding_hash)

    def save(self) -> None:
        """Write it down where `load` looks."""
        CALIBRATION_FILE.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", "utf-8")

    def span_confidence(self, score: float) -> float:
        """The chance that a text's best span, with this score, is right."""
        return sigmoid(self.span_weight * score + self.span_bias)

    def answer_confidence(self, features: NDArray[np.float64]) -> float:
        """The chance that what is quoted answers, from the values of ANSWER_FEATURES.

        0 where the question is about something else than the articles.
        """
        if features[: len(self.topic_weights)] @ self.topic_weights < self.topic_bar:
            return 0.0
        return sigmoid(float(features @ self.answer_weights + self.answer_bias))


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)), without overflow."""
    return 1 / (1 + math.exp(-max(logit, -700.0)))
