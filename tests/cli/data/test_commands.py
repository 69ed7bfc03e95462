"""``lapel data`` as a user types it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import polars as pl
import pytest
import typed_commands
from PIL import Image

from lapel.data.dataset import Dataset

CLOTHING_SMALL = Path(__file__).parents[4] / "shared" / "data" / "clothing-small"


def lapel(*arguments: str | Path, folder: Path) -> CompletedProcess[str]:
    return typed_commands.lapel("data", *arguments, cwd=folder)


def test_from_class_folders_to_a_page_and_back(own_photos: Path, tmp_path: Path) -> None:
    done = lapel("import", "folder", own_photos, "clothes", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Dataset 'photos' in clothes: train 12, validation 6; category (3 labels)" in done.stdout
    done = lapel(
        "split", "clothes", "--redraw", "--validation", "0.2", "--test", "0.2", folder=tmp_path
    )
    assert "train 11, validation 4, test 3" in done.stdout
    done = lapel("check", "clothes", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.endswith("No faults.\n")
    done = lapel("explore", "clothes", "--out", "page.html", folder=tmp_path)
    assert "page.html" in done.stdout
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    done = lapel("export", "folder", "clothes", "out", folder=tmp_path)
    assert "18 images in class folders: out" in done.stdout
    done = lapel("export", "table", "clothes", "out.csv", folder=tmp_path)
    assert f"18 rows: out.csv; image names are relative to {own_photos}" in done.stdout
    assert pl.read_csv(tmp_path / "out.csv").height == 18


def test_a_table_is_imported(own_photos: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,kind,use\ntrain/hat/hat_0.jpg,cap,sun\n")
    options = ["--images", str(own_photos), "--single", "kind,use"]
    done = lapel("import", "table", "t.csv", "d", *options, folder=tmp_path)
    assert "train 1; kind (1 label), use (1 label)" in done.stdout
    assert "There is no validation split; make one: lapel data split d" in done.stdout


def test_items_that_the_import_is_told_of_stay_on_one_side(
    own_photos: Path, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    names = sorted(path.relative_to(own_photos) for path in own_photos.rglob("*.*"))
    lines = [f"{name},{name.parent.name},{number // 2}" for number, name in enumerate(names)]
    (tmp_path / "t.csv").write_text("\n".join(["image,kind,item", *lines]))
    table = [tmp_path / "t.csv", tmp_path / "d", "--images", own_photos, "--single", "kind"]
    assert run("data", "import", "table", *table)[0] == 0
    code, _, complaint = run("data", "split", tmp_path / "d", "--by", "item")
    assert code == 2
    assert "lapel data import table ... --group-column item" in complaint
    assert run("data", "import", "table", *table, "--group-column", "item", "--replace")[0] == 0
    wishes: list[list[str]] = [[], ["--by", "group", "--redraw", "--seed", "1"]]
    for options in wishes:
        assert run("data", "split", tmp_path / "d", "--validation", "0.3", *options)[0] == 0
        sides = Dataset.open(tmp_path / "d").table.group_by("group").agg(pl.col("split").n_unique())
        assert sides["split"].to_list() == [1] * 9


def test_dirty_labels_are_imported_proposed_about_and_cleaned(
    own_photos: Path, tmp_path: Path
) -> None:
    names = sorted(str(path.relative_to(own_photos)) for path in own_photos.rglob("*.*"))
    styles = ["sporty", "sproty", "sporty", "office/formal", "formal/office", ""]
    tags = ["모자", "한복|모자"]
    lines = [
        f"{name},{styles[number % 6]},{tags[number % 2]},A photo{', new' * (number == 3)}"
        for number, name in enumerate(names)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["image,style,tags,title", *lines]), "utf-8")
    options = ["--single", "style", "--multi", "tags:|", "--join-extra", "title"]
    done = lapel("import", "table", "t.csv", "d", "--images", own_photos, *options, folder=tmp_path)
    assert "style (4 labels), tags (2 labels, any of them)" in done.stdout
    assert "1 row with more cells than columns: joined in 'title' (line 5)" in done.stdout
    assert "without a 'style', kept as unknown: 3 rows" in done.stdout
    done = lapel("check", "d", "--propose", "rules.yaml", folder=tmp_path)
    assert "labels of 'style' are one letter apart" in done.stdout
    assert done.stdout.endswith("Rules to read and correct: rules.yaml\n")
    done = lapel("clean", "d", "--rules", "rules.yaml", "--out", "new", folder=tmp_path)
    assert done.stdout.splitlines() == [
        "style: 4 labels, now 2; 6 images have another answer",
        "  office/formal: now formal/office (3 images)",
        "  sproty: now sporty (3 images)",
        "Dataset: new; what the labels were: new/former_labels.parquet",
        "For `lapel evaluate --mapping`, what became of each label: new/label_mapping.json",
    ]
    (tmp_path / "wrong.yaml").write_text("style:\n  drop: [sportyy]\n")
    done = lapel("clean", "d", "--rules", "wrong.yaml", folder=tmp_path)
    assert done.returncode == 1
    assert "wrong.yaml, line 2: found label 'sportyy', expected 'sporty'?" in done.stderr
    done = lapel("export", "table", "new", "out.csv", folder=tmp_path)
    assert "import the table with --single style --multi 'tags:|'" in done.stdout
    assert "모자|한복" in (tmp_path / "out.csv").read_text("utf-8")


def test_fashion_mnist_takes_one_folder_or_two(idx_folder: Path, tmp_path: Path) -> None:
    done = lapel("import", "fashion-mnist", idx_folder, "d", "--unverified", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "10 of the 120 training pictures are held out as validation" in done.stdout
    # With one, it is the dataset, and the files are looked for.
    (tmp_path / "data/FashionMNIST").mkdir(parents=True)
    shutil.copytree(idx_folder, tmp_path / "data/FashionMNIST/raw")
    done = lapel("import", "fashion-mnist", "e", "--unverified", folder=tmp_path)
    assert f"read from {Path('data/FashionMNIST/raw')}" in done.stdout
    assert Dataset.open(tmp_path / "d").fingerprint == Dataset.open(tmp_path / "e").fingerprint
    done = lapel("import", "fashion-mnist", "a", "b", "c", folder=tmp_path)
    assert done.returncode == 2
    assert "expected [SOURCE] DATASET" in done.stderr


def test_faults_end_with_one_and_warnings_with_zero(own_photos: Path, tmp_path: Path) -> None:
    lapel("import", "folder", own_photos, "d", folder=tmp_path)
    Image.new("RGB", (60, 64)).save(own_photos / "valid/hat/hat_2.jpg")
    done = lapel("check", "d", "--json", folder=tmp_path)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["faults"] == 1
    assert report["findings"][0]["kind"] == "changed"
    done = lapel("check", "d", folder=tmp_path)
    assert done.returncode == 1
    assert "fault (1): images are not the bytes imported" in done.stdout
    assert "1 fault\n" in done.stdout


def test_what_cannot_be_done_is_said_without_a_traceback(own_photos: Path, tmp_path: Path) -> None:
    (own_photos / "train/hat/torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    done = lapel("import", "folder", own_photos, "d", folder=tmp_path)
    assert done.returncode == 1
    assert "train/hat/torn.jpg: torn or damaged" in done.stderr
    assert "1 of 19 images cannot be used; mend them, or leave them out with" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "d").exists()
    done = lapel("import", "folder", own_photos, "d", "--skip-unreadable", folder=tmp_path)
    assert done.returncode == 0
    assert "left out 1 picture that cannot be opened:" in done.stdout
    done = lapel("import", "folder", own_photos, "d", folder=tmp_path)
    assert done.returncode == 1
    assert "exists and is not empty; name a new folder, or add --replace" in done.stderr
    done = lapel("import", "folder", "nowhere", "e", folder=tmp_path)
    assert done.returncode == 2
    assert "nowhere: found nothing, expected a folder" in done.stderr


def test_real_photos_are_imported(tmp_path: Path) -> None:
    if not CLOTHING_SMALL.is_dir():
        pytest.skip("the photos of clothing-small are not beside this checkout")
    source = tmp_path / "photos"
    for path in sorted((CLOTHING_SMALL / "validation").glob("*/*.jpg"))[::8]:
        (source / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, source / path.parent.name)
    done = lapel("import", "folder", source, "d", folder=tmp_path)
    assert "category (10 labels)" in done.stdout
    assert lapel("check", "d", folder=tmp_path).returncode == 0
