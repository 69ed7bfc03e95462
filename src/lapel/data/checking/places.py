"""What is wrong with the places that a dataset knows: boxes of garments, landmarks."""

from __future__ import annotations

from collections.abc import Iterator

from lapel.data.checking.findings import Finding, finding
from lapel.data.dataset import Dataset
from lapel.schema.garments import SLACK
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import TaskSpec

#: A landmark so far outside its box, in widths and heights of it, is no rounding.
FAR_OUTSIDE = 0.1


def place_findings(dataset: Dataset) -> Iterator[Finding]:
    """Boxes and landmarks outside their pictures, landmarks outside their boxes."""
    boxes = dataset.boxes()
    yield from _box_findings(dataset, boxes)
    for task in dataset.schema:
        if task.kind == "landmarks":
            yield from _landmark_findings(dataset, task, boxes)


def _box_findings(dataset: Dataset, boxes: list[Box | None]) -> Iterator[Finding]:
    outside, over, missing = [], [], []
    for (name, width, height), box in zip(_sizes(dataset), boxes, strict=True):
        if box is None:
            missing.append(name)
            continue
        about = f"{name} ({width} x {height}): {_words(box)}"
        if not _shows_something(box, width, height):
            outside.append(about)
        elif not _within(box, width, height):
            over.append(about)
    yield from finding(
        "box_outside",
        "fault",
        "boxes show nothing of their picture; correct them, or import again",
        outside,
    )
    yield from finding(
        "box_over_edge", "warning", "boxes reach over the edge of their picture", over
    )
    yield from finding(
        "box_missing",
        "warning",
        "images have no box, others do: models that look at the box see the whole of these",
        missing if len(missing) < len(boxes) else [],
    )


def _landmark_findings(
    dataset: Dataset, task: TaskSpec, boxes: list[Box | None]
) -> Iterator[Finding]:
    outside, corner, away = [], [], []
    rows = zip(_sizes(dataset), dataset.labels(task.name), boxes, strict=True)
    for (name, width, height), label, box in rows:
        if not isinstance(label, Landmarks):
            continue
        for word, point in label.points.items():
            about = f"{name} ({width} x {height}): {word} at {point.x:g}, {point.y:g}"
            if not _holds(Box(0, 0, width, height), point, SLACK, SLACK):
                outside.append(about)
            elif point.x == 0 and point.y == 0:
                corner.append(about)
            elif box is not None and not _near(box, point):
                away.append(f"{about}, the box is {_words(box)}")
    yield from finding(
        "landmark_outside",
        "warning",
        f"landmarks of '{task.name}' lie outside their picture; they take part in neither learning "
        "nor score",
        outside,
    )
    yield from finding(
        "landmark_in_corner",
        "warning",
        f"landmarks of '{task.name}' lie at 0, 0 exactly; if that means that there are none, they "
        "should be left out",
        corner,
    )
    yield from finding(
        "landmark_outside_box",
        "warning",
        f"landmarks of '{task.name}' lie far outside the box of their garment",
        away,
    )


def _sizes(dataset: Dataset) -> list[tuple[str, int, int]]:
    return dataset.table.select("image", "width", "height").rows()


def _words(box: Box) -> str:
    return f"{box.left:g}, {box.top:g} to {box.right:g}, {box.bottom:g}"


def _shows_something(box: Box, width: int, height: int) -> bool:
    """Whether a pixel or more of it lies in the picture, as preprocessing asks."""
    across = min(box.right, width) - max(box.left, 0.0)
    down = min(box.bottom, height) - max(box.top, 0.0)
    return across >= 1 and down >= 1


def _within(box: Box, width: int, height: int) -> bool:
    picture = Box(0, 0, width, height)
    corners = Landmark(box.left, box.top), Landmark(box.right, box.bottom)
    return all(_holds(picture, corner, SLACK, SLACK) for corner in corners)


def _near(box: Box, point: Landmark) -> bool:
    return _holds(box, point, FAR_OUTSIDE * box.width + SLACK, FAR_OUTSIDE * box.height + SLACK)


def _holds(box: Box, point: Landmark, across: float, down: float) -> bool:
    """Whether a point lies in a box that is wider by ``across`` and higher by ``down`` on each
    side.
    """
    in_width = box.left - across <= point.x <= box.right + across
    return in_width and box.top - down <= point.y <= box.bottom + down
