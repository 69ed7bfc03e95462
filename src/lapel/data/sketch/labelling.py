"""What is true of a garment as it is seen: attributes, tags, box, landmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lapel.data.sketch.canvas import Frame
from lapel.data.sketch.curves import Point
from lapel.data.sketch.garment import Garment
from lapel.data.sketch.shades import SHADES
from lapel.data.sketch.shape import Shape
from lapel.schema.annotation import Tags

#: Visibility of a landmark, as DeepFashion2 writes it.
OUTSIDE, OCCLUDED, VISIBLE = 0, 1, 2


#: Share of a detail's points that must be seen for its tag to be a yes.
SEEN_ENOUGH = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SketchGarment:
    """One garment of a picture, with every label.

    Attributes:
        garment: what it is, in words.
        attributes: group to label.
        tags: its tags; those whose detail is hidden are unknown.
        box: left, top, right, bottom in pixels, the last two exclusive; of what is seen.
        area: pixels of it that are seen.
        hidden: share of it that things in front hide, 0 to 1.
        landmarks: name to x, y in pixels and visibility: 0 outside the picture, 1 hidden,
            2 visible. (0.5, 0.5) is the middle of the first pixel.
        presentation: ``worn``, ``hanger`` or ``flat``.
    """

    garment: Garment
    attributes: Mapping[str, str]
    tags: Tags
    box: tuple[int, int, int, int]
    area: int
    hidden: float
    landmarks: Mapping[str, tuple[float, float, int]]
    presentation: str


def label_garment(
    garment: Garment,
    shape: Shape,
    frame: Frame,
    *,
    owners: NDArray[np.uint8],
    first_owner: int,
    attributes: str,
    presentation: str,
    hidden: float,
) -> SketchGarment:
    """Label a garment that has been painted.

    Args:
        garment: what it is.
        shape: its parts and points, in units.
        frame: from units to pixels.
        owners: uint8 (H, W), the part that is seen at each pixel.
        first_owner: number of the garment's first part in ``owners``.
        attributes: the set of attribute groups.
        presentation: how it is shown.
        hidden: share of it that is hidden.
    """
    mine = (owners >= first_owner) & (owners < first_owner + len(shape.parts))
    rows, columns = np.flatnonzero(mine.any(axis=1)), np.flatnonzero(mine.any(axis=0))
    return SketchGarment(
        garment=garment,
        attributes=attribute_labels(garment, attributes),
        tags=_tags(garment, shape, frame, mine),
        box=(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1),
        area=int(mine.sum()),
        hidden=max(hidden, 0.0),
        landmarks=_landmarks(shape, frame, owners, first_owner),
        presentation=presentation,
    )


def attribute_labels(garment: Garment, attributes: str) -> dict[str, str]:
    """The label of each attribute group."""
    return _fine(garment) if attributes == "fine" else _plain(garment)


def _plain(garment: Garment) -> dict[str, str]:
    # Pleats and embroidery are drawn for the fine groups alone.
    return {
        "colour": SHADES[garment.shade][0],
        "texture": garment.texture,
        "sleeve": garment.sleeve,
        "neckline": garment.neckline,
        "length": garment.length,
        "fit": garment.fit,
    }


def _fine(garment: Garment) -> dict[str, str]:
    sleeves = {"short": "short_sleeve", "long": "long_sleeve", "three-quarter": "long_sleeve"}
    lengths = {"short": "mini_length", "long": "maxi_length"}
    dress = garment.kind.form in {"dress", "skirt"}
    return {
        "texture": garment.texture,
        "sleeve": sleeves.get(garment.sleeve, "sleeveless"),
        "length": lengths[garment.length] if dress else "no_dress",
        "neckline": "no_neckline" if garment.neckline == "none" else f"{garment.neckline}_neckline",
        "fabric": "faux" if garment.fabric == "fur" else garment.fabric,
        "fit": "conventional" if garment.fit == "regular" else garment.fit,
    }


def _tags(garment: Garment, shape: Shape, frame: Frame, mine: NDArray[np.bool_]) -> Tags:
    """A detail that something hides, or that lies outside, is unknown; a fabric is seen."""
    unknown = [
        tag for tag in garment.details if _seen(shape.details[tag], frame, mine) < SEEN_ENOUGH
    ]
    return Tags(tuple(tag for tag in garment.tags if tag not in unknown), tuple(unknown))


def _seen(points: tuple[Point, ...], frame: Frame, mine: NDArray[np.bool_]) -> float:
    """Share of points at which a garment is seen."""
    at = np.floor(frame.pixels(points)).astype(int)
    inside = ((at >= 0) & (at < mine.shape[0])).all(axis=1)
    found = mine[at[inside, 1], at[inside, 0]]
    return float(found.sum()) / len(points)


def _landmarks(
    shape: Shape, frame: Frame, owners: NDArray[np.uint8], first_owner: int
) -> dict[str, tuple[float, float, int]]:
    pixels = frame.pixels(list(shape.landmarks.values()))
    found = {}
    for (name, _), (x, y) in zip(shape.landmarks.items(), pixels, strict=True):
        place = (round(float(x), 2), round(float(y), 2))
        found[name] = (*place, _visibility(name, place, shape, owners, first_owner))
    return found


def _visibility(
    name: str, place: Point, shape: Shape, owners: NDArray[np.uint8], first_owner: int
) -> int:
    height, width = owners.shape
    column, row = int(np.floor(place[0])), int(np.floor(place[1]))
    if not (0 <= column < width and 0 <= row < height):
        return OUTSIDE
    top, left = max(row - 1, 0), max(column - 1, 0)
    around = owners[top : row + 2, left : column + 2].ravel().tolist()
    own = {first_owner + n for n, part in enumerate(shape.parts) if _bears(part.name, name)}
    return VISIBLE if own.intersection(around) else OCCLUDED


def _bears(part: str, landmark: str) -> bool:
    """Whether a part is one that a landmark lies on: another part over it hides it."""
    left_or_right = landmark.rsplit(" ", 1)[-1]
    sleeve = landmark.startswith(("sleeve", "upper sleeve", "elbow", "lower sleeve", "cuff"))
    if part.startswith("sleeve"):
        return part.endswith(left_or_right) and (
            sleeve or landmark.startswith(("shoulder", "armpit"))
        )
    if part in {"back", "hood"}:
        return landmark == "neck back"
    if part.startswith(("strap", "collar", "lapel")):
        return landmark.startswith(("neck", "front top", "shoulder"))
    if landmark == "neck back":
        return False
    return not (sleeve and part in {"torso", "front left", "front right"})
