"""What is to be drawn, decided before the first line: a garment in words.

Colour, texture and fabric are thrown without looking at the kind, so that a model cannot tell
the kind by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from lapel.data.sketch.dice import Dice
from lapel.data.sketch.shades import SHADES, brightness
from lapel.data.sketch.vocabulary import (
    FABRIC_TAGS,
    FABRICS,
    FITS,
    KIND,
    KINDS,
    LENGTHS,
    NECKLINES,
    SLEEVES,
    TAGS,
    TEXTURES,
    Kind,
)

#: Textures and fabrics of the set ``fine``; there is no camouflage in it, and no dots.
FINE_TEXTURES = ("solid", "striped", "floral", "graphic", "embroidered", "lattice", "pleated")

#: The least difference of brightness between the colours of a pattern, of 255.
CONTRAST = 70.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Garment:
    """A garment in words; all labels follow from it.

    Attributes:
        kind: one of the thirteen.
        shade: the cloth's colour, a name in ``SHADES``.
        second: the colour of its pattern and trim.
        third: another colour of its pattern.
        texture: of ``TEXTURES`` or ``FINE_TEXTURES``.
        fabric: of ``FABRICS``.
        sleeve: of the kind's ``SLEEVES``.
        neckline: of the kind's ``NECKLINES``.
        length: of ``LENGTHS``; what it means depends on the form.
        fit: of ``FITS``.
        details: those of ``TAGS`` that are drawn.
        open_front: whether an outwear hangs open.
    """

    kind: Kind
    shade: str
    second: str
    third: str
    texture: str
    fabric: str
    sleeve: str
    neckline: str
    length: str
    fit: str
    details: tuple[str, ...]
    open_front: bool = False

    @property
    def tags(self) -> tuple[str, ...]:
        """All its tags, in the order of ``TAGS``."""
        own = {*self.details, FABRIC_TAGS.get(self.fabric)}
        return tuple(tag for tag in TAGS if tag in own)


def draw_garment(dice: Dice, attributes: str, kinds: Sequence[str] = ()) -> Garment:
    """Decide on a garment.

    Args:
        dice: chance.
        attributes: the set of attribute groups that must be able to describe it.
        kinds: names to choose the kind from; by default all thirteen.
    """
    fine = attributes == "fine"
    kind = dice.label([KIND[name] for name in kinds] or KINDS)
    texture = dice.label(FINE_TEXTURES if fine else TEXTURES)
    shade, second, third = _shades(dice)
    neckline = dice.label(_necklines(kind, fine=fine))
    details = _details(dice, kind, neckline)
    if texture == "graphic" and kind.form == "top":
        # The chest holds the picture.
        details = tuple(tag for tag in details if tag != "pockets")
    if texture == "pleated" and "pleats" not in details:
        details = tuple(tag for tag in TAGS if tag in {*details, "pleats"})
    return Garment(
        kind=kind,
        shade=shade,
        second=second,
        third=third,
        texture=texture,
        fabric=dice.label(FABRICS),
        sleeve=dice.label(SLEEVES[kind.arms]),
        neckline=neckline,
        length=dice.label(_lengths(kind, fine=fine)),
        fit=dice.label(FITS),
        details=details,
        open_front=kind.form == "outwear" and "belt" not in details and dice.chance(0.6),
    )


def _necklines(kind: Kind, *, fine: bool) -> tuple[str, ...]:
    known = NECKLINES[kind.arms]
    if kind.form == "outwear":
        known = tuple(neckline for neckline in known if neckline != "square")
    # The fine groups know neither collars nor high necks on what has a neckline.
    return tuple(n for n in known if n not in {"collar", "high"}) if fine else known


def _lengths(kind: Kind, *, fine: bool) -> tuple[str, ...]:
    """The fine groups know only mini and maxi for dresses and skirts."""
    return ("short", "long") if fine and kind.form in {"dress", "skirt"} else LENGTHS


def _shades(dice: Dice) -> tuple[str, str, str]:
    """Three shades; each of the others stands out from the first."""
    first = dice.label(tuple(SHADES))
    others = _apart(first)
    second = dice.pick(others)
    return first, second, dice.pick([name for name in others if name != second])


@cache
def _apart(shade: str) -> tuple[str, ...]:
    """The shades that stand out from one."""
    level = brightness(SHADES[shade][1])
    return tuple(
        name for name, (_, colour) in SHADES.items() if abs(brightness(colour) - level) > CONTRAST
    )


#: Form to the details that it may have, and how often each is drawn.
_CHANCES: dict[str, dict[str, float]] = {
    "top": {"hood": 0.12, "pockets": 0.2, "ruffle": 0.15, "trim": 0.25, "buttons": 0.2},
    "outwear": {"hood": 0.22, "pockets": 0.45, "belt": 0.2, "trim": 0.25},
    "dress": {
        "belt": 0.3, "buttons": 0.2, "pleats": 0.2, "ruffle": 0.2, "slit": 0.2, "trim": 0.2,
        "pockets": 0.15,
    },
    "skirt": {
        "belt": 0.25, "buttons": 0.2, "pleats": 0.3, "ruffle": 0.2, "slit": 0.2, "trim": 0.2,
        "pockets": 0.25,
    },
    "trousers": {"belt": 0.3, "drawstring": 0.2, "pockets": 0.45, "trim": 0.25, "pleats": 0.15},
    "shorts": {"belt": 0.25, "drawstring": 0.25, "pockets": 0.45, "trim": 0.25, "pleats": 0.1},
}  # fmt: skip

#: Details of which a garment has at most the first that was thrown.
_RIVALS = (
    ("belt", "drawstring"),
    ("hood", "ruffle"),
    ("pleats", "slit"),
    ("pleats", "buttons"),
    ("ruffle", "slit"),
)


def _details(dice: Dice, kind: Kind, neckline: str) -> tuple[str, ...]:
    chosen = [tag for tag, often in _CHANCES[kind.form].items() if dice.chance(often)]
    if kind.form == "outwear":
        chosen.append(dice.pick(("buttons", "zip", "zip", "buttons", "none")))
    if kind.arms == "sling":
        chosen = [tag for tag in chosen if tag != "hood"]
    if neckline in {"collar", "high"}:
        chosen = [tag for tag in chosen if tag != "hood"]
    if neckline == "collar" and kind.form in {"top", "dress"} and "buttons" not in chosen:
        chosen.append("buttons")
    if "hood" in chosen and dice.chance(0.7):
        chosen.append("drawstring")
    for first, second in _RIVALS:
        if first in chosen and second in chosen:
            chosen.remove(second)
    return tuple(tag for tag in TAGS if tag in chosen)
