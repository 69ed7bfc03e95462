"""Datasets written for Label Studio, and its exports read: what is understood, what is left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from everything_asked import EVERYTHING
from label_studio_rig import annotation, item, write_export
from layout_writers import write_photo

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.export import export_dataset
from lapel.data.exporters.label_studio import UNKNOWN_PARTS, UNKNOWN_TASKS
from lapel.data.importing import import_dataset
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.errors import FormatError, UsageError
from lapel.schema.garments import Garment, Garments
from lapel.schema.geometry import Landmark, Landmarks
from lapel.schema.masks import ClassMap

WIDTH, HEIGHT = 24, 18


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Three photos: one with every label, one that has nothing on it, one of which nobody knows."""
    for place, name in enumerate(("a.png", "b.png", "c.png")):
        write_photo(tmp_path / "photos" / name, 40 * place + 9, width=WIDTH, height=HEIGHT)
    known: dict[str, Label] = {
        "category": 'a "best" <top> & co',
        "tags": Tags(("lace",)),
        "landmarks": Landmarks(
            {"left cuff": Landmark(3.5, 4.0), "right cuff": Landmark(20.0, 17.0, visible=False)}
        ),
    }
    nothing: dict[str, Label] = {"category": "dress", "tags": Tags(), "landmarks": Landmarks()}
    classes = np.zeros((HEIGHT, WIDTH), np.uint8)
    classes[4:9, 5:20] = 2
    labels = EVERYTHING["parsing"].labels
    top = Garment(
        part="top",
        box=(2.0, 3.0, 10.0, 12.0),
        points=((4.0, 5.0), None),
        outlines=(((2.0, 3.0), (12.0, 3.0), (7.0, 15.0)),),
    )
    crowd = Garment(part="skirt", box=(1.0, 1.0, 5.0, 5.0), facts={"iscrowd": 1})
    return create_dataset(
        tmp_path / "dataset",
        name="all",
        schema=EVERYTHING,
        annotations=[
            Annotation(image="a.png", labels=known, split="train"),
            Annotation(image="b.png", labels=nothing, split="validation"),
            Annotation(image="c.png", labels={}, split="test"),
        ],
        images=tmp_path / "photos",
        garments={"a.png": [top, crowd], "b.png": []},
        masks={
            "parsing": {
                "a.png": ClassMap(classes, labels),
                "b.png": ClassMap(np.zeros((HEIGHT, WIDTH), np.uint8), labels),
            }
        },
    )


def test_a_dataset_goes_out_and_comes_home(dataset: Dataset, tmp_path: Path) -> None:
    done = export_dataset("label-studio", dataset.folder, tmp_path / "out")
    assert "groups in which nobody told one from another, left out: 1" in done.notes
    again = import_dataset(
        "label-studio", tmp_path / "out", tmp_path / "again", like=dataset.folder
    )
    assert again.schema == dataset.schema
    assert again.splits() == {"train": 1, "validation": 1, "test": 1}
    for task in ("category", "tags", "landmarks"):
        assert list(again.labels(task)) == list(dataset.labels(task)), task
    maps = zip(again.labels("parsing"), dataset.labels("parsing"), strict=True)
    for one, other in maps:
        assert (one is None) == (other is None)
        if isinstance(one, ClassMap) and isinstance(other, ClassMap):
            assert np.array_equal(one.pixels, other.pixels)
    first, second, third = again.labels("garments")
    before = dataset.labels("garments")[0]
    assert isinstance(before, Garments)
    assert first == Garments(before.each[:1])
    assert (second, third) == (Garments(), None)


def test_without_a_likeness_the_configuration_says_what_is_asked(
    dataset: Dataset, tmp_path: Path
) -> None:
    export_dataset("label-studio", dataset.folder, tmp_path / "out")
    again = import_dataset("label-studio", tmp_path / "out", tmp_path / "again")
    assert [task.name for task in again.schema] == [task.name for task in EVERYTHING]
    # Which points a category has is seen in use: here the left shoulder alone.
    assert again.schema["garments"].points == {"top": ("left shoulder",)}
    (garment,) = again.labels("garments")[0].each  # type: ignore[union-attr] # it has one
    assert garment.points == ((4.0, 5.0),)


def test_what_labels_become(dataset: Dataset, tmp_path: Path) -> None:
    for labels in ("annotations", "predictions", "nothing"):
        out = tmp_path / labels
        export_dataset("label-studio", dataset.folder, out, labels=labels, address="s3://shop/")
        first, _, third = json.loads((out / "tasks.json").read_bytes())
        assert first["data"] == {
            "image": "s3://shop/images/a.png",
            "split": "train",
            "name": "a.png",
        }
        assert set(first) - {"data"} == ({labels} - {"nothing"})
        assert set(third) == {"data"}
    with pytest.raises(UsageError, match="labels become annotations, predictions or nothing"):
        export_dataset("label-studio", dataset.folder, tmp_path / "x", labels="all")


def test_what_label_studio_has_no_place_for_is_counted(tmp_path: Path) -> None:
    known: list[dict[str, Label]] = [
        {"tags": Tags((), ("lace",)), "landmarks": Landmarks({}, ("left cuff",), ("right cuff",))},
        {"tags": Tags(("lace",))},
        {},
    ]
    for place in range(len(known)):
        write_photo(tmp_path / f"photos/{place}.png", place, width=WIDTH, height=HEIGHT)
    dataset = create_dataset(
        tmp_path / "dataset",
        name="partly",
        schema=EVERYTHING.select(["category", "tags", "landmarks"]),
        annotations=[Annotation(image=f"{n}.png", labels=one) for n, one in enumerate(known)],
        images=tmp_path / "photos",
    )
    done = export_dataset("label-studio", dataset.folder, tmp_path / "out")
    assert f"{UNKNOWN_PARTS}, left out: 3" in done.notes
    assert f"{UNKNOWN_TASKS}, left out: 1" in done.notes


