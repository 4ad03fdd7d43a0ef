"""The real embedding model that is installed with the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.embedder import Embedder
from index.errors import SettingsError


def test_bundled_model_is_the_published_one(embedder: Embedder) -> None:
    assert embedder.name == "all-MiniLM-L6-v2"
    assert embedder.weights_hash == (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    )
    assert embedder.max_tokens == 256


def test_vectors_have_unit_length_and_the_order_of_their_texts(embedder: Embedder) -> None:
    texts = ["Copper prices rose.", "x " * 2000, "The cat sleeps.", ""]
    vectors = embedder.encode(texts)
    assert vectors.shape == (4, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=0.01)
    copper, cat = embedder.encode(["The price of copper increased.", "A cat is asleep."])
    assert int(np.argmax(vectors @ copper)) == 0
    assert int(np.argmax(vectors @ cat)) == 2


def test_texts_are_encoded_as_sentence_transformers_would_in_float32(embedder: Embedder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["copper", "Who attended the forum?", "Copper prices rose in May. " * 60, "", "钢"]
    texts += [f"{n} tonnes of tin. " * (n % 37) for n in range(150)]  # several batches
    theirs = SentenceTransformer(str(embedder.folder), device="cpu", local_files_only=True)
    cosines = (embedder.encode(texts) * theirs.encode(texts, normalize_embeddings=True)).sum(axis=1)
    assert cosines.min() >= 0.995


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert len(embedder.encode([])) == 0


def test_tokens_are_counted_with_the_special_ones_and_without_truncation(
    embedder: Embedder,
) -> None:
    assert embedder.count_tokens("") == 2
    assert embedder.count_tokens("copper") == 3
    assert embedder.count_tokens("copper " * 1000) == 1002


def test_text_is_shortened_to_tokens(embedder: Embedder) -> None:
    assert embedder.shorten("copper and tin", 2) == "copper and"
    assert embedder.shorten("copper and tin", 3) == "copper and tin"


def test_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no safetensors weights"):
        Embedder(str(tmp_path))


def test_model_without_a_tokenizer_of_the_kind_that_is_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(SettingsError, match=r"has no tokenizer\.json"):
        Embedder(str(tmp_path))


def test_weights_in_a_pickle_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(SettingsError, match="has no safetensors weights"):
        Embedder(str(tmp_path))
