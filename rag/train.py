"""Train the span reader, resumable from its last checkpoint.

BERT with a start and an end score for each token and [CLS] as no answer (Devlin et al. 2019,
section 4.3), the softmax shared over several passages of one question (Clark and Gardner 2018,
section 3.3). On a GPU where there is one. Knows nothing of screens: its lines go to `say`.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from index.bert import SEP, fastest_dtype
from index.embedder import Embedder
from index.errors import SettingsError
from rag.span import OwnSpanModel, SpanReader, load_weights
from rag.squad import exact_match, token_f1
from rag.training_data import (
    Example,
    Question,
    Recipe,
    choose,
    data_file,
    dev_sample,
    make_batches,
    make_examples,
    read_questions,
)

READER_FILE, RECORD_FILE = "reader.safetensors", "training.json"
CHECKPOINT_FILE = "checkpoint.safetensors"

#: The score of a token at which no answer may start or end.
_NEVER = -1e4
#: Steps that one line of progress sums up.
_STEPS_A_LINE = 50


@dataclass(frozen=True, slots=True)
class DevFigures:
    """How well some weights read the dev questions, in per cent."""

    step: int
    weights: str  #: "trained", or "average" for their moving average
    em: float  #: of the questions with an answer, one being given to each
    f1: float  #: of the same
    f1_with_silence: float  #: of all, none being given at scores of `bar` and below
    bar: float  #: the best there is for these questions


@dataclass(slots=True)
class _Progress:
    """What a checkpoint says of its run; the run goes on from there."""

    fingerprint: str  #: of the recipe and of every example
    step: int = 0
    seconds: float = 0.0
    evaluations: list[DevFigures] = field(default_factory=list)


class SpanNetwork(nn.Module):
    """BERT with a start and an end logit for each token, `[windows, tokens, 2]`."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        self.head = nn.Linear(config.hidden_size, 2)

    def forward(self, ids: Tensor, types: Tensor, attention: Tensor) -> Tensor:
        states = self.bert(input_ids=ids, token_type_ids=types, attention_mask=attention)
        logits: Tensor = self.head(states.last_hidden_state)
        return logits


