"""DeepFashion2's 13 categories and their 294 landmarks.

The table is ``keypoints.tsv``, which names its source. Landmarks have no names but
numbers; each category has its own, in a row of all 294 (Ge et al., CVPR 2019, figure 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

from lapel.data.sketch.landmarks import POINTS

KEYPOINTS_FILE = "keypoints.tsv"

#: How many landmarks all categories have together.
KEYPOINTS = 294


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A category of DeepFashion2.

    Attributes:
        number: its id, from 1.
        name: as the annotations write it.
        coco_name: as the COCO conversion writes it.
        first: where its landmarks begin among the 294, from 0.
        sigmas: how far people differ about each of its landmarks, for OKS.
    """

    number: int
    name: str
    coco_name: str
    first: int
    sigmas: tuple[float, ...]

    @property
    def count(self) -> int:
        """How many landmarks it has."""
        return len(self.sigmas)


@cache
def categories() -> tuple[Category, ...]:
    """The 13, in the order of their numbers."""
    text = resources.files(__package__).joinpath(KEYPOINTS_FILE).read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = [line.split("\t") for line in lines[1:]]
    found = []
    for number in range(1, 14):
        own = [row for row in rows if int(row[1]) == number]
        found.append(
            Category(
                number=number,
                name=own[0][2],
                coco_name=own[0][3],
                first=int(own[0][0]),
                sigmas=tuple(float(row[5]) for row in own),
            )
        )
    return tuple(found)


def point_names() -> dict[str, tuple[str, ...]]:
    """Category to the names of its landmarks, in the order of their numbers; 294 different names.

    DeepFashion2 numbers its landmarks and names none. The names are those of Lapel's drawn
    garments, after their category.
    """
    return POINTS
