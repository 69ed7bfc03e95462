"""What is known of garments follows every move of their pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from lapel.imaging.outlines import garment_mask, run_lengths_of
from lapel.imaging.preprocess import Frame, Preprocess
from lapel.models.heads.garment_targets import GarmentTargets, PictureTruth
from lapel.schema.garments import Garment, Garments
from lapel.schema.labels import TaskSpec
from lapel.tasks.encoded_garments import EncodedGarments
from lapel.training.input.moving import Moved, crop, flip, rotate, shift, zoom_and_shift

POINTS = ("coat: left hem", "coat: right hem")
SPEC = TaskSpec(name="garments", kind="garments", labels=("coat", "hat"), points={"coat": POINTS})
HOW = Preprocess(
    height=64, width=64, channels=1, fit="letterbox", mean=(0.5,), std=(0.5,), resample="bilinear"
)
#: Of a photo of 100 x 80 pixels.
FRAME = HOW.frame(100, 80)
CORNERS = ((30.0, 20.0), (70.0, 25.0), (60.0, 60.0), (25.0, 55.0))
COAT = Garment(
    part="coat",
    box=(25.0, 20.0, 45.0, 40.0),
    points=((28.0, 50.0), (58.0, 55.0)),
    hidden=(1,),
    outlines=(CORNERS,),
)
CPU = torch.device("cpu")


def targets(*garments: Garment, frame: Frame = FRAME) -> GarmentTargets:
    return GarmentTargets(EncodedGarments([Garments(garments)], [frame]), CPU)


def truth(target: GarmentTargets) -> PictureTruth:
    return next(target.truths(SPEC))


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


MOVES: dict[str, Callable[[Tensor, Generator], Moved]] = {
    "flip": lambda pixels, dice: flip(pixels, 1.0, dice),
    "shift": lambda pixels, dice: shift(pixels, 9, dice),
    "zoom": lambda pixels, dice: zoom_and_shift(pixels, 0.3, 5, dice),
    "crop": lambda pixels, dice: crop(pixels, 0.4, dice),
    "rotate": lambda pixels, dice: rotate(pixels, 40, dice),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("kept", ["outlines", "mask"])
def test_masks_lie_where_the_pixels_lie(move: str, kept: str) -> None:
    photo = garment_mask(COAT, 100, 80)
    assert photo is not None
    garment = COAT
    if kept == "mask":
        garment = Garment(part="coat", box=COAT.box, mask=run_lengths_of(photo))
    canvas = HOW.apply((255 * photo).astype(np.uint8)).pixels
    pixels = torch.from_numpy(canvas.copy())[None]
    for seed in range(4):
        moved = MOVES[move](pixels, Generator().manual_seed(seed))
        found = truth(targets(garment).moved(moved.moves))
        drawn = moved.pixels[0, 0].numpy() > 127
        if len(found.boxes):
            assert overlap(found.masks[0].numpy() > 0, drawn) > 0.85
            box = found.boxes[0].numpy()
            rows, columns = np.nonzero(drawn)
            edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert np.abs(box - edges).max() < 2.5
        else:
            assert drawn.sum() < 4


def test_moves_one_after_another_are_one_move() -> None:
    dice = Generator().manual_seed(3)
    pixels = torch.zeros(1, 1, 64, 64, dtype=torch.uint8)
    first, second = rotate(pixels, 20, dice).moves, flip(pixels, 1.0, dice).moves
    found = truth(targets(COAT).moved(first).moved(second))
    back = truth(targets(COAT).moved(first).moved(second).moved(second))
    assert (
        overlap(back.masks[0].numpy() > 0, truth(targets(COAT).moved(first)).masks[0].numpy() > 0)
        > 0.97
    )
    assert overlap(found.masks[0].numpy()[:, ::-1] > 0, back.masks[0].numpy() > 0) > 0.97


def test_in_a_mirror_left_is_right_and_what_is_hidden_stays_so() -> None:
    mirror = torch.tensor([[[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])
    before, after = truth(targets(COAT)), truth(targets(COAT).moved(mirror))
    assert before.visible.tolist() == [[True, False]]
    assert after.visible.tolist() == [[False, True]]
    places = before.points[0].flip(0)
    places[:, 0] = 64 - places[:, 0]
    torch.testing.assert_close(after.points[0], places)


def test_points_and_boxes_lie_where_the_canvas_shows_them() -> None:
    found = truth(targets(COAT))
    # 100 x 80 becomes 64 x 51, 6 px below the upper edge.
    scale, down = 64 / 100, 6
    assert found.boxes[0].tolist() == pytest.approx(
        [25 * scale, 20 * 51 / 80 + down, 70 * scale, 60 * 51 / 80 + down], abs=0.01
    )
    assert found.points[0, 0].tolist() == pytest.approx([28 * scale, 50 * 51 / 80 + down], abs=0.01)


def test_what_the_canvas_does_not_show_is_not_to_be_found() -> None:
    far = torch.tensor([[[1.0, 0.0, 0.9], [0.0, 1.0, 0.0]]])
    found = truth(targets(COAT).moved(far))
    assert found.boxes.shape == (0, 4)
    assert found.masks.shape == (0, 64, 64)
    assert found.points.shape == (0, 2, 2)


def test_groups_are_neither_garments_nor_background() -> None:
    crowd = Garment(part="hat", box=(10.0, 10.0, 20.0, 20.0), facts={"iscrowd": 1})
    found = truth(targets(COAT, crowd))
    assert found.labels.tolist() == [0]
    assert found.crowds.shape == (1, 4)


def test_a_box_without_a_mask_is_learned_as_a_box() -> None:
    found = truth(targets(Garment(part="hat", box=(10.0, 10.0, 20.0, 20.0))))
    assert found.labels.tolist() == [1]
    assert found.masked.tolist() == [False]


def test_targets_are_chosen_by_number_and_scored_only_where_they_lay() -> None:
    encoded = EncodedGarments([Garments((COAT,)), None, Garments()], [FRAME] * 3)
    found = GarmentTargets(encoded, CPU)
    assert len(found) == 3
    chosen = found[torch.tensor([2, 0])]
    assert [len(one.boxes) for one in chosen.truths(SPEC)] == [0, 1]
    assert [label for label, _ in chosen.detach().cpu().numpy()] == [Garments(), Garments((COAT,))]
    mirror = torch.tensor([[[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]]).expand(2, 2, 3)
    with pytest.raises(ValueError, match="moved"):
        chosen.moved(mirror).numpy()