def rewritten(root: Path, change: Callable[[list[dict[str, Any]]], object]) -> Path:
    """The rig's export, changed."""
    write_export(root)
    export = root / "label-studio" / "export.json"
    tasks = json.loads(export.read_bytes())
    change(tasks)
    export.write_text(json.dumps(tasks), encoding="utf-8")
    return root / "label-studio"


def test_whose_word_counts(tmp_path: Path) -> None:
    def said(label: str, day: int, **more: Any) -> dict[str, Any]:
        when = f"2026-11-{day:02}T12:00:00.000000Z"
        return annotation(
            [item("category", "choices", {"choices": [label]})], updated_at=when, **more
        )

    def change(tasks: list[dict[str, Any]]) -> None:
        tasks[0]["annotations"] = [
            said("skirt", 1, ground_truth=True),
            said("dress", 2),
        ]
        tasks[1]["annotations"] = [
            said("skirt", 9, was_cancelled=True),
            said("dress", 5),
            said("skirt", 3),
        ]

    notes: list[str] = []
    dataset = import_dataset(
        "label-studio", rewritten(tmp_path, change), tmp_path / "d", on_notes=notes.extend
    )
    assert list(dataset.labels("category")) == ["skirt", "dress"]
    assert any(note.endswith("the last change counts: 2") for note in notes)
    assert "annotated: 2 of 2 tasks" in notes


def test_without_a_configuration_labels_are_those_that_were_used(tmp_path: Path) -> None:
    source = rewritten(tmp_path, lambda _: None)
    (source / "config.xml").unlink()
    notes: list[str] = []
    dataset = import_dataset("label-studio", source, tmp_path / "d", on_notes=notes.extend)
    kinds = {task.name: (task.kind, task.labels) for task in dataset.schema}
    assert kinds == {
        "areas": ("segmentation", ("background", "cloth")),
        "boxes": ("garments", ("top",)),
        "category": ("single_label", ("dress",)),
        "points": ("landmarks", ("cuff",)),
        "tags": ("single_label", ("lace",)),
    }
    assert notes[0].startswith("no labelling configuration")


def test_broken_annotations_and_missing_pictures_may_be_left_out(tmp_path: Path) -> None:
    def change(tasks: list[dict[str, Any]]) -> None:
        tasks[0]["annotations"][0]["result"][0]["value"]["choices"] = ["hat"]
        tasks.append({"id": 13, "data": {"image": "/data/upload/1/gone.png"}})

    source = rewritten(tmp_path, change)
    with pytest.raises(FormatError, match="--skip-broken"):
        import_dataset("label-studio", source, tmp_path / "d")
    notes: list[str] = []
    dataset = import_dataset(
        "label-studio",
        source,
        tmp_path / "d",
        skip_broken=True,
        skip_missing=True,
        on_notes=notes.extend,
    )
    assert list(dataset.labels("category")) == [None, None]
    assert "annotations that are wrong, taken as not made: 1" in notes
    assert "tasks whose picture is not there, left out: 1" in notes


def test_a_picture_of_two_tasks_is_refused_even_so(tmp_path: Path) -> None:
    def change(tasks: list[dict[str, Any]]) -> None:
        tasks.append({**tasks[0], "id": 13})
        tasks.append({"id": 14, "data": {"image": "/data/upload/1/gone.png"}})

    source = rewritten(tmp_path, change)
    with pytest.raises(FormatError, match=r"task 13: found .* again \(") as caught:
        import_dataset("label-studio", source, tmp_path / "d", skip_missing=True)
    assert len(caught.value.faults) == 1


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    def change(tasks: list[dict[str, Any]]) -> None:
        for one in tasks[0]["annotations"][0]["result"]:
            one["original_width"] = 50
        tasks[0]["annotations"][0]["result"].pop()  # the brush

    with pytest.raises(FormatError, match="a picture of 5 x 6 pixels, expected 50 x 6"):
        import_dataset("label-studio", rewritten(tmp_path, change), tmp_path / "d")


def test_polygons_may_be_classes_of_pixels(tmp_path: Path) -> None:
    def change(tasks: list[dict[str, Any]]) -> None:
        corners = [[0, 0], [60, 0], [60, 50], [0, 50]]
        value = {"points": corners, "closed": True, "polygonlabels": ["shirt"]}
        tasks[0]["annotations"] = [annotation([item("parts", "polygonlabels", value)])]

    source = rewritten(tmp_path, change)
    (source / "config.xml").write_text(
        '<View><Image name="photo" value="$image"/><PolygonLabels name="parts" toName="photo">'
        '<Label value="shirt"/></PolygonLabels></View>',
        encoding="utf-8",
    )
    dataset = import_dataset("label-studio", source, tmp_path / "d", kind=["parts=segmentation"])
    painted = dataset.labels("parts")[0]
    assert isinstance(painted, ClassMap)
    expected = np.zeros((6, 5), np.uint8)
    expected[:3, :3] = 1
    assert np.array_equal(painted.pixels, expected)
    with pytest.raises(UsageError, match="--kind takes CONTROL=KIND"):
        import_dataset("label-studio", source, tmp_path / "e", kind=["parts"])
