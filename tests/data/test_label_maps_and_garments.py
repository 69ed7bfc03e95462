"""What is done with datasets of label maps and of garments: checked, shown, split, cleaned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from lapel.data.checking.check import CheckReport, check_dataset
from lapel.data.checking.findings import Finding
from lapel.data.cleaning.clean import clean_dataset
from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.exploring.explore import explore_dataset
from lapel.data.export import export_dataset
from lapel.data.label_counts import count_held
from lapel.data.splitting.split import split_dataset
from lapel.data.table import write_table
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.errors import DatasetError
from lapel.schema.garments import Garment
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap
from lapel.schema.run_lengths import RunLengths

LABELS = ("background", "top", "skirt")
SIZE = 20

PARSING = TaskSpec(name="parsing", kind="segmentation", labels=LABELS)
GARMENTS = TaskSpec(
    name="garments",
    kind="garments",
    labels=LABELS[1:],
    points={"top": ("left collar", "right collar")},
)
SEASON = TaskSpec(name="season", kind="multi_label", labels=("winter", "summer"))


def class_map(row: int) -> ClassMap:
    pixels = np.zeros((SIZE, SIZE), np.uint8)
    pixels[2:10, 3:12] = 1
    if row % 3 == 0:
        pixels[10:18, 3:14] = 2
    pixels[19, 19] = UNKNOWN_CLASS
    return ClassMap(pixels, LABELS)


def garments(row: int) -> tuple[Garment, ...]:
    top = Garment(
        part="top",
        box=(3, 2, 9, 8),
        outlines=(((3, 2), (12, 2), (12, 10), (3, 10)),),
        points=((4, 3), None),
    )
    skirt = Garment(part="skirt", box=(3, 10, 11, 8))
    return (top, skirt) if row % 3 == 0 else (top,)


@pytest.fixture
def painted(tmp_path: Path) -> Path:
    """Thirty photos with maps, garments and tags; one without a map, one of unknown garments."""
    rng = np.random.default_rng(5)
    rows = []
    for row in range(30):
        path = tmp_path / f"photos/{row:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)).save(path)
        tags = Tags(("winter",) if row % 2 else ("summer",))
        split = "validation" if row % 5 == 4 else "train"
        rows.append(Annotation(image=f"{row:02}.png", labels={"season": tags}, split=split))
    return create_dataset(
        tmp_path / "d",
        name="painted",
        schema=Schema((PARSING, GARMENTS, SEASON)),
        annotations=rows,
        images=tmp_path / "photos",
        masks={"parsing": {f"{row:02}.png": class_map(row) for row in range(1, 30)}},
        garments={f"{row:02}.png": garments(row) for row in range(29)},
    ).folder


def found(report: CheckReport) -> dict[str, Finding]:
    return {finding.kind: finding for finding in report.findings}


def rewrite(folder: Path, image: str, changed: Sequence[Garment]) -> None:
    """Other garments of an image in garments.jsonl."""
    path = folder / "garments.jsonl"
    value = {"image": image, "garments": [one.to_json() for one in changed]}
    lines = path.read_text().splitlines()
    kept = [json.dumps(value) if f'"{image}"' in line else line for line in lines]
    path.write_text("".join(f"{line}\n" for line in kept))


def test_labels_beside_the_table_are_counted_by_their_words(painted: Path) -> None:
    dataset = Dataset.open(painted)
    words = dataset.labels_in_words("parsing")
    assert words[0] is None
    assert words[1] == Tags(("background", "top"))
    assert words[3] == Tags(LABELS)
    assert count_held(words) == {"background": 29, "top": 29, "skirt": 9}
    part = dataset.split("validation")
    assert count_held(part.labels_in_words("garments")) == {"top": 5, "skirt": 2}
    assert dataset.labels_in_words("season")[1] == Tags(("winter",))
    # Once known they are not read again.
    (painted / "masks/parsing/03.png.png").unlink()
    assert dataset.labels_in_words("parsing")[3] == Tags(LABELS)
    with pytest.raises(DatasetError, match=r"03.png.png could not be read"):
        Dataset.open(painted).labels_in_words("parsing")


def test_a_sound_dataset_of_both_kinds_has_few_warnings(painted: Path) -> None:
    report = check_dataset(painted)
    assert report.faults == 0
    assert found(report).keys() == {"unlabelled", "garment_without_shape"}
    assert found(report)["garment_without_shape"].count == 10


def test_missing_torn_and_strange_maps_are_faults(painted: Path) -> None:
    folder = painted / "masks/parsing"
    (folder / "02.png.png").unlink()
    torn = folder / "03.png.png"
    torn.write_bytes(torn.read_bytes()[:60])
    Image.fromarray(np.zeros((SIZE, 9), np.uint8)).save(folder / "04.png.png")
    Image.fromarray(np.full((SIZE, SIZE), 3, np.uint8)).save(folder / "05.png.png")
    Image.fromarray(np.zeros((SIZE, SIZE, 3), np.uint8)).save(folder / "06.png.png")
    Image.fromarray(np.full((SIZE, SIZE), 255, np.uint8)).save(folder / "07.png.png")
    findings = found(check_dataset(painted))
    assert findings["mask_unreadable"].count == 3
    assert "02.png.png could not be read" in findings["mask_unreadable"].examples[0]
    wrong = findings["mask_wrong"]
    assert wrong.severity == "fault"
    assert "04.png: found a label map of 9 x 20 pixels" in wrong.examples[0]
    assert "05.png: found class 3 in a label map, expected 0 to 2" in wrong.examples[1]
    assert findings["mask_unknown"].examples == ("07.png",)


def test_garments_that_do_not_fit_are_found(painted: Path) -> None:
    first, second = garments(0)
    spoilt = [
        Garment(part="hat", box=(1, 1, 4, 4), mask=class_mask(SIZE, SIZE - 1)),
        Garment(part="top", box=(1, 1, 4, 4), outlines=(((1, 1), (2, 2)),), points=((1, 1),)),
        Garment(part="skirt", box=(1, 1, 0, 4), mask=class_mask(SIZE, SIZE, empty=True)),
        Garment(part="skirt", box=(1, 1, 40, 4), outlines=first.outlines),
    ]
    rewrite(painted, "00.png", spoilt)
    report = check_dataset(painted)
    findings = found(report)
    assert findings["unknown_label"].examples == ("'hat' on 1 image",)
    assert findings["garment_mask_size"].examples[0].endswith("hat with a mask of 19 x 20")
    assert findings["garment_points"].examples[0].endswith("top with 1 landmarks, not 2")
    assert findings["garment_over_edge"].count == 1
    assert [one.split(": ")[1] for one in findings["garment_empty"].examples] == [
        "top with an outline of 2 corners that encloses nothing",
        "skirt with a box of 0 x 4",
        "skirt with a mask without a pixel",
    ]
    assert findings["garment_count"].examples == ("00.png: 2 in the table, 4 in the file",)
    rewrite(painted, "00.png", [first, second])
    assert check_dataset(painted).faults == 0


def class_mask(height: int, width: int, *, empty: bool = False) -> RunLengths:
    return RunLengths(height, width, (height * width,) if empty else (1, height * width - 1))


def test_copies_with_other_maps_contradict_each_other(painted: Path) -> None:
    photos = painted.parent / "photos"
    (photos / "02.png").write_bytes((photos / "01.png").read_bytes())
    (photos / "06.png").write_bytes((photos / "05.png").read_bytes())
    dataset = Dataset.open(painted)
    same = {"02.png": "01.png", "06.png": "05.png"}
    digests = dict(zip(dataset.names(), dataset.table["sha256"], strict=True))
    now = [digests[same.get(name, name)] for name in dataset.names()]
    season = pl.lit(None, dtype=dataset.table.schema["season"]).alias("season")
    write_table(painted, dataset.table.with_columns(pl.Series("sha256", now), season))
    findings = found(check_dataset(painted))
    assert findings["contradiction"].count == 1
    assert "05.png (train) = 06.png (train)" in findings["contradiction"].examples[0]


def test_the_page_shows_shares_of_classes_and_overlays(painted: Path, tmp_path: Path) -> None:
    text = explore_dataset(painted, tmp_path / "page.html").read_text()
    assert "Which pixels are parsing" in text
    assert "Where garments are" in text
    # 72 pixels of 399 known are a top.
    assert "<td>18.0 %</td>" in text
    assert "1.3 on average; 74.4 % with outlines or a mask, 74.4 % with landmarks." in text
    assert text.count("<img") > 18 + 18
    assert explore_dataset(painted, tmp_path / "again.html").read_text() == text


def test_splits_share_out_the_classes_of_maps(painted: Path) -> None:
    drawn = split_dataset(painted, validation=0.2, test=0.2, redraw=True)
    assert drawn.splits() == {"train": 18, "validation": 6, "test": 6}
    for split in ("validation", "test"):
        held = count_held(drawn.split(split).labels_in_words("garments"))
        assert held["skirt"] == 2


def test_a_cleaned_dataset_takes_its_maps_and_garments_along(painted: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("season:\n  rename: {winter: cold}\n")
    done = clean_dataset(painted, rules, out=tmp_path / "clean", min_tags=0)
    before, after = Dataset.open(painted), done.dataset
    for task in ("parsing", "garments"):
        assert after.labels_in_words(task) == before.labels_in_words(task)
    assert after.schema["season"].labels == ("cold", "summer")
    one, two = before.labels("parsing")[3], after.labels("parsing")[3]
    assert isinstance(one, ClassMap)
    assert isinstance(two, ClassMap)
    assert (one.pixels == two.pixels).all()


def test_the_fingerprint_changes_with_a_pixel_and_with_a_corner(painted: Path) -> None:
    first = Dataset.open(painted).fingerprint
    assert Dataset.open(painted).fingerprint == first
    mask = class_map(3)
    mask.pixels[0, 0] = 1
    Image.fromarray(mask.pixels).save(painted / "masks/parsing/03.png.png")
    second = Dataset.open(painted).fingerprint
    path = painted / "garments.jsonl"
    path.write_text(path.read_text().replace("[12, 2]", "[11, 2]", 1))
    assert len({first, second, Dataset.open(painted).fingerprint}) == 3


def test_a_table_says_what_writes_maps_and_garments(painted: Path, tmp_path: Path) -> None:
    done = export_dataset("table", painted, tmp_path / "all.csv")
    assert any("`lapel data export masks`" in note for note in done.notes)
    assert any("`lapel data export coco`" in note for note in done.notes)
