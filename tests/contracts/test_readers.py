"""What every reader of a public layout must do. A new reader is tested by being given a rig."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import ce7454_rig
import csv_layout_rigs
import deepfashion_rigs
import folder_layout_rigs
import garment_rigs
import idx_rig
import kfashion_rig
import label_studio_rig
import pixel_rigs
import pytest
import retrieval_rigs
import table_rig
from PIL import Image
from reader_rig import Rig

from lapel.data.images import packed_row
from lapel.data.importing import READERS, import_dataset
from lapel.data.reading.base import Reading
from lapel.schema.annotation import SPLITS, Annotation, mentioned
from lapel.schema.errors import FormatError, UsageError
from lapel.storage.local import LocalStore

RIGS: dict[str, Rig] = {
    "fashion-mnist": idx_rig.FASHION_MNIST,
    "folder": folder_layout_rigs.FOLDER,
    "unlabelled": folder_layout_rigs.UNLABELLED,
    "table": table_rig.TABLE,
    "attribute-folders": folder_layout_rigs.ATTRIBUTE_FOLDERS,
    "ce7454": ce7454_rig.RIG,
    "nsysu": csv_layout_rigs.NSYSU,
    "prography": csv_layout_rigs.PROGRAPHY,
    "k-fashion": kfashion_rig.RIG,
    "garmentiq": csv_layout_rigs.GARMENTIQ,
    "deepfashion-coarse": deepfashion_rigs.COARSE_RIG,
    "deepfashion-fine": deepfashion_rigs.FINE_RIG,
    "deepfashion-info": deepfashion_rigs.INFO_RIG,
    "label-studio": label_studio_rig.RIG,
    **retrieval_rigs.RIGS,
    **garment_rigs.RIGS,
    **pixel_rigs.RIGS,
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


def picture(kind: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    noise = Image.effect_noise((64, 64), 90).convert("RGB")
    noise.save(buffer, kind, **settings)
    return buffer.getvalue()


def _claims(width: int, height: int) -> bytes:
    """A PNG whose header claims a size."""
    whole = picture("PNG")
    header = whole[12:16] + struct.pack(">II", width, height) + whole[24:29]
    return whole[:12] + header + struct.pack(">I", zlib.crc32(header)) + whole[33:]


#: What stands in the place of a picture, and what the refusal says.
DAMAGED_PICTURES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty"),
    "half a PNG": (lambda: picture("PNG")[:900], ""),
    "half a JPEG": (lambda: picture("JPEG")[:700], ""),
    "a header alone": (lambda: picture("PNG")[:33], ""),
    "a web page": (lambda: b"<!DOCTYPE html><title>404</title>" * 9, "expected JPEG, PNG or WEBP"),
    "zeros": (lambda: bytes(5000), ""),
    "a film": (lambda: b"\0\0\0\x20ftypisom" + bytes(400), ""),
    "a claim of 4,000 million pixels": (lambda: _claims(65000, 65000), "pixels"),
    "a picture without width": (lambda: _claims(0, 7), ""),
}


@pytest.mark.parametrize("reader", [reader for reader in RIGS if reader != "fashion-mnist"])
def test_every_kind_of_damaged_picture_is_refused_by_name(reader: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    RIGS[reader].write(source)
    reading = read(reader, source)
    assert isinstance(reading.images, Path)
    name = reading.annotations[0].image
    options = RIGS[reader].options(source)
    for damage, (data, says) in DAMAGED_PICTURES.items():
        (reading.images / name).write_bytes(data())
        with pytest.raises(FormatError) as caught:
            import_dataset(reader, source / RIGS[reader].source, tmp_path / "d", **options)
        (fault,) = caught.value.faults
        assert fault.file == name, damage
        assert says in fault.found, damage
        assert "--skip-unreadable" in str(caught.value), damage
        assert not (tmp_path / "d").exists(), damage
