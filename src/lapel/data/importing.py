"""The table of readers, and making datasets with them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lapel.data.creating import check_place, create_dataset
from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.data.readers.attribute_folders import read_attribute_folders
from lapel.data.readers.ce7454 import read_ce7454
from lapel.data.readers.clothing_co_parsing import read_clothing_co_parsing
from lapel.data.readers.coco import read_coco
from lapel.data.readers.deepfashion2 import read_deepfashion2
from lapel.data.readers.deepfashion_coarse import read_deepfashion_coarse
from lapel.data.readers.deepfashion_consumer_to_shop import read_deepfashion_consumer_to_shop
from lapel.data.readers.deepfashion_fine import read_deepfashion_fine
from lapel.data.readers.deepfashion_info import read_deepfashion_info
from lapel.data.readers.deepfashion_inshop import read_deepfashion_inshop
from lapel.data.readers.deepfashion_landmarks import read_deepfashion_landmarks
from lapel.data.readers.fashion_mnist import read_fashion_mnist
from lapel.data.readers.fashionpedia import read_fashionpedia
from lapel.data.readers.folder import read_folder
from lapel.data.readers.garmentiq import read_garmentiq
from lapel.data.readers.kfashion import read_kfashion
from lapel.data.readers.label_studio import read_label_studio
from lapel.data.readers.masks import read_masks
from lapel.data.readers.nsysu import read_nsysu
from lapel.data.readers.prography import read_prography
from lapel.data.readers.table import read_table
from lapel.data.readers.unlabelled import read_unlabelled
from lapel.data.reading.base import Reading
from lapel.imaging.decode import Limits
from lapel.schema.errors import Fault, UsageError

#: Name of a layout to what reads it. The first argument is the source; others by name.
READERS: dict[str, Callable[..., Reading]] = {
    "fashion-mnist": read_fashion_mnist,
    "folder": read_folder,
    "table": read_table,
    "attribute-folders": read_attribute_folders,
    "ce7454": read_ce7454,
    "nsysu": read_nsysu,
    "prography": read_prography,
    "k-fashion": read_kfashion,
    "garmentiq": read_garmentiq,
    "deepfashion-coarse": read_deepfashion_coarse,
    "deepfashion-fine": read_deepfashion_fine,
    "deepfashion-info": read_deepfashion_info,
    "deepfashion-in-shop": read_deepfashion_inshop,
    "deepfashion-consumer-to-shop": read_deepfashion_consumer_to_shop,
    "deepfashion-landmarks": read_deepfashion_landmarks,
    "deepfashion2": read_deepfashion2,
    "fashionpedia": read_fashionpedia,
    "masks": read_masks,
    "clothing-co-parsing": read_clothing_co_parsing,
    "coco": read_coco,
    "label-studio": read_label_studio,
    "unlabelled": read_unlabelled,
}


def import_dataset(
    layout: str,
    source: str | Path | None,
    folder: str | Path,
    *,
    name: str | None = None,
    limits: Limits | None = None,
    on_unreadable: Callable[[Sequence[Fault]], None] | None = None,
    on_notes: Callable[[Sequence[str]], None] | None = None,
    replace: bool = False,
    track: Track = silent,
    **options: Any,  # noqa: ANN401 - each reader has its own, and checks them
) -> Dataset:
    """Make a dataset of a public layout.

    Args:
        layout: a name in ``READERS``.
        source: what is read; None where the reader knows where to look.
        folder: the dataset to make; new or empty unless ``replace``.
        name: what to call it; by default what the reader says.
        limits: what a picture may cost to open.
        on_unreadable: is told of pictures that cannot be opened, which are then left out;
            without it they are refused.
        on_notes: is told how the source was understood.
        replace: take the place of a dataset that stands in ``folder``.
        track: is told how far the work is.
        **options: the reader's own, such as ``images`` and ``single`` of ``table``.

    Raises:
        UsageError: no such layout or option, or a source that is not there.
        FormatError: a source that does not keep its layout, or pictures that cannot be opened.
        DatasetError: what stands in ``folder`` is more than a dataset to replace.
        StorageError: ``folder`` is taken, the source cannot be read, or the dataset not written.
    """
    if layout not in READERS:
        raise UsageError(f"no layout is called {layout!r}; known: {', '.join(READERS)}")
    reader = READERS[layout]
    if "track" in inspect.signature(reader).parameters:
        options["track"] = track
    try:
        inspect.signature(reader).bind(source, **options)
    except TypeError as error:
        raise UsageError(f"layout '{layout}': {error}") from None
    check_place(Path(folder), replace=replace)
    reading = reader(source, **options)
    if on_notes:
        on_notes(reading.notes)
    return create_dataset(
        folder,
        name=name or reading.name,
        schema=reading.schema,
        annotations=reading.annotations,
        images=reading.images,
        origin=reading.origin,
        licence=reading.licence,
        garments=reading.garments,
        masks=reading.masks,
        sizes=reading.sizes,
        keep_outside=reading.keep_outside,
        glossary=reading.glossary,
        benchmark=reading.benchmark,
        limits=limits,
        on_unreadable=on_unreadable,
        replace=replace,
        track=track,
    )
