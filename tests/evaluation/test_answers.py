"""The two ways to the network's pixels lead to the same answers, and nothing ends them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.evaluation.answers import answer_dataset
from lapel.imaging.preprocess import Preprocess
from lapel.inference.bundle import Bundle
from lapel.inference.engines.base import Engine
from lapel.inference.engines.table import open_engine
from lapel.schema.annotation import Annotation
from lapel.schema.labels import Schema, TaskSpec

Item = TypeVar("Item")


@pytest.fixture(scope="module")
def bundle(colour_bundle: Path) -> Bundle:
    return Bundle.load(colour_bundle)


@pytest.fixture(scope="module")
def engine(bundle: Bundle) -> Engine:
    return open_engine("auto", bundle)


def outputs_one_by_one(
    engine: Engine, preprocess: Preprocess, dataset: Dataset
) -> NDArray[np.float32]:
    """The plain way: each picture read, prepared and answered alone."""
    rows = [preprocess.apply(dataset.pixels(name)).pixels[None] for name in dataset.names()]
    return np.concatenate([engine.run(pixels)["colour"] for pixels in rows])


def test_packed_pictures_answer_as_if_read_one_by_one(
    engine: Engine, bundle: Bundle, colour_dataset: Path
) -> None:
    dataset = Dataset.open(colour_dataset)
    found = answer_dataset(engine, bundle.preprocess, dataset)
    np.testing.assert_allclose(
        found.views[0]["colour"],
        outputs_one_by_one(engine, bundle.preprocess, dataset),
        atol=1e-5,
    )
    assert found.rows.tolist() == list(range(len(dataset)))


def test_packed_pictures_of_another_size_are_resized(
    engine: Engine, bundle: Bundle, tmp_path: Path
) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (6, 31, 17, 3), dtype=np.uint8)
    dataset = packed(tmp_path / "odd", pictures)
    found = answer_dataset(engine, bundle.preprocess, dataset)
    np.testing.assert_allclose(
        found.views[0]["colour"],
        outputs_one_by_one(engine, bundle.preprocess, dataset),
        atol=1e-5,
    )


def test_gray_pictures_stand_for_all_three_channels(
    engine: Engine, bundle: Bundle, tmp_path: Path
) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, 24, 24), dtype=np.uint8)
    dataset = packed(tmp_path / "gray", pictures)
    found = answer_dataset(engine, bundle.preprocess, dataset)
    np.testing.assert_allclose(
        found.views[0]["colour"],
        outputs_one_by_one(engine, bundle.preprocess, dataset),
        atol=1e-5,
    )


class Recorder:
    """An engine that keeps what it was given."""

    def __init__(self) -> None:
        self.seen: list[NDArray[np.uint8]] = []

    @property
    def names(self) -> tuple[str, ...]:
        return ("colour",)

    @property
    def lanes(self) -> int:
        return 1

    def run(
        self, pixels: NDArray[np.uint8], names: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        del names
        self.seen.append(pixels.copy())
        return {"colour": np.zeros((len(pixels), 3), np.float32)}


def test_colour_becomes_gray_as_preprocessing_says(bundle: Bundle, colour_dataset: Path) -> None:
    gray = replace(bundle.preprocess, channels=1, mean=(0.5,), std=(0.5,))
    dataset = Dataset.open(colour_dataset).split("validation")
    recorder = Recorder()
    answer_dataset(recorder, gray, dataset)
    expected = np.stack([gray.apply(dataset.pixels(name)).pixels for name in dataset.names()])
    np.testing.assert_array_equal(np.concatenate(recorder.seen), expected)


def test_flip_looks_at_every_picture_and_at_its_mirror_image(
    bundle: Bundle, colour_dataset: Path
) -> None:
    recorder = Recorder()
    dataset = Dataset.open(colour_dataset).split("validation")
    found = answer_dataset(recorder, bundle.preprocess, dataset, flip=True)
    plain, mirrored = recorder.seen
    np.testing.assert_array_equal(mirrored, plain[..., ::-1])
    assert len(found.views) == 2


def test_unreadable_images_are_named_and_the_others_answered(
    engine: Engine, bundle: Bundle, colour_photos: Dataset
) -> None:
    photos = colour_photos.folder.parent / "photos"
    names = colour_photos.names()
    (photos / names[2]).write_bytes(b"no picture at all")
    (photos / names[7]).unlink()
    found = answer_dataset(engine, bundle.preprocess, colour_photos)
    assert [one.image for one in found.unreadable] == [names[2], names[7]]
    assert "bytes that begin with" in found.unreadable[0].fault
    assert "No such file" in found.unreadable[1].fault
    assert found.rows.tolist() == [row for row in range(12) if row not in (2, 7)]
    assert len(found.views[0]["colour"]) == 10


def test_a_listener_hears_of_every_image(
    engine: Engine, bundle: Bundle, colour_photos: Dataset
) -> None:
    heard: list[object] = []

    def track(items: Iterable[Item], /, total: int | None, description: str) -> Iterator[Item]:
        heard.append((total, description))
        for item in items:
            heard.append(item)
            yield item
        heard.append("end")

    answer_dataset(engine, bundle.preprocess, colour_photos, track=track)
    assert heard == [(12, "Judging images"), *range(12), "end"]


def packed(folder: Path, pictures: NDArray[np.uint8]) -> Dataset:
    return create_dataset(
        folder,
        name="packed",
        schema=Schema((TaskSpec(name="colour", kind="single_label", labels=("red",)),)),
        annotations=[
            Annotation(image=f"images.npy#{row}", labels={"colour": "red"}, split="test")
            for row in range(len(pictures))
        ],
        images=pictures,
    )
