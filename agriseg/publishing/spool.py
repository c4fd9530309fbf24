"""Messages that wait on the disk until the broker has confirmed them."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
_OVERHEAD_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One message; ``number`` rises with each."""

    number: int
    topic: str
    payload: bytes


class Spool:
    """A queue in one SQLite file: bounded, oldest dropped first, safe from a killed process.

    Parameters
    ----------
    path : Path
        The file; its folder is made.
    max_bytes : int
        Beyond it the oldest messages are given up and counted.

    Raises
    ------
    OSError, sqlite3.Error
        It cannot be opened.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._max_bytes = max_bytes
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        row = self._db.execute(
            f"SELECT COALESCE(SUM(LENGTH(payload) + LENGTH(topic) + {_OVERHEAD_BYTES}), 0)"
            " FROM waiting"
        ).fetchone()
        self._bytes = int(row[0])

    def __len__(self) -> int:
        with self._lock:
            return int(self._db.execute("SELECT COUNT(*) FROM waiting").fetchone()[0])

    @property
    def dropped(self) -> int:
        """Messages that were given up since the file was made."""
        with self._lock:
            row = self._db.execute("SELECT value FROM counters WHERE name='dropped'").fetchone()
            return int(row[0]) if row else 0

    def put(self, topic: str, payload: bytes) -> None:
        """Add a message at the end."""
        with self._lock, self._transaction():
            self._db.execute("INSERT INTO waiting (topic, payload) VALUES (?, ?)", (topic, payload))
            self._bytes += _size(topic, payload)
            while self._bytes > self._max_bytes and self._drop_oldest():
                pass

    def first(self, count: int, after: int = 0) -> list[Waiting]:
        """Return up to ``count`` messages numbered above ``after``, oldest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, topic, payload FROM waiting WHERE id > ? ORDER BY id LIMIT ?",
                (after, count),
            ).fetchall()
        return [Waiting(number=row[0], topic=row[1], payload=row[2]) for row in rows]

    def remove(self, number: int) -> None:
        """Take out a message that has arrived; one that is gone already is ignored."""
        with self._lock, self._transaction():
            row = self._db.execute(
                "SELECT topic, payload FROM waiting WHERE id = ?", (number,)
            ).fetchone()
            if row is not None:
                self._db.execute("DELETE FROM waiting WHERE id = ?", (number,))
                self._bytes -= _size(*row)

    def close(self) -> None:
        """Close the file; what waits stays in it."""
        with self._lock:
            self._db.close()

    def _drop_oldest(self) -> bool:
        row = self._db.execute(
            "SELECT id, topic, payload FROM waiting ORDER BY id LIMIT 1"
        ).fetchone()
        if row is None:
            return False
        self._db.execute("DELETE FROM waiting WHERE id = ?", (row[0],))
        self._bytes -= _size(row[1], row[2])
        self._db.execute(
            "INSERT INTO counters VALUES ('dropped', 1)"
            " ON CONFLICT(name) DO UPDATE SET value = value + 1"
        )
        return True

    def _transaction(self) -> contextlib.AbstractContextManager[object]:
        return _Transaction(self._db)


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _size(topic: str, payload: bytes) -> int:
    return len(topic) + len(payload) + _OVERHEAD_BYTES
