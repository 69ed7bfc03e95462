"""Fashion-MNIST's four files, and twenty ways to spoil them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
from reader_rig import Damage, Rig, Spoil, both, patch, remove

IDX_LABELS = "src/train-labels-idx1-ubyte"
IDX_IMAGES = "src/train-images-idx3-ubyte.gz"
IDX_TEST = "src/t10k-labels-idx1-ubyte"


def gzipped(change: Callable[[bytes], bytes]) -> Spoil:
    """Change what is in the gzip file of pictures."""
    return patch(IDX_IMAGES, lambda data: gzip.compress(change(gzip.decompress(data))))


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


FASHION_MNIST = Rig(
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
        "two files missing": Damage(
            spoil=both(remove(IDX_LABELS), remove(IDX_TEST)),
            says="2 of 4 files, expected also",
        ),
        "pictures of another size": Damage(
            spoil=gzipped(lambda data: data[:8] + b"\0\0\0\x0e\0\0\0\x38" + data[16:]),
            says="train-images-idx3-ubyte.gz: found pictures of 14 x 56, expected 28 x 28",
        ),
        "labels in the place of pictures": Damage(
            spoil=patch(IDX_IMAGES, lambda _: bytes([0, 0, 8, 1, 0, 0, 0, 1, 5])),
            says="train-images-idx3-ubyte.gz: found magic 00 00 08 01, expected 00 00 08 03",
        ),
        "values of another type": Damage(
            spoil=gzipped(lambda data: b"\0\0\x0b\3" + data[4:]),
            says="found magic 00 00 0b 03, expected 00 00 08 03",
        ),
        "fewer pictures than it says": Damage(
            spoil=gzipped(lambda data: data[:-784]),
            says="train-images-idx3-ubyte.gz: found 18,032 bytes of values, expected 18,816",
        ),
        "more pictures than it says": Damage(
            spoil=gzipped(lambda data: data + b"\0" * 784),
            says="train-images-idx3-ubyte.gz: found more bytes of values, expected 18,816",
        ),
        "flipped bit in gzip": Damage(
            spoil=patch(IDX_IMAGES, lambda data: data[:-6] + bytes([data[-6] ^ 1]) + data[-5:]),
            says="train-images-idx3-ubyte.gz: found a torn gzip file (CRC check failed",
        ),
        "gzip of nothing": Damage(
            spoil=patch(IDX_IMAGES, lambda _: gzip.compress(b"")),
            says="found magic nothing, expected 00 00 08 03",
        ),
        "test torn": Damage(
            spoil=patch(IDX_TEST, lambda data: data[:-1]),
            says="t10k-labels-idx1-ubyte: found 9 bytes of values, expected 10",
        ),
    },
)
