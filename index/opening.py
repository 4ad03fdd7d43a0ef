"""Open the store that the settings name. Knows nothing of what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from index.settings import Settings
    from index.store import Store


def open_store(
    settings: Settings,
    index_dir: Path | str | None = None,
    *,
    maker: str = "",
    create: bool = False,
) -> Store:
    """The store that the settings name; the local one in `index_dir` rather than theirs.

    With a `maker` it is made ready for searching, and reading checks that it made everything.
    Raises IndexMissing where there is none and `create` is false, IndexMismatch and IndexDamaged.
    """
    if settings.store == "milvus" and index_dir is None:
        from index.milvus import MilvusStore

        return MilvusStore(
            settings.store_uri,
            settings.store_token.get_secret_value(),
            collection=settings.store_collection,
            maker=maker,
            create=create,
            timeout_seconds=settings.store_timeout_seconds,
        )
    from index.local import LocalStore

    return LocalStore(
        index_dir or settings.index_dir,
        maker=maker,
        create=create,
        lock_timeout_seconds=settings.lock_timeout_seconds,
    )
