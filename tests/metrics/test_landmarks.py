"""Errors of landmarks: as published tables average them, and as counts that add up."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.metrics.bootstrap import bootstrap
from lapel.metrics.landmarks import (
    AREA_UP_TO,
    WITHIN,
    LocatedImages,
    ResampledLandmarks,
    locate,
    shares_found,
)
from lapel.schema.errors import UsageError

#: Normalised errors of left and right collar, sleeve, waist and hem as published, and their mean.
#: Of the table that Liu and Lu print (where the second row's mean is 0.0484), and of GLE's.
PUBLISHED = {
    "Liu and Lu 2018": ((0.0332, 0.0346, 0.0487, 0.0519, 0.0422, 0.0429, 0.0620, 0.0639), 0.0474),
    "BCRNN 2018": ((0.0415, 0.0404, 0.0496, 0.0449, 0.0502, 0.0523, 0.0537, 0.0551), 0.0485),
    "GLE 2019": ((0.0312, 0.0324, 0.0427, 0.0434, 0.0361, 0.0373, 0.0442, 0.0475), 0.0394),
}


def random_images(
    count: int = 60, labels: int = 4, *, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """Places, probabilities, targets and weights; some points hidden, unknown or absent."""
    random = np.random.default_rng(seed)
    shape = (count, labels)
    target = np.zeros((*shape, 5), np.float32)
    target[..., :2] = random.uniform(0.1, 0.9, (*shape, 2))
    target[..., 2:4] = random.uniform(0.3, 0.9, (count, 1, 2))
    target[..., 4] = random.random(shape) < 0.7
    weight = np.ones((*shape, 2), np.float32)
    weight[..., 0] = random.random(shape) < 0.8
    weight[..., 1] = np.maximum(weight[..., 0], random.random(shape) < 0.5)
    places = target[..., :2] + random.normal(0, 0.08, (*shape, 2))
    return places, random.random(shape), target, weight


def located(**options: int) -> LocatedImages:
    return locate(*random_images(**options))


@pytest.mark.parametrize("method", PUBLISHED)
def test_the_mean_of_published_tables_is_the_plain_one_over_landmarks(method: str) -> None:
    errors, mean = PUBLISHED[method]
    # Upper clothes have no waist, lower ones no collar: landmarks are of unequal number.
    points = (30, 30, 20, 20, 7, 7, 40, 40)
    distance = np.full((40, 8), np.nan)
    for landmark, (error, count) in enumerate(zip(errors, points, strict=True)):
        # Half of them nearer, half farther: the mean is what is published.
        distance[:count, landmark] = np.where(np.arange(count) % 2, 1.5, 0.5) * error
        distance[count - count % 2 : count, landmark] = error
    known = np.isfinite(distance)
    images = LocatedImages(distance=distance, visible=known, told=known, said=known * 1.0)
    numbers = images.counts().numbers()
    # Their columns have four digits, so the mean of eight may be off by half a unit of the last.
    assert numbers["ne"] == pytest.approx(mean, abs=0.51e-4)
    assert images.counts().per_landmark().ne == pytest.approx(errors, abs=1e-9)
    # The mean over points is another number.
    assert np.nanmean(distance) != pytest.approx(numbers["ne"], abs=5e-5)


def test_each_number_by_hand() -> None:
    """One loop over points, written as the definitions are."""
    places, said, target, weight = random_images()
    numbers = locate(places, said, target, weight).counts().numbers()
    found: dict[str, list[float]] = {name: [] for name in ("ne", "auc", *WITHIN)}
    for landmark in range(4):
        distances = []
        for image in range(60):
            x, y, width, height, visible = target[image, landmark].astype(float)
            if weight[image, landmark, 0] and visible:
                across = (places[image, landmark, 0] - x) / width
                down = (places[image, landmark, 1] - y) / height
                distances.append((across**2 + down**2) ** 0.5)
        found["ne"].append(sum(distances) / len(distances))
        for name, limit in WITHIN.items():
            found[name].append(sum(one <= limit for one in distances) / len(distances))
        grid = np.linspace(0, AREA_UP_TO, 4001)
        shares = [(np.array(distances) <= one).mean() for one in grid]
        found["auc"].append(float(np.mean(shares)))
    for name, values in found.items():
        tolerance = 1e-3 if name == "auc" else 1e-9
        assert numbers[name] == pytest.approx(sum(values) / 4, abs=tolerance), name
    told = weight[..., 1] > 0
    right = ((said >= 0.5) == (target[..., 4] > 0))[told].mean()
    assert numbers["visibility_accuracy"] == pytest.approx(right)


def test_a_box_measures_across_by_its_width_and_down_by_its_height() -> None:
    target = np.array([[[0.5, 0.5, 0.5, 0.25, 1.0]]], np.float32)
    weight = np.ones((1, 1, 2), np.float32)
    for place, distance in (((0.6, 0.5), 0.2), ((0.5, 0.6), 0.4), ((0.6, 0.6), 0.2 * 5**0.5)):
        images = locate(np.array([[place]]), np.ones((1, 1)), target, weight)
        assert images.distance[0, 0] == pytest.approx(distance, rel=1e-6)


def test_points_that_cannot_be_seen_or_are_nowhere_take_no_part() -> None:
    places, said, target, weight = random_images()
    numbers = locate(places, said, target, weight).counts().numbers()
    unmeasured = (weight[..., 0] == 0) | (target[..., 4] == 0)
    places[unmeasured] = 1e9
    said[weight[..., 1] == 0] = np.nan
    target[..., :4][weight[..., 0] == 0] = 0.0  # a box without a size, too
    assert locate(places, said, target, weight).counts().numbers() == pytest.approx(numbers)


def test_counts_of_parts_are_the_counts_of_the_whole() -> None:
    places, said, target, weight = random_images()
    whole = locate(places, said, target, weight).counts().numbers()
    parts = [
        locate(places[cut], said[cut], target[cut], weight[cut]).counts()
        for cut in (slice(0, 1), slice(1, 40), slice(40, 40), slice(40, 60))
    ]
    total = parts[0] + parts[1] + parts[2] + parts[3]
    assert total.numbers() == pytest.approx(whole)
    assert total.points == located().counts().points


def test_counts_of_other_landmarks_are_refused() -> None:
    with pytest.raises(UsageError, match="4 landmarks cannot be added to counts of 3"):
        located().counts() + located(labels=3).counts()


def test_nothing_measured_is_nan_and_a_landmark_without_points_takes_no_part() -> None:
    places, said, target, weight = random_images()
    weight[:, 1, 0] = 0
    some = locate(places, said, target, weight).counts()
    kept = [0, 2, 3]
    others = locate(places[:, kept], said[:, kept], target[:, kept], weight[:, kept]).counts()
    assert some.numbers()["ne"] == pytest.approx(others.numbers()["ne"])
    assert np.isnan(some.per_landmark().ne[1])
    nothing = locate(places, said, target, np.zeros_like(weight)).counts().numbers()
    assert all(np.isnan(value) for value in nothing.values())


def test_resampled_numbers_are_those_of_the_resample() -> None:
    images = located()
    resampled = ResampledLandmarks(images)
    rows = np.random.default_rng(3).integers(60, size=60)
    taken = LocatedImages(
        distance=images.distance[rows],
        visible=images.visible[rows],
        told=images.told[rows],
        said=images.said[rows],
    )
    assert resampled(rows) == pytest.approx(taken.counts().numbers())
    interval = bootstrap(resampled, len(images), resamples=200)["ne"]
    assert interval.low < interval.value < interval.high


def test_the_share_found_rises_to_one_and_meets_the_numbers() -> None:
    images = located()
    distances = np.array([0.0, WITHIN["pck10"], WITHIN["pck20"], 10.0])
    shares = shares_found(images, distances)
    each = images.counts().per_landmark()
    np.testing.assert_allclose(shares[:, 1], each.pck10)
    np.testing.assert_allclose(shares[:, 2], each.pck20)
    assert (shares[:, 3] == 1).all()
    assert (np.diff(shares, axis=1) >= 0).all()


def test_an_image_has_the_mean_error_of_its_points() -> None:
    images = located()
    for image in (0, 7, 31):
        known = images.distance[image][np.isfinite(images.distance[image])]
        expected = known.mean() if len(known) else np.nan
        np.testing.assert_allclose(images.error[image], expected)


def test_answers_that_are_no_numbers_are_refused() -> None:
    places, said, target, weight = random_images()
    places[np.argwhere((weight[..., 0] > 0) & (target[..., 4] > 0))[0][0]] = np.nan
    with pytest.raises(UsageError, match="not finite"):
        locate(places, said, target, weight)


def test_other_shapes_are_refused() -> None:
    places, said, target, weight = random_images()
    for wrong in ((places[:-1], said, target, weight), (places, said, target[..., :4], weight)):
        with pytest.raises(UsageError, match=r"expected landmarks \(images, landmarks, ...\)"):
            locate(*wrong)
