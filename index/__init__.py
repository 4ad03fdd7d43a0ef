"""Articles -> chunks -> vectors -> one store. Knows nothing of answers.

from index import sync
report = sync("articles", "my-index")
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from index.errors import (
    AccountError,
    ArticleError,
    BusyError,
    ConversationError,
    IndexBusy,
    IndexDamaged,
    IndexMismatch,
    IndexMissing,
    IndexProblem,
    QuestionError,
    RagError,
    SettingsError,
    StorageError,
)

# FAISS and torch each bring an OpenMP of their own, and the idle threads of one spin on the cores
# that the other needs: on two cores ten questions took 5.1 s to embed and search, 0.16 s like this.
# OpenMP reads it when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from index.syncing import Failure, SyncReport, sync

__all__ = [
    "AccountError",
    "ArticleError",
    "BusyError",
    "ConversationError",
    "Failure",
    "IndexBusy",
    "IndexDamaged",
    "IndexMismatch",
    "IndexMissing",
    "IndexProblem",
    "QuestionError",
    "RagError",
    "SettingsError",
    "StorageError",
    "SyncReport",
    "sync",
]


def __getattr__(name: str) -> Any:
    """`index.sync` brings numpy and faiss; they are imported when it is first used."""
    if name in {"Failure", "SyncReport", "sync"}:
        from importlib import import_module

        return getattr(import_module("index.syncing"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
