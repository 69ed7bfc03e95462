"""IDX, the file format of MNIST and its kin, plain or gzipped.

Big-endian: two zero bytes, the type of the values (8: unsigned byte), the number of
dimensions, a 32-bit size for each, then the values. http://yann.lecun.com/exdb/mnist/
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import Fault, FormatError, StorageError

UNSIGNED_BYTE = 0x08
GZIP_MAGIC = b"\x1f\x8b"

#: Most values that are believed: ten times the largest of MNIST's kin (EMNIST, 814,255 pictures).
VALUES_LIMIT = 6_400_000_000


def read_idx(path: Path, *, dimensions: int) -> NDArray[np.uint8]:
    """The values of an IDX file of unsigned bytes.

    Args:
        path: the file, plain or gzipped (told by content).
        dimensions: how many it must have: 1 for labels, 3 for pictures.

    Returns:
        uint8, with the sizes that the file states.

    Raises:
        FormatError: another magic number, sizes that lie, missing or trailing bytes, torn gzip.
        StorageError: the file cannot be read.
    """
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            if not zipped:
                return _read(raw, path, dimensions)
            with gzip.open(raw, "rb") as unzipped:
                return _read(unzipped, path, dimensions)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _fault(path, f"a torn gzip file ({error})", "a whole one") from error
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}") from error


def idx_bytes(values: NDArray[np.uint8]) -> bytes:
    """Unsigned bytes as an IDX file: the only one that ``read_idx`` reads as these values."""
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return _magic(values.ndim) + sizes + np.ascontiguousarray(values).tobytes()


def _magic(dimensions: int) -> bytes:
    return bytes([0, 0, UNSIGNED_BYTE, dimensions])


def _read(file: IO[bytes] | gzip.GzipFile, path: Path, dimensions: int) -> NDArray[np.uint8]:
    expected_magic = _magic(dimensions)
    magic = file.read(4)
    if magic != expected_magic:
        raise _fault(path, f"magic {magic.hex(' ') or 'nothing'}", expected_magic.hex(" "))
    head = file.read(4 * dimensions)
    if len(head) < 4 * dimensions:
        raise _fault(path, f"a head of {4 + len(head)} bytes", f"{4 + 4 * dimensions} bytes")
    shape = struct.unpack(f">{dimensions}I", head)
    count = int(np.prod(shape, dtype=object))
    stated = " x ".join(f"{size:,}" for size in shape)
    if count > VALUES_LIMIT:
        raise _fault(path, f"sizes {stated}", f"at most {VALUES_LIMIT:,} values")
    values = file.read(count + 1)
    if len(values) != count:
        more = "more" if len(values) > count else f"{len(values):,}"
        raise _fault(path, f"{more} bytes of values", f"{count:,}, as its sizes {stated} say")
    return np.frombuffer(values, np.uint8).reshape(shape)


def _fault(path: Path, found: str, expected: str) -> FormatError:
    fault = Fault(file=str(path), found=found, expected=expected)
    return FormatError([fault], remedy="Fetch the file again, or name another source.")
