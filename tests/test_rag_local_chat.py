"""A chat model in this process: a tiny Llama with random weights, run by transformers."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from index.errors import ModelError, SettingsError
from index.settings import Settings
from rag import Assistant
from rag.chat_model import ChatModel, open_chat_model
from rag.prompt import prompt

WORDS = "You answer a question from quotations . [ 1 ] Tin fell and zinc rose in 1999"
TEMPLATE = "{% for m in messages %}{{ m.role }} : {{ m.content }} {% endfor %}assistant :"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as it lies on a disk."""
    import torch

    folder = tmp_path_factory.mktemp("llama")
    words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.train_from_iterator([WORDS], trainers.WordLevelTrainer(special_tokens=["[UNK]", "</s>"]))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", eos_token="</s>", pad_token="</s>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=4096,
        bos_token_id=None,
        eos_token_id=None,  # it never ends by itself
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def open_model(folder: Path, tokens: int) -> ChatModel:
    return open_chat_model(Settings(model=f"huggingface:{folder}", model_tokens=tokens))


def pieces_until_cut(model: ChatModel) -> list[str]:
    pieces: list[str] = []
    with pytest.raises(ModelError, match=r"^cut at RAG_MODEL_TOKENS$"):
        pieces.extend(filter(None, model.pieces(prompt("What fell?", []))))
    return pieces


def test_model_in_a_folder_writes_the_same_again_until_it_is_cut(folder: Path) -> None:
    model = open_model(folder, 16)
    pieces = pieces_until_cut(model)
    assert len(pieces) > 1
    assert set("".join(pieces).split()) <= {*WORDS.split(), "[UNK]"}
    assert pieces_until_cut(model) == pieces


def test_model_that_refuses_a_system_message_is_told_it_by_the_user(
    folder: Path, tmp_path: Path
) -> None:
    model = tmp_path / "strict"
    shutil.copytree(folder, model)
    (model / "chat_template.jinja").write_text(
        "{% if messages[0].role != 'user' %}{{ raise_exception('no system') }}{% endif %}"
        + TEMPLATE
    )
    assert len(pieces_until_cut(open_model(model, 16))) > 1


def test_template_that_cannot_be_filled_is_told_once(folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "broken"
    shutil.copytree(folder, model)
    (model / "chat_template.jinja").write_text("{{ raise_exception('never') }}")
    with pytest.raises(ModelError, match=r"^an error of its package, TemplateError$"):
        list(open_model(model, 16).pieces(prompt("What fell?", [])))


def test_closing_ends_the_generation(folder: Path) -> None:
    pieces = open_model(folder, 3000).pieces(prompt("What fell?", []))
    next(filter(None, pieces))
    before = set(threading.enumerate())
    pieces.close()
    for thread in before - {threading.current_thread()}:
        if "generate" in thread.name:
            thread.join(30)
            assert not thread.is_alive()


def test_random_weights_say_nothing_that_gets_through(folder: Path, bundled_index: Path) -> None:
    """The whole path, from the setting to an answer: the articles are quoted instead."""
    settings = Settings(index_dir=bundled_index, model=f"huggingface:{folder}", model_tokens=40)
    with Assistant.open(settings=settings) as assistant:
        answer = assistant.answer("How many people attended the mineral forum?", limit=2)
    assert (answer.written_by, answer.short) == ("", "900 people")
    assert answer.written == answer.dropped
    assert answer.note == (
        "The chat model did not answer (cut at RAG_MODEL_TOKENS); the articles are quoted instead."
    )


def test_folder_without_a_model_is_said_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be loaded"):
        open_chat_model(Settings(model=f"huggingface:{tmp_path}"))
