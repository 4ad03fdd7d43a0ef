"""Training the span reader, on an encoder of two small layers."""

from __future__ import annotations

import dataclasses
import gzip
import json
import math
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from index.embedder import Embedder
from index.errors import SettingsError
from rag.span import WEIGHTS_FILE, OwnSpanModel, SpanReader, load_weights
from rag.train import learning_rate, shared_loss, train
from rag.training_data import (
    Example,
    GoldAnswer,
    Question,
    Recipe,
    Window,
    answer_tokens,
    choose,
    make_batches,
    make_examples,
    read_questions,
    window,
)

ROOT = Path(__file__).parents[1]
COLOURS = ("red", "green", "blue", "white", "black", "brown", "yellow", "purple")
RECIPE = Recipe(
    seed=1,
    share=1.0,
    rate=3e-3,
    frozen_layers=0,
    batch_tokens=400,
    grouped=0.5,
    evaluations=2,
    dev_questions=8,
)
KILLED = """
import os, signal, sys
from pathlib import Path
from index.embedder import Embedder
from rag.train import train
from rag.training_data import Recipe

def say(line):
    if line.startswith("dev"):
        os.kill(os.getpid(), signal.SIGKILL)

data, start, output, recipe = sys.argv[1:]
train(Path(data), Path(output), embedder=Embedder(start), recipe=eval(recipe), say=say,
      checkpoint_seconds=0.0)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Passages on the colours of houses; every fifth question asks about another house."""
    folder = tmp_path_factory.mktemp("data")
    lines = []
    for number in range(160):
        colour = COLOURS[number % len(COLOURS)]
        text = f"The house of family {number} stands by the river. It is {colour} all over. " * 4
        answers = [{"text": colour, "start": text.index(colour)}] if number % 5 else []
        house = number if answers else number + 1
        asked = {"question": f"What colour is the house of family {house}?", "answers": answers}
        lines.append(json.dumps({"context": text, "questions": [asked]}))
    with gzip.open(folder / "train.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines[:140]))
    (folder / "dev.jsonl").write_text("\n".join(lines[140:]), "utf-8")
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Embedder:
    folder = tmp_path_factory.mktemp("small")
    config = BertConfig(
        vocab_size=30522,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=12,
        intermediate_size=32,
    )
    torch.manual_seed(0)
    model = BertModel(config, add_pooling_layer=False)
    save_file(dict(model.state_dict()), folder / "model.safetensors")
    config.save_pretrained(folder)
    shutil.copy(embedder.folder / "tokenizer.json", folder)
    return Embedder(str(folder))


@pytest.fixture(scope="module")
def trained(data: Path, small: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run that nothing interrupted."""
    output = tmp_path_factory.mktemp("trained")
    train(data, output, embedder=small, recipe=RECIPE, say=lambda line: None)
    return output


def test_killed_run_ends_with_the_very_weights_of_one_that_was_not(
    data: Path, small: Embedder, trained: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KILLED, str(data), str(small.folder), str(tmp_path)]
    killed = subprocess.run([*command, repr(RECIPE)], cwd=ROOT, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]
    said: list[str] = []
    train(data, tmp_path, embedder=small, recipe=RECIPE, say=said.append)
    steps = json.loads((trained / "training.json").read_text())["step"]
    assert f" {steps} steps, {steps // 2 - 1} done, " in said[0]
    for name in ("checkpoint.safetensors", "reader.safetensors"):  # float32, and what is shipped
        whole, resumed = load_file(trained / name), load_file(tmp_path / name)
        assert whole.keys() == resumed.keys()
        assert all(torch.equal(resumed[key], value) for key, value in whole.items())
    records = [json.loads((path / "training.json").read_text()) for path in (trained, tmp_path)]
    assert records[0]["evaluations"] == records[1]["evaluations"]


def test_output_is_a_reader_a_record_and_a_checkpoint(trained: Path, small: Embedder) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        "checkpoint.safetensors",
        "reader.safetensors",
        "training.json",
    ]
    weights = load_file(trained / "reader.safetensors")
    assert {value.dtype for value in weights.values()} == {torch.float16}
    before = small.bert_weights
    assert weights.keys() == {name for name in before if name.startswith("encoder.")} | {
        "head.weight",
        "head.bias",
    }
    name = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(weights[name], before[name].half())
    record = json.loads((trained / "training.json").read_text())
    assert record["questions"] == {"own": 140}
    assert [(e["weights"], e["step"]) for e in record["evaluations"]] == [
        ("trained", record["step"] // 2),
        ("trained", record["step"]),
        ("average", record["step"]),
    ]


def test_trained_weights_are_read_with(trained: Path, small: Embedder) -> None:
    reader = SpanReader(OwnSpanModel(small, load_file(trained / "reader.safetensors")))
    texts = ["The house is red. " * 60, "", "Ünïcode is blue."]
    long, empty, short = reader.read("What colour is the house?", texts)
    assert (len(long.starts), len(empty.starts)) == (300, 0)  # five tokens, 60 times
    assert np.isfinite(long.starts).all()
    assert np.isfinite(long.ends).all()
    best = short.best(0, 16)
    assert best is not None
    assert 0 <= best[0] < best[1] <= 16


def test_run_goes_on_from_other_weights(
    data: Path, small: Embedder, trained: Path, tmp_path: Path
) -> None:
    start = trained / "reader.safetensors"
    recipe = Recipe(seed=2, share=0.1, rate=0.0, frozen_layers=0)  # changes nothing
    train(data, tmp_path, embedder=small, recipe=recipe, say=lambda line: None, start=start)
    before, after = load_file(start), load_file(tmp_path / "reader.safetensors")
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_weights_of_another_kind_are_no_start(
    data: Path, small: Embedder, embedder: Embedder, tmp_path: Path
) -> None:
    for weights in ({"head.weight": torch.zeros(2, 24)}, dict(load_weights(WEIGHTS_FILE))):
        file = tmp_path / "start.safetensors"
        save_file(weights, file)
        with pytest.raises(SettingsError, match="of another kind of reader"):
            train(data, tmp_path, embedder=small, recipe=RECIPE, say=lambda _: None, start=file)


def test_one_or_two_negatives_of_a_question_share_its_softmax(embedder: Embedder) -> None:
    text, others = "Ana leads the port of Ellen.", ("It rained.", "Luis sold the mill.", "No ship.")
    asked = Question("Who leads the port?", text, (GoldAnswer("Ana", 0),), "own", others)
    unanswered = Question("Who leads the mill?", text, (), "own", others)
    recipe = dataclasses.replace(RECIPE, unanswered=0.0)
    examples = make_examples([asked, unanswered] * 20, [text, *others], embedder, recipe)
    assert {len(example.windows) for example in examples[::2]} == {2, 3}
    assert {len(example.windows) for example in examples[1::2]} == {2, 3}
    drawn = {window.ids.tobytes() for example in examples[::2] for window in example.windows[1:]}
    assert len(drawn) == 3
    with_answer, without = examples[:2]
    first = with_answer.windows[0].ids
    assert first[with_answer.start : with_answer.end + 1].tolist() == embedder.tokens("Ana")[0]
    assert without.start == -1


def test_frozen_layers_stay_as_they_are(data: Path, small: Embedder, tmp_path: Path) -> None:
    recipe = Recipe(seed=1, share=0.1, rate=3e-3, frozen_layers=1)
    train(data, tmp_path, embedder=small, recipe=recipe, say=lambda line: None)
    weights = load_file(tmp_path / "reader.safetensors")
    changed = {
        name.split(".")[2]
        for name, value in weights.items()
        if name.startswith("encoder.") and not torch.equal(value, small.bert_weights[name].half())
    }
    assert changed == {"1"}


def test_checkpoint_of_another_recipe_or_a_damaged_one_is_refused(
    data: Path, small: Embedder, trained: Path, tmp_path: Path
) -> None:
    shutil.copy(trained / "checkpoint.safetensors", tmp_path)
    other = Recipe(seed=2, share=1.0, rate=3e-3, frozen_layers=0)
    with pytest.raises(SettingsError, match="is of a run with other data or options"):
        train(data, tmp_path, embedder=small, recipe=other, say=lambda line: None)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(SettingsError, match=r"is no checkpoint\. Delete it"):
        train(data, tmp_path, embedder=small, recipe=other, say=lambda line: None)


def test_loss_is_one_softmax_over_all_windows_and_no_answer() -> None:
    # Logits e^x over [CLS]'s, for the two tokens of each passage; [CLS]'s own is 7, as an offset.
    starts = [[2.0, 3.0], [4.0, 1.0], [3.0, 4.0]]
    ends = [[1.0, 5.0], [1.0, 2.0], [1.0, 1.0]]
    logits = torch.full((3, 5, 2), 7.0)  # [CLS] question passage passage [SEP]
    logits[:, 2:4, 0] += torch.tensor(starts).log()
    logits[:, 2:4, 1] += torch.tensor(ends).log()
    logits[:, [1, 4]] += 100.0  # outside of the passage, so without weight
    passage = torch.tensor([[False, False, True, True, False]] * 3)
    windows = [Window(np.array([101, 1, 2, 3, 102], np.int32), 2)] * 3
    batch = [Example((windows[0], windows[1]), start=2, end=3), Example((windows[2],))]
    # Start: 2 of 2 + 3 + 4 + 1 + 1 = 11; end: 5 of 1 + 5 + 1 + 2 + 1 = 10.
    # Without an answer: 1 of 3 + 4 + 1 = 8, and 1 of 1 + 1 + 1 = 3.
    expected = (math.log(11 / 2) + math.log(10 / 5) + math.log(8) + math.log(3)) / 4
    assert float(shared_loss(logits, passage, batch)) == pytest.approx(expected, rel=1e-5)


def test_rate_rises_then_falls_to_nought() -> None:
    recipe = Recipe(seed=1, share=1.0, rate=0.3, frozen_layers=0, warmup=0.2)
    rates = [learning_rate(step, 10, recipe) for step in range(10)]
    assert rates[:4] == pytest.approx([0.15, 0.3, 0.3, 0.2625])  # 0.3 * 8 / 8, 0.3 * 7 / 8
    assert rates[9] == pytest.approx(0.0375)


def test_window_holds_question_and_a_stretch_of_the_passage(embedder: Embedder) -> None:
    asked, _ = embedder.tokens("Which city?")
    ids, _ = embedder.tokens("Paris is the capital of France.")
    assert ids == [3000, 2003, 1996, 3007, 1997, 2605, 1012]
    made = window(np.array(asked, np.int32), np.array(ids, np.int32), first=2, room=4)
    assert made.ids.tolist() == [101, 2029, 2103, 1029, 102, 1996, 3007, 1997, 2605, 102]
    assert made.start == 5


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (13, 30, (3, 5)),  # capital of France
        (15, 17, (3, 3)),  # within capital
        (30, 31, (6, 6)),  # the full stop
        (5, 6, (1, 0)),  # the space after Paris: none
    ],
)
def test_tokens_of_an_answer_are_those_that_it_touches(
    embedder: Embedder, start: int, end: int, expected: tuple[int, int]
) -> None:
    _, characters = embedder.tokens("Paris is the capital of France.")
    assert answer_tokens(np.array(characters, np.int32), start, end) == expected


def test_examples_point_at_the_answer_wherever_the_window_lies(
    data: Path, embedder: Embedder
) -> None:
    passages, questions = read_questions(data / "train.jsonl.gz")
    examples = make_examples(questions, passages, embedder, RECIPE)
    assert len(examples) == 140
    # 4 of 5 questions have answers; a few lost their passage to others.
    answered = [example for example in examples if example.start >= 0]
    assert 84 <= len(answered) <= 112
    colours = {embedder.tokens(colour)[0][0] for colour in COLOURS}
    for example in answered:
        assert example.start == example.end
        assert example.windows[0].ids[example.start] in colours
    assert any(len(example.windows) > 1 for example in examples)
    assert max(example.length for example in examples) <= 208


def test_batches_hold_every_example_once_within_their_tokens(
    data: Path, embedder: Embedder
) -> None:
    passages, questions = read_questions(data / "train.jsonl.gz")
    examples = make_examples(questions, passages, embedder, RECIPE)
    batches = make_batches(examples, RECIPE)
    assert sorted(id(e) for batch in batches for e in batch) == sorted(map(id, examples))
    for batch in batches:
        rows = sum(len(example.windows) for example in batch)
        assert len(batch) == 1 or rows * max(example.length for example in batch) <= 400
    assert batches == make_batches(examples, RECIPE)


def test_no_source_gives_more_than_its_share() -> None:
    questions = [
        Question(str(number), "", (), source)
        for source, count in (("qasrl_gs", 600), ("own", 30))
        for number in range(count)
    ]
    half = choose(questions, Recipe(seed=1, share=0.5, rate=1e-3, frozen_layers=0))
    # At most 300 are taken of the one, all of the other.
    assert [sum(q.source == source for q in half) for source in ("qasrl_gs", "own")] == [150, 15]


GOOD: dict[str, Any] = {"context": "It is red.", "questions": []}


def asking(**changes: Any) -> str:
    asked = {"question": "What?", "answers": [{"text": "red", "start": 6}], **changes}
    return json.dumps({**GOOD, "questions": [asked]})


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("{", "record: Invalid JSON: EOF while parsing"),
        ("[]", "record: Input should be an object"),
        (json.dumps({"context": "x"}), "questions: Field required"),
        (asking(question=5), "questions.0.question: Input should be a valid string"),
        (asking(answers=[{"text": "red"}]), "questions.0.answers.0.start: Field required"),
        (asking(answers=[{"text": "red", "start": 5}]), "the answer 'red' is not at 5 in context"),
        (asking(answers=[{"text": "d.", "start": -2}]), "the answer 'd.' is not at -2 in context"),
        (asking(answers=[{"text": " ", "start": 2}]), "the answer ' ' is not at 2 in context"),
    ],
)
def test_malformed_line_is_named_with_its_cause(tmp_path: Path, line: str, cause: str) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text(f"{asking()}\n{line}\n", "utf-8")
    with pytest.raises(SettingsError) as raised:
        read_questions(file)
    assert str(raised.value).startswith(f"{file}, line 2, ")
    assert cause in str(raised.value)


def test_damaged_and_empty_files_are_named(tmp_path: Path) -> None:
    damaged = tmp_path / "train.jsonl.gz"
    damaged.write_bytes(gzip.compress((asking() + "\n").encode() * 9)[:-9])
    with pytest.raises(SettingsError, match=r"train\.jsonl\.gz is damaged after line "):
        read_questions(damaged)
    empty = tmp_path / "train.jsonl"
    empty.write_text(json.dumps(GOOD), "utf-8")
    with pytest.raises(SettingsError, match=r"train\.jsonl holds no questions\."):
        read_questions(empty)


def test_command_names_the_file_that_it_misses(
    python: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = python("-m", "rag", "train", "--data", str(tmp_path), "--output", str(tmp_path / "out"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: {tmp_path} has neither train.jsonl.gz nor train.jsonl.\n"
    assert not (tmp_path / "out").exists()
