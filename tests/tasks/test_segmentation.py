"""What segmentation means: classes on the network's canvas, and masks of the photo's own size."""

from __future__ import annotations

import tracemalloc
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lapel.imaging.class_maps import class_map
from lapel.imaging.preprocess import Fit, Frame, Placement, Preprocess
from lapel.schema.errors import SchemaError, UsageError
from lapel.schema.geometry import Box
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap
from lapel.schema.prediction import SegmentationAnswer
from lapel.tasks.segmentation import SegmentationTask, mask_of

LABELS = ("background", "left shoe", "right shoe", "dress")
TASK = SegmentationTask(TaskSpec(name="parsing", kind="segmentation", labels=LABELS))
FITS: tuple[Fit, ...] = get_args(Fit)

#: Pixels of the canvas that an output stands for, across and down.
STRIDE = 4


def shown(
    fit: Fit = "letterbox", *, height: int = 64, width: int = 48, **more: object
) -> Preprocess:
    return Preprocess(
        height=height, width=width, channels=3, fit=fit, mean=(0.5,) * 3, std=(0.5,) * 3,
        **more,  # type: ignore[arg-type] # of its own
    )  # fmt: skip


def halves(width: int, height: int, *, at: float = 0.5) -> ClassMap:
    """A shoe at the left, a dress at the right."""
    pixels = np.full((height, width), 3, np.uint8)
    pixels[:, : round(width * at)] = 1
    return ClassMap(pixels, LABELS)


