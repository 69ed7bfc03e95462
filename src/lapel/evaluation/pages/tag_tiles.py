"""Which pictures show best what a model does with tags: found, missed and invented ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.judged import Scene
from lapel.evaluation.kinds.multi_label import MultiLabelEvaluation
from lapel.evaluation.pages.mosaic import TILES
from lapel.evaluation.pages.numbers import percent
from lapel.evaluation.pages.page import escaped

#: Pictures of what is right: a glance is enough.
FOUND_TILES = TILES // 2

#: Other tags of a picture that a caption names.
OTHERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TagTile:
    """A picture and one of its tags.

    Attributes:
        image: its name in the dataset.
        label: the tag.
        probability: that the model gives it, 0 to 1.
        threshold: from which on it says so.
        right: whether the answer is right.
        others: the tags that the picture truly has besides.
    """

    image: str
    label: str
    probability: float
    threshold: float
    right: bool
    others: tuple[str, ...]

    def caption(self) -> str:
        """The tag, how sure the model is of it, and what else is true."""
        colour = "right" if self.right else "wrong"
        sign = "≥" if self.probability >= self.threshold else "<"
        threshold = f"{sign} {percent(self.threshold)}" if self.threshold <= 1 else "never told"
        caption = (
            f"<b class='{colour}'>{escaped(self.label)}</b> <span class='whole'>"
            f"{percent(self.probability, 1)}</span> "
            f"<span class='soft whole'>{escaped(threshold)}</span>"
        )
        if not self.others:
            return caption
        more = ", …" if len(self.others) > OTHERS else ""
        named = escaped(", ".join(self.others[:OTHERS]) + more)
        return f"{caption}<br><span class='soft'>also: {named}</span>"


def found_tiles(judged: MultiLabelEvaluation, scene: Scene) -> list[TagTile]:
    """Tags rightly said, each label's surest one first."""
    images = judged.tagged
    where = images.known & (images.target > 0) & images.predicted
    return _tiles(judged, scene, where, images.probabilities, right=True)[:FOUND_TILES]


def missed_tiles(judged: MultiLabelEvaluation, scene: Scene) -> list[TagTile]:
    """Tags not said though they hold, each label's least believed one first."""
    images = judged.tagged
    where = images.known & (images.target > 0) & ~images.predicted
    return _tiles(judged, scene, where, -images.probabilities, right=False)


def invented_tiles(judged: MultiLabelEvaluation, scene: Scene) -> list[TagTile]:
    """Tags said though they do not hold, each label's surest one first."""
    images = judged.tagged
    where = images.known & (images.target == 0) & images.predicted
    return _tiles(judged, scene, where, images.probabilities, right=False)


def _tiles(
    judged: MultiLabelEvaluation,
    scene: Scene,
    where: NDArray[np.bool_],
    merit: NDArray[np.float64],
    *,
    right: bool,
) -> list[TagTile]:
    """Tiles of the answers to show: all labels in turn, each label's of most merit first."""
    rows, labels = np.nonzero(where)
    by_merit = np.lexsort((rows, -merit[rows, labels], labels))
    rows, labels = rows[by_merit], labels[by_merit]
    starts = np.flatnonzero(np.append(True, labels[1:] != labels[:-1])) if len(labels) else labels
    turn = np.arange(len(labels)) - np.repeat(starts, np.diff(np.append(starts, len(labels))))
    order = np.lexsort((-merit[rows, labels], turn))[:TILES]
    return [_tile(judged, scene, int(rows[one]), int(labels[one]), right=right) for one in order]


def _tile(
    judged: MultiLabelEvaluation, scene: Scene, row: int, label: int, *, right: bool
) -> TagTile:
    names, images = judged.spec.labels, judged.tagged
    truth = np.flatnonzero(images.known[row] & (images.target[row] > 0))
    return TagTile(
        image=scene.images[judged.rows[row]],
        label=names[label],
        probability=float(images.probabilities[row, label]),
        threshold=float(images.thresholds[label]),
        right=right,
        others=_without(label, truth, names),
    )


def _without(label: int, truth: NDArray[np.int64], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(names[other] for other in truth if other != label)
