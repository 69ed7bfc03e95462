"""People's answers become labels of the dataset, with who and when, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.importing import import_dataset
from lapel.data.reading.label_list import read_label_list
from lapel.data.reviewed import import_review
from lapel.review.records import Given, Proposed
from lapel.review.store import ReviewStore
from lapel.review.values import Value, value_of
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.errors import DatasetError, FormatError, StorageError, UsageError
from lapel.schema.garments import Garment, Garments
from lapel.schema.geometry import Landmark, Landmarks
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import ClassMap

SCHEMA = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=("dress", "hat")),
        TaskSpec(name="details", kind="multi_label", labels=("lace", "zip")),
        TaskSpec(name="places", kind="landmarks", labels=("hem", "collar")),
        TaskSpec(name="parts", kind="segmentation", labels=("background", "cloth")),
        TaskSpec(name="garments", kind="garments", labels=("dress", "hat")),
    )
)
WIDTH, HEIGHT = 8, 6
IMAGES = ("0.png", "1.png", "2.png")

Answers = dict[str, Value]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, name in enumerate(IMAGES):
        Image.new("RGB", (WIDTH, HEIGHT), (40 * number, 9, 9)).save(photos / name)
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    made = create_dataset(
        tmp_path / "dataset",
        name="clothes",
        schema=SCHEMA,
        annotations=[
            Annotation(image="0.png", labels={"category": "hat", "details": Tags(("zip",))}),
            Annotation(image="1.png", labels={"category": "dress"}),
            Annotation(image="2.png", labels={}),
        ],
        images=photos,
        garments={"1.png": [Garment(part="hat", box=(0, 0, 4, 4))]},
        masks={"parts": {"0.png": ClassMap(pixels, ("background", "cloth"))}},
        benchmark="clothes-benchmark",
    )
    return made.folder


def answer(folder: Path, *said: tuple[str, str, Answers], overlap: int = 1) -> None:
    """What people said in a round of its own, one after another."""
    with ReviewStore(folder / "review.sqlite") as store:
        pictures = [Proposed(image=name, size=(WIDTH, HEIGHT)) for name in IMAGES]
        store.begin_round(pictures, tasks=SCHEMA, overlap=overlap)
        first = min(store.waiting("nobody"))
        for image, who, values in said:
            item = first + IMAGES.index(image)
            given = {task: Given(value=one, verdict="given") for task, one in values.items()}
            store.submit(item, who, given, revision=store.revision(item, who))


def everything() -> Answers:
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[2:] = 1
    labels: dict[str, Label] = {
        "category": "dress",
        "details": Tags(("lace",)),
        "places": Landmarks({"hem": Landmark(3.5, 5.0, visible=False)}),
        "parts": ClassMap(pixels, ("background", "cloth")),
        "garments": Garments((Garment(part="dress", box=(1, 1, 5, 4)),)),
    }
    return {task: value_of(label) for task, label in labels.items()}


def labels(folder: Path, image: str) -> dict[str, Any]:
    opened = Dataset.open(folder)
    row = opened.names().index(image)
    return {spec.name: value_of(opened.labels(spec.name)[row]) for spec in opened.schema}


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "review.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_kind_of_answer_becomes_a_label(dataset: Path) -> None:
    said = everything()
    answer(dataset, ("0.png", "mina", said))
    merged = import_review(dataset)
    assert (merged.images, merged.answers, merged.changed) == (1, 5, 5)
    assert merged.people == {"mina": 5}
    assert labels(dataset, "0.png") == said
    assert labels(dataset, "1.png")["category"] == "dress"
    assert labels(dataset, "1.png")["garments"][0]["part"] == "hat"
    assert Dataset.open(dataset).description.benchmark == "clothes-benchmark-cleaned"


def test_who_and_when_stand_beside_and_the_table_before_is_kept(dataset: Path) -> None:
    before = pl.read_parquet(dataset / "annotations.parquet")
    answer(dataset, ("0.png", "mina", {"category": "dress", "parts": everything()["parts"]}))
    import_review(dataset)
    category, parts = lines(dataset)
    assert (category["image"], category["value"], category["former"]) == ("0.png", "dress", "hat")
    (opinion,) = category["opinions"]
    assert opinion["annotator"] == "mina"
    assert opinion["answered_at"].endswith("+00:00")
    assert parts["task"] == "parts"
    assert pl.read_parquet(dataset / "former_annotations.parquet").equals(before)
    # The map as it was lies where it lay.
    assert np.asarray(Image.open(dataset / before["parts"][0])).sum() == 0
    assert Dataset.open(dataset).table["parts"][0] != before["parts"][0]


def test_the_same_answers_twice_change_nothing(dataset: Path) -> None:
    answer(dataset, ("0.png", "mina", everything()))
    import_review(dataset)
    before = contents(dataset)
    again = import_review(dataset)
    assert again.changed == 0
    assert contents(dataset) == before


def contents(folder: Path) -> dict[Path, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if "sqlite" not in path.name}


def test_the_newest_round_counts(dataset: Path) -> None:
    answer(dataset, ("0.png", "mina", {"category": "dress"}))
    answer(dataset, ("0.png", "jun", {"category": "hat"}), ("1.png", "jun", {"category": "hat"}))
    import_review(dataset)
    assert labels(dataset, "0.png")["category"] == "hat"
    assert [line["image"] for line in lines(dataset)] == ["0.png", "1.png"]


def test_a_new_dataset_leaves_the_old_one_alone(dataset: Path, tmp_path: Path) -> None:
    answer(dataset, ("2.png", "mina", {"category": "hat"}))
    before = {path.name: path.read_bytes() for path in dataset.glob("*.parquet")}
    merged = import_review(dataset, out=tmp_path / "elsewhere" / "new", only_labelled=True)
    assert merged.dataset.names() == ["0.png", "1.png", "2.png"]
    assert labels(merged.dataset.folder, "2.png")["category"] == "hat"
    assert merged.dataset.pixels("2.png").shape == (HEIGHT, WIDTH, 3)
    assert not (merged.dataset.folder / "review.sqlite").exists()
    assert {path.name: path.read_bytes() for path in dataset.glob("*.parquet")} == before


def test_photos_without_a_label_may_be_left_out_of_a_new_dataset(
    dataset: Path, tmp_path: Path
) -> None:
    answer(dataset, ("0.png", "mina", {"category": "hat"}))
    merged = import_review(dataset, out=tmp_path / "labelled", only_labelled=True)
    assert merged.dataset.names() == ["0.png", "1.png"]
    with pytest.raises(UsageError, match="name a folder for it with --out"):
        import_review(dataset, only_labelled=True)


def test_ties_stay_open_and_are_listed(dataset: Path) -> None:
    lace, both = {"yes": ["lace"], "unknown": []}, {"yes": ["lace", "zip"], "unknown": []}
    answer(
        dataset,
        ("0.png", "mina", {"category": "dress", "details": lace}),
        ("0.png", "jun", {"category": "hat", "details": both}),
        ("1.png", "mina", {"category": "hat"}),
        ("1.png", "jun", {"category": "hat"}),
        overlap=2,
    )
    merged = import_review(dataset)
    assert merged.open == [("0.png", "category", ("",)), ("0.png", "details", ("zip",))]
    assert labels(dataset, "0.png")["category"] == "hat"  # as it was
    assert labels(dataset, "0.png")["details"] == {"yes": ["lace"], "unknown": ["zip"]}
    assert labels(dataset, "1.png")["category"] == "hat"
    import_review(dataset, several="last")
    assert labels(dataset, "0.png")["details"] == both


def test_what_does_not_fit_any_more_is_refused_as_a_whole(dataset: Path) -> None:
    answer(dataset, ("0.png", "mina", {"category": "hat"}), ("1.png", "mina", {"category": "sock"}))
    before = (dataset / "annotations.parquet").read_bytes()
    with pytest.raises(FormatError, match=r"1.png: task 'category' has no label 'sock'"):
        import_review(dataset)
    assert (dataset / "annotations.parquet").read_bytes() == before
    assert not (dataset / "review.jsonl").exists()


def test_without_answers_there_is_nothing_to_take_in(dataset: Path) -> None:
    with pytest.raises(StorageError, match="nobody has answered yet"):
        import_review(dataset)
    answer(dataset)
    with pytest.raises(DatasetError, match="no answer about a photo"):
        import_review(dataset)
    with pytest.raises(UsageError, match="majority or last"):
        import_review(dataset, several="mean")


def test_photos_without_labels_wait_for_answers(tmp_path: Path) -> None:
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    Image.new("RGB", (5, 5)).save(tmp_path / "photos" / "deep" / "a.png")
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    (tmp_path / "labels.yaml").write_text(
        "category: [dress, hat]\ndetails: {any of: [lace]}\nplaces: {points: [hem]}\n"
    )
    schema = read_label_list(tmp_path / "labels.yaml")
    assert [spec.kind for spec in schema] == ["single_label", "multi_label", "landmarks"]
    made = import_dataset("unlabelled", tmp_path / "photos", tmp_path / "dataset", schema=schema)
    assert made.names() == ["deep/a.png"]
    assert made.labels("category") == [None]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "found None"),
        ("category: dress", "found 'category': 'dress'"),
        ("category: [dress, dress]", "names these labels twice: dress"),
        ("category: [yes, no]", "found 'category': \\[True, False\\]"),
        ("category: {some of: [a]}", "expected NAME: "),
        ("category: [a", "found text that is no YAML"),
        ("!!python/object/apply:os.system [ls]", "found text that is no YAML"),
    ],
)
def test_a_list_of_labels_that_is_none_is_refused(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "labels.yaml").write_text(text)
    with pytest.raises(FormatError, match=says):
        read_label_list(tmp_path / "labels.yaml")
