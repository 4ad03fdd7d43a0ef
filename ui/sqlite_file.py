"""A SQLite file of the server's own: its schema, and transactions for threads.

Knows nothing of what is kept in it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from index.durable import make_folder
from index.errors import StorageError

_WAIT_SECONDS = 10.0  # while another process writes


class SqliteFile:
    """Threads may share it; reading does not wait for writing.

    `migrations` are the history of its schema. In a folder that cannot be written to it is kept in
    memory, and `lasting` is false. Raises StorageError wherever it cannot be used.
    """

    def __init__(
        self, file: Path, migrations: Sequence[Callable[[sqlite3.Connection], None]]
    ) -> None:
        self._writes, self._reads = threading.Lock(), threading.Lock()
        self._open: list[sqlite3.Connection] = []
        try:
            make_folder(file.parent)
            self.lasting = os.access(file.parent, os.W_OK)
            if self.lasting:
                file.touch(mode=0o600)
            self._writer = self._connect(file)
            with self._transaction() as db:
                (version,) = db.execute("PRAGMA user_version").fetchone()
                if version > len(migrations):
                    raise StorageError(f"A newer release wrote {file}. Upgrade this project.")
                for migrate in migrations[version:]:
                    migrate(db)
                db.execute(f"PRAGMA user_version = {len(migrations)}")
            if self.lasting:
                self._reader = self._connect(file)
            else:
                self._reader, self._reads = self._writer, self._writes
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise StorageError(
                f"{file} cannot be used ({error}). Move it elsewhere to begin a new one."
            ) from error
        except StorageError:
            self.close()
            raise

    def _connect(self, file: Path) -> sqlite3.Connection:
        db = sqlite3.connect(
            file if self.lasting else ":memory:",
            isolation_level=None,
            check_same_thread=False,
            timeout=_WAIT_SECONDS,
        )
        self._open.append(db)
        db.create_function("folded", 1, str.casefold, deterministic=True)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = ON")
        return db

    def close(self) -> None:
        """It cannot be used any more."""
        with self._writes:
            for db in self._open:
                db.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Statements that change nothing."""
        with self._reads, _said():
            yield self._reader

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; an error takes all of it back."""
        with self._writes, _said(), self._transaction() as db:
            yield db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        finally:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def forget_deleted(self) -> None:
        """What was deleted is gone from the write-ahead log, too, unless someone is reading."""
        with self._writes, _said():
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _said() -> Iterator[None]:
    """A fault without where the file lies: it may be told to anyone."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"What the server keeps cannot be used now ({error}).") from error
