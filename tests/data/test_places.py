"""Boxes and landmarks that cannot be right are found, and the others are shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lapel.data.checking.check import check_dataset
from lapel.data.checking.findings import Finding
from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.exploring.explore import explore_dataset
from lapel.schema.annotation import Annotation
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import Schema, TaskSpec

NAMES = ("left collar", "right collar", "left hem")


def write(
    folder: Path, rows: Sequence[tuple[Box | None, Landmarks | None]], *, landmarks: bool = True
) -> Dataset:
    """Pictures of 40 x 30, all different, with these boxes and landmarks."""
    random = np.random.default_rng(0)
    kind = TaskSpec(name="category", kind="single_label", labels=("shirt", "skirt"))
    spec = TaskSpec(name="landmarks", kind="landmarks", labels=NAMES)
    return create_dataset(
        folder,
        name="places",
        schema=Schema((kind, spec) if landmarks else (kind,)),
        annotations=[
            Annotation(
                image=f"images.npy#{row}",
                labels={"category": kind.labels[row % 2]}
                | ({"landmarks": label} if landmarks else {}),
                split=("train", "train", "validation", "validation")[row % 4],
                box=box,
            )
            for row, (box, label) in enumerate(rows)
        ],
        images=random.integers(0, 256, (len(rows), 30, 40, 3), dtype=np.uint8),
    )


def found(folder: Path) -> dict[str, Finding]:
    return {one.kind: one for one in check_dataset(folder).findings}


def sound(count: int) -> list[tuple[Box | None, Landmarks | None]]:
    points = {name: Landmark(10.0 + place, 12.0) for place, name in enumerate(NAMES)}
    return [(Box(5, 5, 20, 20), Landmarks(points)) for _ in range(count)]


def test_sound_places_have_no_findings(tmp_path: Path) -> None:
    dataset = write(tmp_path / "set", sound(8))
    assert found(dataset.folder) == {}


def test_boxes(tmp_path: Path) -> None:
    rows = sound(8)
    rows[0] = (Box(100, 5, 20, 20), rows[0][1])
    rows[1] = (Box(30, 20, 20, 20), rows[1][1])
    rows[2] = (None, rows[2][1])
    rows[3] = (Box(0, 0, 41, 31), rows[3][1])  # a layout that counts its pixels from 1
    findings = found(write(tmp_path / "set", rows).folder)
    assert findings["box_outside"].severity == "fault"
    assert findings["box_outside"].examples == ("images.npy#0 (40 x 30): 100, 5 to 120, 25",)
    assert findings["box_over_edge"].examples == ("images.npy#1 (40 x 30): 30, 20 to 50, 40",)
    assert findings["box_missing"].examples == ("images.npy#2",)


def test_landmarks(tmp_path: Path) -> None:
    rows = sound(8)
    box = Box(5, 5, 20, 20)
    rows[0] = (box, Landmarks({"left collar": Landmark(60, 10)}))
    rows[1] = (None, Landmarks({"right collar": Landmark(0, 0)}))
    rows[2] = (box, Landmarks({"left hem": Landmark(35, 10)}))
    rows[3] = (box, Landmarks({"left hem": Landmark(26, 10)}))  # just beside it
    rows[4] = (box, Landmarks({}, cut=NAMES))
    rows[5] = (box, None)
    findings = found(write(tmp_path / "set", rows).folder)
    assert findings["landmark_outside"].examples == (
        "images.npy#0 (40 x 30): left collar at 60, 10",
    )
    assert findings["landmark_in_corner"].examples == (
        "images.npy#1 (40 x 30): right collar at 0, 0",
    )
    assert findings["landmark_outside_box"].examples == (
        "images.npy#2 (40 x 30): left hem at 35, 10, the box is 5, 5 to 25, 25",
    )
    assert {findings[kind].severity for kind in findings} == {"warning"}


@pytest.mark.parametrize("landmarks", [True, False])
def test_they_are_to_be_seen(tmp_path: Path, *, landmarks: bool) -> None:
    dataset = write(tmp_path / "set", sound(8), landmarks=landmarks)
    page = explore_dataset(dataset.folder, tmp_path / "page.html").read_text()
    assert ("Where landmarks are" in page) is landmarks
    assert ("<h2>Boxes</h2>" in page) is not landmarks
    assert page.count('alt="images.npy#') == 8
    assert ("left collar" in page) is landmarks
