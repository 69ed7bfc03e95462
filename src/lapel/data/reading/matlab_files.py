"""MATLAB's files (level 5), as far as annotations are kept in them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.data.reading.base import read_bytes
from lapel.data.reading.json_records import RecordError
from lapel.imaging.decode import DECODER_FAULTS
from lapel.schema.errors import MissingExtraError


def matlab_variable(path: Path, name: str) -> NDArray[Any]:
    """One variable of a file, as MATLAB has it: of two dimensions at least.

    Raises:
        RecordError: no such file of MATLAB's, or no such variable in it.
        MissingExtraError: scipy is not installed.
        StorageError: the file cannot be read.
    """
    try:
        # An extra, and half a second to import.
        from scipy.io import loadmat  # noqa: PLC0415 - see above
        from scipy.io.matlab import MatReadError  # noqa: PLC0415 - see above
    except ImportError as error:
        raise MissingExtraError(extra="data", need="Files of MATLAB") from error
    data = read_bytes(path)
    expected = f"a file of MATLAB (level 5) with {name!r}"
    try:
        variables = loadmat(io.BytesIO(data), variable_names=[name])
    except NotImplementedError as error:
        raise RecordError("a file of MATLAB 7.3 (HDF5)", f"{expected}; save it with -v7") from error
    # What scipy raises for bytes that it cannot read; it has more errors than it documents.
    except (*DECODER_FAULTS, MatReadError, MemoryError) as error:
        raise RecordError(f"bytes that are no such file ({error})", expected) from error
    if name not in variables:
        raise RecordError(f"no variable {name!r}", expected)
    return np.asarray(variables[name])


def matlab_numbers(path: Path, name: str) -> NDArray[np.integer]:
    """A variable of whole numbers from 0.

    Raises:
        RecordError: as :func:`matlab_variable`, or other values.
    """
    found = matlab_variable(path, name)
    whole = found.dtype.kind in "biuf" and bool((found == np.floor(found)).all())
    if not whole or found.size == 0 or found.min() < 0 or found.max() > np.iinfo(np.uint16).max:
        raise RecordError(f"{name!r} of {found.dtype} {found.shape}", "whole numbers from 0")
    return found.astype(np.uint8 if found.max() <= np.iinfo(np.uint8).max else np.uint16)


def matlab_words(path: Path, name: str) -> tuple[str, ...]:
    """A variable that is a list (a cell array) of texts.

    Raises:
        RecordError: as :func:`matlab_variable`, or other values.
    """
    cells = matlab_variable(path, name).ravel().tolist()
    words = [str(one) for cell in cells for one in np.asarray(cell).ravel().tolist()]
    if len(words) != len(cells) or not all(word.strip() for word in words):
        raise RecordError(f"{name!r} with {len(words)} texts in {len(cells)} cells", "one each")
    return tuple(word.strip() for word in words)
