"""The landmarks of the thirteen kinds: 294 points in all, as many a kind as DeepFashion2 has.

The order goes round a garment as DeepFashion2's does: six points of the neckline from the back,
then down the side that is left in the picture (the wearer's right), along the hem, and up the
other. Counts and mirror pairs agree with the OKS sigmas that DeepFashion2 publishes, which are
equal for the two points of a pair; the names are ours.
"""

from __future__ import annotations

from lapel.data.sketch.vocabulary import KINDS, Kind

_NECK = (
    "neck back",
    "neck left",
    "neck front left",
    "neck front",
    "neck front right",
    "neck right",
)

#: Points of an arm on the left, from the shoulder round the cuff to the armpit.
_ARMS = {
    "short": ("shoulder", "sleeve outer", "cuff outer", "cuff inner", "sleeve inner", "armpit"),
    "long": (
        "shoulder",
        "upper sleeve outer",
        "elbow outer",
        "lower sleeve outer",
        "cuff outer",
        "cuff inner",
        "lower sleeve inner",
        "elbow inner",
        "upper sleeve inner",
        "armpit",
    ),
    "vest": ("shoulder", "armpit"),
    "sling": ("shoulder", "armpit"),
}

_LOWER = {
    "shorts": (
        "waist left",
        "waist",
        "waist right",
        "hip left",
        "cuff outer left",
        "cuff inner left",
        "crotch",
        "cuff inner right",
        "cuff outer right",
        "hip right",
    ),
    "trousers": (
        "waist left",
        "waist",
        "waist right",
        "hip left",
        "knee outer left",
        "cuff outer left",
        "cuff inner left",
        "knee inner left",
        "crotch",
        "knee inner right",
        "cuff inner right",
        "cuff outer right",
        "knee outer right",
        "hip right",
    ),
    "skirt": (
        "waist left",
        "waist",
        "waist right",
        "hip left",
        "hem left",
        "hem",
        "hem right",
        "hip right",
    ),
}


def side_count(kind: Kind) -> int:
    """How many landmarks lie on each side seam, between armpit and hem."""
    sleeved = kind.arms in {"short", "long"}
    return (2 if sleeved else 1) + (kind.form == "dress")


def _down_the_left(kind: Kind) -> tuple[str, ...]:
    sides = tuple(f"side {number}" for number in range(1, side_count(kind) + 1))
    hem = ("hem corner", "hem quarter") if kind.form == "dress" else ("hem corner",)
    return (*_ARMS[kind.arms], *sides, *hem)


def landmark_names(kind: Kind) -> tuple[str, ...]:
    """The landmarks of a kind, in order."""
    if not kind.upper:
        return _LOWER[kind.form]
    down = _down_the_left(kind)
    left = tuple(f"{name} left" for name in down)
    right = tuple(f"{name} right" for name in reversed(down))
    if kind.form != "outwear":
        return (*_NECK, *left, "hem", *right)
    # Two fronts: point 4 is the left one's, and the right one's follow at the end.
    neck = tuple("front top left" if name == "neck front" else name for name in _NECK)
    right_front = ("front top right", "front upper right", "front lower right", "front hem right")
    left_front = ("front upper left", "front lower left")
    return (*neck, *left, "front hem left", *right, *right_front, *left_front)


#: Name of a kind to its landmarks.
LANDMARKS = {kind.name: landmark_names(kind) for kind in KINDS}

#: Likewise, each name once among all 294: the points of a task of kind ``garments``. ``left`` and
#: ``right`` stay words, so that a mirrored picture finds the mirrored point.
POINTS = {kind: tuple(f"{kind}: {name}" for name in names) for kind, names in LANDMARKS.items()}
