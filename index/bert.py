"""The forward pass of a BERT encoder in torch alone, for the few texts of one question.

Importing sentence-transformers takes four to five seconds, which a person who asks one question
from a shell would wait for; torch takes one and a half. Knows nothing of what the states are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import embedding, gelu, layer_norm, linear, scaled_dot_product_attention

CLS, SEP = 101, 102  # of every uncased English BERT vocabulary
_EPSILON = 1e-12


def fastest_dtype() -> torch.dtype:
    """bfloat16 on a CPU with AVX512-BF16, else float32.

    Measured on two cores: bfloat16 encodes 1.5 to 4 times as many texts a second, cosine to float32
    0.997 at worst. Without those instructions it is slower.
    """
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


class Bert:
    """Devlin et al. 2019, from weights under their usual names (`encoder.layer.0.output...`)."""

    def __init__(self, weights: Mapping[str, Tensor], *, heads: int) -> None:
        self._dtype = fastest_dtype()
        self._weights = {name: value.to(self._dtype) for name, value in weights.items()}
        self._heads = heads
        self._layers = 1 + max(int(n.split(".")[2]) for n in weights if n.startswith("encoder."))

    @torch.inference_mode()
    def states(self, inputs: Sequence[tuple[Sequence[int], int]]) -> tuple[Tensor, Tensor]:
        """Hidden states `[inputs, longest, hidden]` in float32, and the mask `[inputs, longest]`.

        An input is its token ids, special tokens included, and the number of those that belong to
        the first of two texts; what follows is of the second.
        """
        longest = max(len(ids) for ids, _ in inputs)
        tokens = torch.zeros(len(inputs), longest, dtype=torch.long)
        types = torch.zeros_like(tokens)
        mask = torch.zeros_like(tokens, dtype=torch.bool)
        for row, (ids, first) in enumerate(inputs):
            tokens[row, : len(ids)] = torch.tensor(ids)
            types[row, first : len(ids)] = 1
            mask[row, : len(ids)] = True
        part = self._weights
        states = (
            embedding(tokens, part["embeddings.word_embeddings.weight"])
            + part["embeddings.position_embeddings.weight"][:longest]
            + embedding(types, part["embeddings.token_type_embeddings.weight"])
        )
        states = self._normed(states, "embeddings.LayerNorm")
        for layer in range(self._layers):
            states = self._layer(states, mask[:, None, None], f"encoder.layer.{layer}")
        return states.float(), mask

    def _layer(self, states: Tensor, mask: Tensor, name: str) -> Tensor:
        rows, length, hidden = states.shape
        query, key, value = (
            self._linear(states, f"{name}.attention.self.{role}")
            .view(rows, length, self._heads, hidden // self._heads)
            .transpose(1, 2)
            for role in ("query", "key", "value")
        )
        seen = scaled_dot_product_attention(query, key, value, attn_mask=mask)
        seen = seen.transpose(1, 2).reshape(rows, length, hidden)
        attended = self._linear(seen, f"{name}.attention.output.dense") + states
        attended = self._normed(attended, f"{name}.attention.output.LayerNorm")
        inner = gelu(self._linear(attended, f"{name}.intermediate.dense"))
        outer = self._linear(inner, f"{name}.output.dense") + attended
        return self._normed(outer, f"{name}.output.LayerNorm")

    def _linear(self, states: Tensor, name: str) -> Tensor:
        return linear(states, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _normed(self, states: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return layer_norm(states, weight.shape, weight, bias, _EPSILON)
