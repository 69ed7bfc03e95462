"""Necklines: the edge in front, the back seen through it, collars, lapels and straps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lapel.data.sketch.curves import Point, band, between, mirrored, outline
from lapel.data.sketch.cut import Cut
from lapel.data.sketch.garment import Garment
from lapel.data.sketch.shape import Part, Stroke

#: Heights of the neck's side where a neckline starts, of a stand-up collar's top, of strap ends.
SIDE, HIGH, STRAP = -0.05, -0.42, -0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class NeckEdge:
    """The edge of a neckline.

    Attributes:
        edges: smooth edges from its left end to its right end.
        right: where the shoulder line starts.
        points: landmarks of the neck by name.
    """

    edges: Sequence[Sequence[Point]]
    right: Point
    points: Mapping[str, Point]

    @property
    def front(self) -> Point:
        """The lowest point in front."""
        return self.points["neck front"]


def neck_edge(garment: Garment, cut: Cut) -> NeckEdge:
    """The edge of a garment's neckline."""
    if garment.kind.arms == "sling":
        return _sling_edge(garment, cut)
    side = (cut.neck, SIDE)
    if garment.neckline == "high":
        base, top = (cut.neck + 0.1, 0.02), (cut.neck - 0.02, HIGH)
        middle = (cut.neck * 0.5, cut.depth - 0.02)
        across = [*mirrored([top, middle]), (0.0, cut.depth), middle, top]
        edges = [mirrored([base, top]), across, [top, base]]
        return _edge(edges, base, top=top, middle=middle, front=cut.depth, back=HIGH - 0.05)
    if garment.neckline == "v":
        middle = between(side, (0.0, cut.depth), 0.5)
        edges = [
            [*mirrored([side, middle]), (0.0, cut.depth)],
            [(0.0, cut.depth), middle, side],
        ]
    elif garment.neckline == "square":
        middle = (cut.neck * 0.94, cut.depth)
        edges = [
            mirrored([side, middle]),
            [*mirrored([middle]), (0.0, cut.depth), middle],
            [middle, side],
        ]
    else:
        middle = (cut.neck * 0.68, SIDE + (cut.depth - SIDE) * 0.74)
        edges = [[*mirrored([side, middle]), (0.0, cut.depth), middle, side]]
    return _edge(edges, side, top=side, middle=middle, front=cut.depth, back=0.05)


def _sling_edge(garment: Garment, cut: Cut) -> NeckEdge:
    corner, front = (cut.neck, 0.5), (0.0, cut.depth)
    if garment.neckline == "v":
        edges = [[*mirrored([corner]), front], [front, corner]]
    elif garment.neckline == "crew":
        middle = (cut.neck * 0.6, 0.5 + (cut.depth - 0.5) * 0.78)
        edges = [[*mirrored([corner, middle]), front, middle, corner]]
    else:
        edges = [[*mirrored([corner]), front, corner]]
    top = (cut.neck * 0.8, STRAP)
    return _edge(edges, corner, top=top, middle=corner, front=cut.depth, back=0.56)


def _edge(
    edges: Sequence[Sequence[Point]],
    right: Point,
    *,
    top: Point,
    middle: Point,
    front: float,
    back: float,
) -> NeckEdge:
    points = {
        "neck back": (0.0, back),
        "neck left": (-top[0], top[1]),
        "neck front left": (-middle[0], middle[1]),
        "neck front": (0.0, front),
        "neck front right": middle,
        "neck right": top,
    }
    return NeckEdge(edges=edges, right=right, points=points)


def back_part(garment: Garment, neck: NeckEdge, cut: Cut) -> Part:
    """The inside of the back, as seen through the neckline."""
    _, back = neck.points["neck back"]
    if garment.kind.arms == "sling":
        corner = (cut.neck + 0.16, 0.62)
        edges = [[*mirrored([corner]), (0.0, back), corner], [corner, (0.3, 1.4)]]
        edges.append(mirrored([(0.3, 1.4), corner]))
        return _inside("back", edges, ())
    top = neck.points["neck right"]
    deep = (cut.neck * 0.75, max(cut.depth, 0.0) + 0.16)
    edges = [
        [*mirrored([top]), (0.0, back), top],
        [top, neck.right, deep, *mirrored([deep, neck.right, top])],
    ]
    label = band([(-0.07, back + 0.07), (0.07, back + 0.07)], 0.07)
    return _inside("back", edges, (Stroke(outline=label, tone="second"),))


def _inside(name: str, edges: Sequence[Sequence[Point]], strokes: tuple[Stroke, ...]) -> Part:
    return Part(
        name=name,
        outline=outline(*edges),
        spine=((0.0, 0.0), (0.0, 2.0)),
        half=0.8,
        strokes=strokes,
        tone="inside",
        behind=True,
    )


def neck_parts(garment: Garment, neck: NeckEdge, cut: Cut) -> tuple[Part, ...]:
    """What lies over the torso at the neck: straps, a collar, lapels."""
    if garment.kind.arms == "sling":
        return tuple(_strap_part(neck, side) for side in (-1, 1))
    opened = garment.kind.form == "outwear"
    if garment.neckline == "collar":
        return tuple(_collar(cut, side, opened=opened) for side in (-1, 1))
    if garment.neckline == "v" and opened:
        return tuple(_lapel(cut, side) for side in (-1, 1))
    return ()


def _strap_part(neck: NeckEdge, side: int) -> Part:
    x, y = neck.points["neck right"]
    corner_x, corner_y = neck.points["neck front right"]
    line = [
        (side * x, y),
        (side * (x + corner_x) / 2, (y + corner_y) / 2),
        (side * (corner_x + 0.02), corner_y + 0.06),
    ]
    name = "left" if side < 0 else "right"
    return Part(name=f"strap {name}", outline=band(line, 0.09), spine=(line[0], line[2]), half=0.1)


def _collar(cut: Cut, side: int, *, opened: bool) -> Part:
    """A leaf of a shirt's collar: from the neck to its point."""
    top = (side * (cut.neck + 0.02), SIDE - 0.1)
    start = (side * (cut.gap_top if opened else 0.015), cut.depth - 0.02)
    tip = (side * (cut.neck * 0.82), cut.depth + 0.3)
    outer = (side * (cut.neck + 0.2), cut.depth * 0.5)
    edges = [[top, (side * cut.neck * 0.7, cut.depth * 0.55), start], [start, tip], [tip, outer]]
    edges.append([outer, top])
    name = "left" if side < 0 else "right"
    seam = band([tip, outer], 0.02)
    return Part(
        name=f"collar {name}",
        outline=outline(*edges),
        spine=(top, tip),
        half=0.3,
        strokes=(Stroke(outline=seam, tone="seam"),),
    )


def _lapel(cut: Cut, side: int) -> Part:
    """A lapel: folded back from the front edge, with a notch."""
    top = (side * (cut.neck + 0.03), SIDE - 0.04)
    bottom = (side * cut.gap_top, cut.depth)
    notch = (side * (cut.neck + 0.2), 0.3)
    corner = (side * (cut.neck + 0.26), 0.36)
    edges = [[top, between(top, bottom, 0.5), bottom], [bottom, corner], [corner, notch]]
    edges.append([notch, (side * (cut.neck + 0.16), 0.1), top])
    name = "left" if side < 0 else "right"
    notch_line = band([notch, (side * (cut.neck - 0.02), 0.26)], 0.02)
    return Part(
        name=f"lapel {name}",
        outline=outline(*edges),
        spine=(top, bottom),
        half=0.3,
        strokes=(Stroke(outline=notch_line, tone="seam"),),
    )
