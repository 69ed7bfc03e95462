"""Masks are of exactly the photo's size, whatever that is; large photos are seen in tiles."""

from __future__ import annotations

from pathlib import Path

import colour_fields
import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.inference.drawn_masks import mask_paths
from lapel.inference.pictures import Failure
from lapel.inference.predictor import Predictor
from lapel.inference.tiles import Tiling
from lapel.schema.errors import UsageError
from lapel.schema.prediction import Prediction, SegmentationAnswer

CORNERS = ((1, 1), (1, 4000), (4000, 1), (4000, 3000), (3000, 4000), (2, 3999))
COUNT = 200


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return Predictor.load(
        colour_fields.write_fields_bundle(tmp_path_factory.mktemp("blocks") / "bundle")
    )


def mask_in(found: Prediction | Failure) -> NDArray[np.uint8]:
    assert isinstance(found, Prediction)
    answer = found.answers["parsing"]
    assert isinstance(answer, SegmentationAnswer)
    return answer.mask


def sizes() -> list[tuple[int, int]]:
    """Two hundred, from 1 x 1 to 4000 x 3000; most of them small, so that it takes seconds."""
    random = np.random.default_rng(5)
    drawn = np.exp(random.uniform(0, np.log(500), (COUNT - len(CORNERS), 2))).astype(int)
    return [*CORNERS, *map(tuple, drawn.tolist())]


