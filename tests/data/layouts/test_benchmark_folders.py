"""Of a benchmark's folder, one above or below is refused, and the right one is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from deepfashion_writers import write_coarse, write_fine, write_info
from retrieval_writers import write_consumer_to_shop, write_in_shop, write_landmark_benchmark

from lapel.data.importing import READERS
from lapel.schema.errors import FormatError, UsageError

#: Reader, what writes its source, the source, and a folder of it.
BENCHMARKS = [
    ("deepfashion-coarse", write_coarse, "Benchmark", "Anno_coarse"),
    ("deepfashion-fine", write_fine, "Benchmark", "Anno_fine"),
    ("deepfashion-in-shop", write_in_shop, "In-shop", "Anno"),
    ("deepfashion-consumer-to-shop", write_consumer_to_shop, "Consumer-to-shop", "Eval"),
    ("deepfashion-landmarks", write_landmark_benchmark, "FLD", "Img/img"),
]


@pytest.mark.parametrize(("reader", "write", "source", "inner"), BENCHMARKS)
def test_the_right_folder_is_told(
    reader: str,
    write: Callable[[Path], None],
    source: str,
    inner: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf = tmp_path / "shelf"
    write(shelf)
    right = re.escape(str(shelf / source))
    for wrong in (shelf, tmp_path, shelf / source / inner):
        with pytest.raises(UsageError, match=f"name the folder that does: {right}$"):
            READERS[reader](wrong)
    monkeypatch.chdir(shelf / source / inner)
    above = re.escape(str(Path(*[".."] * len(Path(inner).parts))))
    with pytest.raises(UsageError, match=f"name the folder that does: {above}$"):
        READERS[reader](".")


def test_several_are_told_and_none_is_left_to_the_reader(tmp_path: Path) -> None:
    for copy in ("a", "b"):
        write_in_shop(tmp_path / "shelf" / copy)
    both = [str(tmp_path / "shelf" / copy / "In-shop") for copy in ("a", "b")]
    with pytest.raises(UsageError, match=re.escape(" or ".join(both))):
        READERS["deepfashion-in-shop"](tmp_path / "shelf")
    (tmp_path / "empty" / "and" / "lonely").mkdir(parents=True)
    with pytest.raises(FormatError, match="Name the folder that holds Anno, Eval and Img"):
        READERS["deepfashion-in-shop"](tmp_path / "empty" / "and" / "lonely")


def test_the_right_one_of_many_benchmarks_is_told(tmp_path: Path) -> None:
    for write in (write_coarse, write_in_shop, write_consumer_to_shop, write_landmark_benchmark):
        write(tmp_path)
    for reader, source in (
        ("deepfashion-in-shop", "In-shop"),
        ("deepfashion-consumer-to-shop", "Consumer-to-shop"),
        ("deepfashion-landmarks", "FLD"),
        ("deepfashion-coarse", "Benchmark"),
    ):
        with pytest.raises(UsageError, match=f"does: {re.escape(str(tmp_path / source))}$"):
            READERS[reader](tmp_path)


def test_a_folder_in_the_place_of_the_table_is_told(tmp_path: Path) -> None:
    write_info(tmp_path)
    with pytest.raises(UsageError, match=r"expected the table in it: name .*info\.csv"):
        READERS["deepfashion-info"](tmp_path / "info")
