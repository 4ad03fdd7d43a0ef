"""The tables of the database, as the history that made them. Knows nothing of what they hold."""

from __future__ import annotations

import sqlite3
import uuid

from index.digests import write_digests


def _create_tables(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
    db.execute(
        """CREATE TABLE article (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            source TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL,
            publisher TEXT NOT NULL,
            published TEXT,
            text TEXT NOT NULL,
            content_hash TEXT NOT NULL,
            made_by TEXT NOT NULL,
            digest TEXT NOT NULL,
            added TEXT NOT NULL DEFAULT (datetime('now'))
        ) STRICT"""
    )
    # Ids are never used twice, so that a cache which is behind can miss a chunk, but never name
    # another one.
    db.execute(
        """CREATE TABLE chunk (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            article INTEGER NOT NULL REFERENCES article ON DELETE CASCADE,
            start INTEGER NOT NULL,
            end INTEGER NOT NULL,
            vector BLOB NOT NULL
        ) STRICT"""
    )
    db.execute("CREATE INDEX chunk_article ON chunk (article)")
    db.execute("INSERT INTO fact VALUES ('state', ?)", (uuid.uuid4().hex,))


def _keep_vectors_apart(db: sqlite3.Connection) -> None:
    """Rows of chunks become short enough to read all of them, and say what they were made of."""
    db.execute(
        """CREATE TABLE vector (
            chunk INTEGER PRIMARY KEY REFERENCES chunk ON DELETE CASCADE,
            value BLOB NOT NULL
        ) STRICT"""
    )
    db.execute("INSERT INTO vector SELECT id, vector FROM chunk")
    db.execute("ALTER TABLE chunk DROP COLUMN vector")
    db.execute("ALTER TABLE chunk ADD COLUMN digest INTEGER NOT NULL DEFAULT 0")
    # What is asked of all articles at once is read without their texts.
    db.execute("CREATE INDEX article_hash ON article (source, content_hash)")
    db.execute("CREATE INDEX article_maker ON article (made_by)")
    db.execute("CREATE INDEX article_publisher ON article (publisher)")
    for (article_id,) in db.execute("SELECT id FROM article").fetchall():
        write_digests(db, article_id)


#: The history of the schema. Add a function; never change one that was released.
MIGRATIONS = (_create_tables, _keep_vectors_apart)
