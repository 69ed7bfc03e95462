"""What tops, outwear and dresses have beside their cut: the details that tags name."""

from __future__ import annotations

from dataclasses import dataclass, field

from lapel.data.sketch.bodice import WAIST, Bodice
from lapel.data.sketch.curves import Point, band, between, mirrored, outline
from lapel.data.sketch.cut import Cut
from lapel.data.sketch.dice import Dice
from lapel.data.sketch.fronts import front_edge
from lapel.data.sketch.garment import Garment
from lapel.data.sketch.marks import (
    along,
    buttons,
    cords,
    emblem,
    patch_pocket,
    pleats,
    scallops,
    slant_pocket,
    zip_line,
)
from lapel.data.sketch.shape import Part, Stroke


@dataclass(slots=True, kw_only=True)
class Details:
    """What is gathered for one garment.

    Attributes:
        strokes: on the torso, or on both fronts.
        on: parts over the torso and under the sleeves.
        behind: parts behind everything.
        anchors: tag to points on its detail.
    """

    strokes: tuple[Stroke, ...] = ()
    on: tuple[Part, ...] = ()
    behind: tuple[Part, ...] = ()
    anchors: dict[str, tuple[Point, ...]] = field(default_factory=dict)

    def add(self, tag: str, anchors: tuple[Point, ...], *strokes: Stroke) -> None:
        """One more detail."""
        self.strokes += strokes
        self.anchors[tag] = anchors


def upper_details(garment: Garment, cut: Cut, bodice: Bodice, dice: Dice) -> Details:
    """The details of a garment that hangs from the shoulders, in the order of painting."""
    found = Details()
    if garment.texture == "graphic":
        found.strokes += tuple(_graphic(garment, bodice, dice))
    if "pleats" in garment.details:
        _pleats(garment, cut, bodice, dice, found)
    _hem(garment, cut, bodice, found)
    if "slit" in garment.details:
        _slit(cut, bodice, dice, found)
    if "pockets" in garment.details:
        _pockets(garment, cut, bodice, dice, found)
    if "ruffle" in garment.details:
        _ruffle(garment, cut, bodice, found)
    _closing(garment, cut, bodice, dice, found)
    if "belt" in garment.details:
        found.on += (_belt(bodice),)
        y = min(WAIST, cut.hem - 0.15)
        found.anchors["belt"] = tuple((share * bodice.half(y), y) for share in (-0.5, 0.0, 0.5))
    if "hood" in garment.details:
        found.behind += (_hood(cut),)
        found.anchors["hood"] = ((-cut.neck - 0.28, -0.2), (cut.neck + 0.28, -0.2))
    return found


def _graphic(garment: Garment, bodice: Bodice, dice: Dice) -> list[Stroke]:
    y = max(bodice.neck.front[1] + 0.62, 1.05)
    if garment.kind.form != "outwear":
        return emblem(dice, (0.0, y), dice.between(0.38, 0.5) * bodice.armpit[0] / 0.8)
    size = dice.between(0.24, 0.3)
    return [*emblem(dice, (0.56, 1.1), size), *emblem(dice, (-0.56, 1.1), size)]


def _pleats(garment: Garment, cut: Cut, bodice: Bodice, dice: Dice, found: Details) -> None:
    """Below the waist of a dress, from the chest of others."""
    top = WAIST if garment.kind.form == "dress" else 1.0
    top = min(top, cut.hem - 0.6)
    count = 6 + dice.whole(4)
    anchors = tuple((share * bodice.half(top + 0.3), top + 0.3) for share in (-0.5, 0.0, 0.5))
    found.add("pleats", anchors, *pleats(top, cut.hem + 0.05, bodice.half, count))


