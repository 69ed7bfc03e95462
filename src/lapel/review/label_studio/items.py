"""Results of Label Studio, made item by item: places are percent of the picture's size.

Form: ``result`` of an annotation or a prediction, documentation of Label Studio 1.23, "Export
annotations"; each type as its editor reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.review.label_studio.brush import encode_brush
from lapel.review.label_studio.config import Control
from lapel.schema.garments import Point
from lapel.schema.geometry import Box

#: A point is drawn so wide, in percent of the picture's width.
_POINT_WIDTH = 0.6

Item = dict[str, Any]


class Items:
    """The results of one annotation or prediction.

    Attributes:
        each: in order.
        width: of the upright picture, in pixels.
        height: likewise.
    """

    def __init__(self, width: int, height: int) -> None:
        self.each: list[Item] = []
        self.width = width
        self.height = height
        self._regions = 0

    def choose(
        self,
        control: Control,
        labels: Sequence[str],
        *,
        region: str | None = None,
        score: float | None = None,
    ) -> None:
        """Labels of choices, a taxonomy or a rating; of the photo, or of a region."""
        if control.type == "rating":
            value: Item = {"rating": int(labels[0])}
        elif control.type == "taxonomy":
            value = {"taxonomy": [list(control.path_of(label)) for label in labels]}
        else:
            value = {"choices": list(labels)}
        found = self._item(control, value, score)
        if region is not None:
            found |= {"id": region} | self._size()
        self.each.append(found)

    def point(
        self,
        control: Control,
        label: str,
        place: Point,
        *,
        parent: str | None = None,
        score: float | None = None,
    ) -> str:
        """A key point; its region's name."""
        x, y = self._percent(place)
        value = {"x": x, "y": y, "width": _POINT_WIDTH}
        return self._region(control, label, value, parent, score)

    def box(
        self,
        control: Control,
        label: str,
        box: Box,
        *,
        parent: str | None = None,
        score: float | None = None,
    ) -> str:
        """A rectangle; its region's name."""
        left, top = self._percent((box.left, box.top))
        right, bottom = self._percent((box.right, box.bottom))
        value = {"x": left, "y": top, "width": right - left, "height": bottom - top, "rotation": 0}
        return self._region(control, label, value, parent, score)

    def outline(
        self,
        control: Control,
        label: str,
        corners: Sequence[Point],
        *,
        parent: str | None = None,
        score: float | None = None,
    ) -> str:
        """A closed polygon; its region's name."""
        value = {"points": [list(self._percent(corner)) for corner in corners], "closed": True}
        return self._region(control, label, value, parent, score)

    def mask(
        self,
        control: Control,
        label: str,
        mask: NDArray[np.bool_],
        *,
        parent: str | None = None,
        score: float | None = None,
    ) -> str:
        """What a brush painted; its region's name."""
        value = {"format": "rle", "rle": encode_brush(mask)}
        return self._region(control, label, value, parent, score)

    def _region(
        self, control: Control, label: str, value: Item, parent: str | None, score: float | None
    ) -> str:
        self._regions += 1
        name = f"lapel{self._regions}"
        found = self._item(control, value | {control.type: [label]}, score)
        found |= {"id": name} | self._size()
        if parent is not None:
            found["parentID"] = parent
        self.each.append(found)
        return name

    def _item(self, control: Control, value: Item, score: float | None) -> Item:
        found: Item = {
            "from_name": control.name,
            "to_name": control.image,
            "type": control.type,
            "value": value,
        }
        return found if score is None else found | {"score": round(float(score), 4)}

    def _size(self) -> Item:
        return {
            "original_width": self.width,
            "original_height": self.height,
            "image_rotation": 0,
        }

    def _percent(self, place: Point) -> tuple[float, float]:
        """A place in the picture; the nearest one of its edge where it lies outside."""
        x, y = place
        across, down = 100.0 * x / self.width, 100.0 * y / self.height
        return min(max(across, 0.0), 100.0), min(max(down, 0.0), 100.0)
