"""Pictures come to the network the same way from memory and from files."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Preprocess
from lapel.schema.annotation import Annotation
from lapel.schema.errors import ImageError, StorageError, TrainingError
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.input import examples, pictures
from lapel.training.input.examples import Examples, load_examples, subset
from lapel.training.material import FITTED_ON, READ_AT_ONCE, first_pixels
from lapel.training.recipe_parts import DataPart

CPU = torch.device("cpu")
COLOUR = Preprocess(
    height=40, width=32, channels=3, fit="letterbox", mean=(0.5,) * 3, std=(0.25,) * 3
)


Resident = Literal["always", "never"]


def load(
    folder: Path,
    *,
    resident: Resident,
    workers: int = 0,
    split: str = "train",
    cache: bool = False,
) -> Examples:
    dataset = Dataset.open(folder).split(split)
    options = DataPart(resident=resident, workers=workers, cache=cache)
    return load_examples(dataset, dataset.schema, COLOUR, device=CPU, options=options)


@pytest.mark.parametrize("workers", [0, 2])
def test_streamed_batches_are_the_resident_ones(workers: int, photo_dataset: Path) -> None:
    rows = [torch.tensor([3, 1]), torch.tensor([0]), torch.tensor([5, 5, 2])]
    resident = load(photo_dataset, resident="always").pictures.batches(rows)
    streamed = load(photo_dataset, resident="never", workers=workers).pictures.batches(rows)
    for one, other in zip(resident, streamed, strict=True):
        assert one.dtype == torch.uint8
        assert one.shape[1:] == (3, 40, 32)
        assert torch.equal(one, other)


def test_packed_pictures_are_the_same_as_opened_ones(small_dataset: Path) -> None:
    gray = Preprocess(height=28, width=28, channels=1, fit="letterbox", mean=(0.3,), std=(0.3,))
    dataset = Dataset.open(small_dataset).split("train")
    packed = load_examples(dataset, dataset.schema, gray, device=CPU, options=DataPart())
    rows = [torch.arange(10)]
    opened = [gray.apply(dataset.pixels(name)).pixels for name in dataset.names()[:10]]
    assert torch.equal(next(packed.pictures.batches(rows)), torch.from_numpy(np.stack(opened)))


@pytest.mark.parametrize(
    ("memory", "disk", "kind"),
    [(2**40, 2**40, pictures.Resident), (0, 2**40, pictures.Packed), (0, 0, pictures.Streamed)],
    ids=["fits in memory", "fits on the disk", "fits nowhere"],
)
def test_where_pictures_are_kept_is_chosen_by_their_size(
    memory: int,
    disk: int,
    kind: type,
    photo_dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path))
    monkeypatch.setattr(examples, "free_memory", lambda _: memory)
    monkeypatch.setattr(examples, "_free_disk", lambda: disk)
    dataset = Dataset.open(photo_dataset).split("train")
    loaded = load_examples(dataset, dataset.schema, COLOUR, device=CPU, options=DataPart())
    assert type(loaded.pictures) is kind


def test_memory_that_torch_keeps_for_new_tensors_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"mem_get_info": (1000, 9000), "memory_reserved": 500, "memory_allocated": 200}
    for name, value in facts.items():
        monkeypatch.setattr(torch.cuda, name, lambda _, value=value: value)
    assert examples.free_memory(torch.device("cuda")) == 1300


def test_processes_of_a_machine_share_what_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "available_memory", lambda: 1000)
    monkeypatch.setattr(examples, "processes_here", lambda: 4)
    assert examples.free_memory(CPU) == 250


@pytest.mark.parametrize(("times", "kind"), [(3, pictures.Packed), (6, pictures.Resident)])
def test_both_splits_share_what_pictures_may_take_of_the_memory(
    times: int,
    kind: type,
    photo_dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two fifths of three times its size a split has its place, and a second one has none."""
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path))
    dataset = Dataset.open(photo_dataset).split("train")
    size = len(dataset) * COLOUR.channels * COLOUR.height * COLOUR.width
    monkeypatch.setattr(examples, "free_memory", lambda _: times * size)

    def load_beside(other: Examples | None) -> Examples:
        return load_examples(
            dataset, dataset.schema, COLOUR, device=CPU, options=DataPart(), beside=other
        )

    first = load_beside(None)
    assert type(first.pictures) is pictures.Resident
    assert type(load_beside(first).pictures) is kind


