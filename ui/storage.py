"""Where conversations, feedback and evaluations are kept: one SQLite file beside the index.

Knows nothing of how they are shown.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from index.errors import ConversationError
from rag.conversation import Conversation, Turn, turn_from_json, turn_to_json
from ui.sqlite_file import SqliteFile

FILE_NAME = "conversations.sqlite"

#: So many conversations are listed at once; a search reaches the others.
LISTED = 50

_TITLE_CHARACTERS = 80
_MOST_WORDS = 10
_LOOKED_AT = 300  #: turns of an owner, for what could be asked


def _first_schema(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE conversation (id TEXT PRIMARY KEY, owner TEXT NOT NULL, "
        "title TEXT NOT NULL, started TEXT NOT NULL, changed TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX conversation_by_owner ON conversation (owner, changed)")
    db.execute(
        "CREATE TABLE turn (id TEXT PRIMARY KEY, "
        "conversation TEXT NOT NULL REFERENCES conversation ON DELETE CASCADE, "
        "place INTEGER NOT NULL, record TEXT NOT NULL, UNIQUE (conversation, place))"
    )
    db.execute(
        "CREATE TABLE feedback (turn TEXT PRIMARY KEY REFERENCES turn ON DELETE CASCADE, "
        "helpful INTEGER NOT NULL, reason TEXT NOT NULL, answer TEXT NOT NULL, given TEXT NOT NULL)"
    )
    db.execute(
        "CREATE TABLE evaluation (id TEXT PRIMARY KEY, owner TEXT NOT NULL, "
        "started TEXT NOT NULL, report TEXT NOT NULL)"
    )


MIGRATIONS = (_first_schema,)


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation as a list shows it."""

    id: str
    title: str
    changed: datetime
    turns: int


