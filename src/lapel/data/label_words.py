"""Labels that are kept beside the table, as words: what counting, splitting and looking need."""

from __future__ import annotations

from collections.abc import Sequence

from lapel.data.measuring import in_parallel
from lapel.schema.annotation import Label, Tags, held

#: Kinds of task whose labels are files beside the table.
KEPT_BESIDE = ("segmentation", "garments")


class LabelWords:
    """The names that labels hold, by task and image, each found once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Tags | None]] = {}

    def of(self, task: str, images: Sequence[str], labels: Sequence[Label]) -> list[Label]:
        """The labels of a task as tags; None where unknown.

        Args:
            task: its name.
            images: of the rows.
            labels: of the rows; read only where they are not known yet.

        Raises:
            DatasetError: a label cannot be read.
        """
        known = self._known.setdefault(task, {})
        missing = [row for row, image in enumerate(images) if image not in known]
        made: dict[Tags, Tags] = {}
        read = in_parallel(lambda row: _tags(labels[row]), missing)
        for row, tags in zip(missing, read, strict=True):
            # Equal ones are one object: most photos hold what others hold.
            known[images[row]] = None if tags is None else made.setdefault(tags, tags)
        return [known[image] for image in images]


def _tags(label: Label) -> Tags | None:
    return None if label is None else Tags(held(label))