@pytest.mark.parametrize(("cores", "processes", "workers"), [(2, 1, 0), (8, 1, 7), (8, 4, 0)])
def test_workers_are_as_many_as_cores_are_left(
    cores: int, processes: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "usable_cores", lambda: cores)
    monkeypatch.setattr(examples, "processes_here", lambda: processes)
    assert examples._workers() == workers


def test_targets_follow_the_rows(photo_dataset: Path) -> None:
    dataset = Dataset.open(photo_dataset).split("train")
    (task,) = dataset.schema
    loaded = load(photo_dataset, resident="always")
    labels = [task.labels[target] for target in loaded.targets[task.name]]
    assert labels == dataset.labels(task.name)
    chosen = subset(loaded, torch.tensor([4, 2]))
    assert [task.labels[target] for target in chosen.targets[task.name]] == [labels[4], labels[2]]
    picture = next(chosen.pictures.batches([torch.tensor([1])]))
    assert torch.equal(picture, next(loaded.pictures.batches([torch.tensor([2])])))


@pytest.mark.parametrize("resident", ["always", "never"])
def test_a_picture_that_cannot_be_read_is_named(resident: Resident, own_dataset: Path) -> None:
    dataset = Dataset.open(own_dataset).split("train")
    (own_dataset.parent / "photos" / dataset.names()[1]).write_bytes(b"torn")
    with pytest.raises(ImageError, match=dataset.names()[1].split("/")[-1]):
        list(load(own_dataset, resident=resident).pictures.batches([torch.arange(3)]))


def disturb(action: Callable[[int], None]) -> threading.Thread:
    """Do something to the first worker that appears."""

    def wait_and_act() -> None:
        while not multiprocessing.active_children():
            time.sleep(0.001)
        action(multiprocessing.active_children()[0].pid or 0)

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGSTOP])
# The loader's own clean-up complains when it finds its worker gone.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_lost_worker_ends_the_run_with_the_way_out(
    signal_number: signal.Signals, photo_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "WORKER_SECONDS", 2)
    photos = load(photo_dataset, resident="never", workers=1).pictures
    rows = [torch.arange(12)] * 2000
    thread = disturb(lambda worker: os.kill(worker, signal_number))
    with pytest.raises(TrainingError, match=r"worker .* was lost .*--resume"):
        list(photos.batches(rows))
    thread.join()
    # Nothing is left for which this process would wait at its end.
    for worker in multiprocessing.active_children():
        worker.join(5)
    assert multiprocessing.active_children() == []


def test_a_full_accelerator_is_no_lost_worker(
    photo_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    photos = load(photo_dataset, resident="never").pictures
    monkeypatch.setattr(pictures._Batches, "__getitem__", full)
    with pytest.raises(torch.OutOfMemoryError):
        list(photos.batches([torch.arange(2)]))


def read_all(loaded: Examples) -> torch.Tensor:
    return next(iter(loaded.pictures.batches([torch.arange(len(loaded))])))


def test_pictures_packed_on_the_disk_are_the_resident_ones(
    photo_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path))
    packed = load(photo_dataset, resident="never", cache=True)
    assert isinstance(packed.pictures, pictures.Packed)
    assert torch.equal(read_all(packed), read_all(load(photo_dataset, resident="always")))


@pytest.mark.parametrize("resident", ["always", "never"])
def test_a_picture_is_decoded_once_for_all_runs(
    resident: Resident,
    own_dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "cache"))
    first = read_all(load(own_dataset, resident=resident, cache=True))
    for photo in (own_dataset.parent / "photos").rglob("*.*"):
        photo.write_bytes(b"torn")
    assert torch.equal(read_all(load(own_dataset, resident=resident, cache=True)), first)
    with pytest.raises(ImageError):
        read_all(load(own_dataset, resident=resident))


def test_another_preprocessing_does_not_take_what_was_kept_for_the_first(
    photo_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path))
    dataset = Dataset.open(photo_dataset).split("train")
    both = [
        load_examples(dataset, dataset.schema, how, device=CPU, options=DataPart())
        for how in (COLOUR, replace(COLOUR, fill=255))
    ]
    assert not torch.equal(*map(read_all, both))


