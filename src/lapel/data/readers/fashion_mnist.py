"""Fashion-MNIST: 70,000 garments of 28 x 28 gray pixels in ten classes, as four IDX files.

Xiao, Rasul, Vollgraf (2017), https://arxiv.org/abs/1708.07747; MIT licence.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.data.images import packed_name
from lapel.data.progress import Track, silent
from lapel.data.reading.base import Reading, existing_folder
from lapel.data.reading.fetching import (
    RemoteFiles,
    asking_to_delete,
    fetch_files,
    find_files,
)
from lapel.data.reading.idx import idx_bytes, read_idx
from lapel.data.splitting.stratify import hold_out
from lapel.schema.annotation import Annotation
from lapel.schema.errors import Fault, FormatError
from lapel.schema.labels import Schema, TaskSpec

LABELS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
SCHEMA = Schema((TaskSpec(name="category", kind="single_label", labels=LABELS),))
SIDE = 28

#: The four files, and the MD5 that the authors give for each as they publish it.
MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}

#: SHA-256 of the same files unpacked. Debian packs them again, so that their MD5 differs; and
#: plain MNIST goes by the same file names: only the contents tell.
SHA256_UNPACKED = {
    "train-images-idx3-ubyte.gz": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte.gz": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}

#: Of the 60,000 for training, held out for validation: 5,000.
VALIDATION_FRACTION = 1 / 12
VALIDATION_SEED = 0

REMOTE = RemoteFiles(
    name="fashion-mnist",
    md5=MD5,
    addresses=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    ),
    debian_package="dataset-fashion-mnist",
    debian_folder="usr/share/datasets/fashion-mnist",
)

#: Where other programs keep it: torchvision below its usual root, and Debian's package.
USUAL_PLACES = (
    "data/FashionMNIST/raw",
    "FashionMNIST/raw",
    "/usr/share/datasets/fashion-mnist",
)


def read_fashion_mnist(
    source: str | Path | None = None, *, verify: bool = True, track: Track = silent
) -> Reading:
    """Fashion-MNIST from a folder, from the usual places, or fetched.

    Args:
        source: a folder with the four files, gzipped or plain, or the root that torchvision was
            given; None looks in the usual places and Lapel's cache, then fetches them there.
        verify: refuse files that are not the official ones, bit for bit. Without it any set
            of the same form is taken, such as a small one for a trial.
        track: is told how far a download is.

    Returns:
        The official test files as ``test``; the others as ``train``, less a twelfth of every
        class (5,000 pictures in all), which is ``validation``.

    Raises:
        UsageError: the source is no folder.
        FormatError: files are missing, torn, or not those of Fashion-MNIST.
        StorageError: the files could not be fetched; the message says how to by hand.
    """
    if source is not None:
        files = find_files(REMOTE, _places(existing_folder(source)), needed=True)
    else:
        files = find_files(REMOTE, [Path(place) for place in USUAL_PLACES], needed=False)
    files = files or fetch_files(REMOTE, track=track)
    with asking_to_delete(REMOTE):
        train, train_labels = _read_part(files, "train", verify=verify)
        test, test_labels = _read_part(files, "t10k", verify=verify)
    annotations = _annotations(train_labels, test_labels)
    held_out = sum(row.split == "validation" for row in annotations)
    note = (
        f"{held_out:,} of the {len(train):,} training pictures are held out as validation "
        f"(stratified, seed {VALIDATION_SEED}); test is the official one"
    )
    return Reading(
        name="fashion-mnist",
        schema=SCHEMA,
        annotations=annotations,
        images=np.concatenate([train, test]),
        origin=f"Fashion-MNIST, https://arxiv.org/abs/1708.07747; {note}",
        licence="MIT, Zalando SE",
        notes=(f"read from {next(iter(files.values())).parent}", note),
    )


def _places(source: Path) -> list[Path]:
    """The source, and folders below it where torchvision keeps the files."""
    below = [source / name for name in ("FashionMNIST/raw", "raw")]
    return [source, *(folder for folder in below if folder.is_dir())]


def _read_part(
    files: dict[str, Path], part: str, *, verify: bool
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pictures (N, 28, 28) and class numbers (N,)."""
    images_name, labels_name = (name for name in MD5 if name.startswith(part))
    images = read_idx(files[images_name], dimensions=3)
    labels = read_idx(files[labels_name], dimensions=1)
    if verify:
        _verify(files[images_name], images, SHA256_UNPACKED[images_name])
        _verify(files[labels_name], labels, SHA256_UNPACKED[labels_name])
    if images.shape[1:] != (SIDE, SIDE):
        found = f"pictures of {images.shape[1]} x {images.shape[2]}"
        raise _fault(files[images_name], found, f"{SIDE} x {SIDE}")
    if len(images) != len(labels):
        raise _fault(files[labels_name], f"{len(labels):,} labels", f"{len(images):,}, one each")
    if len(labels) and labels.max() >= len(LABELS):
        row = int(np.argmax(labels >= len(LABELS)))
        raise _fault(files[labels_name], f"class {labels[row]} at picture {row:,}", "0 to 9")
    return images, labels


def _verify(path: Path, values: NDArray[np.uint8], expected: str) -> None:
    found = hashlib.sha256(idx_bytes(values)).hexdigest()
    if found != expected:
        raise FormatError(
            [Fault(file=str(path), found=f"SHA-256 {found[:16]}... unpacked", expected=expected)],
            remedy="This is not the official Fashion-MNIST (plain MNIST has the same file "
            "names). Fetch it again, or take the files as they are with --unverified.",
        )


def _annotations(
    train_labels: NDArray[np.uint8], test_labels: NDArray[np.uint8]
) -> tuple[Annotation, ...]:
    names = [packed_name(row) for row in range(len(train_labels) + len(test_labels))]
    train_names = names[: len(train_labels)]
    drawn = hold_out(
        train_names,
        [(int(label),) for label in train_labels],
        {"validation": VALIDATION_FRACTION},
        seed=VALIDATION_SEED,
    )
    splits = [part or "train" for part in drawn] + ["test"] * len(test_labels)
    labels = [LABELS[number] for number in np.concatenate([train_labels, test_labels])]
    return tuple(
        Annotation(image=name, labels={"category": label}, split=split)
        for name, label, split in zip(names, labels, splits, strict=True)
    )


def _fault(path: Path, found: str, expected: str) -> FormatError:
    fault = Fault(file=str(path), found=found, expected=expected)
    return FormatError([fault], remedy="Fetch the file again, or name another source.")