def train(
    data: Path,
    output: Path,
    *,
    embedder: Embedder,
    recipe: Recipe,
    say: Callable[[str], None],
    start: Path | None = None,
    checkpoint_seconds: float = 180.0,
) -> None:
    """Train on the file `train` in `data` and write the reader and a record of the run to `output`.

    It begins with the reader's weights in the file `start`, else with those of the embedding model.
    Where there is a file `dev`, its figures are in the record and decide between the trained
    weights and their moving average; else the average is kept. Started again with the same data and
    recipe it goes on from its last checkpoint, and on a CPU ends with the very weights of a run
    that was not interrupted. Raises SettingsError where data or checkpoint are unfit.
    """
    train_file, dev_file = data_file(data, "train"), data_file(data, "dev")
    if not train_file:
        raise SettingsError(f"{data} has neither train.jsonl.gz nor train.jsonl.")
    output.mkdir(parents=True, exist_ok=True)
    passages, everything = read_questions(train_file)
    questions = choose(everything, recipe)
    examples = make_examples(questions, passages, embedder, recipe)
    if not examples:
        raise SettingsError(f"A share of {recipe.share} leaves nothing of {train_file}.")
    batches = make_batches(examples, recipe)
    dev = dev_sample(read_questions(dev_file)[1], recipe.dev_questions) if dev_file else []
    steps, windows = len(batches), sum(len(example.windows) for example in examples)

    first = load_weights(start) if start else {}
    trainer = Trainer(_new_model(embedder.folder, recipe.seed, first), recipe)
    progress = _Progress(_fingerprint(examples, recipe, first))
    checkpoint = output / CHECKPOINT_FILE
    if checkpoint.exists():
        progress = trainer.load(checkpoint, progress.fingerprint)
    say(
        f"{len(questions)} questions, {windows} windows, {steps} steps, {progress.step} done, "
        f"on {trainer.device.type}"
    )

    def look(weights: Sequence[Tensor], name: str) -> None:
        reader = SpanReader(OwnSpanModel(embedder, trainer.reader_weights(weights), name, ""))
        figures = evaluate(reader, dev, progress.step, name)
        progress.evaluations.append(figures)
        say(
            f"dev, {len(dev)} questions, {name} weights: EM {figures.em:.1f}, F1 {figures.f1:.1f}, "
            f"with silence {figures.f1_with_silence:.1f}"
        )

    marks = {steps * mark // recipe.evaluations for mark in range(1, recipe.evaluations)}
    losses: list[float] = []
    saved = lined = time.monotonic()
    while progress.step < steps:
        batch = batches[progress.step]
        rate = learning_rate(progress.step, steps, recipe)
        loss = trainer.train_step(batch, rate, progress.step)
        progress.step += 1
        if not np.isfinite(loss):
            raise SettingsError(
                f"The loss is {loss} at step {progress.step}. Start again in another folder with a "
                f"rate below {recipe.rate:g}."
            )
        losses.append(loss)
        if len(losses) == _STEPS_A_LINE or progress.step == steps:
            left = (steps - progress.step) * (time.monotonic() - lined) / len(losses) / 60
            say(
                f"step {progress.step}/{steps}, loss {np.mean(losses):.3f}, rate {rate:.2e}, "
                f"{left:.0f} min left"
            )
            lined, losses = time.monotonic(), []
        if dev and progress.step in marks:
            look(trainer.weights, "trained")
        if time.monotonic() - saved >= checkpoint_seconds or progress.step == steps:
            progress.seconds += time.monotonic() - saved
            saved = time.monotonic()
            trainer.save(checkpoint, progress)

    kept = "average"
    if dev:
        look(trainer.weights, "trained")
        look(trainer.averages, "average")
        kept = max(progress.evaluations[-2:], key=lambda figures: figures.f1).weights
    record = {
        "recipe": asdict(recipe),
        "questions": dict(sorted(Counter(question.source for question in questions).items())),
        "windows": windows,
        **asdict(progress),
        "kept": kept,
    }
    weights = trainer.averages if kept == "average" else trainer.weights
    _write(output / READER_FILE, save(trainer.reader_weights(weights)))
    _write(output / RECORD_FILE, json.dumps(record, indent=1).encode() + b"\n")


class Trainer:
    """Float32 weights, their moving average, and a copy in the type that the device computes in."""

    def __init__(self, model: SpanNetwork, recipe: Recipe) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._average = recipe.average
        for part in [model.bert.embeddings, *model.bert.encoder.layer[: recipe.frozen_layers]]:
            part.requires_grad_(False)
        self._model = model.to(self.device)
        self._worker = copy.deepcopy(model).to(_dtype(self.device))
        self._names = [name for name, value in model.named_parameters() if value.requires_grad]
        self.weights = [value for value in model.parameters() if value.requires_grad]
        self._copies = [value for value in self._worker.parameters() if value.requires_grad]
        self.averages = [value.detach().clone() for value in self.weights]
        self._optimizer = torch.optim.AdamW(
            self.weights, lr=0.0, weight_decay=recipe.weight_decay, fused=True
        )

    def train_step(self, batch: Sequence[Example], rate: float, step: int) -> float:
        """Train on one batch after `step` others; gives its loss."""
        inputs = _collate(batch, self.device)
        loss = shared_loss(self._worker(*inputs[:3]), inputs[3], batch)
        loss.backward()  # type: ignore[no-untyped-call]
        for weight, copied in zip(self.weights, self._copies, strict=True):
            weight.grad = None if copied.grad is None else copied.grad.float()
            copied.grad = None
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self._optimizer.param_groups[0]["lr"] = rate
        self._optimizer.step()
        decay = min(self._average, (2 + step) / (11 + step))
        with torch.no_grad():
            for average, weight in zip(self.averages, self.weights, strict=True):
                average.lerp_(weight, 1 - decay)
        self._update_copies()
        return loss.item()

    @torch.no_grad()
    def _update_copies(self) -> None:
        for copied, weight in zip(self._copies, self.weights, strict=True):
            copied.copy_(weight)

    def reader_weights(self, weights: Sequence[Tensor]) -> dict[str, Tensor]:
        """In float16 under the names that OwnSpanModel takes; no embeddings, which never change."""
        state = self._model.state_dict() | dict(zip(self._names, weights, strict=True))
        return {
            name.removeprefix("bert."): value.detach().half().cpu()
            for name, value in state.items()
            if not name.startswith("bert.embeddings.")
        }

    def save(self, file: Path, progress: _Progress) -> None:
        """Write a checkpoint: one file, which is whole or not there."""
        tensors: dict[str, Tensor] = {}
        for name, weight, average in zip(self._names, self.weights, self.averages, strict=True):
            tensors |= {f"weight.{name}": weight.detach(), f"average.{name}": average}
            for key, value in self._optimizer.state[weight].items():
                tensors[f"adam.{name}.{key}"] = value
        metadata = {"progress": json.dumps(asdict(progress))}
        _write(file, save({name: value.cpu() for name, value in tensors.items()}, metadata))

    @torch.no_grad()
    def load(self, file: Path, fingerprint: str) -> _Progress:
        """Go on from a checkpoint. Raises SettingsError where it is of another run or damaged."""
        try:
            with safe_open(file, "pt") as opened:
                facts = json.loads(opened.metadata()["progress"])
            tensors = load_file(file, device=str(self.device))
        except (SafetensorError, KeyError, TypeError) as error:
            raise SettingsError(f"{file} is no checkpoint. Delete it to start again.") from error
        evaluations = [DevFigures(**figures) for figures in facts.pop("evaluations")]
        progress = _Progress(**facts, evaluations=evaluations)
        if progress.fingerprint != fingerprint:
            raise SettingsError(
                f"{file} is of a run with other data or options. Name another folder for the "
                "output, or delete that file to start again."
            )
        for name, weight, average in zip(self._names, self.weights, self.averages, strict=True):
            weight.copy_(tensors[f"weight.{name}"])
            average.copy_(tensors[f"average.{name}"])
            self._optimizer.state[weight] = {
                key: tensors[f"adam.{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")
            }
        self._update_copies()
        return progress


def shared_loss(logits: Tensor, passage: Tensor, batch: Sequence[Example]) -> Tensor:
    """Cross-entropy over all positions of an example's windows and no answer, for starts and ends.

    `logits` are `[windows, tokens, 2]` and `passage` tells the tokens of passages. Logits count
    from [CLS] of their window, so that no answer is 0 in each and one softmax can go over several.
    """
    logits = logits.float()
    relative = (logits - logits[:, :1]).masked_fill(~passage.unsqueeze(-1), _NEVER)
    # One more row stands in where an example has fewer windows than another.
    sums = torch.cat([relative.logsumexp(1), relative.new_full((1, 2), _NEVER)])
    widest = max(len(example.windows) for example in batch)
    members = torch.full((len(batch), widest), len(relative))
    gold = relative.new_zeros(len(batch), 2)
    first = 0
    for row, example in enumerate(batch):
        members[row, : len(example.windows)] = torch.arange(first, first + len(example.windows))
        if example.start >= 0:
            gold[row, 0] = relative[first, example.start, 0]
            gold[row, 1] = relative[first, example.end, 1]
        first += len(example.windows)
    choices = torch.cat([sums[members.to(sums.device)], sums.new_zeros(len(batch), 1, 2)], dim=1)
    return (choices.logsumexp(1) - gold).mean()


def learning_rate(step: int, steps: int, recipe: Recipe) -> float:
    """Linear warm-up, then linear decay to nought."""
    warmup = max(1.0, recipe.warmup * steps)
    return recipe.rate * min((step + 1) / warmup, (steps - step) / max(1.0, steps - warmup))


def evaluate(
    reader: SpanReader, questions: Sequence[Question], step: int, weights: str
) -> DevFigures:
    """Read each question's passage."""
    exact: list[float] = []
    overlap: list[float] = []
    gains: list[tuple[float, float]] = []  # a score, and what answering adds to silence
    for question in questions:
        start, end, score = reader.best(question.text, question.passage) or (0, 0, _NEVER)
        answers = [answer.text for answer in question.answers]
        if answers:
            exact.append(exact_match(question.passage[start:end], answers))
            overlap.append(token_f1(question.passage[start:end], answers))
        gains.append((score, overlap[-1] if answers else -1.0))
    gains.sort(reverse=True)
    sums = np.cumsum([0.0, *(gain for _, gain in gains)])
    answered = int(sums.argmax())
    silent = len(questions) - len(exact)
    return DevFigures(
        step,
        weights,
        em=100 * float(np.mean(exact or [0.0])),
        f1=100 * float(np.mean(overlap or [0.0])),
        f1_with_silence=100 * (silent + float(sums[answered])) / len(questions),
        bar=gains[answered][0] if answered < len(gains) else _NEVER,
    )


def _new_model(folder: Path, seed: int, first: Mapping[str, Tensor]) -> SpanNetwork:
    """The embedding model with a new head, `first` in their places; without dropout, since an
    example hardly ever comes twice."""
    config = BertConfig.from_pretrained(
        folder,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",  # on a CPU faster to train than "sdpa", by half
    )
    torch.manual_seed(seed)
    model = SpanNetwork(config)
    nn.init.normal_(model.head.weight, std=0.02)
    nn.init.zeros_(model.head.bias)
    weights = load_file(folder / "model.safetensors")
    model.bert.load_state_dict({name: weights[name] for name in model.bert.state_dict()})
    if first:
        own = {k if k.startswith("head.") else f"bert.{k}": v for k, v in first.items()}
        trained = {name for name in model.state_dict() if "embeddings." not in name}
        if own.keys() != trained or any(
            v.shape != model.get_parameter(k).shape for k, v in own.items()
        ):
            raise SettingsError("The weights to start from are of another kind of reader.")
        model.load_state_dict(own, strict=False)
    return model


def _collate(batch: Sequence[Example], device: torch.device) -> tuple[Tensor, ...]:
    """Padded ids, token types, attention mask, and which tokens are the passage's."""
    windows = [window for example in batch for window in example.windows]
    longest = -(-max(len(window.ids) for window in windows) // 8) * 8
    ids = torch.zeros((len(windows), longest), dtype=torch.long)
    types = torch.zeros_like(ids)
    for row, window in enumerate(windows):
        ids[row, : len(window.ids)] = torch.from_numpy(window.ids)
        types[row, window.start : len(window.ids)] = 1
    inputs = ids, types, ids.ne(0).long(), types.bool() & ids.ne(SEP)
    return tuple(values.to(device) for values in inputs)


def _dtype(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return fastest_dtype()


def _fingerprint(examples: Sequence[Example], recipe: Recipe, first: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    digest.update(save(dict(first)) if first else b"")
    for example in examples:
        digest.update(f"{example.start} {example.end} {len(example.windows)}".encode())
        for window in example.windows:
            digest.update(window.ids.tobytes())
    return digest.hexdigest()


def _write(file: Path, content: bytes) -> None:
    """Through a temporary file, so that the file is whole or not there."""
    temporary = file.with_name(f"{file.name}.tmp")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