@dataclass(frozen=True, slots=True)
class Feedback:
    """What someone thought of an answer; `answer` is the right one where they knew it."""

    helpful: bool
    reason: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run of the gold set; `report` is JSON, as `eval.kept` writes it."""

    id: str
    started: datetime
    report: str


class Storage:
    """Everything belongs to an owner, "" where there are no accounts. Threads may share it.

    In a folder that cannot be written to it is kept in memory, and `lasting` is false. Every method
    raises StorageError where the file cannot be used, and one that takes an id ConversationError
    where the owner has nothing by it.
    """

    def __init__(self, folder: Path) -> None:
        self._file = SqliteFile(folder / FILE_NAME, MIGRATIONS)
        self.lasting = self._file.lasting
        self._reading, self._writing = self._file.reading, self._file.writing

    def close(self) -> None:
        self._file.close()

    # Conversations

    def begin(self, owner: str, question: str, *turns: Turn) -> str:
        """A new conversation, named by its first question, with these turns; returns its id."""
        title = " ".join(question.split())
        if len(title) > _TITLE_CHARACTERS:
            title = f"{title[: _TITLE_CHARACTERS - 1]}…"
        new = Conversation(title)
        with self._writing() as db:
            db.execute(
                "INSERT INTO conversation VALUES (?, ?, ?, ?, ?)",
                (new.id, owner, new.title, _text(new.started), _text(new.started)),
            )
            for turn in turns:
                self._append(db, new.id, turn)
        return new.id

    def add(self, owner: str, conversation: str, turn: Turn) -> None:
        """Keep a turn as the last of a conversation."""
        with self._writing() as db:
            self._changed(db, owner, conversation)
            self._append(db, conversation, turn)

    def answered(self, owner: str, turn: Turn) -> None:
        """Keep a turn in place of the one with its id."""
        with self._writing() as db:
            self._owned(db, owner, turn.id)
            db.execute("UPDATE turn SET record = ? WHERE id = ?", (turn_to_json(turn), turn.id))

    def conversation(self, owner: str, conversation: str) -> Conversation:
        """A conversation with its turns."""
        with self._reading() as db:
            row = db.execute(
                "SELECT title, started FROM conversation WHERE id = ? AND owner = ?",
                (conversation, owner),
            ).fetchone()
            if not row:
                raise _missing()
            turns = db.execute(
                "SELECT record FROM turn WHERE conversation = ? ORDER BY place", (conversation,)
            ).fetchall()
        title, started = row
        return Conversation(
            title,
            tuple(turn_from_json(record) for (record,) in turns),
            datetime.fromisoformat(started),
            conversation,
        )

    def conversations(self, owner: str, search: str = "", limit: int = LISTED) -> list[Listed]:
        """The latest first; with `search` those whose title or turns hold its words, any case."""
        words = search.casefold().split()[:_MOST_WORDS]
        holds = "".join(
            " AND (folded(title) LIKE ? ESCAPE '\\' OR EXISTS (SELECT 1 FROM turn "
            "WHERE conversation = conversation.id AND "
            "folded(json_extract(record, '$.question') || ' ' || json_extract(record, '$.text')) "
            "LIKE ? ESCAPE '\\'))"
            for _ in words
        )
        patterns = [f"%{_literal(word)}%" for word in words for _ in range(2)]
        with self._reading() as db:
            rows = db.execute(
                "SELECT id, title, changed, "
                "(SELECT count(*) FROM turn WHERE conversation = conversation.id) "
                f"FROM conversation WHERE owner = ?{holds} ORDER BY changed DESC, id LIMIT ?",
                (owner, *patterns, limit),
            ).fetchall()
        return [
            Listed(name, title, datetime.fromisoformat(changed), turns)
            for name, title, changed, turns in rows
        ]

    def answered_about(self, owner: str, sources: Collection[str], limit: int) -> list[str]:
        """Questions of an owner's that were answered from these articles, as they were understood.

        The latest first, each once; of the latest turns alone.
        """
        among = ", ".join("?" * len(sources))
        with self._reading() as db:
            rows = db.execute(
                "SELECT coalesce(nullif(json_extract(record, '$.understood'), ''), "
                "json_extract(record, '$.question')) AS question "
                "FROM (SELECT turn.rowid AS at, record FROM turn "
                "JOIN conversation ON conversation.id = turn.conversation "
                "WHERE owner = ? ORDER BY turn.rowid DESC LIMIT ?) "
                "WHERE EXISTS (SELECT 1 FROM json_each(record, '$.quotations') "
                f"WHERE json_extract(json_each.value, '$.source') IN ({among})) "
                "GROUP BY question ORDER BY max(at) DESC LIMIT ?",
                (owner, _LOOKED_AT, *sources, limit),
            ).fetchall()
        return [question for (question,) in rows]

    def rename(self, owner: str, conversation: str, title: str) -> None:
        """Raises ConversationError, too, where the new name is empty or too long."""
        title = " ".join(title.split())
        if not 0 < len(title) <= 200:
            raise ConversationError("A name has one to 200 characters.")
        with self._writing() as db:
            self._changed(db, owner, conversation)
            db.execute("UPDATE conversation SET title = ? WHERE id = ?", (title, conversation))

    def delete(self, owner: str, conversation: str) -> None:
        """Delete a conversation with its turns and their feedback."""
        with self._writing() as db:
            self._changed(db, owner, conversation)
            db.execute("DELETE FROM conversation WHERE id = ?", (conversation,))
        self._file.forget_deleted()

    def delete_all(self, owner: str) -> None:
        """Delete every conversation of an owner's, likewise."""
        with self._writing() as db:
            db.execute("DELETE FROM conversation WHERE owner = ?", (owner,))
        self._file.forget_deleted()

    # Feedback

    def judge(self, owner: str, turn: str, feedback: Feedback) -> None:
        """Keep what the owner of a turn thinks of it, in place of what they thought before."""
        with self._writing() as db:
            self._owned(db, owner, turn)
            db.execute(
                "INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?)",
                (
                    turn,
                    feedback.helpful,
                    feedback.reason.strip(),
                    feedback.answer.strip(),
                    _text(datetime.now(UTC)),
                ),
            )

    def feedback(self, owner: str, conversation: str) -> dict[str, Feedback]:
        """What was thought of the turns of a conversation, by their ids."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT turn.id, helpful, reason, answer FROM feedback "
                "JOIN turn ON turn.id = feedback.turn "
                "JOIN conversation ON conversation.id = turn.conversation "
                "WHERE conversation.id = ? AND owner = ?",
                (conversation, owner),
            ).fetchall()
        return {turn: Feedback(bool(helpful), *said) for turn, helpful, *said in rows}

    def judged(self) -> list[tuple[Turn, Feedback]]:
        """Every turn that anyone judged, the first judged first."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT record, helpful, reason, answer FROM feedback "
                "JOIN turn ON turn.id = feedback.turn ORDER BY given, turn.id"
            ).fetchall()
        return [
            (turn_from_json(record), Feedback(bool(helpful), *said))
            for record, helpful, *said in rows
        ]

    # Evaluations

    def keep_evaluation(self, owner: str, evaluation: Evaluation) -> None:
        """Keep a run."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO evaluation VALUES (?, ?, ?, ?)",
                (evaluation.id, owner, _text(evaluation.started), evaluation.report),
            )

    def evaluations(self, limit: int = 20) -> list[Evaluation]:
        """The latest runs of anyone, latest first."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT id, started, report FROM evaluation ORDER BY started DESC LIMIT ?", (limit,)
            ).fetchall()
        return [Evaluation(name, datetime.fromisoformat(at), report) for name, at, report in rows]

    @staticmethod
    def _append(db: sqlite3.Connection, conversation: str, turn: Turn) -> None:
        db.execute(
            "INSERT INTO turn SELECT ?, ?, ifnull(max(place), 0) + 1, ? "
            "FROM turn WHERE conversation = ?",
            (turn.id, conversation, turn_to_json(turn), conversation),
        )

    @staticmethod
    def _owned(db: sqlite3.Connection, owner: str, turn: str) -> None:
        found = db.execute(
            "SELECT 1 FROM turn JOIN conversation ON conversation.id = turn.conversation "
            "WHERE turn.id = ? AND owner = ?",
            (turn, owner),
        ).fetchone()
        if not found:
            raise _missing()

    @staticmethod
    def _changed(db: sqlite3.Connection, owner: str, conversation: str) -> None:
        found = db.execute(
            "UPDATE conversation SET changed = ? WHERE id = ? AND owner = ?",
            (_text(datetime.now(UTC)), conversation, owner),
        )
        if not found.rowcount:
            raise _missing()


def _missing() -> ConversationError:
    return ConversationError("There is no such conversation; it may have been deleted.")


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _literal(word: str) -> str:
    """As a pattern of LIKE that matches the word itself."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
