"""Small articles that change, and a stand-in for the embedding model that is quick.

Only the model is replaced; the store, its caches, its lock and the sync are the real ones.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.embedder import Embedder
from index.settings import Settings
from index.syncing import maker, sync

_DIMENSION = 32
_SYLLABLES = ["ba", "do", "fe", "gu", "ki", "lo", "mi", "na", "pe", "ru", "sa", "te", "vo", "zu"]
WORDS = [first + second for first in _SYLLABLES for second in _SYLLABLES]


class WordHashes(Embedder):
    """A token is a word, and a vector adds up what the words hash to."""

    max_tokens = 256

    def __init__(self) -> None:
        self.weights_hash = "hashes of words"

    def tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        words = [match.span() for match in re.finditer(r"\S+", text)]
        return list(range(len(words))), words

    def count_tokens(self, text: str) -> int:
        return len(self.tokens(text)[0])

    def shorten(self, text: str, tokens: int) -> str:
        return " ".join(text.split()[:tokens])

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), _DIMENSION), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in text.casefold().split():
                hashed = zlib.crc32(word.encode())
                row[hashed % _DIMENSION] += 1 + hashed % 97 / 97
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


EMBEDDER = WordHashes()
SETTINGS = Settings(chunk_tokens=48)
MAKER = maker(EMBEDDER, SETTINGS)


def take_in(articles: Path, index_dir: Path, settings: Settings = SETTINGS) -> None:
    """Sync."""
    sync(articles, index_dir, settings=settings, embedder=EMBEDDER)


def sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(5, 12))).capitalize() + "."


def article_text(chance: random.Random) -> str:
    """A title and some sentences: one to four chunks."""
    body = " ".join(sentence(chance) for _ in range(chance.randint(3, 14)))
    return f"# {sentence(chance)[:-1]} {chance.randrange(10**9)}\n\n{body}\n"


def fill(folder: Path, chance: random.Random, count: int = 24) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number}.md").write_text(article_text(chance))


def change(folder: Path, chance: random.Random, steps: int = 6) -> None:
    """Edit, rename, delete and add articles."""
    for _ in range(steps):
        files = sorted(folder.iterdir())
        deed = chance.choice(["edit", "rename", "delete", "add"])
        deed = "add" if len(files) < 4 else "delete" if len(files) > 40 else deed
        new = folder / f"{chance.randrange(10**9)}.md"
        if deed == "add":
            new.write_text(article_text(chance))
        elif deed == "edit":
            file = chance.choice(files)
            file.write_text(file.read_text() + sentence(chance))
        elif deed == "rename":
            chance.choice(files).rename(new)
        else:
            chance.choice(files).unlink()