def test_without_room_on_the_disk_pictures_come_from_their_files(
    photo_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path))
    monkeypatch.setattr(examples, "PACKED_SHARE", 0.0)
    loaded = load(photo_dataset, resident="never", cache=True)
    assert isinstance(loaded.pictures, pictures.Streamed)


def test_a_cache_that_cannot_be_made_names_the_ways_out(
    photo_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(StorageError, match=r"LAPEL_CACHE, or keep nothing: --set data.cache=false"):
        load(photo_dataset, resident="never", cache=True)


def test_a_box_is_all_that_is_seen_however_pictures_come(tmp_path: Path) -> None:
    """And a landmark's target lies where its dot is then."""
    folder = dotted_dataset(tmp_path / "dots")
    dataset = Dataset.open(folder)
    how = replace(COLOUR, crop_to_box=True, box_margin=0.1)
    rows = [torch.tensor([2, 0]), torch.tensor([1])]
    found = {}
    for way, options in {
        "resident": DataPart(resident="always", cache=False),
        "streamed": DataPart(resident="never", cache=False, workers=0),
        "packed": DataPart(resident="never", cache=True),
    }.items():
        loaded = load_examples(dataset, dataset.schema, how, device=CPU, options=options)
        found[way] = torch.cat(list(loaded.pictures.batches(rows)))
        target = loaded.targets["dot"][torch.cat(rows), 0]
        for picture, (x, y) in zip(found[way], target[:, :2].tolist(), strict=True):
            light = picture[0].float().clamp(min=60) - 60
            seen = light.nonzero().float().add(0.5).mean(0)
            assert seen.tolist() == pytest.approx([y * 40, x * 32], abs=0.7)
    assert torch.equal(found["resident"], found["streamed"])
    assert torch.equal(found["resident"], found["packed"])
    # All three rows are one file: what is kept is kept by the box, too.
    assert not torch.equal(found["packed"][0], found["packed"][1])


def dotted_dataset(folder: Path) -> Path:
    """One picture with a dot, three times, each time with another box around the dot."""
    images = folder.parent / "images"
    images.mkdir()
    picture = np.full((90, 120, 3), 40, np.uint8)
    picture[38:46, 56:64] = 250
    boxes = (Box(30, 20, 60, 50), Box(48, 30, 40, 44), Box(10, 5, 80, 80))
    annotations = []
    for number, box in enumerate(boxes):
        Image.fromarray(picture).save(images / f"{number}.png")
        annotations.append(
            Annotation(
                image=f"{number}.png",
                split="train",
                labels={"dot": Landmarks({"dot": Landmark(60, 42)})},
                box=box,
            )
        )
    schema = Schema((TaskSpec(name="dot", kind="landmarks", labels=("dot",)),))
    create_dataset(folder, name="dots", schema=schema, annotations=annotations, images=images)
    return folder


def test_few_pictures_are_read_before_they_are_asked_for() -> None:
    """What the disk is slow to take must not pile up in memory."""
    read: list[int] = []

    def make(row: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        read.append(row)
        return np.full(1, row % 256, np.uint8)

    with ThreadPoolExecutor(2) as pool:
        made = examples._ahead(pool, make, range(1000))
        taken = [int(next(made)[0]) for _ in range(3)]
    assert taken == [0, 1, 2]
    assert len(read) <= examples.READ_AHEAD + 4


def test_a_picture_that_a_worker_cannot_read_is_named_as_without_workers(own_dataset: Path) -> None:
    dataset = Dataset.open(own_dataset).split("train")
    (own_dataset.parent / "photos" / dataset.names()[1]).write_bytes(b"torn")
    photos = load(own_dataset, resident="never", workers=1).pictures
    with pytest.raises(ImageError, match=dataset.names()[1].split("/")[-1]) as caught:
        list(photos.batches([torch.arange(3)]))
    assert "Traceback" not in str(caught.value)


def test_no_worker_is_asked_for_thousands_of_pictures_at_once() -> None:
    asked: list[int] = []

    class Counting:
        def __len__(self) -> int:
            return 5000

        def batches(self, rows: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
            for batch in rows:
                asked.append(len(batch))
                yield batch[:, None, None, None].to(torch.uint8)

    pixels = first_pixels(Examples(pictures=Counting(), targets={}, weights={}))
    assert (len(pixels), sum(asked), max(asked)) == (FITTED_ON, FITTED_ON, READ_AT_ONCE)
    assert pixels[300, 0, 0, 0] == 300 % 256