def _hem(garment: Garment, cut: Cut, bodice: Bodice, found: Details) -> None:
    """A seam along the hem, or trim along hem and neckline."""
    trim = "trim" in garment.details
    lift = 0.1 if trim else 0.09
    line = [(x * 1.06, y - lift) for x, y in bodice.hem_edge()]
    hem = Stroke(outline=band(line, 0.15 if trim else 0.02), tone="second" if trim else "seam")
    if not trim:
        found.strokes += (hem,)
        return
    strokes = [hem]
    if garment.kind.form != "outwear":
        strokes += [Stroke(outline=band(edge, 0.13), tone="second") for edge in bodice.neck.edges]
    x, y = bodice.corner
    right = (0.72 * x, y + 0.4 * cut.arc - lift)
    found.add("trim", (right, *mirrored([right])), *strokes)


def _slit(cut: Cut, bodice: Bodice, dice: Dice, found: Details) -> None:
    x = dice.pick((-1, 1)) * 0.45 * bodice.corner[0]
    top = cut.hem - 0.34 * (cut.hem - WAIST)
    wide = 0.12 * bodice.corner[0]
    cut_out = outline([(x - wide, cut.hem + 0.1), (x, top), (x + wide, cut.hem + 0.1)])
    edge = band([(x, top - 0.05), (x, top + 0.1)], 0.05)
    middle = (x, (top + cut.hem) / 2)
    found.add("slit", (middle, (x, cut.hem - 0.3)), Stroke(outline=cut_out, tone="hole"),
              Stroke(outline=edge, tone="seam"))  # fmt: skip


def _pockets(garment: Garment, cut: Cut, bodice: Bodice, dice: Dice, found: Details) -> None:
    """On the chest of a top; at the hips of what is long enough, sewn on or in the seam."""
    low = cut.hem > 2.6 and garment.kind.form != "top"
    if not low:
        x, y = (-0.58, 0.95) if dice.chance(0.5) else (0.22, 0.95)
        y = max(y, 0.86)
        found.add("pockets", ((x + 0.02, y + 0.1), (x + 0.3, y + 0.2)),
                  *patch_pocket(x, y, 0.34, 0.34))  # fmt: skip
        return
    half = bodice.half(2.4)
    if dice.chance(0.5):
        strokes = [
            stroke
            for left in (-0.72 * half, 0.22 * half)
            for stroke in patch_pocket(left, 2.2, 0.5 * half, 0.44)
        ]
        found.add("pockets", ((-0.47 * half, 2.22), (0.47 * half, 2.22)), *strokes)
        return
    strokes = []
    for side in (-1, 1):
        strokes += slant_pocket((side * 0.55 * half, 2.2), (side * 0.8 * half, 2.58))
    found.add("pockets", ((-0.68 * half, 2.4), (0.68 * half, 2.4)), *strokes)


def _ruffle(garment: Garment, cut: Cut, bodice: Bodice, found: Details) -> None:
    """A flounce across: near the hem of a dress, on the chest of others."""
    top, deep = (0.92, 0.3)
    if garment.kind.form == "dress":
        top, deep = cut.hem - 0.34 * (cut.hem - WAIST), 0.36
    wide = bodice.half(top) * 0.99
    low = bodice.half(top + deep) * 1.04
    edge = scallops([(low, top + deep), (-low, top + deep)], 0.09, 7)
    part = Part(
        name="ruffle",
        outline=outline([(-wide, top), (wide, top)], [(x, y) for x, y in edge]),
        spine=((0.0, top - 1.0), (0.0, top + deep)),
        half=wide,
        strokes=(
            Stroke(outline=band([(-wide, top + 0.03), (wide, top + 0.03)], 0.04), tone="seam"),
        ),
    )
    found.on += (part,)
    y = top + deep * 0.6
    found.anchors["ruffle"] = tuple((share * wide, y) for share in (-0.55, 0.0, 0.55))


