"""What COCO's JSON files share, whoever wrote them: lists of objects, images, shapes.

Source: the format's page, cocodataset.org/#format-data, and ``pycocotools``.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from lapel.data.reading.json_records import is_number, shown_value
from lapel.schema.run_lengths import run_lengths

#: What is wrong, as what was found and what was expected.
Wrong = tuple[str, str]


class Picture(NamedTuple):
    """An image of the list: its file's name, and its size in pixels; 0 where nobody says."""

    file: str
    width: int
    height: int


class HasFaults(Protocol):
    """What faults are gathered in."""

    faults: list[Wrong]


def compact(value: dict[str, Any]) -> dict[str, Any]:
    """An object of the file with its outlines as arrays of numbers: a quarter of the memory.

    It is called for each object as soon as it is read. Outlines at fault stay as they are.
    """
    outlines = value.get("segmentation")
    if isinstance(outlines, list):
        with suppress(TypeError):  # what is no list of numbers is found later
            value["segmentation"] = [
                array("d", outline) if len(outline) % 2 == 0 else outline for outline in outlines
            ]
    return value


def members(value: dict[str, Any], key: str, content: HasFaults) -> list[dict[str, Any]]:
    """A list of objects; something else becomes a fault."""
    found = value.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        content.faults.append((f"{shown_value(found)} as {key!r}", "a list of objects"))
        return []
    return found


def bare_roots(
    categories: list[dict[str, Any]], marked: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The categories that only group others, and are no label.

    Roboflow's exports begin with one; it may be named like a label below it.

    Args:
        categories: as they stand in the file.
        marked: the annotations, as they stand there.

    Returns:
        Those of the supercategory ``none`` that others name as theirs and that no annotation names.
        Of a list without annotations, which tells nothing of that, those named like another one.
    """
    names = [one.get("name") for one in categories]
    above = [one.get("supercategory") for one in categories]
    named = [one.get("category_id") for one in marked]
    return [
        one
        for one in categories
        if one.get("supercategory") == "none"
        and one.get("name") in above
        and one.get("id") not in named
        and (named or names.count(one.get("name")) > 1)
    ]


def box_faults(box: Any, of: str) -> Iterator[Wrong]:  # noqa: ANN401 - what JSON holds
    """What is wrong with left, top, width and height."""
    right = isinstance(box, list) and len(box) == 4 and all(map(is_number, box))
    if not right or min(box[2:]) < 0:
        yield f"bbox {shown_value(box)} {of}", "left, top, and width and height from 0"


def mask_faults(value: dict[str, Any], of: str, picture: Picture) -> Iterator[Wrong]:
    """What is wrong with run lengths."""
    try:
        mask = run_lengths(value)
    except ValueError as error:
        yield f"{error} {of}", "run lengths of the whole picture"
        return
    size = picture.height, picture.width
    if all(size) and (mask.height, mask.width) != size:
        yield f"a mask of size {value['size']} {of}", f"{list(size)}, as its image has"


def outline_faults(outline: Any, of: str) -> Iterator[Wrong]:  # noqa: ANN401 - what JSON holds
    """What is wrong with one outline: x, y, x, y, ..."""
    whole = isinstance(outline, list | array) and len(outline) % 2 == 0
    if not whole or not all(map(is_number, outline)):
        yield f"{shown_value(outline)} as an outline {of}", "x and y of each corner"
