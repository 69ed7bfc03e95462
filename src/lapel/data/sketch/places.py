"""Places of drawn garments as labels of tasks: landmarks, pixels, and every garment for itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lapel.data.deepfashion.places import LANDMARKS as EIGHT
from lapel.data.deepfashion.places import LANDMARKS_OF
from lapel.data.sketch.labelling import OCCLUDED, OUTSIDE, VISIBLE, SketchGarment
from lapel.data.sketch.landmarks import POINTS, side_count
from lapel.data.sketch.picture import Options, SketchPicture
from lapel.data.sketch.vocabulary import CLASSES, KINDS, Kind
from lapel.imaging.outlines import run_lengths_of
from lapel.schema.garments import Garment as Place
from lapel.schema.geometry import Landmark, Landmarks
from lapel.schema.labels import TaskSpec

#: The tasks of places, and what each asks.
LANDMARKS_TASK, PARSING_TASK, GARMENTS_TASK = "landmarks", "parsing", "garments"
PLACE_TASKS = (LANDMARKS_TASK, PARSING_TASK, GARMENTS_TASK)

#: What the tags of a picture's kinds are called where ``garments`` says more than they; so
#: DeepFashion2's are called.
CATEGORIES_TASK = "categories"

#: Form to DeepFashion's type of clothes.
_CLOTHES = {"dress": "full", "skirt": "lower", "shorts": "lower", "trousers": "lower"}


def place_specs(options: Options) -> tuple[TaskSpec, ...]:
    """The tasks of places that are wanted."""
    kinds = tuple(kind.name for kind in KINDS)
    specs = (
        TaskSpec(name=LANDMARKS_TASK, kind="landmarks", labels=EIGHT),
        TaskSpec(name=PARSING_TASK, kind="segmentation", labels=CLASSES),
        TaskSpec(
            name=GARMENTS_TASK,
            kind="garments",
            labels=kinds,
            points=POINTS if options.points else {},
        ),
    )
    return tuple(spec for spec in specs if spec.name in options.tasks)


def kinds_task(options: Options) -> str:
    """What the task is called whose tags say which kinds a picture holds."""
    return CATEGORIES_TASK if GARMENTS_TASK in options.tasks else GARMENTS_TASK


def main_landmarks(garment: SketchGarment) -> Landmarks:
    """DeepFashion's 4, 6 or 8 landmarks of a garment; what its type has not is absent."""
    kind = garment.garment.kind
    names = LANDMARKS_OF[_CLOTHES.get(kind.form, "upper")]
    drawn = {name: garment.landmarks[drawn_name(kind, name)] for name in names}
    return Landmarks(
        points={
            name: Landmark(x, y, seen == VISIBLE)
            for name, (x, y, seen) in drawn.items()
            if seen != OUTSIDE
        },
        cut=tuple(name for name, (_, _, seen) in drawn.items() if seen == OUTSIDE),
    )


def drawn_name(kind: Kind, name: str) -> str:
    """What we call one of DeepFashion's landmarks on a garment of a kind."""
    side, _, what = name.partition(" ")
    if not kind.upper:
        if what == "hem" and kind.form != "skirt":
            what = "cuff outer"
        return f"{what} {side}"
    stems = {
        "collar": "neck",
        "sleeve": "cuff outer" if kind.arms in {"short", "long"} else "armpit",
        # On the seam; the lower of two where there is a waist to a dress, the upper on a coat.
        "waist": f"side {max(side_count(kind) - 1, 1)}",
        "hem": "hem corner",
    }
    return f"{stems[what]} {side}"


def garment_places(picture: SketchPicture, options: Options) -> tuple[Place, ...]:
    """Every garment of a picture as a label of the task ``garments``.

    Its facts are those of DeepFashion2 (levels from 1 to 3; a photo by a shop or a user), the label
    of each attribute group, and how it is shown; its attributes are the tags that hold.
    """
    found = []
    for number, one in enumerate(picture.garments, start=1):
        left, top, right, bottom = one.box
        landmarks = list(one.landmarks.values()) if options.points else []
        found.append(
            Place(
                part=one.garment.kind.name,
                box=(left, top, right - left, bottom - top),
                points=tuple(None if seen == OUTSIDE else (x, y) for x, y, seen in landmarks),
                hidden=tuple(
                    place for place, (_, _, seen) in enumerate(landmarks) if seen == OCCLUDED
                ),
                mask=run_lengths_of(np.asarray(picture.mask == number)),
                attributes=one.tags.yes,
                facts={**levels(one, options.size), **one.attributes, **_shown(one)},
            )
        )
    return tuple(found)


def _shown(garment: SketchGarment) -> Mapping[str, str]:
    """How a garment is presented, and who would have taken such a photo."""
    worn = garment.presentation == "worn"
    return {"presentation": garment.presentation, "source": "user" if worn else "shop"}


#: DeepFashion2's levels begin anew above these shares. Its paper (Ge et al., CVPR 2019, section 3)
#: says what they go by; the limits are those that it gives for occlusion and scale, as we read it.
SCALE_LIMITS = (0.1, 0.4)
OCCLUSION_LIMITS = (0.2, 0.5)
ZOOM_LIMITS = (0.0, 0.3)


def levels(garment: SketchGarment, size: int) -> dict[str, int]:
    """DeepFashion2's four levels of a garment.

    Args:
        garment: as it is seen.
        size: of the picture, in pixels.

    Returns:
        ``scale`` by the share of the picture that its box fills, ``occlusion`` and ``zoom_in`` by
        the shares of its landmarks that are hidden and outside, each 1 to 3; ``viewpoint`` 2, from
        the front, if somebody wears it, else 1.
    """
    left, top, right, bottom = garment.box
    states = [seen for _, _, seen in garment.landmarks.values()]
    inside = [seen for seen in states if seen != OUTSIDE]
    hidden = inside.count(OCCLUDED) / max(len(inside), 1)
    outside = states.count(OUTSIDE) / len(states)
    return {
        "scale": _level((right - left) * (bottom - top) / size**2, SCALE_LIMITS),
        "occlusion": _level(hidden, OCCLUSION_LIMITS),
        "zoom_in": _level(outside, ZOOM_LIMITS),
        "viewpoint": 2 if garment.presentation == "worn" else 1,
    }


def _level(share: float, limits: tuple[float, float]) -> int:
    return 1 + sum(share > limit for limit in limits)
