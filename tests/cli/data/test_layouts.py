"""The commands that take public layouts in and out, and write contests' files."""

from __future__ import annotations

from pathlib import Path

import pytest
import typed_commands
from contest_bundle import write_contest_bundle
from layout_writers import (
    write_attribute_folders,
    write_ce7454,
    write_garmentiq,
    write_kfashion,
    write_nsysu,
    write_prography,
)

from lapel.cli.main import app
from lapel.data.dataset import Dataset


def lapel(*words: object) -> None:
    """Run a command in this process."""
    app([str(word) for word in words], standalone_mode=False)


def test_each_layout_goes_in_and_comes_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path
    for name, write in (
        ("ce", write_ce7454),
        ("ns", write_nsysu),
        ("pr", write_prography),
        ("kf", write_kfashion),
        ("gi", write_garmentiq),
        ("af", write_attribute_folders),
    ):
        (root / name).mkdir()
        write(root / name)
    sources: dict[str, list[object]] = {
        "ce7454": [root / "ce/FashionDataset"],
        "prography": [root / "pr/dataset"],
        "k-fashion": [root / "kf/data", "--no-boxes"],
        "garmentiq": [root / "gi/src", "--label", "garment"],
        "attribute-folders": [root / "af/src", "--multi", "color"],
        "nsysu": [
            root / "ns/category.csv",
            *("--more", root / "ns/attributes.csv", "--test-list", root / "ns/test.csv"),
        ],
    }
    for layout, (source, *options) in sources.items():
        folder = root / f"dataset of {layout}"
        lapel("data", "import", layout, source, folder, *options, "--name", layout)
        assert Dataset.open(folder).name == layout
        if layout != "prography":
            lapel("data", "export", layout, folder, root / f"out of {layout}")
    shown = capsys.readouterr().out
    assert "Dataset 'ce7454'" in shown
    assert "boxes or landmarks of 7 images go to garments.jsonl" in shown
    # Korean, with English beside.
    assert "상의_카테고리 (top category): 블라우스 (blouse) 1" in shown
    assert "3 images in the layout 'k-fashion'" in shown


def test_submit_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ce7454(tmp_path)
    folder = tmp_path / "dataset"
    lapel("data", "import", "ce7454", tmp_path / "FashionDataset", folder, "--tasks", "a,b,c,d,e,f")
    bundle = write_contest_bundle(tmp_path / "bundle", Dataset.open(folder).schema)
    capsys.readouterr()
    out = tmp_path / "answers.zip"
    lapel("submit", bundle, folder, "--format", "ce7454", "--out", out, "--task", "a,c,b,d,e,f")
    shown = capsys.readouterr().out
    assert f"2 images answered in {out}" in shown
    assert "asked of the model: a, c, b, d, e, f" in shown
    assert "former" not in shown
    lapel("submit", bundle, folder, "--format", "ce7454", "--out", out, "--task", "a,c,b,d,e,f")
    assert f"{out}, in the place of a former file" in capsys.readouterr().out


def test_a_wrong_layout_ends_without_a_traceback(tmp_path: Path) -> None:
    write_nsysu(tmp_path)
    (tmp_path / "category.csv").write_text("file_path,category_label\ngone.jpg,77\n")
    command = ["data", "import", "nsysu", "category.csv", "dataset"]
    done = typed_commands.lapel(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "lapel: category.csv, line 2: found '77', expected one category, 0 to 9",
        "category.csv, line 2: found 'gone.jpg', expected a file in .",
    ]
