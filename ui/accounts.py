"""Who may use the server: accounts, who is signed in, and tokens for programs. One SQLite file.

Knows nothing of requests. Of passwords and tokens only hashes are kept.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import argon2

from index.errors import AccountError, StorageError
from ui.sqlite_file import SqliteFile

FILE_NAME = "accounts.sqlite"

#: NIST SP 800-63B-4 asks for 15 where a password stands alone and 8 beside something else; there is
#: no second thing here, but tries are slowed down.
PASSWORD_CHARACTERS = 10, 200

_NAME = re.compile(r"[\w.@+-]{1,64}")


@dataclass(frozen=True, slots=True)
class User:
    """Someone with an account. An editor may take in articles and delete them."""

    name: str
    is_editor: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """What a program signs in with; the token itself is known only to it."""

    id: int
    user: str
    made: datetime


def _first_schema(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE user (name TEXT PRIMARY KEY, is_editor INTEGER NOT NULL, "
        "password TEXT NOT NULL) STRICT"
    )
    db.execute(
        "CREATE TABLE signed_in (hash BLOB PRIMARY KEY, "
        "user TEXT NOT NULL REFERENCES user ON DELETE CASCADE, until TEXT NOT NULL) STRICT"
    )
    db.execute(
        "CREATE TABLE token (id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, "
        "user TEXT NOT NULL REFERENCES user ON DELETE CASCADE, made TEXT NOT NULL) STRICT"
    )


MIGRATIONS = (_first_schema,)


class Accounts:
    """The accounts of one server. Threads and processes may share the file.

    Every method raises StorageError where the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._file = SqliteFile(folder / FILE_NAME, MIGRATIONS)
        self._reading, self._writing = self._file.reading, self._file.writing
        self._hasher = argon2.PasswordHasher()
        if not self._file.lasting:
            self.close()
            raise StorageError(f"{folder} cannot be written to, so there can be no accounts in it.")

    def close(self) -> None:
        self._file.close()

    # Accounts

    def users(self) -> list[User]:
        """Everyone, by name."""
        with self._reading() as db:
            rows = db.execute("SELECT name, is_editor FROM user ORDER BY name").fetchall()
        return [User(name, bool(is_editor)) for name, is_editor in rows]

    def add(self, name: str, password: str, *, is_editor: bool = False) -> User:
        """Raises AccountError where there is one of that name, or where either cannot be used."""
        name = folded(name)
        if not _NAME.fullmatch(name):
            raise AccountError("A name has one to 64 letters, digits and signs of . @ + - _.")
        hashed = self._hash(password)
        with self._writing() as db:
            try:
                db.execute("INSERT INTO user VALUES (?, ?, ?)", (name, is_editor, hashed))
            except sqlite3.IntegrityError as error:
                raise AccountError(f"There is an account {name} already.") from error
        return User(name, is_editor)

    def set_password(self, name: str, password: str) -> None:
        """Whoever is signed in under that name is signed out; tokens stay."""
        hashed = self._hash(password)
        with self._writing() as db:
            changed = db.execute(
                "UPDATE user SET password = ? WHERE name = ?", (hashed, folded(name))
            )
            db.execute("DELETE FROM signed_in WHERE user = ?", (folded(name),))
        self._found(changed, name)

    def remove(self, name: str) -> str:
        """Whoever is signed in under that name is signed out, and their tokens are void.

        Returns the name as it was kept.
        """
        with self._writing() as db:
            removed = db.execute("DELETE FROM user WHERE name = ?", (folded(name),))
        self._found(removed, name)
        return folded(name)

    def check(self, name: str, password: str) -> User | None:
        """The user, where that is their password. Takes as long where there is no such name."""
        with self._reading() as db:
            row = db.execute(
                "SELECT name, is_editor, password FROM user WHERE name = ?", (folded(name),)
            ).fetchone()
        try:
            self._hasher.verify(row[2] if row else self._nobody, _normal(password))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return None
        return User(row[0], bool(row[1])) if row else None

    # Who is signed in

    def sign_in(self, user: User, hours: float) -> str:
        """A secret that stands for the user for so long."""
        secret = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        with self._writing() as db:
            db.execute("DELETE FROM signed_in WHERE until < ?", (_text(now),))
            db.execute(
                "INSERT INTO signed_in VALUES (?, ?, ?)",
                (_digest(secret), user.name, _text(now + timedelta(hours=hours))),
            )
        return secret

    def signed_in(self, secret: str) -> User | None:
        """Whom a secret stands for."""
        return self._user(
            "signed_in ON user = name WHERE hash = ? AND until > ?",
            _digest(secret),
            _text(datetime.now(UTC)),
        )

    def sign_out(self, secret: str) -> None:
        """From now on the secret stands for nobody."""
        with self._writing() as db:
            db.execute("DELETE FROM signed_in WHERE hash = ?", (_digest(secret),))

    # Tokens

    def make_token(self, name: str) -> str:
        """A token for a program of theirs, which is told only now."""
        token = f"ask_{secrets.token_urlsafe(32)}"
        with self._writing() as db:
            made = db.execute(
                "INSERT INTO token (hash, user, made) SELECT ?, name, ? FROM user WHERE name = ?",
                (_digest(token), _text(datetime.now(UTC)), folded(name)),
            )
        self._found(made, name)
        return token

    def tokens(self) -> list[Token]:
        """All of them, the first made first."""
        with self._reading() as db:
            rows = db.execute("SELECT id, user, made FROM token ORDER BY id").fetchall()
        return [Token(number, user, datetime.fromisoformat(made)) for number, user, made in rows]

    def remove_token(self, number: int) -> None:
        """From now on it stands for nobody."""
        with self._writing() as db:
            removed = db.execute("DELETE FROM token WHERE id = ?", (number,))
        if not removed.rowcount:
            raise AccountError(f"There is no token {number}. To see all: python -m ui token list")

    def bearer(self, token: str) -> User | None:
        """Whom a token stands for."""
        return self._user("token ON user = name WHERE hash = ?", _digest(token))

    def _user(self, joined: str, *values: object) -> User | None:
        with self._reading() as db:
            row = db.execute(f"SELECT name, is_editor FROM user JOIN {joined}", values).fetchone()
        return User(row[0], bool(row[1])) if row else None

    def _hash(self, password: str) -> str:
        least, most = PASSWORD_CHARACTERS
        if not least <= len(password) <= most:
            raise AccountError(f"A password has {least} to {most} characters.")
        return self._hasher.hash(_normal(password))

    @cached_property
    def _nobody(self) -> str:
        """The hash of a password that nobody has."""
        return self._hasher.hash(secrets.token_urlsafe(32))

    @staticmethod
    def _found(cursor: sqlite3.Cursor, name: str) -> None:
        if not cursor.rowcount:
            raise AccountError(f"There is no account {name}. To see all: python -m ui user list")


def folded(name: str) -> str:
    """Names that look alike are one name."""
    return unicodedata.normalize("NFKC", name).casefold()


def _normal(password: str) -> bytes:
    """The same bytes, however a keyboard composes letters."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _digest(secret: str) -> bytes:
    """Of 256 random bits a plain hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
