"""Any picture becomes what the network reads, and every point finds its way back."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.decode import decode_enough
from lapel.imaging.preprocess import Placement, Preprocess
from lapel.schema.errors import UsageError

FITS = ("letterbox", "stretch", "crop")


def preprocess(**changes: Any) -> Preprocess:
    values = {"height": 24, "width": 32, "channels": 3, "fit": "letterbox"}
    channels = changes.get("channels", 3)
    values |= {"mean": (0.5,) * channels, "std": (0.25,) * channels}
    return Preprocess(**{**values, **changes})


def small_model(**changes: Any) -> Preprocess:
    return preprocess(height=28, width=28, channels=1, from_photo=True, **changes)


def noise(height: int, width: int) -> NDArray[np.uint8]:
    shape = (height, width, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    model_height=st.integers(1, 40),
    model_width=st.integers(1, 40),
    fit=st.sampled_from(FITS),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
)
def test_points_lead_back_exactly(
    *, height: int, width: int, model_height: int, model_width: int, fit: str, x: float, y: float
) -> None:
    options = preprocess(height=model_height, width=model_width, fit=fit)
    prepared = options.apply(np.zeros((height, width, 3), np.uint8))
    point = np.array([[x * width, y * height]])
    there = prepared.placement.to_model(point)

    assert prepared.pixels.shape == (3, model_height, model_width)
    np.testing.assert_allclose(prepared.placement.to_original(there), point, atol=1e-9)
    corners = prepared.placement.to_model(np.array([[0.0, 0.0], [width, height]]))
    if fit == "crop":  # the canvas lies inside the picture
        assert (corners[0] <= 1e-9).all()
        assert (corners[1] >= np.array([model_width, model_height]) - 1e-9).all()
    else:  # the picture lies on the canvas
        assert (corners[0] >= -1e-9).all()
        assert (corners[1] <= np.array([model_width, model_height]) + 1e-9).all()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(200, 100), (100, 200), (150, 150)])
def test_a_mark_is_where_its_placement_says(fit: str, size: tuple[int, int]) -> None:
    height, width = size
    photo = np.zeros((height, width, 3), np.uint8)
    top, left = height // 2 - 15, width // 2 + 5
    photo[top : top + 20, left : left + 20] = 255
    prepared = preprocess(height=64, width=64, fit=fit).apply(photo)

    found = np.argwhere(prepared.pixels[0] > 127) + 0.5
    middle = prepared.placement.to_original(found.mean(axis=0)[::-1])
    np.testing.assert_allclose(middle, [left + 10, top + 10], atol=2.0)


def test_the_letterbox_keeps_the_shape_and_fills_the_rest() -> None:
    prepared = preprocess(height=32, width=32, fill=77).apply(np.full((20, 40, 3), 200, np.uint8))
    assert (prepared.pixels[:, 8:24] == 200).all()
    assert (prepared.pixels[:, :8] == 77).all()
    assert (prepared.pixels[:, 24:] == 77).all()
    assert prepared.placement == Placement(scale_x=0.8, scale_y=0.8, offset_x=0.0, offset_y=8.0)


def test_a_picture_of_the_exact_size_is_not_touched() -> None:
    photo = noise(24, 32)
    for fit in FITS:
        prepared = preprocess(fit=fit).apply(photo)
        assert np.array_equal(prepared.pixels, photo.transpose(2, 0, 1))


def test_gray_of_gray_is_the_same_gray() -> None:
    gray = noise(28, 28)[..., 0]
    options = small_model()
    assert np.array_equal(options.apply(gray).pixels[0], gray)
    assert np.array_equal(options.apply(np.stack([gray] * 3, axis=-1)).pixels[0], gray)
    assert preprocess().apply(gray).pixels.shape == (3, 24, 32)


def test_the_same_picture_gives_the_same_bytes() -> None:
    for options in (preprocess(), small_model()):
        first, again = (options.apply(noise(301, 217)).pixels for _ in range(2))
        assert first.tobytes() == again.tobytes()


def test_shrinking_averages() -> None:
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[::2] = 255
    assert np.abs(preprocess().apply(stripes).pixels.astype(int) - 128).max() <= 8


def jpeg(photo: NDArray[np.uint8], orientation: int = 1, kind: str = "JPEG") -> bytes:
    """A file of a picture; with an orientation, of what a camera held that way would keep."""
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(photo).save(buffer, format=kind, quality=95, exif=exif)
    return buffer.getvalue()


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    """A picture without anything small: what a smaller decoding loses is not in it."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [rows * 255 / height, columns * 255 / width, 128 + 100 * np.sin(columns / 60)]
    return np.stack(planes, axis=-1).astype(np.uint8)


