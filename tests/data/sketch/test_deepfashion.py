"""Drawn garments in DeepFashion's words and layouts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lapel.data.cleaning.shipped import choose_rules
from lapel.data.dataset import Dataset
from lapel.data.deepfashion.names import ATTRIBUTE_TASKS, official_attributes, official_categories
from lapel.data.deepfashion.schema import FINE_TASKS, coarse_schema
from lapel.data.deepfashion.text import clothes_landmarks
from lapel.data.export import export_dataset
from lapel.data.readers.deepfashion_coarse import read_deepfashion_coarse
from lapel.data.readers.deepfashion_fine import read_deepfashion_fine
from lapel.data.sketch.deepfashion import drawn_coarse_sheet, planted
from lapel.data.sketch.deepfashion_words import (
    ATTRIBUTES,
    CATEGORIES,
    SYNONYMS,
    drawn_category,
    holds,
    seen_words,
)
from lapel.data.sketch.landmarks import LANDMARKS
from lapel.data.sketch.picture import Options
from lapel.data.sketch.records import read_records
from lapel.data.sketch.vocabulary import KINDS
from lapel.data.sketch.writing import sketch_dataset
from lapel.schema.annotation import Tags
from lapel.schema.errors import UsageError
from lapel.schema.geometry import Landmarks

PICTURES = 150


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "drawn"
    return sketch_dataset(folder, PICTURES, options=Options(seed=3, size=48)).folder


def test_all_words_are_deepfashions_own() -> None:
    types = dict(official_attributes())
    assert set(ATTRIBUTES) <= types.keys()
    assert {c for rules in CATEGORIES.values() for c in rules.values()} <= dict(
        official_categories()
    ).keys()
    assert list(CATEGORIES) == [kind.name for kind in KINDS]
    every = [name for name, others in SYNONYMS.items() for name in (name, *others)]
    assert len(set(every)) == len(every)
    for name, others in SYNONYMS.items():
        assert name in ATTRIBUTES
        assert {types[other] for other in others} == {types[name]}
        assert not set(others) & set(ATTRIBUTES)


def test_synonyms_are_those_that_the_shipped_rules_join() -> None:
    schema = coarse_schema(official_categories(), official_attributes())
    joined = {
        frozenset((kept, *others))
        for one in choose_rules("deepfashion", schema, tier="A").rules.values()
        for kept, others in one.merge.items()
    }
    assert {frozenset((name, *others)) for name, others in SYNONYMS.items()} <= joined
    # Whatever else is drawn is one thing a name.
    assert all(len(group & set(ATTRIBUTES)) <= 1 for group in joined)


def test_every_rule_holds_for_some_drawn_garment(drawn: Path) -> None:
    words = [seen_words(record["garments"][0])[0] for record in read_records(drawn)]
    often = {name: sum(holds(rule, one) for one in words) for name, rule in ATTRIBUTES.items()}
    never = [name for name, count in often.items() if count == 0]
    # A hundred and fifty garments do not show everything; most rules are no rarities.
    assert len(never) < len(ATTRIBUTES) / 6, never
    categories = {drawn_category(record["garments"][0]) for record in read_records(drawn)}
    assert len(categories) > 20


def test_a_drawn_benchmark_is_read_as_it_was_drawn(drawn: Path, tmp_path: Path) -> None:
    export_dataset("deepfashion-coarse", drawn, tmp_path / "out")
    reading = read_deepfashion_coarse(tmp_path / "out")
    dataset = Dataset.open(drawn)
    assert len(reading.annotations) == PICTURES
    assert [row.split for row in reading.annotations] == dataset.table["split"].to_list()
    types = dict(official_categories())
    for row, record in zip(reading.annotations, read_records(drawn), strict=True):
        garment = record["garments"][0]
        words, unsure = seen_words(garment)
        texture = row.labels["texture"]
        assert isinstance(texture, Tags)
        assert ("stripe" in texture.yes) == ("texture striped" in words)
        part = row.labels["part"]
        assert isinstance(part, Tags)
        assert ("hood" in part.yes) == ("tag hood" in words)
        assert ("hood" in part.unknown) == ("tag hood" in unsure)
        found = row.labels["landmarks"]
        assert isinstance(found, Landmarks)
        assert set(found.names) == set(clothes_landmarks(types[str(row.labels["category"])]))
        assert row.box is not None
        assert [row.box.left, row.box.top, row.box.right, row.box.bottom] == garment["box"]
        near_drawn(found, garment)


def near_drawn(found: Landmarks, garment: dict[str, object]) -> None:
    """Each point lies within a pixel of one that was drawn, on its side and as it is seen."""
    points = garment["landmarks"]
    assert isinstance(points, list)
    names = LANDMARKS[str(garment["category"])]
    for name, point in found.points.items():
        side = name.split(" ")[0]
        assert any(
            abs(point.x - max(x, 0.5)) <= 0.51
            and abs(point.y - max(y, 0.5)) <= 0.51
            and point.visible == (seen == 2)
            and drawn_name.endswith(side)
            for drawn_name, (x, y, seen) in zip(names, points, strict=True)
        )


def test_duplicates_are_planted_one_name_a_picture(drawn: Path, tmp_path: Path) -> None:
    done = export_dataset("deepfashion-coarse", drawn, tmp_path / "out", duplicates=True)
    assert "which names are one: planted_duplicates.json" in done.notes
    assert json.loads((tmp_path / "out/planted_duplicates.json").read_text()) == planted()
    split = read_deepfashion_coarse(tmp_path / "out")
    whole = drawn_coarse_sheet(Dataset.open(drawn))
    used: dict[str, set[str]] = {name: set() for name in SYNONYMS}
    for mine, row in zip(split.annotations, whole.rows, strict=True):
        for task in ATTRIBUTE_TASKS:
            with_names, plain = mine.labels[task], row.labels[task]
            assert isinstance(with_names, Tags)
            assert isinstance(plain, Tags)
            assert len(with_names.yes) == len(plain.yes)
            for name in plain.yes:
                (chosen,) = {name, *SYNONYMS.get(name, ())} & set(with_names.yes)
                if name in SYNONYMS:
                    used[name].add(chosen)
    assert used["stripe"] == {"stripe", "striped", "stripes"}
    assert used["trim"] == {"trim", "trimmed"}
    again = drawn_coarse_sheet(Dataset.open(drawn), duplicates=True)
    assert [row.labels for row in again.rows] == [
        {task: row.labels[task] for task in ATTRIBUTE_TASKS} for row in split.annotations
    ]
    other = drawn_coarse_sheet(Dataset.open(drawn), duplicates=True, seed=1)
    assert [row.labels for row in other.rows] != [row.labels for row in again.rows]


def test_fine_groups_are_drawn_as_fine(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="import sketch --attributes fine"):
        export_dataset("deepfashion-fine", drawn, tmp_path / "none")
    options = Options(seed=3, size=48, attributes="fine")
    fine = sketch_dataset(tmp_path / "fine", 20, options=options)
    export_dataset("deepfashion-fine", fine.folder, tmp_path / "out")
    with pytest.raises(UsageError, match="import sketch --attributes plain"):
        export_dataset("deepfashion-coarse", fine.folder, tmp_path / "none")
    reading = read_deepfashion_fine(tmp_path / "out")
    # Rows come split by split; each picture lies in a folder of what it shows.
    order = [n for split in ("train", "validation", "test") for n in rows_of(fine, split)]
    for row, number in zip(reading.annotations, order, strict=True):
        assert [row.labels[task] for task in FINE_TASKS] == [
            fine.labels(task)[number] for task in FINE_TASKS
        ]


def rows_of(dataset: Dataset, split: str) -> list[int]:
    return [number for number, its in enumerate(dataset.table["split"]) if its == split]
