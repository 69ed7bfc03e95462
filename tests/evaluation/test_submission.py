"""The files that contests take: their bytes, their order, and what is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from contest_bundle import logits, write_contest_bundle
from hypothesis import given
from hypothesis import strategies as st
from layout_writers import write_ce7454, write_nsysu, write_photo, write_text

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.exporting import label_numbers
from lapel.data.importing import import_dataset
from lapel.evaluation.contest_files import FORMATS, Row, first_difference
from lapel.evaluation.submission import submit
from lapel.schema.annotation import Annotation
from lapel.schema.errors import DatasetError, FormatError, StorageError, UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.storage import local


@pytest.fixture
def challenge(tmp_path: Path) -> tuple[Path, Path]:
    """A bundle and a dataset of CE7454's layout."""
    write_ce7454(tmp_path)
    dataset = import_dataset("ce7454", tmp_path / "FashionDataset", tmp_path / "dataset")
    return write_contest_bundle(tmp_path / "bundle", dataset.schema), dataset.folder


@pytest.fixture
def contest(tmp_path: Path) -> tuple[Path, Path]:
    """A bundle and a dataset of NSYSU's layout."""
    write_nsysu(tmp_path)
    dataset = import_dataset(
        "nsysu",
        tmp_path / "category.csv",
        tmp_path / "dataset",
        more=[tmp_path / "attributes.csv"],
        test_list=tmp_path / "test.csv",
    )
    return write_contest_bundle(tmp_path / "bundle", dataset.schema), dataset.folder


def said(folder: Path, task: str, image: str) -> np.ndarray:
    dataset = Dataset.open(folder)
    return logits(dataset.schema[task], dataset.pixels(image))


def test_the_challenge_gets_six_numbers_a_line_in_the_order_of_its_list(
    challenge: tuple[Path, Path], tmp_path: Path
) -> None:
    bundle, folder = challenge
    done = submit(bundle, folder, contest="ce7454", out=tmp_path / "answers.zip")
    assert (done.images, done.empty) == (2, 0)
    with zipfile.ZipFile(tmp_path / "answers.zip") as archive:
        assert archive.namelist() == ["prediction.txt"]
        text = archive.read("prediction.txt").decode()
    tasks = [spec.name for spec in Dataset.open(folder).schema]
    lines = [
        " ".join(str(said(folder, task, image).argmax()) for task in tasks)
        for image in ("img/00006.jpg", "img/00005.jpg")
    ]
    assert lines[0] != lines[1]
    assert text == f"{lines[0]}\n{lines[1]}\n"
    first = (tmp_path / "answers.zip").read_bytes()
    submit(bundle, folder, contest="ce7454", out=tmp_path / "answers.zip")
    assert (tmp_path / "answers.zip").read_bytes() == first


def test_the_contest_gets_its_two_files_byte_for_byte(
    contest: tuple[Path, Path], tmp_path: Path
) -> None:
    bundle, folder = contest
    images = [f"deep_fashion/test/0000{number}.jpg" for number in (2, 1, 3)]
    submit(bundle, folder, contest="nsysu-category", out=tmp_path / "category.csv")
    rows = [f"{image},{said(folder, 'category', image).argmax()}\n" for image in images]
    expected = "file_path, category_label\n" + "".join(rows)
    assert (tmp_path / "category.csv").read_bytes().decode() == expected
    submit(bundle, folder, contest="nsysu-attributes", out=tmp_path / "attributes.csv")
    rows = [
        f"{image},{' '.join(map(str, np.flatnonzero(said(folder, 'attributes', image) >= 0)))}\n"
        for image in images
    ]
    expected = "file_path,attribute_label\n" + "".join(rows)
    assert (tmp_path / "attributes.csv").read_bytes().decode() == expected
    assert ",0 1 " in expected  # attribute 0 is an attribute, too


def test_the_header_may_be_plain(contest: tuple[Path, Path], tmp_path: Path) -> None:
    bundle, folder = contest
    out = tmp_path / "plain.csv"
    submit(bundle, folder, contest="nsysu-category", out=out, plain_header=True)
    assert out.read_text().splitlines()[0] == "file_path,category_label"


def test_no_tag_at_all_is_counted_or_filled(tmp_path: Path) -> None:
    write_photo(tmp_path / "photos" / "1.png", 0)
    schema = Schema((TaskSpec(name="tags", kind="multi_label", labels=("a", "b", "c")),))
    dataset = create_dataset(
        tmp_path / "dataset",
        name="dark",
        schema=schema,
        annotations=[Annotation(image="1.png", labels={}, split="test")],
        images=tmp_path / "photos",
    )
    bundle = write_contest_bundle(tmp_path / "bundle", schema)
    done = submit(bundle, dataset.folder, contest="nsysu-attributes", out=tmp_path / "a.csv")
    assert done.empty == 1
    assert (tmp_path / "a.csv").read_text() == "file_path,attribute_label\n1.png,\n"
    submit(
        bundle,
        dataset.folder,
        contest="nsysu-attributes",
        out=tmp_path / "a.csv",
        at_least_one=True,
    )
    best = said(dataset.folder, "tags", "1.png").argmax()
    assert (tmp_path / "a.csv").read_text() == f"file_path,attribute_label\n1.png,{best}\n"


