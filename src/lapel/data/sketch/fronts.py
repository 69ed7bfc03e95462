"""The two fronts of an outwear, open or closed, and what is seen between them."""

from __future__ import annotations

from lapel.data.sketch.bodice import Bodice
from lapel.data.sketch.curves import Point, between, mirrored, outline
from lapel.data.sketch.cut import Cut
from lapel.data.sketch.shape import Part, Stroke


def front_edge(cut: Cut, bodice: Bodice) -> tuple[Point, Point, Point, Point]:
    """The right front's edge: at the neck, two landmarks, at the hem."""
    top = (cut.gap_top, max(cut.depth, bodice.neck.points["neck right"][1] + 0.05))
    bottom = (cut.gap_bottom, cut.hem - 0.4 * cut.arc)
    x, y = between(top, bottom, 0.36)
    lower_x, lower_y = between(top, bottom, 0.7)
    bulge = 0.12 * (cut.gap_bottom - cut.gap_top)
    return top, (x + bulge, y), (lower_x + bulge, lower_y), bottom


def _neck_middle(cut: Cut, bodice: Bodice) -> Point:
    """A point of the neckline between the front's edge and the side of the neck."""
    top = front_edge(cut, bodice)[0]
    end = bodice.neck.points["neck right"]
    x, y = between(end, top, 0.55)
    bow = 0.0 if cut.depth > 0.6 or cut.depth < 0 else 0.05
    return x + bow, y + bow


def front_parts(cut: Cut, bodice: Bodice, strokes: tuple[Stroke, ...]) -> tuple[Part, ...]:
    """The inside between the fronts, and the fronts. Strokes lie on both, cut at their edges."""
    top, upper, lower, bottom = front_edge(cut, bodice)
    neck_end = bodice.neck.points["neck right"]
    neckline = [top, _neck_middle(cut, bodice), neck_end]
    hem = [bodice.corner, bodice.quarter, bottom]
    if bodice.quarter[0] <= bottom[0] + 0.05:
        hem = [bodice.corner, bottom]
    edges = [neckline]
    if bodice.neck.right != neck_end:
        edges.append([neck_end, bodice.neck.right])
    edges += [*bodice.right_of_neck(), hem, [bottom, lower, upper, top]]
    parts = []
    if cut.gap_bottom > 0:
        parts.append(_lining(cut, bodice, top, bottom))
    for side, name in ((1, "front right"), (-1, "front left")):
        sided = edges if side > 0 else [mirrored(edge) for edge in edges]
        parts.append(
            Part(
                name=name,
                outline=outline(*sided),
                spine=((side * 0.3, 0.0), (side * 0.3, cut.hem)),
                half=bodice.armpit[0],
                strokes=strokes,
            )
        )
    return tuple(parts)


def _lining(cut: Cut, bodice: Bodice, top: Point, bottom: Point) -> Part:
    """The inside of the back between open fronts; a wearer stands before it."""
    wide = bodice.armpit[0] * 0.8
    corner = (max(bottom[0] + 0.1, 0.6 * bodice.corner[0]), bottom[1] - 0.1)
    right = [(wide, 0.5), corner]
    return Part(
        name="lining",
        outline=outline(
            right,
            [corner, (0.0, cut.hem - 0.16), (-corner[0], corner[1])],
            mirrored(right[::-1]),
            [(-wide, 0.5), (0.0, min(top[1], 0.3)), (wide, 0.5)],
        ),
        spine=((0.0, 0.0), (0.0, cut.hem)),
        half=bodice.armpit[0],
        tone="inside",
        behind=True,
    )


def front_landmarks(cut: Cut, bodice: Bodice) -> dict[str, Point]:
    """The landmarks of the fronts' edges and of the neckline above them."""
    places = dict(
        zip(
            ("front top", "front upper", "front lower", "front hem"),
            front_edge(cut, bodice),
            strict=True,
        )
    )
    places["neck front"] = _neck_middle(cut, bodice)
    points = {f"{name} right": at for name, at in places.items()}
    return points | {f"{name} left": (-x, y) for name, (x, y) in places.items()}