class TestReduced:
    @pytest.mark.parametrize("fit", FITS)
    @pytest.mark.parametrize("size", [(400, 300), (403, 301), (48, 64), (1000, 111), (24, 32)])
    def test_a_smaller_decoding_shows_the_same(self, fit: str, size: tuple[int, int]) -> None:
        data = jpeg(smooth(*size))
        plain = preprocess(fit=fit).read(data, name="photo")
        reduced = preprocess(fit=fit, reduced=True).read(data, name="photo")
        difference = np.abs(plain.pixels.astype(int) - reduced.pixels.astype(int))
        assert difference.mean() < 1.5
        assert plain.placement == reduced.placement
        assert (reduced.height, reduced.width) == size

    def test_jpegs_are_decoded_no_larger_than_needed(self) -> None:
        def enough(width: int, height: int) -> tuple[float, float]:
            assert (width, height) == (403, 301)
            return 90.0, 60.0

        photo = smooth(301, 403)
        assert decode_enough(jpeg(photo), name="photo", enough=enough).pixels.shape == (76, 101, 3)
        whole = decode_enough(jpeg(photo, kind="PNG"), name="photo", enough=enough)
        assert whole.pixels.shape == (301, 403, 3)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("size", [(320, 240), (321, 243)])
    def test_turned_photos_stand_upright_and_whole(
        self, orientation: int, size: tuple[int, int]
    ) -> None:
        data = jpeg(smooth(*size), orientation)
        plain = preprocess().read(data, name="photo")
        reduced = preprocess(reduced=True).read(data, name="photo")
        assert np.abs(plain.pixels.astype(int) - reduced.pixels.astype(int)).mean() < 1.5
        assert plain.placement == reduced.placement
        assert (plain.height, plain.width) == (reduced.height, reduced.width)

    def test_a_bundle_written_before_knows_nothing_of_it(self) -> None:
        saved = preprocess().to_json()
        del saved["reduced"]
        assert Preprocess.from_json(saved) == preprocess(reduced=False)


class TestFromPhoto:
    def dark_garment(self, background: int, garment: int) -> NDArray[np.uint8]:
        photo = np.full((300, 400, 3), background, np.uint8)
        photo[50:250, 150:250] = garment
        return photo

    @pytest.mark.parametrize(
        ("background", "garment"), [(255, 30), (230, 90), (120, 20), (10, 200), (100, 240)]
    )
    def test_a_garment_is_bright_on_black_and_fills_the_height(
        self, background: int, garment: int
    ) -> None:
        pixels = small_model().apply(self.dark_garment(background, garment)).pixels[0]
        assert (pixels[2:-2, 8:20] > 200).all()
        assert (pixels[:, :5] == 0).all()
        assert (pixels[:, -5:] == 0).all()

    def test_the_way_back_counts_the_trimmed_edges(self) -> None:
        placement = small_model().apply(self.dark_garment(255, 30)).placement
        corners = placement.to_original(np.array([[7.0, 0.0], [21.0, 28.0]]))
        np.testing.assert_allclose(corners, [[150, 50], [250, 250]], atol=2.0)

    def test_specks_of_dust_are_not_the_garment(self) -> None:
        photo = self.dark_garment(255, 30)
        photo[3:5, 3:5] = 0
        placement = small_model().apply(photo).placement
        assert placement.to_original(np.zeros((1, 2)))[0, 1] > 40

    @pytest.mark.parametrize("level", [0, 128, 255])
    @pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (300, 200)])
    def test_a_picture_of_nothing_is_black(self, level: int, size: tuple[int, int]) -> None:
        pixels = small_model().apply(np.full((*size, 3), level, np.uint8)).pixels
        assert pixels.shape == (1, 28, 28)
        assert not pixels.any()


class TestSaved:
    def test_there_and_back(self) -> None:
        options = preprocess(fit="crop", resample="lanczos", mean=(0.1, 0.2, 0.3))
        assert Preprocess.from_json(options.to_json()) == options

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"height": 0}, "a height and width of at least 1"),
            ({"channels": 4}, "1 or 3 channels"),
            ({"fit": "squeeze"}, "letterbox, stretch, crop"),
            ({"resample": "nearest"}, "bilinear, bicubic, lanczos"),
            ({"fill": 300}, "fill from 0 to 255"),
            ({"mean": (0.5,)}, "one finite mean a channel"),
            ({"std": (1.0, 1.0, 0.0)}, "one finite std above 0 a channel"),
            ({"std": (1.0, 1.0, float("nan"))}, "one finite std above 0 a channel"),
            ({"from_photo": True}, "from_photo with 1 channel only"),
            (
                {"from_photo": True, "reduced": True, "channels": 1, "mean": (0.5,), "std": (1.0,)},
                "either reduced or from_photo",
            ),
        ],
    )
    def test_impossible_values(self, change: dict[str, Any], expected: str) -> None:
        with pytest.raises(UsageError, match=expected):
            Preprocess.from_json({**preprocess().to_json(), **change})

    @pytest.mark.parametrize(
        "value", [[], None, {}, {"mean": 1, "std": 2}, {"mean": [None], "std": [1]}]
    )
    def test_another_shape(self, value: object) -> None:
        with pytest.raises(UsageError, match="preprocessing"):
            Preprocess.from_json(value)

    def test_unknown_and_mistyped_values(self) -> None:
        for change in ({"sharpen": 1}, {"height": "24"}, {"fill": None}):
            with pytest.raises(UsageError, match="preprocessing"):
                Preprocess.from_json({**preprocess().to_json(), **change})
