"""The tables of ``review.sqlite``, and opening the file so that what was acknowledged stays.

Write-ahead log with ``synchronous=FULL``: a commit is on the disk before it is acknowledged
(https://www.sqlite.org/pragma.html#pragma_synchronous). Nothing that a person said is ever
deleted or changed: ``submissions`` and ``answers`` only grow, and taking back is a row too.
``opinions`` and two columns of ``items`` say what follows from them, so that the next picture is
found at once. ``present`` are the items of the newest round.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lapel.schema.errors import DatasetError, StorageError

#: Where answers lie, in the folder of the dataset.
REVIEW_FILE = "review.sqlite"

#: Of the tables below; another is refused, not guessed at.
FORMAT = 1

#: Seconds to wait for another process that writes.
PATIENCE = 10.0

TABLES = """
CREATE TABLE rounds (
  number INTEGER PRIMARY KEY,
  began TEXT NOT NULL,
  tasks TEXT NOT NULL,
  overlap INTEGER NOT NULL,
  settings TEXT NOT NULL
);
CREATE TABLE items (
  number INTEGER PRIMARY KEY,
  round INTEGER NOT NULL REFERENCES rounds,
  rank INTEGER NOT NULL,
  image TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  doubt REAL,
  machine TEXT NOT NULL,
  standing TEXT NOT NULL,
  answered INTEGER NOT NULL DEFAULT 0,
  done INTEGER NOT NULL DEFAULT 0,
  UNIQUE (round, image)
);
CREATE INDEX items_open ON items (round, rank) WHERE done = 0;
CREATE INDEX items_done ON items (round, done);
CREATE VIEW present AS SELECT * FROM items WHERE round = (SELECT MAX(number) FROM rounds);
CREATE TABLE submissions (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  item INTEGER NOT NULL REFERENCES items,
  revision INTEGER NOT NULL,
  annotator TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('answered', 'skipped', 'undone')),
  at TEXT NOT NULL,
  seconds REAL,
  UNIQUE (item, revision)
);
CREATE INDEX submissions_of ON submissions (item, annotator);
CREATE TABLE answers (
  submission INTEGER NOT NULL REFERENCES submissions,
  task TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('confirmed', 'mended', 'skipped', 'given')),
  value TEXT NOT NULL,
  PRIMARY KEY (submission, task)
) WITHOUT ROWID;
CREATE TABLE opinions (
  item INTEGER NOT NULL REFERENCES items,
  annotator TEXT NOT NULL,
  submission INTEGER NOT NULL REFERENCES submissions,
  action TEXT NOT NULL,
  round INTEGER NOT NULL REFERENCES rounds,
  PRIMARY KEY (item, annotator)
) WITHOUT ROWID;
CREATE INDEX opinions_of ON opinions (round, annotator, submission, action);
"""


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open the file of a review, or make it.

    Raises:
        StorageError: it is not there and is not to be made, or the disk refuses.
        DatasetError: it is no review, or one of another format.
    """
    if not create and not path.is_file():
        raise StorageError(f"{path} is not there: nobody has answered yet; ask with `lapel review`")
    try:
        # Its own transactions are begun by hand; threads take turns by a lock of the store.
        connection = sqlite3.connect(
            path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        _check_format(connection, path)
    except sqlite3.DatabaseError as error:
        raise _said(error, path) from error
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    with transaction(connection, path):
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if not tables:
            for statement in TABLES.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {FORMAT:d}")
        elif found != FORMAT:
            raise DatasetError(
                f"{path} is a review of format {found}, this version of Lapel reads {FORMAT}; use "
                "the Lapel that wrote it"
            )


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All of a block's changes, on the disk when it ends; or none of them.

    Raises:
        StorageError: the disk is full, read-only or failing; nothing was changed.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise _said(error, path) from error


def _said(error: sqlite3.DatabaseError, path: Path) -> StorageError | DatasetError:
    if "not a database" in str(error) or "malformed" in str(error):
        return DatasetError(
            f"{path} is damaged, or no review ({error}); move it away, and begin anew or put back "
            "a copy"
        )
    return StorageError(f"{path} could not be used: {error}; what was answered before is kept")
