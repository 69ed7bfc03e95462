"""What is kept beside a dataset's table: places in pictures, and English words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lapel.data.garments import (
    GARMENTS_FILE,
    outside_faults,
    read_garments,
    write_garments,
)
from lapel.data.glossary import GLOSSARY_FILE, read_glossary, write_glossary
from lapel.data.reading.on_demand import OnDemand
from lapel.schema.errors import DatasetError
from lapel.schema.garments import Garment
from lapel.schema.run_lengths import RunLengths

NUMBERS = st.integers(-9, 5000) | st.floats(-9, 5000, allow_nan=False)
POINTS = st.tuples(NUMBERS, NUMBERS)
GARMENTS = st.builds(
    Garment,
    part=st.text(max_size=5),
    box=st.none() | st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    points=st.lists(st.none() | POINTS, max_size=4).map(tuple),
    hidden=st.lists(st.integers(0, 3), max_size=2).map(tuple),
    outlines=st.lists(st.lists(POINTS, max_size=4).map(tuple), max_size=2).map(tuple),
    mask=st.sampled_from([None, RunLengths(2, 3, (1, 4, 1)), RunLengths(2, 3, "141")]),
    attributes=st.lists(st.text(max_size=3), max_size=2).map(tuple),
    facts=st.dictionaries(st.text(max_size=3), NUMBERS | st.text(max_size=3), max_size=2),
)
#: What JSON and files can hold: no half of a surrogate pair.
IMAGES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(garments=st.dictionaries(IMAGES, st.lists(GARMENTS, max_size=2).map(tuple), max_size=3))
def test_places_come_back_as_they_were(
    garments: dict[str, tuple[Garment, ...]], tmp_path: Path
) -> None:
    write_garments(tmp_path, garments)
    assert read_garments(tmp_path) == garments
    assert list(read_garments(tmp_path)) == list(garments)


def test_what_lies_outside_a_picture_is_named() -> None:
    garment = Garment(points=(None, (4.0, 5.0), (4.0, 8.5)))
    assert garment.outside(5, 6) == "landmark 3 at 4, 8.5"
    assert garment.outside(5, 8) == ""
    # Layouts that count from 1 name the pixel after the last.
    assert Garment(box=(1, 1, 5, 6)).outside(5, 6) == ""
    faults = list(outside_faults({"a.jpg": [Garment(box=(1, 1, 6, 2))]}, [("a.jpg", 5, 6)]))
    assert [str(fault) for fault in faults] == [
        "a.jpg: found a box from 1, 1 to 7, 3, expected it inside the picture of 5 × 6 pixels"  # noqa: RUF001 - as it is shown
    ]


@pytest.mark.parametrize(
    "line",
    ["", "[]", '{"image": "a"}', '{"image": "a", "garments": [{"part": "x"}]}', "NaN", '{"image":'],
)
def test_a_file_of_places_that_was_changed_is_refused(line: str, tmp_path: Path) -> None:
    write_garments(tmp_path, {"a.jpg": [Garment(part="top")]})
    path = tmp_path / GARMENTS_FILE
    path.write_text(path.read_text() + line + "\n")
    if not line:
        assert list(read_garments(tmp_path)) == ["a.jpg"]
        return
    with pytest.raises(DatasetError, match=r"garments\.jsonl, line 2, could not be read"):
        read_garments(tmp_path)


def test_a_dataset_without_either_has_none(tmp_path: Path) -> None:
    assert read_garments(tmp_path) == {}
    assert read_glossary(tmp_path) == {}


def test_a_glossary_comes_back_and_is_refused_when_it_was_changed(tmp_path: Path) -> None:
    write_glossary(tmp_path, {"상의": "top", "상의=탑": "top"})
    assert read_glossary(tmp_path) == {"상의": "top", "상의=탑": "top"}
    (tmp_path / GLOSSARY_FILE).write_text('{"a": 1}')
    with pytest.raises(DatasetError, match="expected an object of texts"):
        read_glossary(tmp_path)
    (tmp_path / GLOSSARY_FILE).write_text("{")
    with pytest.raises(DatasetError, match="could not be read"):
        read_glossary(tmp_path)


def test_garments_of_a_great_many_images_are_made_when_they_are_asked_for(tmp_path: Path) -> None:
    asked: list[str] = []

    def make(image: str) -> tuple[Garment, ...]:
        asked.append(image)
        return (Garment(part=image),)

    garments = OnDemand(["a.jpg", "b.jpg"], make)
    assert (len(garments), list(garments), "b.jpg" in garments) == (2, ["a.jpg", "b.jpg"], True)
    assert garments.get("c.jpg") is None
    assert asked == []
    write_garments(tmp_path, garments)
    assert asked == ["a.jpg", "b.jpg"]
    assert read_garments(tmp_path)["b.jpg"] == (Garment(part="b.jpg"),)
