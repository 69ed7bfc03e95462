"""What may happen to training pictures, and what may not."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from lapel.training.input.augment import augment, erase, relight, trivial
from lapel.training.input.mixing import mix
from lapel.training.input.moving import crop, flip, shift, zoom_and_shift
from lapel.training.recipe_parts import AugmentPart

EVERYTHING = AugmentPart(
    flip=0.5,
    shift=2,
    zoom=0.2,
    rotate=10,
    erase=0.5,
    erase_area=0.3,
    brightness=0.2,
    contrast=0.2,
    crop=0.2,
    trivial=True,
)


def pictures(count: int = 64, channels: int = 1, size: int = 20) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (count, channels, size, size + 4)
    return torch.randint(1, 255, shape, dtype=torch.uint8, generator=generator)


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_type_stay_and_the_generator_decides_everything(channels: int) -> None:
    pixels = pictures(channels=channels)
    changed = augment(pixels, EVERYTHING, seeded(3)).pixels
    torch.manual_seed(99)
    again = augment(pixels, EVERYTHING, seeded(3)).pixels
    assert changed.shape == pixels.shape
    assert changed.dtype == torch.uint8
    assert torch.equal(changed, again)
    assert not torch.equal(changed, augment(pixels, EVERYTHING, seeded(4)).pixels)


def test_nothing_asked_for_changes_nothing() -> None:
    pixels = pictures()
    assert torch.equal(augment(pixels, AugmentPart(), seeded()).pixels, pixels)


def test_the_pictures_given_are_not_written_to() -> None:
    pixels = pictures()
    before = pixels.clone()
    augment(pixels, EVERYTHING, seeded())
    assert torch.equal(pixels, before)


def test_a_flip_mirrors_the_share_asked_for() -> None:
    pixels = pictures(1000)
    changed = flip(pixels, 0.3, seeded()).pixels
    mirrored = (changed == pixels.flip(3)).flatten(1).all(1)
    kept = (changed == pixels).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert 0.25 < mirrored.float().mean() < 0.35


def test_a_shift_moves_whole_pixels_and_brings_in_black() -> None:
    pixels = pictures(200)
    moves = set()
    for before, after in zip(pixels, shift(pixels, 2, seeded()).pixels, strict=True):
        rows, columns = after[0].nonzero().min(0).values.tolist()
        bottom, right = (
            after[0].shape[i] - 1 - after[0].nonzero().max(0).values[i] for i in (0, 1)
        )
        down, across = int(rows - bottom), int(columns - right)
        expected = torch.roll(before, (down, across), (1, 2))
        inside = after > 0
        assert torch.equal(after[inside], expected[inside])
        moves.add((down, across))
    assert len(moves) == 25
    assert max(abs(step) for move in moves for step in move) == 2


def test_a_zoom_enlarges_and_shrinks_around_the_middle() -> None:
    rows, columns = torch.meshgrid(torch.arange(40) - 19.5, torch.arange(40) - 19.5, indexing="ij")
    disc = (255 * ((rows**2 + columns**2) < 100)).to(torch.uint8).expand(300, 1, 40, 40)
    zoomed = zoom_and_shift(disc, 0.2, 0, seeded()).pixels
    areas = (zoomed > 127).flatten(1).sum(1) / (disc[0] > 0).sum()
    assert 0.58 < areas.min() < 0.7
    assert 1.3 < areas.max() < 1.5


def test_erasing_covers_no_more_than_asked_for() -> None:
    pixels = torch.zeros(500, 1, 32, 32, dtype=torch.uint8)
    touched = erase(pixels, 0.4, 0.25, seeded()) > 0
    share = touched.flatten(1).float().mean(1)
    assert 0.34 < (share > 0).float().mean() < 0.46
    assert share.max() <= 0.29  # a rectangle of whole pixels
    assert share.max() > 0.2


def test_light_changes_no_picture_beyond_recognition() -> None:
    pixels = pictures(100, channels=3)
    changed = relight(pixels, 0.2, 0.2, seeded())
    for before, after in zip(pixels, changed, strict=True):
        values = torch.stack([before.flatten().float(), after.flatten().float()])
        assert torch.corrcoef(values)[0, 1] > 0.97
        assert abs(values[1].mean() / values[0].mean() - 1) < 0.25


def test_a_crop_keeps_the_share_asked_for_and_any_part_of_the_picture() -> None:
    rows, columns = torch.meshgrid(
        torch.linspace(0, 255, 64), torch.linspace(0, 255, 64), indexing="ij"
    )
    ramp = torch.stack([rows, columns]).to(torch.uint8).expand(400, 2, 64, 64)
    changed = crop(ramp, 0.36, seeded()).pixels
    values = changed.float().flatten(2)
    tall, wide = ((values.amax(2) - values.amin(2)) / 255).unbind(1)
    area = tall * wide
    assert 0.6 < area.min() < 0.7
    assert area.max() > 0.95
    # Cuts are made on every side.
    assert changed[:, 0, 0].min(1).values.max() > 20
    assert changed[:, 0, -1].max(1).values.min() < 235


def test_trivial_changes_pictures_and_nothing_else() -> None:
    pixels = pictures(8, channels=3)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    changed = trivial(pixels, seeded())
    assert torch.equal(torch.random.get_rng_state(), before)
    assert changed.dtype == torch.uint8
    assert changed.shape == pixels.shape
    assert not torch.equal(changed, pixels)


def test_mixup_is_a_blend_of_two_and_says_how_much_of_each() -> None:
    pixels = pictures(16)
    mixture = mix(pixels, AugmentPart(mixup=1.0), seeded(2))
    assert mixture.partners is not None
    assert 0 < mixture.share < 1
    blend = mixture.share * pixels.float() + (1 - mixture.share) * pixels[mixture.partners].float()
    assert (mixture.inputs.float() - blend).abs().max() <= 0.5


def test_cutmix_takes_each_pixel_from_one_of_two_and_counts_them() -> None:
    pixels = pictures(16)
    mixture = mix(pixels, AugmentPart(cutmix=1.0), seeded(1))
    assert mixture.partners is not None
    own = mixture.inputs == pixels
    assert (own | (mixture.inputs == pixels[mixture.partners])).all()
    others = mixture.partners != torch.arange(16)
    shares = own[others].float().mean()
    assert abs(float(shares) - mixture.share) < 0.02


def test_maps_of_features_are_mixed_too_and_stay_as_precise_as_they_were() -> None:
    maps = torch.rand(6, 4, 5, 5, generator=seeded()).half()
    mixture = mix(maps, AugmentPart(mixup=0.4), seeded())
    assert mixture.inputs.dtype == torch.float16


def test_a_batch_that_is_not_to_be_mixed_stays_as_it_is() -> None:
    pixels = pictures()
    mixture = mix(pixels, AugmentPart(), seeded())
    assert mixture.inputs is pixels
    assert mixture.partners is None


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_shares_are_drawn_from_the_distribution_asked_for(alpha: float) -> None:
    pixels = pictures(2, size=4)
    shares = torch.tensor(
        [mix(pixels, AugmentPart(mixup=alpha), seeded(seed)).share for seed in range(300)]
    )
    assert abs(float(shares.mean()) - 0.5) < 0.06
    expected = 1 / (4 * (2 * alpha + 1))  # the variance of Beta(alpha, alpha)
    assert abs(float(shares.var()) - expected) < 0.25 * expected
