"""What every reader of a public layout must do. A new reader is tested by being given a rig."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ce7454_rig
import csv_layout_rigs
import kfashion_rig
import numpy as np
import pytest
from folder_layout_rigs import ATTRIBUTE_FOLDERS
from layout_writers import write_photo
from reader_rig import Damage, Rig, link_out, patch

from lapel.data.images import packed_row
from lapel.data.importing import READERS
from lapel.data.reading import Reading
from lapel.schema.annotation import SPLITS, Annotation, mentioned
from lapel.schema.errors import FormatError, UsageError
from lapel.storage.local import LocalStore


def write_folders(root: Path) -> None:
    for number, place in enumerate(("train/b/1", "train/a/2", "val/a/3", "test/b/4")):
        write_photo(root / "src" / f"{place}.png", number)


def write_table(root: Path) -> None:
    for number in range(3):
        write_photo(root / "photos" / f"{number}.png", number)
    lines = ["image,kind,split,item", "0.png,b,train,x", "1.png,a,val,y", "2.png,,test,"]
    (root / "labels.csv").write_text("\n".join(lines) + "\n")


def write_idx(root: Path) -> None:
    source = root / "src"
    source.mkdir(parents=True)
    for part, count in (("train", 24), ("t10k", 10)):
        labels = np.arange(count, dtype=np.uint8) % 10
        pictures = np.repeat(labels * 20, 784).astype(np.uint8)
        head = bytes([0, 0, 8, 3]) + np.array([count, 28, 28], ">u4").tobytes()
        images = head + pictures.tobytes()
        (source / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        head = bytes([0, 0, 8, 1]) + np.array([count], ">u4").tobytes()
        (source / f"{part}-labels-idx1-ubyte").write_bytes(head + labels.tobytes())


def csv_with(*lines: str, encoding: str = "utf-8") -> Callable[[Path], object]:
    text = "\n".join(["image,kind,split,item", "0.png,b,train,x", *lines, ""])
    return lambda root: (root / "labels.csv").write_bytes(text.encode(encoding))


IDX_LABELS = "src/train-labels-idx1-ubyte"
IDX_IMAGES = "src/train-images-idx3-ubyte.gz"

RIGS: dict[str, Rig] = {
    "fashion-mnist": Rig(
        write=write_idx,
        source="src",
        options=lambda _: {"verify": False},
        damages={
            "missing": Damage(
                spoil=lambda root: (root / IDX_LABELS).unlink(),
                says="3 of 4 files, expected also train-labels-idx1-ubyte.gz",
            ),
            "torn": Damage(
                spoil=patch(IDX_LABELS, lambda data: data[:-5]),
                says="train-labels-idx1-ubyte: found 19 bytes of values, expected 24",
            ),
            "trailing": Damage(
                spoil=patch(IDX_LABELS, lambda data: data + b"\0"),
                says="found more bytes of values, expected 24",
            ),
            "short head": Damage(
                spoil=patch(IDX_LABELS, lambda data: data[:6]),
                says="found a head of 6 bytes, expected 8 bytes",
            ),
            "empty": Damage(
                spoil=patch(IDX_LABELS, lambda _: b""),
                says="found magic nothing, expected 00 00 08 01",
            ),
            "magic": Damage(
                spoil=patch(IDX_LABELS, lambda data: b"\0\0\x0d\1" + data[4:]),
                says="found magic 00 00 0d 01, expected 00 00 08 01",
            ),
            "sizes that lie": Damage(
                spoil=patch(IDX_LABELS, lambda data: data[:4] + b"\xff" * 4 + data[8:]),
                says="found 24 bytes of values, expected 4,294,967,295",
            ),
            "absurd sizes": Damage(
                spoil=patch(
                    IDX_IMAGES,
                    lambda data: gzip.compress(gzip.decompress(data)[:4] + b"\xff" * 12),
                ),
                says="expected at most 6,400,000,000 values",
            ),
            "torn gzip": Damage(
                spoil=patch(IDX_IMAGES, lambda data: data[: len(data) // 2]),
                says="train-images-idx3-ubyte.gz: found a torn gzip file",
            ),
            "counts that differ": Damage(
                spoil=patch(IDX_LABELS, lambda data: data[:4] + b"\0\0\0\x17" + data[8:-1]),
                says="found 23 labels, expected 24, one each",
            ),
            "class outside": Damage(
                spoil=patch(IDX_LABELS, lambda data: data[:-1] + b"\x0a"),
                says="found class 10 at picture 23, expected 0 to 9",
            ),
        },
    ),
    "folder": Rig(
        write=write_folders,
        source="src",
        damages={
            "loose picture": Damage(
                spoil=lambda root: write_photo(root / "src/train/loose.png", 3),
                says="src/train: found 1 picture outside any class folder, the first 'loose.png'",
            ),
            "splits beside classes": Damage(
                spoil=lambda root: write_photo(root / "src/hat/1.png", 3),
                says=r"folders named like splits (test, train, val) beside others (hat)",
            ),
            "link that leaves": Damage(
                spoil=link_out("src/train/a/link.png"),
                says="link.png: found a link that leads out of the folder",
            ),
            "class not listed": Damage(
                spoil=lambda root: (root / "src/classes.csv").write_text("folder,label\na,A\n"),
                says="train/b: found a folder, expected one of classes.csv",
            ),
            "classes without header": Damage(
                spoil=lambda root: (root / "src/classes.csv").write_text("a,A\nb,B\n"),
                says="classes.csv, line 1: found ['a', 'A'], expected the header folder,label",
            ),
            "class listed twice": Damage(
                spoil=lambda root: (root / "src/classes.csv").write_text(
                    "folder,label\na,A\nb,B\na,C\n"
                ),
                says="classes.csv, line 4: found ['a', 'C'], expected a new folder",
            ),
            "name that is no text": Damage(
                spoil=lambda root: Path(
                    os.fsdecode(os.fsencode(root) + b"/src/train/a/\xff.png")
                ).write_bytes(b""),
                says="found a name that is not UTF-8",
            ),
        },
    ),
    "table": Rig(
        write=write_table,
        source="labels.csv",
        options=lambda root: {
            "images": root / "photos",
            "single": ["kind"],
            "split_column": "split",
            "group_column": "item",
        },
        damages={
            "ragged": Damage(
                spoil=csv_with("1.png,a,val", "2.png,a,test,y,z"),
                says="labels.csv, line 3: found 3 cells (1.png, a, val), expected 4, as in the "
                "header\n",
            ),
            "all ragged rows at once": Damage(
                spoil=csv_with("1.png,a,val", "2.png,a,test,y,z"), says="line 4: found 5 cells"
            ),
            "open quote": Damage(
                spoil=csv_with('1.png,"a,val,y'),
                says="labels.csv, line 3: found text that is no CSV",
            ),
            "column twice": Damage(
                spoil=lambda root: (root / "labels.csv").write_text("image,kind,kind\n"),
                says="line 1: found column 'kind' twice",
            ),
            "no text": Damage(
                spoil=lambda root: (root / "labels.csv").write_text(""),
                says="found no text, expected a line of column names",
            ),
            "missing image": Damage(
                spoil=csv_with("none.png,a,val,y"), says="labels.csv, line 3: found 'none.png'"
            ),
            "image twice": Damage(
                spoil=csv_with("0.png,a,val,y"), says="line 3: found '0.png' again (line 2)"
            ),
            "image twice, labelled otherwise": Damage(
                spoil=csv_with("0.png,other,val,y"),
                says="line 3: found '0.png' again (line 2) with another label (kind 'b', here "
                "'other'): the labels conflict, expected each image once",
            ),
            "path that leaves": Damage(
                spoil=csv_with("../labels.csv,a,val,y"),
                says="line 3: '../labels.csv' is not a name under its root",
            ),
            "absolute path": Damage(
                spoil=csv_with("/etc/passwd,a,val,y"),
                says="line 3: '/etc/passwd' is not a name under its root",
            ),
            "url": Damage(
                spoil=csv_with("http://example.org/1.png,a,val,y"),
                says="'http://example.org/1.png' is not a name under its root",
            ),
            "link that leaves": Damage(
                spoil=lambda root: (
                    link_out("photos/link.png")(root),
                    csv_with("link.png,a,val,y")(root),
                ),
                says="line 3: 'link.png' leads out of",
            ),
            "split that is none": Damage(
                spoil=csv_with("1.png,a,holdout,y"), says="line 3: found split 'holdout'"
            ),
            "unreadable encoding": Damage(
                spoil=lambda root: (root / "labels.csv").write_bytes(b"image,kind\n\x81\x8d,a\n"),
                says="found bytes that are none, expected text in utf-8 or cp1252",
            ),
            "no such parquet": Damage(
                spoil=lambda root: (root / "labels.csv").write_bytes(b"PAR1 torn"),
                says="expected a Parquet table",
            ),
        },
    ),
    "attribute-folders": ATTRIBUTE_FOLDERS,
    "ce7454": ce7454_rig.RIG,
    "nsysu": csv_layout_rigs.NSYSU,
    "prography": csv_layout_rigs.PROGRAPHY,
    "k-fashion": kfashion_rig.RIG,
    "garmentiq": csv_layout_rigs.GARMENTIQ,
}

DAMAGES = [(reader, name) for reader, rig in RIGS.items() for name in rig.damages]


def read(reader: str, root: Path) -> Reading:
    rig = RIGS[reader]
    return READERS[reader](root / rig.source, **rig.options(root))


def test_every_reader_has_a_rig() -> None:
    assert RIGS.keys() == READERS.keys()


@pytest.mark.parametrize("reader", RIGS)
def test_it_yields_annotations_that_fit_the_schema_and_the_pictures(
    reader: str, tmp_path: Path
) -> None:
    RIGS[reader].write(tmp_path)
    reading = read(reader, tmp_path)
    assert reading.annotations
    assert len({row.image for row in reading.annotations}) == len(reading.annotations)
    for row in reading.annotations:
        assert isinstance(row, Annotation)
        assert row.split in (*SPLITS, None)
        for task, label in row.labels.items():
            assert set(mentioned(label)) <= set(reading.schema[task].labels)
        if isinstance(reading.images, Path):
            assert LocalStore(reading.images).exists(row.image)
        else:
            number = packed_row(row.image)
            assert number is not None
            assert number < len(reading.images)


def all_as_text(root: Path) -> str:
    """What every reader makes of its source."""
    readings = (read(reader, root / reader) for reader in RIGS)
    return "\n".join(f"{one.schema.to_json()}{one.annotations}{one.notes}" for one in readings)


def test_they_read_the_same_in_every_process(tmp_path: Path) -> None:
    for reader, rig in RIGS.items():
        (tmp_path / reader).mkdir()
        rig.write(tmp_path / reader)
    # Another seed of the interpreter's hashes gives every set another order.
    code = (
        "import sys; from pathlib import Path; import test_readers\n"
        "sys.stdout.buffer.write(test_readers.all_as_text(Path(sys.argv[1])).encode())"
    )
    here = Path(__file__).parent
    paths = [here, here.parent / "data" / "layouts"]
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(map(str, paths))}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == all_as_text(tmp_path)


@pytest.mark.parametrize(("reader", "damage"), DAMAGES)
def test_it_refuses_damage_and_says_where_and_what(
    reader: str, damage: str, tmp_path: Path
) -> None:
    RIGS[reader].write(tmp_path)
    RIGS[reader].damages[damage].spoil(tmp_path)
    with pytest.raises(FormatError) as caught:
        read(reader, tmp_path)
    assert RIGS[reader].damages[damage].says in str(caught.value)
    assert all(fault.file and fault.found for fault in caught.value.faults)


@pytest.mark.parametrize("reader", RIGS)
def test_it_names_a_source_that_is_not_there(reader: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"found nothing, expected a (file|folder)"):
        read(reader, tmp_path / "nowhere")
