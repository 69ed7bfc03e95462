"""Answers of people, kept in SQLite: nothing acknowledged is lost, nothing said is forgotten."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self

from lapel.review.records import (
    ANSWERED,
    SKIPPED,
    UNDONE,
    ConflictError,
    Given,
    Item,
    Opinion,
    Proposed,
    Round,
)
from lapel.review.standing import what_stands
from lapel.review.tables import connect, transaction
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema

_ITEM = (
    "SELECT number, round, rank, image, width, height, doubt, machine, standing FROM items "
    "WHERE number = ?"
)

#: What somebody has not seen, and what they passed over, in order; the last rank they were given.
_UNSEEN = (
    "SELECT number, rank FROM present WHERE done = 0 AND NOT EXISTS (SELECT 1 FROM opinions o "
    "WHERE o.item = present.number AND o.annotator = ?) AND rank > ? ORDER BY rank LIMIT 256"
)
_PASSED_OVER = (
    "SELECT number, rank FROM present WHERE done = 0 AND EXISTS (SELECT 1 FROM opinions o "
    "WHERE o.item = present.number AND o.annotator = ? AND o.action = 'skipped') AND rank > ? "
    "ORDER BY rank LIMIT 256"
)

#: Of one picture, or with None of all.
_OPINIONS = """
SELECT o.item, i.image, i.width, i.height, o.annotator, s.at, o.submission, i.round
FROM opinions o JOIN items i ON i.number = o.item JOIN submissions s ON s.number = o.submission
WHERE ?1 IS NULL OR o.item = ?1 ORDER BY o.submission
"""


def utc_now() -> str:
    """This moment in UTC, to the microsecond (ISO 8601)."""
    return datetime.now(UTC).isoformat()


class ReviewStore:
    """The answers about a dataset. Threads may share one; processes may share its file."""

    def __init__(
        self, path: Path, *, create: bool = True, now: Callable[[], str] = utc_now
    ) -> None:
        """Open it.

        Args:
            path: the file.
            create: whether to make it where there is none.
            now: says when an answer was given.

        Raises:
            StorageError: it cannot be read or written.
            DatasetError: it is no review, or one of another format.
        """
        self.path = path
        self._now = now
        self._lock = RLock()
        self._connection = connect(path, create=create)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def begin_round(
        self,
        pictures: Iterable[Proposed],
        *,
        tasks: Schema,
        overlap: int = 1,
        settings: Mapping[str, Any] | None = None,
    ) -> Round:
        """Ask about some pictures from now on, in this order.

        Args:
            pictures: each once.
            tasks: what is asked of each.
            overlap: how many people are to answer each.
            settings: what the round is made with, as plain values.

        Raises:
            UsageError: no pictures, or an overlap below 1.
            StorageError: they cannot be written; nothing is changed.
        """
        rows = [
            (rank, one.image, *one.size, one.doubt, _text(one.machine), _text(one.standing))
            for rank, one in enumerate(pictures)
        ]
        if not rows or overlap < 1:
            raise UsageError(
                f"a round asks 1 or more people about 1 or more pictures, found {overlap} and "
                f"{len(rows)}"
            )
        about = (self._now(), _text(tasks.to_json()), overlap, _text(settings or {}))
        with self._writing() as connection:
            number = connection.execute(
                "INSERT INTO rounds (began, tasks, overlap, settings) VALUES (?, ?, ?, ?)", about
            ).lastrowid
            connection.executemany(
                "INSERT INTO items (round, rank, image, width, height, doubt, machine, standing) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(number, *row) for row in rows],
            )
        return self.round()

    def round(self) -> Round:
        """The newest round.

        Raises:
            UsageError: there is none yet.
        """
        row = self._one("SELECT * FROM rounds ORDER BY number DESC LIMIT 1")
        if row is None:
            raise UsageError(f"{self.path} asks nothing yet; begin with `lapel review`")
        number, began, tasks, overlap, settings = row
        return Round(
            number=number,
            began=began,
            tasks=Schema.from_json(json.loads(tasks)),
            overlap=overlap,
            settings=json.loads(settings),
        )

    def rounds(self) -> int:
        """How many rounds there were."""
        row = self._one("SELECT COUNT(*) FROM rounds")
        return int(row[0]) if row else 0

    def item(self, number: int) -> Item:
        """A picture by its number.

        Raises:
            UsageError: there is none.
        """
        row = self._one(_ITEM, number)
        if row is None:
            raise UsageError(f"there is no picture of number {number}; reload the page")
        return _item(row)

    def waiting(self, annotator: str, *, again: bool = False, behind: int = -1) -> Iterator[int]:
        """Numbers of the pictures that somebody may be asked about, in the order of the round.

        Args:
            annotator: who.
            again: those that they passed over, instead of those that they have not seen.
            behind: only those of a higher rank.
        """
        query = _PASSED_OVER if again else _UNSEEN
        last = behind
        while rows := self._all(query, annotator, last):
            yield from (int(number) for number, _ in rows)
            last = rows[-1][1]

    def answered(self, item: int) -> int:
        """How many people have answered a picture."""
        row = self._one("SELECT answered FROM items WHERE number = ?", item)
        return int(row[0]) if row else 0

    def revision(self, item: int, annotator: str) -> int:
        """What an answer of somebody to a picture must name, to be of what they were shown.

        Where one opinion is asked for it counts everybody's answers; where several are, each
        person's own.
        """
        return self._revision(item, annotator, self._overlap(item))

    def submit(
        self,
        item: int,
        annotator: str,
        answers: Mapping[str, Given],
        *,
        revision: int,
        seconds: float | None = None,
    ) -> int:
        """Keep what somebody says of a picture; it is on the disk when this returns.

        Args:
            item: number of the picture.
            annotator: who.
            answers: task to answer; empty to pass it over.
            revision: that of what they were shown, see :meth:`revision`.
            seconds: how long they looked.

        Returns:
            The revision then.

        Raises:
            ConflictError: somebody answered it meanwhile; nothing is changed.
            UsageError: there is no such picture.
            StorageError: it cannot be written; nothing is changed.
        """
        self.item(item)
        with self._writing():
            overlap = self._overlap(item)
            found = self._revision(item, annotator, overlap)
            if found != revision:
                raise ConflictError(found, tuple(self.opinions(item=item)))
            action = ANSWERED if answers else SKIPPED
            self._add(item, annotator, action, answers, seconds)
            self._settle(item, overlap)
            return self._revision(item, annotator, overlap)

    def undo(self, annotator: str) -> tuple[Item, Mapping[str, Given]] | None:
        """Take back what somebody said last in this round.

        Returns:
            The picture, and what they had said of it; None where there is nothing to take back.

        Raises:
            StorageError: it cannot be written; nothing is changed.
        """
        with self._writing():
            row = self._one(
                "SELECT item, submission FROM opinions WHERE annotator = ? "
                "AND round = (SELECT MAX(number) FROM rounds) ORDER BY submission DESC LIMIT 1",
                annotator,
            )
            if row is None:
                return None
            item, submission = row
            former = self._answers(submission)
            self._add(item, annotator, UNDONE, {}, None)
            self._settle(item, self._overlap(item))
            return self.item(item), former

    def opinions(self, *, item: int | None = None) -> Iterator[Opinion]:
        """What stands, in the order in which it was said: of one picture, or of all."""
        for row in self._all(_OPINIONS, item):
            number, image, width, height, annotator, at, submission, round_ = row
            yield Opinion(
                item=number,
                image=image,
                size=(width, height),
                annotator=annotator,
                answered_at=at,
                answers=self._answers(submission),
                round=round_,
            )

    def answered_images(self, tasks: Iterable[str]) -> set[str]:
        """Names of the pictures that somebody was asked about all these tasks, in any round, and
        answered; a task may have been left open.
        """
        asked = set(tasks)
        of_round = {
            number: {spec.name for spec in Schema.from_json(json.loads(schema))}
            for number, schema in self._all("SELECT number, tasks FROM rounds")
        }
        rows = self._all(
            "SELECT DISTINCT i.image, i.round FROM opinions o JOIN items i ON i.number = o.item "
            "WHERE o.action = ?",
            ANSWERED,
        )
        answered: dict[str, set[str]] = {}
        for image, number in rows:
            answered.setdefault(image, set()).update(of_round[number])
        return {image for image, known in answered.items() if asked <= known}

    def left(self) -> int:
        """How many pictures of the newest round wait for an opinion still."""
        row = self._one("SELECT COUNT(*) FROM present WHERE done = 0")
        return int(row[0]) if row else 0

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query of our own, for counts (:mod:`lapel.review.progress`)."""
        return self._all(query, *values)

    def _add(
        self,
        item: int,
        annotator: str,
        action: str,
        answers: Mapping[str, Given],
        seconds: float | None,
    ) -> None:
        row = self._one("SELECT MAX(revision) FROM submissions WHERE item = ?", item)
        revision = 1 + (row[0] or 0 if row else 0)
        submission = self._connection.execute(
            "INSERT INTO submissions (item, revision, annotator, action, at, seconds) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (item, revision, annotator, action, self._now(), seconds),
        ).lastrowid
        self._connection.executemany(
            "INSERT INTO answers (submission, task, verdict, value) VALUES (?, ?, ?, ?)",
            [(submission, task, one.verdict, _text(one.value)) for task, one in answers.items()],
        )

    def _settle(self, item: int, overlap: int) -> None:
        """Say anew what follows from all that was said of a picture."""
        query = "SELECT number, annotator, action FROM submissions WHERE item = ? ORDER BY revision"
        standing = what_stands(self._all(query, item), overlap)
        answered = sum(action == ANSWERED for _, action in standing.values())
        self._connection.execute("DELETE FROM opinions WHERE item = ?", (item,))
        self._connection.executemany(
            "INSERT INTO opinions (item, annotator, submission, action, round) "
            "SELECT number, ?, ?, ?, round FROM items WHERE number = ?",
            [(annotator, *one, item) for annotator, one in standing.items()],
        )
        self._connection.execute(
            "UPDATE items SET answered = ?, done = ? WHERE number = ?",
            (answered, int(answered >= overlap), item),
        )

    def _revision(self, item: int, annotator: str, overlap: int) -> int:
        row = self._one(
            "SELECT MAX(revision) FROM submissions WHERE item = ? AND (? OR annotator = ?)",
            item,
            overlap == 1,
            annotator,
        )
        return int(row[0] or 0) if row else 0

    def _overlap(self, item: int) -> int:
        row = self._one(
            "SELECT overlap FROM rounds JOIN items ON items.round = rounds.number "
            "WHERE items.number = ?",
            item,
        )
        return int(row[0]) if row else 1

    def _answers(self, submission: int) -> dict[str, Given]:
        rows = self._all(
            "SELECT task, verdict, value FROM answers WHERE submission = ?", submission
        )
        return {
            task: Given(verdict=verdict, value=json.loads(value)) for task, verdict, value in rows
        }

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._connection, self.path):
            yield self._connection

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        with self._lock:
            row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
            return row

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()


def _item(row: tuple[Any, ...]) -> Item:
    number, round_, rank, image, width, height, doubt, machine, standing = row
    return Item(
        number=number,
        round=round_,
        rank=rank,
        image=image,
        size=(width, height),
        doubt=doubt,
        machine=json.loads(machine),
        standing=json.loads(standing),
    )


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
