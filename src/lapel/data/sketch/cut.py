"""The numbers of a garment: where its hem is, how wide it is, how deep its neck.

The ranges of two labels of a group never touch, so that what is drawn has one right answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lapel.data.sketch.dice import Dice
from lapel.data.sketch.garment import Garment

Range = tuple[float, float]

#: Form and length to the height of the hem (units of the body, downwards).
HEMS: dict[str, dict[str, Range]] = {
    "top": {"short": (1.5, 1.8), "medium": (2.5, 2.85), "long": (3.35, 3.65)},
    "outwear": {"short": (1.6, 1.95), "medium": (2.75, 3.15), "long": (4.3, 5.3)},
    "dress": {"short": (4.2, 4.6), "medium": (5.3, 5.7), "long": (6.5, 7.1)},
    "skirt": {"short": (3.75, 4.2), "medium": (4.9, 5.3), "long": (6.3, 6.9)},
}

#: Form and length to where on the leg the cuff is: 0 at the hip, 1 at the knee, 2 at the ankle.
LEGS: dict[str, dict[str, Range]] = {
    "shorts": {"short": (0.26, 0.36), "medium": (0.52, 0.64), "long": (0.84, 0.96)},
    "trousers": {"short": (1.28, 1.42), "medium": (1.7, 1.84), "long": (2.02, 2.14)},
}

#: Fit to how much wider than the body the garment is.
EASES: dict[str, Range] = {"tight": (0.98, 1.03), "regular": (1.14, 1.24), "loose": (1.42, 1.62)}

#: Sleeve to where it ends on the arm: 1 at the elbow, 2 at the wrist.
CUFFS: dict[str, Range] = {
    "short": (0.42, 0.68),
    "three-quarter": (1.2, 1.42),
    "long": (1.86, 2.04),
    "sleeveless": (0.0, 0.0),
    "straps": (0.0, 0.0),
    "none": (0.0, 0.0),
}

#: Fit to how wide the hem of a skirt or dress flares beside the hips.
FLARES: dict[str, Range] = {"tight": (-0.1, 0.0), "regular": (0.3, 0.55), "loose": (0.95, 1.5)}

#: Fit to half the width of a leg of trousers at hip, knee and ankle.
LEG_WIDTHS = {
    "tight": (0.47, 0.27, 0.19),
    "regular": (0.53, 0.37, 0.32),
    "loose": (0.6, 0.52, 0.56),
}

#: Neckline to half its width and its depth in front.
NECKS: dict[str, tuple[Range, Range]] = {
    "crew": ((0.34, 0.44), (0.2, 0.36)),
    "v": ((0.32, 0.42), (0.75, 1.1)),
    "square": ((0.46, 0.58), (0.42, 0.62)),
    "collar": ((0.32, 0.38), (0.22, 0.32)),
    "high": ((0.32, 0.36), (-0.36, -0.28)),
    "none": ((0.0, 0.0), (0.0, 0.0)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The numbers of one garment, in units of the body unless said otherwise.

    Attributes:
        ease: how much wider than the body it is, a factor.
        hem: height of the hem.
        flare: how far the hem stands out beside the hips.
        cuff: where a sleeve or a leg of trousers ends, along the limb.
        neck: half the width of the neckline.
        depth: of the neckline in front.
        gap_top: half of what an open front shows at the neck.
        gap_bottom: half of what it shows at the hem.
        waist: height of the waistband.
        arc: how far the middle of the hem hangs below its corners.
    """

    ease: float
    hem: float
    flare: float
    cuff: float
    neck: float
    depth: float
    gap_top: float
    gap_bottom: float
    waist: float
    arc: float


def draw_cut(dice: Dice, garment: Garment) -> Cut:
    """Decide on the numbers of a garment."""
    form = garment.kind.form
    neck, depth = NECKS[garment.neckline]
    if garment.kind.arms == "sling":
        neck, depth = (0.42, 0.5), _sling_depth(garment.neckline)
    opened = garment.open_front
    return Cut(
        ease=dice.between(*EASES[garment.fit]),
        hem=dice.between(*HEMS[form][garment.length]) if form in HEMS else 0.0,
        flare=dice.between(*FLARES[garment.fit]),
        cuff=dice.between(*(LEGS[form][garment.length] if form in LEGS else CUFFS[garment.sleeve])),
        neck=dice.between(*neck),
        depth=dice.between(*depth),
        gap_top=dice.between(0.1, 0.26) if opened else 0.0,
        gap_bottom=dice.between(0.2, 0.5) if opened else 0.0,
        waist=dice.between(1.9, 2.15),
        arc=dice.between(0.02, 0.12),
    )


def leg_radius(fit: str, along: float) -> float:
    """Half the width of a leg of trousers: ``along`` is 0 at the hip, 2 at the ankle."""
    return float(np.interp(along, (0.0, 1.0, 2.0), LEG_WIDTHS[fit]))


def _sling_depth(neckline: str) -> Range:
    """Straps hold a lower edge: a bow (crew), a point (v) or a straight line (square)."""
    return {"crew": (0.78, 0.92), "v": (1.0, 1.25), "square": (0.52, 0.56)}[neckline]