def test_masks_have_the_size_of_their_photos(predictor: Predictor) -> None:
    def halves(width: int, height: int) -> NDArray[np.uint8]:
        mask = np.full((height, width), 3, np.uint8)
        mask[:, : width // 2] = 1
        return mask

    asked = sizes()
    assert len(asked) == COUNT
    found = predictor.predict(colour_fields.painted(halves(*size)) for size in asked)
    for (width, height), prediction in zip(asked, found, strict=True):
        mask = mask_in(prediction)
        assert mask.shape == (height, width)
        assert isinstance(prediction, Prediction)
        assert prediction.width == width
        if height * 6 > width > height / 6:
            # An output of the network is four pixels of its canvas, and mixes what lies in them.
            margin = 4 * max(width, height) / colour_fields.SIDE + 1
            line, columns = mask[height // 2], np.arange(width)
            left = (columns > margin) & (columns < width / 2 - margin)
            right = (columns > width / 2 + margin) & (columns < width - 1 - margin)
            assert (line[left] == 1).all(), (width, height)
            assert (line[right] == 3).all(), (width, height)


def test_alone_or_among_others_a_mask_is_the_same(predictor: Predictor) -> None:
    photos = [
        colour_fields.painted(colour_fields.drawn_mask(row, width=50 + row)) for row in range(40)
    ]
    together = [mask_in(found) for found in predictor.predict(photos)]
    for photo, mask in zip(photos[::7], together[::7], strict=True):
        (alone,) = predictor.predict(photo)
        np.testing.assert_array_equal(mask_in(alone), mask)


def test_gray_pictures_have_masks_too(predictor: Predictor) -> None:
    (found,) = predictor.predict(np.full((30, 20), 128, np.uint8))
    assert (mask_in(found) == 0).all()


def speckled(width: int, height: int) -> NDArray[np.uint8]:
    """Squares of 8 x 8 pixels of the four classes."""
    random = np.random.default_rng(0)
    cells = random.integers(0, 4, (-(-height // 8), -(-width // 8)))
    return np.kron(cells, np.ones((8, 8))).astype(np.uint8)[:height, :width]


class TestTiles:
    @pytest.mark.parametrize("size", [(640, 480), (333, 517), (1000, 40), (65, 65), (64, 900)])
    def test_small_things_are_found(self, predictor: Predictor, size: tuple[int, int]) -> None:
        truth = speckled(*size)
        photo = colour_fields.painted(truth)
        (tiled,) = predictor.predict(photo, tile=64)
        mask = mask_in(tiled)
        assert mask.shape == truth.shape
        # The middles of the squares: outlines lie between outputs, four pixels apart.
        rows, columns = np.mgrid[: size[1], : size[0]]
        inner = (rows % 8 >= 2) & (rows % 8 < 6) & (columns % 8 >= 2) & (columns % 8 < 6)
        assert (mask == truth)[inner].mean() > 0.97
        (whole,) = predictor.predict(photo)
        if max(size) > 200:
            assert (mask_in(whole) == truth)[inner].mean() < 0.7

    def test_a_photo_within_a_tile_is_seen_as_ever(self, predictor: Predictor) -> None:
        photo = colour_fields.painted(colour_fields.drawn_mask(1))
        (whole,), (tiled,) = predictor.predict(photo), predictor.predict(photo, tile=100)
        np.testing.assert_array_equal(mask_in(whole), mask_in(tiled))

    def test_no_seam_is_seen(self, predictor: Predictor) -> None:
        truth = colour_fields.drawn_mask(2, width=700, height=500)
        (tiled,) = predictor.predict(colour_fields.painted(truth), tile=128)
        wrong = mask_in(tiled) != truth
        assert wrong.mean() < 0.02
        inside = np.zeros_like(wrong)
        edges = (truth[1:, 1:] != truth[:-1, 1:]) | (truth[1:, 1:] != truth[1:, :-1])
        for row, column in np.argwhere(edges):
            inside[max(0, row - 16) : row + 17, max(0, column - 16) : column + 17] = True
        assert not wrong[~inside].any()

    def test_files_that_cannot_be_read_end_nothing(
        self, predictor: Predictor, tmp_path: Path
    ) -> None:
        torn = tmp_path / "torn.png"
        torn.write_bytes(b"no picture")
        photo = colour_fields.painted(colour_fields.drawn_mask(1))
        failed, answered = predictor.predict([torn, photo], tile=64)
        assert isinstance(failed, Failure)
        assert isinstance(answered, Prediction)

    def test_tiles_cover_every_cell_and_overlap(self) -> None:
        tiling = Tiling.of(100, (16, 12))
        assert (tiling.stride, tiling.height, tiling.width) == (6, 96, 72)
        for width, height in ((1000, 700), (73, 97), (72, 2000), (500, 96)):
            grid = tiling.grid(width, height)
            covered = np.zeros(grid, int)
            for row, column in tiling.places(grid):
                covered[row : row + 16, column : column + 12] += 1
            assert covered.min() == 1
            assert grid[0] * tiling.stride >= height
            if width > tiling.width:
                assert covered.max() > 1

    def test_what_tiles_cannot_answer_is_refused(
        self, predictor: Predictor, tmp_path: Path
    ) -> None:
        photo = np.zeros((90, 90, 3), np.uint8)
        several = Predictor.load(colour_fields.write_fields_bundle(tmp_path / "b", several=True))
        with pytest.raises(UsageError, match=r"about the whole photo too \(strongest\)"):
            list(several.predict(photo, tile=64))
        for size in (-1, 0, 1, 63):  # a large photo would have tiles without end
            with pytest.raises(UsageError, match=f"tiles of {size}: expected 64 pixels or more"):
                list(predictor.predict(photo, tile=size))
        cropping = Predictor.load(
            colour_fields.write_fields_bundle(tmp_path / "c", crop_to_box=True)
        )
        with pytest.raises(UsageError, match="boxes and tiles"):
            list(cropping.predict(photo, boxes=[(1, 1, 30, 30)], tile=64))


def test_a_mask_is_called_as_every_file_system_takes_it() -> None:
    paths = mask_paths(Path("drawn/1.jpg"), ["con", "a/b", "A b"])
    assert [path.name for path in paths.values()] == ["1.con_.png", "1.a_b.png", "1.A_b-2.png"]


def test_raw_outputs_of_no_pictures_have_a_shape(predictor: Predictor) -> None:
    assert predictor.outputs([])["parsing"].shape == (0, 4, 16, 16)
