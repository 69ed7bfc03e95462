"""``lapel search`` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from item_photos import BOX, boxed_photo, item_dataset, write_seeing_bundle
from PIL import Image
from typed_commands import lapel


@pytest.fixture(scope="module")
def shop(colour_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, a dataset of five items and an index of it. Not to be changed."""
    folder = tmp_path_factory.mktemp("shop")
    write_seeing_bundle(folder / "model", colour_bundle)
    item_dataset(folder, items=5, views=3)
    done = lapel("search", "build", folder / "model", folder / "dataset", folder / "index")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("15 pictures as vectors of 27 numbers in ")
    return folder


def test_query_prints_a_line_a_find(shop: Path) -> None:
    photo = shop / "photos" / "03_0.png"
    done = lapel("search", "query", shop / "index", photo, "-k", "3")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert lines[0] == [str(photo), "1", "03_0.png", "item 03", "1.0000"]
    assert [line[3] for line in lines] == ["item 03"] * 3


#: Runs a command in a process where nothing but what prediction needs can be imported.
ALONE = """
import sys
for name in ("torch", "torchvision", "timm", "polars", "matplotlib", "yaml", "faiss", "onnx"):
    sys.modules[name] = None
from lapel.cli.main import main
main()
"""


def test_query_needs_no_extra(shop: Path, tmp_path: Path) -> None:
    query = ["search", "query", shop / "index", shop / "photos" / "01_2.png"]

    def run(*more: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", ALONE, *map(str, [*query, *more])]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = run("-k", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\t")[2] == "01_2.png"
    done = run("--sheet", tmp_path / "sheet.png")
    assert done.returncode == 1
    assert "pip install 'lapel[data]'" in done.stderr


def test_query_writes_answers_and_a_sheet(shop: Path, tmp_path: Path) -> None:
    done = lapel(
        "search", "query", shop / "index", shop / "photos", "-k", "4",
        "--out", tmp_path / "found.jsonl", "--sheet", tmp_path / "sheet.jpg",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert len(answers) == 15
    assert {len(answer["found"]) for answer in answers} == {4}
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.height > sheet.width


def test_a_photo_that_cannot_be_read_is_named(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    done = lapel("search", "query", shop / "index", tmp_path, shop / "photos" / "00_0.png")
    assert done.returncode == 1
    assert "torn.jpg" in done.stderr
    assert len(done.stdout.splitlines()) == 10


def test_evaluate_says_how_well_items_are_found(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "judged"
    done = lapel("search", "evaluate", shop / "model", shop / "dataset", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert "each of 15 pictures, searched among all 15 but itself" in done.stdout
    values = dict(line.split("\t")[:2] for line in done.stdout.splitlines() if "\t" in line)
    assert float(values["hit_rate_at_1"]) > 0.8
    assert "15 queries have something to find: too few to say anything" in done.stdout
    # No more than 14 others can be found.
    assert "hit_rate_at_10" in values
    assert not {"hit_rate_at_20", "hit_rate_at_50", "recall_at_20", "ndcg_at_20"} & set(values)
    assert f"wrote {out / 'sheet.jpg'}" in done.stdout


def test_the_wrong_thing_is_said(shop: Path, tmp_path: Path) -> None:
    done = lapel("search", "query", shop / "dataset", shop / "photos")
    assert done.returncode == 1
    assert "is no index" in done.stderr
    done = lapel("search", "query", shop / "index", shop / "photos", "--out", tmp_path / "a.csv")
    assert done.returncode == 2
    done = lapel("search", "build", shop / "model", shop / "dataset", tmp_path / "i", "--kind", "x")
    assert done.returncode == 2
    assert "there are: auto, exact, hnsw" in done.stderr


def test_a_query_is_seen_in_its_box(colour_bundle: Path, tmp_path: Path) -> None:
    write_seeing_bundle(tmp_path / "model", colour_bundle, crop_to_box=True)
    item_dataset(tmp_path, items=5, views=2)
    assert lapel(
        "search", "build", tmp_path / "model", tmp_path / "dataset", tmp_path / "index"
    ).returncode == 0  # fmt: skip
    photo = boxed_photo(2)
    left, top, width, height = map(int, BOX)
    queries = tmp_path / "queries"
    queries.mkdir()
    Image.fromarray(photo).save(queries / "whole.png")
    Image.fromarray(photo[top : top + height, left : left + width]).save(queries / "cut.png")
    (queries / "boxes.csv").write_text(
        f"image,left,top,width,height\nwhole.png,{left},{top},{width},{height}\ngone.png,1,1,5,5\n"
    )

    def found(name: str, *more: str | Path) -> tuple[list[str], str]:
        done = lapel("search", "query", tmp_path / "index", queries / name, "-k", "1", *more)
        assert done.returncode == 0
        return done.stdout.strip().split("\t"), done.stderr

    cut, _ = found("cut.png")
    whole, unboxed = found("whole.png")
    boxed, said = found("whole.png", "--boxes", queries / "boxes.csv")
    assert boxed[2:4] == cut[2:4]
    assert float(boxed[4]) == pytest.approx(float(cut[4]), abs=0.02)
    assert boxed[4] != whole[4]
    assert "1 of its pictures were not asked for; the first: gone.png" in said
    assert "looks at garments' boxes; 1 picture without one seen whole: --boxes" in unboxed
    assert "the index was built with its dataset's boxes" in unboxed
    assert "seen whole" not in said


def test_boxes_are_refused_where_they_change_nothing(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text("image,left,top,width,height\n")
    done = lapel(
        "search", "query", shop / "index", shop / "photos" / "00_0.png",
        "--boxes", tmp_path / "boxes.csv",
    )  # fmt: skip
    assert done.returncode == 2
    assert "looks at whole pictures, so boxes change nothing" in done.stderr