def test_the_contests_own_list_decides_images_and_order(
    challenge: tuple[Path, Path], tmp_path: Path
) -> None:
    bundle, folder = challenge
    names = ("img/00004.jpg", "img/00000.jpg", "img/00003.jpg")
    write_text(tmp_path / "own.txt", *names)
    out = tmp_path / "answers.zip"
    done = submit(bundle, folder, contest="ce7454", out=out, test_list=tmp_path / "own.txt")
    assert done.images == 3
    with zipfile.ZipFile(out) as archive:
        lines = archive.read("prediction.txt").decode().splitlines()
    textures = [int(line.split()[0]) for line in lines]
    assert textures == [said(folder, "texture", name).argmax() for name in names]
    write_text(tmp_path / "own.csv", "name,x", "img/00004.jpg,0", "img/none.jpg,0")
    with pytest.raises(FormatError, match=r"own\.csv, line 3: found 'img/none\.jpg', expected an"):
        submit(bundle, folder, contest="ce7454", out=out, test_list=tmp_path / "own.csv")
    write_text(tmp_path / "own.csv", *names)
    says = r"own\.csv, line 1: found an image, 'img/00004\.jpg', expected the header"
    with pytest.raises(FormatError, match=says):
        submit(bundle, folder, contest="ce7454", out=out, test_list=tmp_path / "own.csv")
    write_text(tmp_path / "own.txt", *names, names[0])
    with pytest.raises(FormatError, match=r"line 4: found 'img/00004\.jpg' again \(line 1\)"):
        submit(bundle, folder, contest="ce7454", out=out, test_list=tmp_path / "own.txt")
    write_text(tmp_path / "own.txt", "")
    with pytest.raises(FormatError, match=r"own\.txt: found no images"):
        submit(bundle, folder, contest="ce7454", out=out, test_list=tmp_path / "own.txt")


def test_an_image_that_cannot_be_read_ends_it_and_leaves_no_file(
    challenge: tuple[Path, Path], tmp_path: Path
) -> None:
    bundle, folder = challenge
    (tmp_path / "FashionDataset/img/00005.jpg").write_bytes(b"no picture")
    with pytest.raises(FormatError, match=r"img/00005\.jpg: .*(.|\n)*no file was written"):
        submit(bundle, folder, contest="ce7454", out=tmp_path / "answers.zip")
    assert not (tmp_path / "answers.zip").exists()


def test_what_does_not_fit_is_refused(challenge: tuple[Path, Path], tmp_path: Path) -> None:
    bundle, folder = challenge
    with pytest.raises(UsageError, match="no contest's format is called 'coco'; known: nsysu-c"):
        submit(bundle, folder, contest="coco", out=tmp_path / "a.json")
    with pytest.raises(UsageError, match=r"found ending '\.csv', expected \.zip for 'ce7454'"):
        submit(bundle, folder, contest="ce7454", out=tmp_path / "a.csv")
    with pytest.raises(UsageError, match=r"'nsysu-category' asks 1 single_label task, found 6"):
        submit(bundle, folder, contest="nsysu-category", out=tmp_path / "a.csv")
    with pytest.raises(UsageError, match=r"asks 1 multi_label task, found 0; name it with --task"):
        submit(bundle, folder, contest="nsysu-attributes", out=tmp_path / "a.csv")
    with pytest.raises(UsageError, match=r"found 'fit', which is single_label"):
        submit(bundle, folder, contest="nsysu-attributes", out=tmp_path / "a.csv", task=["fit"])
    submit(bundle, folder, contest="nsysu-category", out=tmp_path / "fit.csv", task=["fit"])
    names = ["sleeve", "texture", "length", "neckline", "fabric", "fit"]
    expected = r"numbers 0 to 2 for task 2 of 6; those of 'texture' go to 6"
    with pytest.raises(UsageError, match=expected):
        submit(bundle, folder, contest="ce7454", out=tmp_path / "a.zip", task=names)
    with pytest.raises(DatasetError, match="has no 'holdout' split"):
        submit(bundle, folder, contest="ce7454", out=tmp_path / "a.zip", split="holdout")


def test_a_disk_that_writes_something_else_is_found_out(
    challenge: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, folder = challenge
    good = local.write_atomically

    def forgetful(path: Path, data: bytes) -> None:
        good(path, data.replace(b"\n", b" 1\n", 1) if b"prediction" in data else data)

    monkeypatch.setattr("lapel.evaluation.submission.write_atomically", forgetful)
    with pytest.raises(StorageError, match="was written but reads as something else"):
        submit(bundle, folder, contest="ce7454", out=tmp_path / "answers.zip")


NUMBERS = st.lists(st.integers(0, 14).map(str), max_size=5, unique=True).map(tuple)
NAMES = st.text(alphabet='ab/., "\n한', min_size=1, max_size=9)


@given(st.lists(st.tuples(NAMES, NUMBERS), max_size=6), st.sampled_from(sorted(FORMATS)))
def test_whatever_is_written_reads_the_same(rows: list[Row], name: str) -> None:
    file = FORMATS[name]
    if not file.named:
        rows = [(image, (*numbers, "3")) for image, numbers in rows]
    again = file.read(file.write(rows, file.header), file.header)
    assert first_difference(again, rows, named=file.named) == ""


def test_a_difference_is_told() -> None:
    rows: list[Row] = [("a", ("1",)), ("b", ("2",))]
    assert first_difference(rows[:1], rows, named=True) == "1 rows in the place of 2"
    other: list[Row] = [("a", ("1",)), ("c", ("2",))]
    assert "row 2 is ('c', ('2',))" in first_difference(other, rows, named=True)
    assert first_difference(other, rows, named=False) == ""


def test_labels_that_are_numbers_stand_for_themselves() -> None:
    # As `data import table` sorts them: by letters.
    spec = TaskSpec(name="a", kind="multi_label", labels=("0", "1", "10", "2"))
    assert label_numbers(spec) == {"0": "0", "1": "1", "10": "10", "2": "2"}
    spec = TaskSpec(name="a", kind="multi_label", labels=("0", "ten", "2"))
    assert label_numbers(spec) == {"0": "0", "ten": "1", "2": "2"}
