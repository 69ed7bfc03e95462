"""One JSON file in COCO's form, whatever tool wrote it: images, categories, and what is marked.

    {"images": [{"id": 1, "file_name": "0001.jpg", "width": 640, "height": 480}],
     "categories": [{"id": 3, "name": "dress", "keypoints": ["left collar", ...]}],
     "annotations": [{"id": 7, "image_id": 1, "category_id": 3, "bbox": [10, 10, 20, 30],
                      "segmentation": [[10, 10, 30, 10, 30, 40]], "area": 600, "iscrowd": 0,
                      "keypoints": [12, 15, 2, 0, 0, 0, ...]}]}

Ids are whole numbers or texts, 0 among them, with gaps. A segmentation is outlines (one laid flat
in its list is taken as one), or run lengths, packed or not. Sizes, boxes, areas and ``iscrowd`` may
lack. What encloses nothing is left out and counted in ``oddities``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lapel.data.coco.parts import (
    Picture,
    Wrong,
    bare_roots,
    box_faults,
    mask_faults,
    members,
    outline_faults,
)
from lapel.data.reading.json_records import is_number, is_whole, shown_value
from lapel.imaging.outlines import EVEN_ODD, FILL, encloses, is_short, mask_box, mask_from
from lapel.schema.garments import HIDDEN, UNLABELLED, VISIBLE, Garment, Point
from lapel.schema.run_lengths import RunLengths, run_lengths

Identifier = int | str

SHORT = "outlines of fewer than three corners, left out"
FLAT = "outlines that enclose no area, left out"
EMPTY = "masks without a pixel, left out"
NO_AREA = "boxes without an area, left out"
NOTHING = "annotations that enclose nothing, left out"
UNNAMED = "landmarks of categories that name none, left out"


@dataclass(frozen=True, slots=True)
class Category:
    """A category of the list.

    Attributes:
        name: what it is called.
        points: the names of its landmarks, if it has any.
    """

    name: str
    points: tuple[str, ...] = ()


@dataclass(slots=True)
class Content:
    """What one file says.

    Attributes:
        pictures: id to image.
        categories: id to category, in the order of the list.
        roots: the names of categories that only group others, left out.
        marked: id of an image to its annotations as they stand in the file, checked. They become
            garments when they are asked for: as values they would take far more memory.
        holes: whether an outline within another of the same garment is a hole.
        faults: what is wrong with the file.
        broken: what is wrong with single annotations, which may be left out.
        refused: how many annotations that is.
        oddities: what is left out or strange, and how often.
    """

    pictures: dict[Identifier, Picture] = field(default_factory=dict)
    categories: dict[Identifier, Category] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    marked: dict[Identifier, list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    holes: bool = False
    faults: list[Wrong] = field(default_factory=list)
    broken: list[Wrong] = field(default_factory=list)
    refused: int = 0
    oddities: Counter[str] = field(default_factory=Counter)

    def garments(self, identifier: Identifier) -> tuple[Garment, ...]:
        """What is marked in an image; what encloses nothing is left out."""
        found = (self._garment(one, Counter()) for one in self.marked.get(identifier, ()))
        return tuple(one for one in found if one is not None)

    def take(self, one: dict[str, Any]) -> bool:
        """Keep a checked annotation if it encloses anything."""
        kept = self._garment(one, self.oddities) is not None
        if kept:
            self.marked[one["image_id"]].append(one)
        return kept

    def _garment(self, one: dict[str, Any], oddities: Counter[str]) -> Garment | None:
        category = self.categories[one["category_id"]]
        outlines, mask = _shape(one.get("segmentation"), oddities)
        box = _box(one.get("bbox"), outlines, mask, oddities)
        if box is None:
            oddities[NOTHING] += 1
            return None
        points, hidden = _points(one.get("keypoints"), category, oddities)
        facts: dict[str, str | int | float] = {
            name: one[name] for name in ("id", "category_id", "area") if _is_fact(one.get(name))
        }
        facts["iscrowd"] = int(one.get("iscrowd") or 0)
        if self.holes and len(outlines) > 1:
            facts[FILL] = EVEN_ODD
        return Garment(
            part=category.name,
            box=box,
            points=points,
            hidden=hidden,
            outlines=outlines,
            mask=mask,
            facts=facts,
        )


def _is_fact(value: object) -> bool:
    return is_number(value) or isinstance(value, str)


def checked_content(value: dict[str, Any], *, holes: bool = False) -> Content:
    """A file's object, checked.

    Args:
        value: what the file holds; see :func:`lapel.data.coco.parts.compact`.
        holes: whether an outline within another of the same garment is a hole.
    """
    content = Content(holes=holes)
    for image in members(value, "images", content):
        _take_picture(image, content)
    categories = members(value, "categories", content)
    # Lists of photos to be judged have no annotations; elsewhere the list may be empty.
    marked = members(value, "annotations", content) if "annotations" in value else []
    roots = bare_roots(categories, marked)
    content.roots = [str(one["name"]) for one in roots]
    for category in categories:
        if category not in roots:
            _take_category(category, content)
    seen: set[Identifier] = set()
    for one in marked:
        wrong = list(_annotation_faults(one, content, seen))
        content.broken += wrong
        content.refused += bool(wrong)
        if not wrong:
            content.take(one)
    return content


def _is_identifier(value: object) -> bool:
    return is_whole(value) or isinstance(value, str)


def _take_picture(image: dict[str, Any], content: Content) -> None:
    identifier: Any = image.get("id")
    name: Any = image.get("file_name")
    size = [image.get(side) or 0 for side in ("width", "height")]
    if not _is_identifier(identifier) or not isinstance(name, str):
        found = f"image {shown_value(identifier)} with file_name {shown_value(name)}"
        content.faults.append((found, "a number or text, and a text"))
    elif identifier in content.pictures:
        content.faults.append((f"image {identifier} again", "each id once"))
    elif not all(is_whole(side) and side >= 0 for side in size):
        found = f"width {shown_value(size[0])}, height {shown_value(size[1])} of image {identifier}"
        content.faults.append((found, "pixels"))
    else:
        content.pictures[identifier] = Picture(name, *size)


def _take_category(one: dict[str, Any], content: Content) -> None:
    identifier: Any = one.get("id")
    name: Any = one.get("name")
    points: Any = one.get("keypoints") or []
    named = isinstance(name, str) and name.strip()
    if not _is_identifier(identifier) or not named:
        found = f"category {shown_value(identifier)} of name {shown_value(name)}"
        content.faults.append((found, "a number or text, and a name"))
    elif identifier in content.categories:
        content.faults.append((f"category {identifier} again", "each id once"))
    elif name.strip() in [category.name for category in content.categories.values()]:
        content.faults.append((f"category {name!r} again, as {identifier}", "each name once"))
    elif not isinstance(points, list) or not all(isinstance(one, str) for one in points):
        found = f"keypoints {shown_value(points)} of category {name!r}"
        content.faults.append((found, "their names"))
    elif len(set(points)) < len(points):
        content.faults.append((f"keypoints twice in category {name!r}", "each name once"))
    else:
        content.categories[identifier] = Category(name.strip(), tuple(points))


def _annotation_faults(
    one: dict[str, Any], content: Content, seen: set[Identifier]
) -> Iterator[Wrong]:
    identifier: Any = one.get("id")
    if identifier is not None and not _is_identifier(identifier):
        yield f"annotation {shown_value(identifier)}", "a number or text as id"
        return
    if identifier in seen:
        yield f"annotation {identifier} again", "each id once"
    if identifier is not None:
        seen.add(identifier)
    of = f"of annotation {shown_value(identifier)}"
    image: Any = one.get("image_id")
    category: Any = one.get("category_id")
    if not _is_identifier(image) or image not in content.pictures:
        yield f"image_id {shown_value(image)} {of}", "the id of an image"
        return
    if not _is_identifier(category) or category not in content.categories:
        yield f"category_id {shown_value(category)} {of}", "the id of a category"
        return
    if one.get("bbox"):
        yield from box_faults(one["bbox"], of)
    if one.get("iscrowd") not in (None, 0, 1):
        yield f"iscrowd {shown_value(one['iscrowd'])} {of}", "0 or 1"
    yield from _shape_faults(one.get("segmentation"), of, content.pictures[image])
    yield from _point_faults(one.get("keypoints"), of, content.categories[category])


def _shape_faults(value: Any, of: str, picture: Picture) -> Iterator[Wrong]:  # noqa: ANN401 - what JSON holds
    if isinstance(value, dict):
        yield from mask_faults(value, of, picture)
    elif isinstance(value, list):
        for outline in _several(value):
            yield from outline_faults(outline, of)
    elif value is not None:
        yield f"segmentation {shown_value(value)} {of}", "outlines or run lengths"


def _point_faults(value: Any, of: str, category: Category) -> Iterator[Wrong]:  # noqa: ANN401 - what JSON holds
    if not value or (isinstance(value, list) and not category.points):
        return
    count = len(category.points)
    expected = f"{count} times x, y and 0, 1 or 2, as {category.name!r} has"
    if not isinstance(value, list) or len(value) != 3 * count:
        found = f"{len(value)} numbers" if isinstance(value, list) else shown_value(value)
        yield f"{found} as keypoints {of}", expected
        return
    wrong = [one for one in value if not is_number(one)]
    wrong += [state for state in value[2::3] if state not in (UNLABELLED, HIDDEN, VISIBLE)]
    if wrong:
        yield f"{shown_value(wrong[0])} among the keypoints {of}", expected


def _several(value: list[Any]) -> list[Any]:
    """Outlines in a list; one that was laid flat is a list of numbers itself."""
    flat = bool(value) and all(isinstance(one, int | float) for one in value)
    return [value] if flat else value


def _shape(
    value: Any,  # noqa: ANN401 - what JSON holds
    oddities: Counter[str],
) -> tuple[tuple[tuple[Point, ...], ...], RunLengths | None]:
    """The outlines that enclose something, or the mask if it has a pixel."""
    if isinstance(value, dict):
        mask = run_lengths(value)
        empty = not any(mask.lengths()[1::2])
        oddities[EMPTY] += empty
        return (), None if empty else mask
    outlines = []
    for outline in _several(value or []):
        corners = tuple(zip(outline[::2], outline[1::2], strict=True))
        if is_short(corners):
            oddities[SHORT] += 1
        elif not encloses(corners):
            oddities[FLAT] += 1
        else:
            outlines.append(corners)
    return tuple(outlines), None


def _box(
    value: list[float] | None,
    outlines: Sequence[Sequence[Point]],
    mask: RunLengths | None,
    oddities: Counter[str],
) -> tuple[float, float, float, float] | None:
    """The box as it stands there, or the smallest one around the shape; None without either."""
    if value:
        left, top, width, height = value
        if width > 0 and height > 0:
            return left, top, width, height
        oddities[NO_AREA] += 1
    if mask is not None:
        return mask_box(mask_from(mask))
    corners = [corner for outline in outlines for corner in outline]
    if not corners:
        return None
    (left, right), (top, bottom) = ((min(side), max(side)) for side in zip(*corners, strict=True))
    return left, top, right - left, bottom - top


def _points(
    value: list[float] | None, category: Category, oddities: Counter[str]
) -> tuple[tuple[Point | None, ...], tuple[int, ...]]:
    """Landmarks, and the numbers of those that something hides; unknown all where none stand."""
    if not category.points:
        oddities[UNNAMED] += bool(value)
        return (), ()
    if not value:
        return (None,) * len(category.points), ()
    triples = list(zip(value[::3], value[1::3], value[2::3], strict=True))
    points = tuple(None if state == UNLABELLED else (x, y) for x, y, state in triples)
    return points, tuple(place for place, one in enumerate(triples) if one[2] == HIDDEN)
