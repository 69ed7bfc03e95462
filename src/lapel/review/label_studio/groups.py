"""Regions that hang together are one garment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lapel.review.label_studio.binding import Bound
from lapel.review.label_studio.regions import Item, around, point_of, shape_of, word_of
from lapel.schema.garments import Garment, Point
from lapel.schema.labels import TaskSpec


@dataclass(slots=True)
class _Group:
    """The regions of one garment."""

    part: str
    box: tuple[float, float, float, float] | None = None
    shapes: list[Garment] = field(default_factory=list)
    points: dict[str, tuple[Point, bool]] = field(default_factory=dict)


def garments_of(
    task: TaskSpec, items: Sequence[tuple[Bound, Item]], hidden: set[str]
) -> Iterator[Garment]:
    """Regions that hang on one another by ``parentID`` are one garment."""
    areas = [pair for pair in items if pair[0].control.type != "keypointlabels"]
    parents = {str(item.get("id")): str(item.get("parentID", "")) for _, item in areas}
    groups: dict[str, _Group] = {}
    for place, (bound, item) in enumerate(areas):
        root = _root(str(item.get("id", place)), parents)
        shape = shape_of(word_of(bound, item), item)
        group = groups.setdefault(root, _Group(shape.part))
        if item.get("id") is not None and str(item["id"]) == root:
            group.part = shape.part
        if bound.control.type == "rectanglelabels" and not shape.outlines:
            group.box = shape.box
        else:
            group.shapes.append(shape)
    for bound, item in items:
        if bound.control.type == "keypointlabels":
            _take_point(bound, item, groups, parents, hidden)
    return (_garment(task, group) for group in groups.values())


def _root(name: str, parents: Mapping[str, str]) -> str:
    """The region that one hangs on in the end; rings of parents end where they began."""
    seen = {name}
    while parents.get(name, "") in parents and parents[name] not in seen:
        name = parents[name]
        seen.add(name)
    return name


def _take_point(
    bound: Bound,
    item: Item,
    groups: Mapping[str, _Group],
    parents: Mapping[str, str],
    hidden: set[str],
) -> None:
    name, place = word_of(bound, item), point_of(item)
    parent = str(item.get("parentID", ""))
    if parent in parents:
        group = groups[_root(parent, parents)]
    else:
        holding = [(_area(box), one) for one in groups.values() if _holds(box := _box(one), place)]
        if not holding:
            raise ValueError(f"the point {name!r} in no garment")
        group = min(holding, key=lambda pair: pair[0])[1]
    if name in group.points:
        raise ValueError(f"{name!r} in two places of one garment")
    group.points[name] = (place, str(item.get("id")) in hidden)


def _box(group: _Group) -> tuple[float, float, float, float]:
    if group.box is not None:
        return group.box
    corners = [
        corner
        for one in group.shapes
        if one.box is not None
        for corner in (one.box[:2], (one.box[0] + one.box[2], one.box[1] + one.box[3]))
    ]
    return around(corners) if corners else (0.0, 0.0, 0.0, 0.0)


def _area(box: tuple[float, float, float, float]) -> float:
    return box[2] * box[3]


def _holds(box: tuple[float, float, float, float], place: Point) -> bool:
    left, top, width, height = box
    return left <= place[0] <= left + width and top <= place[1] <= top + height


def _garment(task: TaskSpec, group: _Group) -> Garment:
    names = task.points.get(group.part, ())
    strangers = sorted(group.points.keys() - set(names))
    if strangers:
        raise ValueError(f"points that {group.part!r} does not have: {', '.join(strangers)}")
    masks = [one.mask for one in group.shapes if one.mask is not None]
    if len(masks) > 1:
        raise ValueError(f"{len(masks)} brushes of one {group.part!r}: paint it with one")
    placed = [group.points.get(name) for name in names]
    return Garment(
        part=group.part,
        box=_box(group),
        points=tuple(None if one is None else one[0] for one in placed) if group.points else (),
        hidden=tuple(place for place, one in enumerate(placed) if one is not None and one[1]),
        outlines=tuple(outline for one in group.shapes for outline in one.outlines),
        mask=masks[0] if masks else None,
    )
