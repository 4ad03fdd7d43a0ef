"""Any extractive question answering model of Hugging Face's in place of our own.

Knows nothing of passages: it gives tokens their scores, as `rag.span.SpanModel` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from index.bert import fastest_dtype
from index.embedder import model_folder, weights_hash
from index.errors import SettingsError

_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json")


class HuggingFaceModel:
    """A model with a head for start and end, such as one trained on SQuAD 2.0.

    `name` is a folder or a Hugging Face name. Its first special token stands for no answer, as in
    BERT and its kin. Only safetensors weights are read, and no code that comes with a model is run.
    Raises SettingsError where there is no such model.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        folder = model_folder(name, "reader")
        self.weights_hash = weights_hash(folder, name)
        if not any((folder / file).is_file() for file in _TOKENIZER_FILES):
            raise SettingsError(f"The reader {name} has none of {', '.join(_TOKENIZER_FILES)}.")
        safely: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, **safely)
            self._model, report = AutoModelForQuestionAnswering.from_pretrained(
                folder,
                **safely,
                use_safetensors=True,
                dtype=fastest_dtype(),
                output_loading_info=True,
            )
            self.specials = self._specials()
        except Exception as error:  # there is no end to what a folder may hold
            raise SettingsError(
                f"The reader {name} cannot be loaded ({type(error).__name__}: {error})."
            ) from error
        if report["missing_keys"] or not self.specials[0]:
            raise SettingsError(f"{name} was not trained to find answers in texts.")
        self._model.eval()

    def _specials(self) -> tuple[list[int], list[int], list[int]]:
        """The special tokens around a pair of texts, taken from an example."""
        pair = self._tokenizer("one", "two")
        parts: tuple[list[int], list[int], list[int]] = ([], [], [])
        seen = 0
        for token, part in zip(pair["input_ids"], pair.sequence_ids(), strict=True):
            if part is None:
                parts[seen].append(token)
            else:
                seen = part + 1
        return parts

    def tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoded = self._tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        # Some tokenizers count the space before a word as part of its token.
        places = [
            (end - len(text[start:end].lstrip()), end) for start, end in encoded["offset_mapping"]
        ]
        return encoded["input_ids"], places

    @torch.inference_mode()
    def logits(self, inputs: Sequence[tuple[Sequence[int], int]]) -> list[Tensor]:
        longest = max(len(ids) for ids, _ in inputs)
        ids = torch.full((len(inputs), longest), self._tokenizer.pad_token_id or 0)
        mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
        for row, (tokens, first) in enumerate(inputs):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
            types[row, first : len(tokens)] = 1
        inputs_of_it = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self._tokenizer.model_input_names:
            inputs_of_it["token_type_ids"] = types
        output = self._model(**inputs_of_it)
        logits = torch.stack([output.start_logits, output.end_logits], dim=-1).float()
        return [own[: len(tokens)] for own, (tokens, _) in zip(logits, inputs, strict=True)]
