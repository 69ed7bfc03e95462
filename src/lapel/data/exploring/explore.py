"""One page that shows a dataset: a file of its own, to look at in any browser."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.exploring.sampling import take_looks
from lapel.data.progress import Track, silent
from lapel.schema.errors import MissingExtraError
from lapel.storage.local import refuse_unwritable, write_atomically
from lapel.storage.places import puts


@puts("out")
def explore_dataset(folder: str | Path, out: str | Path, *, track: Track = silent) -> Path:
    """Write a page about a dataset: classes, sizes, faces of each class, train against test.

    Args:
        folder: the dataset.
        out: the HTML file to write; it needs no other file and no network.
        track: is told how far the work is.

    Returns:
        ``out``.

    Raises:
        DatasetError: the folder is no dataset.
        MissingExtraError: matplotlib is not installed.
        StorageError: the file cannot be written.
    """
    if find_spec("matplotlib") is None:
        raise MissingExtraError(extra="data", need="Exploring a dataset")
    # After the check, since it draws with matplotlib.
    from lapel.data.exploring.page import page  # noqa: PLC0415 - see above

    out = Path(out)
    refuse_unwritable(out)  # before every picture is looked at
    dataset = Dataset.open(folder)
    looks = take_looks(dataset, track=track)
    write_atomically(out, page(dataset, looks).encode())
    return out
