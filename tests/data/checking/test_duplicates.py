from __future__ import annotations

import io
import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lapel.data.checking import duplicates
from lapel.data.checking.duplicates import Signatures, near_pairs, signature


def signatures(pictures: list[NDArray[np.uint8]]) -> Signatures:
    return Signatures.of([signature(picture) for picture in pictures])


def smooth(seed: int) -> NDArray[np.uint8]:
    """A picture with light and shade, as photos have, (120, 90, 3)."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (7, 5, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((90, 120), Image.Resampling.BICUBIC))


def recompressed(pixels: NDArray[np.uint8], *, scale: float, quality: int) -> NDArray[np.uint8]:
    picture = Image.fromarray(pixels)
    size = (round(picture.width * scale), round(picture.height * scale))
    buffer = io.BytesIO()
    picture.resize(size).save(buffer, format="JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


@pytest.mark.parametrize(("scale", "quality"), [(1, 60), (0.5, 90), (2, 75)])
def test_recompressed_and_resized_pictures_are_found_and_no_others(
    scale: float, quality: int
) -> None:
    originals = [smooth(seed) for seed in range(40)]
    copies = [recompressed(originals[n], scale=scale, quality=quality) for n in (3, 17, 29)]
    pairs = near_pairs(signatures(copies), signatures(originals))
    assert sorted((first, second) for first, second, _ in pairs) == [(0, 3), (1, 17), (2, 29)]


def test_pictures_of_one_kind_are_no_duplicates(class_folders: Path) -> None:
    for label in ("dress", "hat", "shoes"):
        paths = sorted((class_folders / "train" / label).iterdir())
        pictures = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
        for one, other in itertools.combinations(pictures, 2):
            assert near_pairs(signatures([one]), signatures([other])) == []


def test_pictures_of_one_colour_are_one_only_if_the_colour_is() -> None:
    gray = [np.full((30, 20, 3), level, np.uint8) for level in (10, 200)]
    pairs = near_pairs(signatures([gray[0]]), signatures(gray))
    assert [(first, second) for first, second, _ in pairs] == [(0, 0)]


@pytest.mark.parametrize("pairs_at_once", [1_500, 1])
def test_a_search_in_blocks_finds_what_a_search_of_all_pairs_finds(
    monkeypatch: pytest.MonkeyPatch, pairs_at_once: int
) -> None:
    random = np.random.default_rng(0)
    base = random.integers(0, 2**63, 30, dtype=np.uint64)
    flips = np.uint64(1) << random.integers(0, 64, 200).astype(np.uint64)
    first = Signatures(bits=base, thumbnails=np.zeros((30, 256), np.uint8))
    second = Signatures(
        bits=base[random.integers(0, 30, 200)] ^ flips, thumbnails=np.zeros((200, 256), np.uint8)
    )
    expected = {
        (row, column)
        for row, one in enumerate(first.bits)
        for column, other in enumerate(second.bits)
        if int(one ^ other).bit_count() <= duplicates.HASH_DISTANCE
    }
    monkeypatch.setattr(duplicates, "PAIRS_AT_ONCE", pairs_at_once)
    monkeypatch.setattr(duplicates, "CANDIDATES_AT_ONCE", 3)
    found = near_pairs(first, second)
    assert {(row, column) for row, column, _ in found} == expected
    assert len(found) == len(expected) >= 200


def test_a_search_among_a_million_pictures_takes_little_memory() -> None:
    def all_of(bits: int, count: int) -> Signatures:
        hashes = np.full(count, bits, np.uint64)
        return Signatures(bits=hashes, thumbnails=np.zeros((count, 256), np.uint8))

    few, many = all_of(2**64 - 1, 64), all_of(0, 1_000_000)
    tracemalloc.start()
    try:
        assert near_pairs(few, many) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100e6  # all pairs at once: 512 MB


def test_a_set_of_equal_pictures_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "PAIRS_LIMIT", 50)
    same = signatures([np.zeros((8, 8, 3), np.uint8)] * 20)
    assert len(near_pairs(same, same)) == 50
