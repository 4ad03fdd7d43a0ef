"""A chat model in this process: a tiny Llama with random weights, run by transformers."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from index.errors import SettingsError
from index.settings import Settings
from rag import Assistant
from rag.chat_model import open_chat_model
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


def test_model_in_a_folder_writes_the_same_again(folder: Path) -> None:
    model = open_chat_model(Settings(model=f"huggingface:{folder}", model_tokens=16))
    messages = prompt("What fell?", [])
    pieces = list(model.pieces(messages))
    assert len(pieces) > 1
    assert set("".join(pieces).split()) <= {*WORDS.split(), "[UNK]"}
    assert list(model.pieces(messages)) == pieces


def test_closing_ends_the_generation(folder: Path) -> None:
    model = open_chat_model(Settings(model=f"huggingface:{folder}", model_tokens=3000))
    pieces = model.pieces(prompt("What fell?", []))
    next(pieces)
    before = set(threading.enumerate())
    pieces.close()
    for thread in before - {threading.current_thread()}:
        if "generate" in thread.name:
            thread.join(30)
            assert not thread.is_alive()


def test_random_weights_say_nothing_that_gets_through(folder: Path, bundled_index: Path) -> None:
    """The whole path, from the setting to an answer: it abstains, since nothing is supported."""
    settings = Settings(index_dir=bundled_index, model=f"huggingface:{folder}", model_tokens=40)
    with Assistant.open(settings=settings) as assistant:
        answer = assistant.answer("How many people attended the mineral forum?", limit=2)
    assert answer.written_by == f"huggingface:{folder}"
    assert answer.abstained
    assert (answer.written, answer.text) == (answer.dropped, "The articles do not say.")


def test_folder_without_a_model_is_said_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be loaded"):
        open_chat_model(Settings(model=f"huggingface:{tmp_path}"))