def logits_of(target: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits (L, h, w) of a network that sees which class most of each four by four pixels is."""
    height, width = (side // STRIDE for side in target.shape)
    cells = target.reshape(height, STRIDE, width, STRIDE)
    shares = [(cells == place).mean(axis=(1, 3)) for place in range(len(LABELS))]
    return np.stack(shares).astype(np.float32)


def answer_of(logits: NDArray[np.float32], frame: Frame) -> SegmentationAnswer:
    (answer,) = TASK.decode(logits[None], frames=[frame])
    assert isinstance(answer, SegmentationAnswer)
    return answer


class TestTargets:
    def test_a_pixel_of_the_canvas_is_the_photos_below_its_centre(self) -> None:
        # 100 x 50 on 48 x 64: scaled by 0.48 to 48 x 24, twenty rows from the top.
        frame = shown().frame(100, 50)
        target, weight = TASK.encode([halves(100, 50), None], [frame, frame])
        assert target.dtype == np.uint8
        assert target.shape == (2, 64, 48)
        assert weight.tolist() == [1, 0]
        assert (target[0, :20] == UNKNOWN_CLASS).all()
        assert (target[0, 44:] == UNKNOWN_CLASS).all()
        assert (target[0, 20:44, :24] == 1).all()
        assert (target[0, 20:44, 24:] == 3).all()
        assert (target[1] == UNKNOWN_CLASS).all()

    @pytest.mark.parametrize("fit", FITS)
    def test_it_lies_where_the_pixels_lie(self, fit: Fit) -> None:
        random = np.random.default_rng(1)
        pixels = np.kron(random.integers(0, 4, (5, 7)), np.ones((31, 23))).astype(np.uint8)
        prepared = shown(fit).apply(np.repeat(pixels[..., None] * 60, 3, axis=-1))
        (target,), _ = TASK.encode([ClassMap(pixels, LABELS)], [prepared.frame])
        known = target != UNKNOWN_CLASS
        # Away from edges, where resizing mixes, the picture's own gray says the class.
        gray = prepared.pixels[0].astype(int)
        plain = known & (gray % 60 == 0)
        assert plain.mean() > 0.3
        assert (gray[plain] // 60 == target[plain]).mean() > 0.99

    def test_unknown_pixels_stay_unknown(self) -> None:
        label = halves(48, 64)
        label.pixels[:10] = UNKNOWN_CLASS
        target, _ = TASK.encode([label], [shown().frame(48, 64)])
        np.testing.assert_array_equal(target[0], label.pixels)

    def test_classes_are_told_by_name(self) -> None:
        label = ClassMap(np.array([[0, 1]], np.uint8), ("dress", "background"))
        target, _ = TASK.encode([label], [shown(height=4, width=8).frame(2, 1)])
        assert set(np.unique(target)) == {0, 3}
        assert TASK.in_order(label).tolist() == [[3, 0]]

    def test_a_class_that_no_pixel_has_does_no_harm(self) -> None:
        label = ClassMap(np.array([[0, 1]], np.uint8), ("dress", "background", "hat"))
        TASK.encode([label], [shown().frame(2, 1)])
        label.pixels[0, 0] = 2
        with pytest.raises(SchemaError, match="'hat'"):
            TASK.encode([label], [shown().frame(2, 1)])

    def test_a_map_of_another_size_is_refused(self) -> None:
        with pytest.raises(SchemaError, match=r"20 x 10 pixels, expected .* 10 x 20"):
            TASK.encode([halves(20, 10)], [shown().frame(10, 20)])
        with pytest.raises(UsageError, match="needs a frame for each of 1 pictures, found 0"):
            TASK.encode([halves(20, 10)])
        with pytest.raises(SchemaError, match="takes label maps, found 'dress'"):
            TASK.encode(["dress"], [shown().frame(10, 20)])

    def test_more_classes_than_a_byte_are_refused(self) -> None:
        many = tuple(f"class {place}" for place in range(256))
        with pytest.raises(SchemaError, match="256 classes"):
            SegmentationTask(TaskSpec(name="parsing", kind="segmentation", labels=many))


class TestMasks:
    @settings(deadline=None, max_examples=60)
    @given(
        st.integers(1, 400),
        st.integers(1, 400),
        st.sampled_from(FITS),
        st.sampled_from([None, 0.3]),
    )
    def test_they_are_of_the_photos_size(
        self, width: int, height: int, fit: Fit, part: float | None
    ) -> None:
        box = None if part is None else Box(width * part, height * part, width / 2, height / 2)
        frame = shown(fit, crop_to_box=part is not None).frame(width, height, box)
        logits = np.random.default_rng(0).normal(size=(4, 16, 12)).astype(np.float32)
        answer = answer_of(logits, frame)
        assert answer.mask.shape == (height, width)
        known = answer.mask != UNKNOWN_CLASS
        assert (answer.mask[known] < 4).all()
        # Of a few pixels a crop may show none at its centre.
        assert known.any() or (fit == "crop" and min(width, height) < 8)
        if fit != "crop" and part is None:
            assert known.all()
        assert sum(answer.shares) == pytest.approx(known.mean())

    @pytest.mark.parametrize("fit", FITS)
    @pytest.mark.parametrize("size", [(48, 64), (480, 640), (333, 121), (90, 700)])
    def test_what_lies_on_the_canvas_is_led_back(self, fit: Fit, size: tuple[int, int]) -> None:
        """A letterbox is undone, not stretched: edges are where they were, to half an output."""
        width, height = size
        label, frame = halves(width, height), shown(fit).frame(width, height)
        (target,), _ = TASK.encode([label], [frame])
        filled = np.where(target == UNKNOWN_CLASS, 0, target).astype(np.uint8)
        answer = answer_of(logits_of(filled), frame)
        step = STRIDE / frame.placement.scale_x
        for row in (height // 4, height // 2, 3 * height // 4):
            line = answer.mask[row]
            known = np.flatnonzero(line != UNKNOWN_CLASS)
            if len(known) and frame.placement.scale_y * height > 3 * STRIDE:
                edge = known[0] + np.count_nonzero(line == 1)
                assert edge == pytest.approx(width / 2, abs=step / 2 + 1)

    def test_what_the_canvas_does_not_show_is_unknown(self) -> None:
        frame = shown("crop", height=64, width=64).frame(200, 100)
        answer = answer_of(np.zeros((4, 16, 16), np.float32), frame)
        assert (answer.mask[:, :50] == UNKNOWN_CLASS).all()
        assert (answer.mask[:, 150:] == UNKNOWN_CLASS).all()
        assert (answer.mask[:, 50:150] == 0).all()
        assert answer.shares == (0.5, 0, 0, 0)

    def test_beside_a_letterboxed_box_the_canvas_shows_nothing(self) -> None:
        """Beside the box the canvas is filled, though the photo would go on there."""
        frame = shown(crop_to_box=True).frame(100, 80, Box(20, 30, 40, 20))
        label = ClassMap(np.ones((80, 100), np.uint8), LABELS)
        (target,), _ = TASK.encode([label], [frame])
        assert (target[20:44] == 1).all()  # 40 x 20 on 48 x 64: scaled by 1.2 to 48 x 24
        assert (target[:20] == UNKNOWN_CLASS).all()
        assert (target[44:] == UNKNOWN_CLASS).all()
        answer = answer_of(np.zeros((4, 16, 12), np.float32), frame)
        assert (answer.mask[30:50, 20:60] == 0).all()
        assert (answer.mask == 0).sum() == 40 * 20

    def test_a_photo_of_a_pixel_and_of_one_row(self) -> None:
        for width, height in ((1, 1), (4000, 1), (1, 4000)):
            frame = shown().frame(width, height)
            logits = np.zeros((4, 16, 12), np.float32)
            logits[3] = 1
            assert (answer_of(logits, frame).mask == 3).all()

    def test_a_frame_without_a_size_is_refused(self) -> None:
        placement = Placement(scale_x=1, scale_y=1, offset_x=0, offset_y=0)
        frame = Frame(placement=placement, width=4, height=4, box=Box(0, 0, 4, 4))
        with pytest.raises(UsageError, match="photo's size"):
            mask_of(np.zeros((4, 1, 1), np.float32), frame)


def plain_map(logits: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.int64]:
    """The highest of bilinearly enlarged logits, sample by sample, corners not aligned."""
    _, rows, columns = logits.shape

    def weights(count: int, known: int) -> NDArray[np.float64]:
        table = np.zeros((count, known))
        for place in range(count):
            at = min(max((place + 0.5) * known / count - 0.5, 0), known - 1)
            low = int(at)
            table[place, low] += 1 - (at - low)
            table[place, min(low + 1, known - 1)] += at - low
        return table

    down, across = weights(size[1], rows), weights(size[0], columns)
    values = np.einsum("yr,lrc,xc->lyx", down, logits.astype(np.float64), across)
    return np.asarray(values.argmax(axis=0))


def test_logits_are_enlarged_as_bilinear_is_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = np.random.default_rng(3).normal(size=(5, 9, 7)).astype(np.float32)
    plain = plain_map(logits, (61, 100))
    np.testing.assert_array_equal(class_map(logits, (61, 100)), plain)
    # Bands are seen nowhere.
    monkeypatch.setattr("lapel.imaging.class_maps.BAND", 61 * 13)
    assert (class_map(logits, (61, 100)) == plain).mean() > 0.999


class TestScores:
    def test_they_are_counted_on_the_canvas(self) -> None:
        frame = shown().frame(48, 64)
        target, weight = TASK.encode([halves(48, 64), None], [frame, frame])
        logits = logits_of(target[0])
        output = np.stack([logits, np.full_like(logits, np.nan)])
        counts = TASK.score(output, target, weight)
        assert counts.confusion.sum() == 48 * 64
        assert counts.numbers()["miou"] == pytest.approx(1)
        np.testing.assert_array_equal(class_map(logits, (48, 64)), target[0])

    def test_answers_that_are_no_numbers_are_refused(self) -> None:
        frame = shown().frame(48, 64)
        target, weight = TASK.encode([halves(48, 64)], [frame])
        with pytest.raises(UsageError, match="not finite"):
            TASK.score(np.full((1, 4, 16, 12), np.nan, np.float32), target, weight)

    def test_a_mirror_image_leads_back(self) -> None:
        output = np.random.default_rng(0).normal(size=(2, 4, 3, 5)).astype(np.float32)
        back = TASK.unmirrored(output[..., ::-1])
        np.testing.assert_array_equal(back[:, 0], output[:, 0])
        # What looks like a left shoe in a mirror is a right one.
        np.testing.assert_array_equal(back[:, 1], output[:, 2])


def test_a_large_mask_takes_its_own_size_and_little_more() -> None:
    """Numpy's part of it; ``benchmarks/masks_memory.py`` measures all, as the kernel counts."""
    frame = shown(height=256, width=256).frame(4000, 3000)
    logits = np.random.default_rng(0).normal(size=(1, 4, 64, 64)).astype(np.float32)
    tracemalloc.start()
    try:
        (answer,) = TASK.decode(logits, frames=[frame])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(answer, SegmentationAnswer)
    assert peak < answer.mask.nbytes + 16_000_000
