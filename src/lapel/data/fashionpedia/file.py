"""One JSON file of Fashionpedia, checked: its images, and what is marked in each.

    {"images": [{"id": 23, "file_name": "...jpg", "width": 682, "height": 1024, ...}],
     "annotations": [{"id": 8917, "image_id": 23, "category_id": 0, "attribute_ids": [295, 317],
                      "segmentation": [[...], ...], "bbox": [445, 629.9, 16.1, 23], "area": 146,
                      "iscrowd": 0}],
     "categories": [...], "attributes": [...], ...}

A box is left, top, width, height; a segmentation is outlines, or run lengths. Source: the data
page of fashionpedia.github.io, and COCO's format.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lapel.data.coco.parts import (
    Picture,
    box_faults,
    mask_faults,
    members,
    outline_faults,
)
from lapel.data.fashionpedia.words import attribute_names, category_names
from lapel.data.reading.json_records import is_number, is_whole, shown_value
from lapel.schema.garments import Garment
from lapel.schema.run_lengths import run_lengths

SHORT_OUTLINE = "outlines of fewer than three corners, kept as they are"


@dataclass(slots=True)
class Content:
    """What one file says.

    Attributes:
        pictures: id to image.
        marked: id of an image to its annotations as they stand in the file, checked. They become
            garments when they are asked for: as values they would take far more memory.
        faults: what is wrong, each as what was found and what was expected.
        oddities: what is strange and kept, and how often.
    """

    pictures: dict[int, Picture] = field(default_factory=dict)
    marked: dict[int, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    faults: list[tuple[str, str]] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    def garments(self, identifier: int) -> tuple[Garment, ...]:
        """What is marked in an image."""
        return tuple(_garment(one) for one in self.marked.get(identifier, ()))


def checked_content(value: dict[str, Any], *, labelled: bool) -> Content:
    """A file's object, checked.

    Args:
        value: what the file holds; see :func:`lapel.data.coco.parts.compact`.
        labelled: whether it has annotations; the list of test images has none.
    """
    content = Content()
    for image in members(value, "images", content):
        _take_picture(image, content)
    if labelled:
        for kind, known in (("categories", category_names()), ("attributes", attribute_names())):
            _check_names(members(value, kind, content), kind, known, content)
        seen: set[int] = set()
        for one in members(value, "annotations", content):
            faults = list(_annotation_faults(one, content, seen))
            content.faults += faults
            if not faults:
                content.marked[one["image_id"]].append(one)
    return content


def _take_picture(image: dict[str, Any], content: Content) -> None:
    identifier: Any = image.get("id")
    name: Any = image.get("file_name")
    size: tuple[Any, Any] = (image.get("width"), image.get("height"))
    if not is_whole(identifier) or not isinstance(name, str):
        found = f"image {shown_value(identifier)} with file_name {shown_value(name)}"
        content.faults.append((found, "a whole number and a text"))
    elif identifier in content.pictures:
        content.faults.append((f"image {identifier} again", "each id once"))
    elif not all(is_whole(side) and side > 0 for side in size):
        found = f"width {shown_value(size[0])}, height {shown_value(size[1])} of image {identifier}"
        content.faults.append((found, "pixels"))
    else:
        content.pictures[identifier] = Picture(name, *size)


def _check_names(
    listed: list[dict[str, Any]], kind: str, known: Mapping[int, str], content: Content
) -> None:
    """Compare a list of names with the ontology: numbers mean what they always mean."""
    for one in listed:
        number: Any = one.get("id")
        name = one.get("name")
        if not is_whole(number) or known.get(number) != name:
            called = known.get(number) if is_whole(number) else None
            expected = repr(called) if called else "an id of the ontology"
            found = f"{shown_value(name)} as {shown_value(number)} of {kind!r}"
            content.faults.append((found, expected))


def _annotation_faults(
    one: dict[str, Any], content: Content, seen: set[int]
) -> Iterator[tuple[str, str]]:
    identifier: Any = one.get("id")
    if not is_whole(identifier):
        yield f"annotation {shown_value(identifier)}", "a whole number as id"
        return
    if identifier in seen:
        yield f"annotation {identifier} again", "each id once"
    seen.add(identifier)
    of = f"of annotation {identifier}"
    image: Any = one.get("image_id")
    if not is_whole(image) or image not in content.pictures:
        yield f"image_id {shown_value(image)} {of}", "the id of an image"
        return
    category: Any = one.get("category_id")
    if not is_whole(category) or category not in category_names():
        yield f"category_id {shown_value(category)} {of}", f"0 to {max(category_names())}"
    yield from attribute_faults(one.get("attribute_ids"), of)
    yield from _place_faults(one, of)
    yield from _shape_faults(one.get("segmentation"), of, content, content.pictures[image])


def attribute_faults(value: Any, of: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - what JSON holds
    """What is wrong with ids of attributes, as what was found and what was expected."""
    if not isinstance(value, list):
        yield f"attribute_ids {shown_value(value)} {of}", "a list of ids"
        return
    for number in value:
        if not is_whole(number) or number not in attribute_names():
            yield f"attribute {shown_value(number)} {of}", "an id of the ontology"
    if len({number for number in value if is_whole(number)}) < len(value):
        yield f"attribute_ids {shown_value(value)} {of}", "each id once"


def _place_faults(one: dict[str, Any], of: str) -> Iterator[tuple[str, str]]:
    yield from box_faults(one.get("bbox"), of)
    area: Any = one.get("area")
    if not is_number(area) or area < 0:
        yield f"area {shown_value(area)} {of}", "a number from 0"
    if one.get("iscrowd") not in (0, 1) or not is_whole(one["iscrowd"]):
        yield f"iscrowd {shown_value(one.get('iscrowd'))} {of}", "0 or 1"


def _shape_faults(
    value: Any,  # noqa: ANN401 - what JSON holds
    of: str,
    content: Content,
    picture: Picture,
) -> Iterator[tuple[str, str]]:
    """What is wrong with outlines or run lengths."""
    if isinstance(value, dict):
        yield from mask_faults(value, of, picture)
    elif isinstance(value, list):
        for outline in value:
            wrong = list(outline_faults(outline, of))
            yield from wrong
            if not wrong:
                content.oddities[SHORT_OUTLINE] += len(outline) < 6
    else:
        yield f"segmentation {shown_value(value)} {of}", "outlines or run lengths"


def _garment(one: dict[str, Any]) -> Garment:
    """A checked annotation as a garment."""
    shape = one["segmentation"]
    left, top, width, height = one["bbox"]
    return Garment(
        part=category_names()[one["category_id"]],
        box=(left, top, width, height),
        outlines=()
        if isinstance(shape, dict)
        else tuple(tuple(zip(line[::2], line[1::2], strict=True)) for line in shape),
        mask=run_lengths(shape) if isinstance(shape, dict) else None,
        attributes=tuple(attribute_names()[number] for number in one["attribute_ids"]),
        facts={name: one[name] for name in ("id", "category_id", "area", "iscrowd")},
    )
