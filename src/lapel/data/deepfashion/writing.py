"""DeepFashion's lists, line by line as the benchmark writes them.

Widths and header lines are those of the public copies: names of images fill 71 columns, of
attributes 29, of categories 15, of the fine attributes 21; numbers of coordinates have three
digits, answers are right-aligned in two. Some lines of the list of attributes end in blanks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lapel.data.deepfashion.names import Named
from lapel.data.deepfashion.places import CUT, HIDDEN, VISIBLE
from lapel.data.deepfashion.sheet import STATUS_OF, Sheet, SheetRow
from lapel.data.deepfashion.text import clothes_landmarks
from lapel.schema.annotation import Label, Tags
from lapel.schema.geometry import Box, Landmarks

IMAGE_WIDTH, ATTRIBUTE_WIDTH, CATEGORY_WIDTH, FINE_WIDTH = 71, 29, 15, 21

#: Attributes whose line ends in blanks in the benchmark's own list, and in how many here: there
#: they are 1 to 23, and one after "grunge".
TRAILING_BLANKS = {"chenille": 23, "coated": 12, "grunge": 1}

LANDMARKS_HEADER = "image_name  clothes_type  " + "  ".join(
    f"landmark_visibility_{n}  landmark_location_x_{n}  landmark_location_y_{n}"
    for n in range(1, 9)
)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Lines with LF at the end of each.

    Raises:
        OSError: the disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def name_list(named: Sequence[Named], what: str, width: int) -> Iterator[str]:
    """A list of names and types: ``what`` is ``category`` or ``attribute``."""
    yield str(len(named))
    yield f"{what}_name  {what}_type"
    for name, number in named:
        yield f"{padded(name, width)}{number}" + " " * TRAILING_BLANKS.get(name, 0)


def fine_name_list(named: Sequence[Named]) -> Iterator[str]:
    """The fine list of attributes: a blank after the count, and other widths."""
    yield f"{len(named)} "
    yield "attribute_name   attribute_type"
    for name, number in named:
        yield f"{padded(name, FINE_WIDTH)}{number}"


def image_list(rows: Sequence[SheetRow], header: str, values: Iterable[str]) -> Iterator[str]:
    """A list of an image a row."""
    yield str(len(rows))
    yield header
    for row, value in zip(rows, values, strict=True):
        yield padded(row.place, IMAGE_WIDTH) + value


def category_list(sheet: Sheet) -> Iterator[str]:
    """``list_category_img.txt``."""
    header = padded("image_name", IMAGE_WIDTH) + "category_label"
    numbers = {named.name: str(place) for place, named in enumerate(sheet.categories, start=1)}
    return image_list(sheet.rows, header, (numbers[row.category] for row in sheet.rows))


def partition_list(sheet: Sheet) -> Iterator[str]:
    """``list_eval_partition.txt``."""
    values = (STATUS_OF[row.split] for row in sheet.rows)
    return image_list(sheet.rows, "image_name  evaluation_status", values)


def box_list(sheet: Sheet) -> Iterator[str]:
    """``list_bbox.txt``."""
    values = (box_words(row.box) for row in sheet.rows)
    return image_list(sheet.rows, "image_name  x_1  y_1  x_2  y_2", values)


def landmark_list(sheet: Sheet) -> Iterator[str]:
    """``list_landmarks.txt``; its rows end in a blank."""
    values = (landmark_words(row.clothes, row.landmarks) for row in sheet.rows)
    return image_list(sheet.rows, LANDMARKS_HEADER, values)


def answer_list(sheet: Sheet) -> Iterator[str]:
    """``list_attr_img.txt``: 1, -1 or 0 for every attribute."""
    places = {named.name: place for place, named in enumerate(sheet.attributes)}
    lines = (answer_words(row.labels, places) for row in sheet.rows)
    return image_list(sheet.rows, "image_name  attribute_labels", lines)


def answer_words(labels: Mapping[str, Label], places: Mapping[str, int]) -> str:
    """The answers of a row, each right-aligned in two columns."""
    words = ["-1"] * len(places)
    return " ".join(answers(labels, places, words, yes=" 1", unknown=" 0"))


def answers(
    labels: Mapping[str, Label],
    places: Mapping[str, int],
    words: list[str],
    *,
    yes: str,
    unknown: str,
) -> list[str]:
    """Words of a row with those of tags put in their places."""
    for label in labels.values():
        if isinstance(label, Tags):
            for tag in label.yes:
                words[places[tag]] = yes
            for tag in label.unknown:
                words[places[tag]] = unknown
    return words


def box_words(box: Box) -> str:
    """Upper left and lower right corner."""
    return " ".join(coordinate(side) for side in (box.left, box.top, box.right, box.bottom))


def landmark_words(clothes: int, landmarks: Landmarks) -> str:
    """A type of clothes, then visibility, x and y of each of its landmarks."""
    words = [f" {clothes} "]
    for name in clothes_landmarks(clothes):
        code, x, y = triple(landmarks, name)
        words.append(f"{code:2d} {coordinate(x)} {coordinate(y)} ")
    return "".join(words)


def triple(landmarks: Landmarks, name: str) -> tuple[int, float, float]:
    """Visibility, x and y of one landmark; one of which nobody knows is hidden at 0, 0."""
    if name in landmarks.points:
        point = landmarks.points[name]
        return VISIBLE if point.visible else HIDDEN, point.x, point.y
    return (CUT if name in landmarks.cut else HIDDEN), 0, 0


def coordinate(value: float) -> str:
    """A coordinate as the lists have it: whole, three digits."""
    return f"{round(value):03d}"


def padded(name: str, width: int) -> str:
    """A name in its column; a blank follows in any case."""
    return name.ljust(width) if len(name) < width else f"{name} "
