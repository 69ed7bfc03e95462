"""What the review page asks and says, as values: without HTTP, and without the dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lapel.imaging.outlines import mask_from
from lapel.imaging.signatures import format_by_signature
from lapel.review.leases import Leases
from lapel.review.progress import agreement_json, agreement_of, progress_of
from lapel.review.proposing import given_answers, likelihoods, proposals
from lapel.review.records import ConflictError, Given, Item, Opinion, checked_annotator_name
from lapel.review.store import ReviewStore
from lapel.review.values import Value
from lapel.schema.errors import ImageError
from lapel.schema.labels import Schema
from lapel.schema.run_lengths import run_lengths
from lapel.serving.wire import polygons

#: Formats that browsers show as they are, and their media types.
MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewing:
    """A round that people answer on a page.

    Attributes:
        store: the answers.
        read: the bytes of a picture, by its name in the dataset.
        dataset: what the dataset is called.
        annotator: the name that the page begins with; empty: it asks.
        leases: who looks at what.
    """

    store: ReviewStore
    read: Callable[[str], bytes]
    dataset: str
    annotator: str = ""
    leases: Leases = field(default_factory=Leases)

    def about(self) -> dict[str, Any]:
        """What a page must know first."""
        begun = self.store.round()
        return {
            "dataset": self.dataset,
            "round": begun.number,
            "model": begun.settings.get("model"),
            "by": begun.settings.get("by"),
            "overlap": begun.overlap,
            "annotator": self.annotator,
            "tasks": begun.tasks.to_json(),
            "progress": self.progress(),
        }

    def progress(self) -> dict[str, Any]:
        """How far the round is, in short: it goes with every answer."""
        return progress_of(self.store, in_full=False).to_json()

    def progress_in_full(self) -> dict[str, Any]:
        """How far the round is, what was taken as proposed, and how far people agree."""
        agreement = agreement_json(agreement_of(self.store))
        return {**progress_of(self.store).to_json(), "agreement": agreement}

    def next_items(
        self,
        annotator: str,
        *,
        count: int,
        held: tuple[int, ...] = (),
        again: bool = False,
        behind: int = -1,
    ) -> list[dict[str, Any]]:
        """Pictures for somebody to look at, nobody else's meanwhile.

        Args:
            annotator: who.
            count: how many at most.
            held: numbers of those that their page has already.
            again: those that they passed over.
            behind: only those of a higher rank.
        """
        name = checked_annotator_name(annotator)
        begun = self.store.round()
        given = self.leases.take(
            name,
            self.store.waiting(name, again=again, behind=behind),
            count=count,
            room=lambda item: begun.overlap - self.store.answered(item),
            held=held,
        )
        return [self.shown(self.store.item(item), name, begun.tasks) for item in given]

    def shown(self, item: Item, annotator: str, tasks: Schema) -> dict[str, Any]:
        """A picture as its page shows it."""
        proposed = proposals(item, tasks)
        width, height = item.size
        return {
            "item": item.number,
            "image": item.image,
            "width": width,
            "height": height,
            "rank": item.rank,
            "doubt": item.doubt,
            "revision": self.store.revision(item.number, annotator),
            "proposed": proposed,
            "likelihoods": likelihoods(item, tasks),
            "standing": dict(item.standing),
            "outlines": {
                spec.name: _outlines(spec.kind, proposed[spec.name])
                for spec in tasks
                if spec.kind in _OUTLINED
            },
        }

    def submit(
        self,
        item: int,
        annotator: str,
        answers: Mapping[str, Value],
        *,
        revision: int,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Keep an answer; it is on the disk when this returns.

        Raises:
            ConflictError: somebody answered the picture meanwhile.
            SchemaError: values that do not fit.
            UsageError: no such picture, or a name that is none.
        """
        name = checked_annotator_name(annotator)
        picture = self.store.item(item)
        given = given_answers(picture, self.store.round().tasks, answers)
        kept = self.store.submit(item, name, given, revision=revision, seconds=seconds)
        self.leases.let_go(name, item)
        return {
            "item": item,
            "revision": kept,
            "verdicts": {task: one.verdict for task, one in given.items()},
            "progress": self.progress(),
        }

    def undo(self, annotator: str) -> dict[str, Any] | None:
        """Take back what somebody said last.

        Returns:
            The picture as :meth:`shown`, with ``answers`` as they had said, unless they had passed
            it over; None where there is nothing to take back.
        """
        name = checked_annotator_name(annotator)
        undone = self.store.undo(name)
        if undone is None:
            return None
        item, answers = undone
        self.leases.take(name, [item.number], count=1, room=lambda _: 1)
        shown = self.shown(item, name, self.store.round().tasks)
        said = {"answers": {task: one.value for task, one in answers.items()}} if answers else {}
        return {**shown, **said, "progress": self.progress()}

    def picture(self, item: int) -> tuple[bytes, str]:
        """The file of a picture, and its media type.

        Raises:
            UsageError: no such picture.
            ImageError: a file that no browser shows.
            StorageError: it cannot be read.
        """
        image = self.store.item(item).image
        data = self.read(image)
        found = format_by_signature(data)
        if found not in MEDIA_TYPES:
            raise ImageError(
                image, f"found {found or 'an unknown format'}, expected JPEG, PNG or WebP"
            )
        return data, MEDIA_TYPES[found]


def conflict_details(conflict: ConflictError) -> dict[str, Any]:
    """What stands there now, for whoever came second."""
    return {
        "revision": conflict.revision,
        "standing": [_opinion(one) for one in conflict.standing],
    }


def _opinion(one: Opinion) -> dict[str, Any]:
    def value(given: Given) -> dict[str, Any]:
        return {"verdict": given.verdict, "value": given.value}

    return {
        "annotator": one.annotator,
        "answered_at": one.answered_at,
        "answers": {task: value(given) for task, given in one.answers.items()},
    }


def _of_classes(value: Value) -> dict[str, Any]:
    return {one["label"]: _polygons(one["mask"]) for one in value["classes"]}


def _of_garments(value: Value) -> list[Any]:
    return [_polygons(one["mask"]) if one.get("mask") else one.get("outlines", []) for one in value]


def _polygons(mask: Mapping[str, Any]) -> list[list[list[int]]]:
    return polygons(mask_from(run_lengths(mask)))


_OUTLINED = {"segmentation": _of_classes, "garments": _of_garments}


def _outlines(kind: str, value: Value) -> Any:  # noqa: ANN401 - polygons, by class or by garment
    return None if value is None else _OUTLINED[kind](value)