def _closing(garment: Garment, cut: Cut, bodice: Bodice, dice: Dice, found: Details) -> None:
    """Buttons, a zip, the cords of a hood."""
    if "buttons" in garment.details:
        count = 4 + dice.whole(3)
        if garment.kind.form == "outwear":
            _front_buttons(cut, bodice, count, found)
        else:
            _placket(cut, bodice, count, found)
    if "zip" in garment.details:
        edge = _beside_edge(cut, bodice, 0.03 if cut.gap_top else 0.0)
        strokes = zip_line(edge)
        if cut.gap_top:
            strokes += zip_line(mirrored(edge))
        found.add("zip", tuple((x - 0.03, y) for x, y in edge), *strokes)
    if "drawstring" in garment.details:
        spread = max(0.2, cut.gap_top + 0.16)
        x, y = spread * 0.75, bodice.neck.front[1] + 0.04
        found.add("drawstring", ((-x, y + 0.4), (x, y + 0.4)), *cords((0.0, y), spread, 0.75))


def _beside_edge(cut: Cut, bodice: Bodice, away: float) -> list[Point]:
    """A line beside the left front's edge, from below the neck to above the hem."""
    top, upper, lower, bottom = front_edge(cut, bodice)
    inner = [between(top, upper, 0.12), upper, lower, between(lower, bottom, 0.9)]
    return [(-x - away, y) for x, y in inner]


def _front_buttons(cut: Cut, bodice: Bodice, count: int, found: Details) -> None:
    """Along the left front's edge; closed fronts show the edge of the placket too."""
    first, second, third, last = _beside_edge(cut, bodice, 0.1)
    places = [*along(first, second, 2), *along(second, third, count - 2)[1:], last]
    edge = Stroke(outline=band([(0.02, first[1]), (0.02, last[1])], 0.022), tone="seam")
    found.add("buttons", tuple(places), *(() if cut.gap_top else (edge,)), *buttons(places, 0.055))


def _placket(cut: Cut, bodice: Bodice, count: int, found: Details) -> None:
    """Down the middle of a top or a dress, from the neck to the chest or below."""
    top = bodice.neck.front[1] + 0.12
    bottom = min(cut.hem - 0.2, max(cut.hem * 0.45, 1.5))
    places = along((0.0, top + 0.05), (0.0, bottom), count)
    seams = [
        Stroke(outline=band([(x, top), (x, bottom + 0.08)], 0.022), tone="seam")
        for x in (-0.1, 0.1)
    ]
    found.add("buttons", tuple(places), *seams, *buttons(places, 0.055))


def _belt(bodice: Bodice) -> Part:
    y = min(WAIST, bodice.corner[1] - 0.15)
    half = bodice.half(y) * 1.03
    line = [(-half, y - 0.02), (0.0, y + 0.03), (half, y - 0.02)]
    buckle = [(-0.13, y - 0.1), (0.13, y - 0.1), (0.13, y + 0.15), (-0.13, y + 0.15)]
    hole = [(-0.08, y - 0.05), (0.08, y - 0.05), (0.08, y + 0.1), (-0.08, y + 0.1)]
    return Part(
        name="belt",
        outline=band(line, 0.2),
        spine=((0.0, y - 0.3), (0.0, y + 0.3)),
        half=half,
        tone="second",
        strokes=(
            Stroke(outline=outline(buckle[:2], buckle[2:]), tone="metal"),
            Stroke(outline=outline(hole[:2], hole[2:]), tone="hole"),
        ),
    )


def _hood(cut: Cut) -> Part:
    """A hood that lies on the back: seen beside and above the neck."""
    wide = cut.neck + 0.42
    right = [(0.0, -0.72), (wide * 0.75, -0.62), (wide, -0.25), (wide * 0.85, 0.2)]
    rim = [(0.0, -0.4), (cut.neck * 0.8, -0.3), (cut.neck + 0.06, 0.0)]
    inner = outline([*mirrored(rim[::-1]), *rim[1:]], [(cut.neck, 0.3), (-cut.neck, 0.3)])
    return Part(
        name="hood",
        outline=outline([*mirrored(right[::-1]), *right[1:]], [right[-1], (-right[-1][0], 0.2)]),
        spine=((0.0, -0.8), (0.0, 0.4)),
        half=wide,
        strokes=(Stroke(outline=inner, tone="hole"),),
        behind=True,
    )
