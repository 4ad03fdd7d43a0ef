"""Any extractive question answering model of Hugging Face's in place of our own.

Knows nothing of passages: it gives tokens their scores, as `rag.span.SpanModel` says.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from index.bert import fastest_dtype
from index.embedder import model_folder, weights_hash
from index.errors import SettingsError


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
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
            self._model = AutoModelForQuestionAnswering.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=fastest_dtype(),
            ).eval()
        except (OSError, ValueError, RuntimeError) as error:
            raise SettingsError(f"The reader {name} cannot be loaded: {error}") from error
        self.specials = self._specials()

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
        if not parts[0]:
            raise SettingsError(f"The reader {self.name} has no token at its start for no answer.")
        return parts

    def tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoded = self._tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        return encoded["input_ids"], encoded["offset_mapping"]

    @torch.inference_mode()
    def logits(self, inputs: Sequence[tuple[Sequence[int], int]]) -> list[Tensor]:
        longest = max(len(ids) for ids, _ in inputs)
        ids = torch.full((len(inputs), longest), self._tokenizer.pad_token_id or 0)
        mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
        for row, (tokens, first) in enumerate(inputs):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
            types[row, first : len(tokens)] = 1
        named = {"token_type_ids": types}
        extra = {k: v for k, v in named.items() if k in self._tokenizer.model_input_names}
        output = self._model(input_ids=ids, attention_mask=mask, **extra)
        logits = torch.stack([output.start_logits, output.end_logits], dim=-1).float()
        return [own[: len(tokens)] for own, (tokens, _) in zip(logits, inputs, strict=True)]
