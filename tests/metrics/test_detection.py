"""Matches and average precisions are pycocotools' own, in any batches, and resampled rightly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lapel.imaging.outlines import run_lengths_of
from lapel.metrics.bootstrap import bootstrap
from lapel.metrics.detection import DetectionCounts, ResampledDetections, joined
from lapel.metrics.matching import (
    FoundBoxes,
    Matcher,
    TrueGarments,
    as_coco,
)
from lapel.metrics.overlaps import overlaps, paired, within
from lapel.schema.errors import UsageError

WIDTH, HEIGHT, LABELS, POINTS = 80, 60, 4, 6
MEASURES = ("box", "mask", "oks", "oks_visible")
SIGMAS = np.linspace(0.02, 0.07, POINTS)

Scene = tuple[FoundBoxes, TrueGarments]


def _masks(boxes: NDArray[np.float64], random: np.random.Generator) -> tuple[Any, ...]:
    masks = []
    for left, top, width, height in boxes:
        mask = np.zeros((HEIGHT, WIDTH), np.bool_)
        part = mask[int(top) : int(top + height) + 1, int(left) : int(left + width) + 1]
        part[...] = random.random(part.shape) < 0.9
        masks.append(run_lengths_of(mask))
    return tuple(masks)


def scene(seed: int, *, ties: bool = True) -> Scene:
    """Up to five garments, and up to nine answers, most of them near a garment."""
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 6))
    boxes = np.concatenate(
        [random.uniform(0, (50, 30), (count, 2)), random.uniform(8, 28, (count, 2))], axis=1
    )
    points = np.zeros((count, POINTS, 3))
    labels = random.integers(LABELS, size=count)
    for row, label in enumerate(labels):
        # Each category has points of its own, some of which nobody knows.
        own = slice(label, label + 3)
        points[row, own, :2] = boxes[row, :2] + random.random((3, 2)) * boxes[row, 2:]
        points[row, own, 2] = random.integers(0, 3, 3)
        points[row, points[row, :, 2] == 0] = 0
    true = TrueGarments(
        place=np.arange(count),
        labels=labels,
        boxes=boxes,
        crowd=random.random(count) < 0.1,
        masks=_masks(boxes, random),
        masked=np.ones(count, np.bool_),
        points=points,
    )
    near = random.integers(max(count, 1), size=int(random.integers(0, 10)) if count else 0)
    guesses = boxes[near] + random.normal(0, 2.5, (len(near), 4))
    guesses[:, 2:] = np.maximum(guesses[:, 2:], 3)
    guesses[:, :2] = np.maximum(guesses[:, :2], 0)
    other = random.random(len(near)) < 0.3
    found = FoundBoxes(
        labels=np.where(other, random.integers(LABELS, size=len(near)), labels[near]),
        # Ties are common: their order matters.
        scores=random.integers(1, 20, len(near)) / 20 if ties else random.random(len(near)),
        boxes=guesses,
        masks=_masks(guesses, random),
        points=points[near, :, :2] + random.normal(0, 0.8, (len(near), POINTS, 2)),
    )
    order = np.argsort(-found.scores, kind="stable")
    return _reordered(found, order), true


def _reordered(found: FoundBoxes, order: NDArray[np.int64]) -> FoundBoxes:
    return FoundBoxes(
        labels=found.labels[order],
        scores=found.scores[order],
        boxes=found.boxes[order],
        masks=tuple(found.masks[place] for place in order),
        points=found.points[order],
    )


def counts_of(scenes: list[Scene]) -> DetectionCounts:
    matcher = Matcher(LABELS, MEASURES, SIGMAS)
    return joined([matcher.nothing(), *(matcher.match(*one) for one in scenes)])


def coco_numbers(scenes: list[Scene], measure: str) -> dict[str, float]:
    """What pycocotools says, asked as its own demo asks: from lists as its files hold."""
    kind = {"box": "bbox", "mask": "segm"}.get(measure, "keypoints")
    visible = measure == "oks_visible"
    truth, answers = COCO(), []
    truth.dataset = {
        "images": [{"id": row + 1, "width": WIDTH, "height": HEIGHT} for row in range(len(scenes))],
        "categories": [{"id": label + 1, "name": str(label)} for label in range(LABELS)],
        "annotations": [],
    }
    for row, (found, true) in enumerate(scenes):
        for place in range(len(true)):
            points = true.points[place].copy()
            points[points[:, 2] < (2 if visible else 1)] = 0
            box = true.boxes[place].tolist()
            truth.dataset["annotations"].append(
                {
                    "id": len(truth.dataset["annotations"]) + 1,
                    "image_id": row + 1,
                    "category_id": int(true.labels[place]) + 1,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": int(true.crowd[place]),
                    "segmentation": as_coco(true.masks[place]),
                    "keypoints": points.ravel().tolist(),
                    "num_keypoints": int((points[:, 2] > 0).sum()),
                }
            )
        for place in range(len(found)):
            mask = found.masks[place]
            assert mask is not None
            said: dict[str, Any] = {
                "bbox": {"bbox": found.boxes[place].tolist()},
                "segm": {"segmentation": as_coco(mask)},
                "keypoints": {
                    "keypoints": np.c_[found.points[place], np.ones(POINTS)].ravel().tolist()
                },
            }[kind]
            about = {"image_id": row + 1, "category_id": int(found.labels[place]) + 1}
            answers.append({**about, **said, "score": float(found.scores[place])})
    truth.createIndex()
    judge = COCOeval(truth, truth.loadRes(answers), kind)
    judge.params.kpt_oks_sigmas = SIGMAS
    judge.evaluate()
    judge.accumulate()
    # Overlap, recall, category, area (all), most answers (the last).
    precision = judge.eval["precision"][:, :, :, 0, -1]
    alone = {"ap50": precision[0], "ap75": precision[5]}
    parts = {"ap": precision, **alone}
    return {f"{measure}_{name}": float(part[part > -1].mean()) for name, part in parts.items()}


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [scene(seed) for seed in range(60)]


@pytest.mark.parametrize("measure", MEASURES)
def test_numbers_are_those_of_pycocotools(
    scenes: list[Scene], measure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = coco_numbers(scenes, measure)
    capsys.readouterr()  # it prints as it goes
    found = counts_of(scenes).numbers()
    assert 0.2 < expected[f"{measure}_ap50"] < 0.95
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_counts_of_batches_add_up(scenes: list[Scene]) -> None:
    whole = counts_of(scenes).numbers()
    parts = [counts_of(scenes[:7]), counts_of(scenes[7:9]), counts_of(scenes[9:])]
    assert (parts[0] + parts[1] + parts[2]).numbers() == pytest.approx(whole, abs=1e-12)
    with pytest.raises(UsageError, match="different categories or measures"):
        parts[0] + Matcher(LABELS, ("box",), SIGMAS).nothing()


def test_an_image_drawn_twice_counts_twice() -> None:
    # Of equal scores: an image twice has right, wrong, right, wrong, and not right and wrong twice.
    scenes = [scene(seed, ties=False) for seed in range(60)]
    counts = counts_of(scenes)
    rows = np.random.default_rng(1).integers(len(scenes), size=len(scenes))
    drawn = ResampledDetections(counts)(rows)
    # In the order of the images: among answers of one score the earlier image comes first.
    again = counts_of([scenes[row] for row in sorted(rows)]).numbers()
    assert drawn == pytest.approx(again, abs=1e-9)
    found = bootstrap(ResampledDetections(counts), counts.images, resamples=40)
    for name, interval in found.items():
        assert interval.value == pytest.approx(counts.numbers()[name], abs=1e-12)
        assert interval.low <= interval.value <= interval.high


def _boxes(*boxes: tuple[float, float, float, float]) -> NDArray[np.float64]:
    return np.array(boxes, np.float64).reshape(-1, 4)


def _found(boxes: NDArray[np.float64], labels: list[int], scores: list[float]) -> FoundBoxes:
    return FoundBoxes(
        labels=np.array(labels, np.int64),
        scores=np.array(scores),
        boxes=boxes,
        masks=(None,) * len(boxes),
        points=np.zeros((len(boxes), 0, 2)),
    )


def _true(boxes: NDArray[np.float64], labels: list[int], *, masked: bool = False) -> TrueGarments:
    whole = np.ones((HEIGHT, WIDTH), np.bool_)
    return TrueGarments(
        place=np.arange(len(boxes)),
        labels=np.array(labels, np.int64),
        boxes=boxes,
        crowd=np.zeros(len(boxes), np.bool_),
        masks=(run_lengths_of(whole),) * len(boxes),
        masked=np.full(len(boxes), masked),
        points=np.zeros((len(boxes), 0, 3)),
    )


def test_a_subset_is_judged_by_its_own_garments() -> None:
    """Two garments, one found; one answer beside both: worked out by hand."""
    boxes = _boxes((0, 0, 10, 10), (20, 0, 10, 10), (40, 40, 10, 10))
    found = _found(boxes[[0, 2]], [0, 0], [0.9, 0.5])
    counts = Matcher(1, ("box",), np.zeros(0)).match(found, _true(boxes[:2], [0, 0]))
    # Recall one half at precision 1: 51 of 101 recalls.
    assert counts.numbers()["box_ap50"] == pytest.approx(51 / 101)
    assert counts.among(np.array([True, False])).numbers()["box_ap50"] == pytest.approx(1)
    # Of the other garment none is found; the answer to the first takes no part.
    assert counts.among(np.array([False, True])).numbers()["box_ap50"] == 0.0
    assert np.isnan(counts.among(np.array([False, False])).numbers()["box_ap"])


def test_what_nobody_knows_takes_no_part() -> None:
    matcher = Matcher(2, ("box", "mask"), np.zeros(0))
    boxes = _boxes((0, 0, 10, 10))
    nothing_found = matcher.match(_found(_boxes(), [], []), _true(boxes, [1], masked=True))
    assert nothing_found.numbers() == pytest.approx(
        dict.fromkeys(("box_ap", "box_ap50", "box_ap75", "mask_ap", "mask_ap50", "mask_ap75"), 0.0)
    )
    unmasked = matcher.match(_found(boxes, [1], [0.9]), _true(boxes, [1]))
    assert unmasked.numbers()["box_ap"] == pytest.approx(1)
    assert np.isnan(unmasked.numbers()["mask_ap"])
    assert np.isnan(matcher.nothing().numbers()["box_ap"])


def test_overlaps_and_pairs() -> None:
    found = _boxes((0, 0, 10, 10), (0, 0, 10, 8), (50, 50, 0, 0))
    true = _boxes((0, 0, 10, 10), (5, 0, 10, 10))
    shared = overlaps(found, true)
    expected: list[list[float]] = [[1.0, 50 / 150], [0.8, 40 / 140], [0.0, 0.0]]
    np.testing.assert_allclose(shared, np.array(expected))
    # The surer answer takes the garment first, though it overlaps it less.
    assert [pair[:2] for pair in paired(found, np.array([0.5, 0.9, 0.7]), true)] == [(1, 0)]
    pairs = paired(found, np.array([0.9, 0.5, 0.7]), true, least=0.2)
    assert [pair[:2] for pair in pairs] == [(0, 0), (1, 1)]
    assert [pair[2] for pair in pairs] == pytest.approx([1.0, 40 / 140])
    assert paired(_boxes(), np.zeros(0), true) == []
    assert paired(found, np.zeros(3), _boxes()) == []


def test_what_lies_in_a_group_is_told() -> None:
    groups = _boxes((0, 0, 100, 100))
    # Wholly in it, by half, by less, and of no area.
    found = _boxes((10, 10, 5, 5), (90, 0, 20, 10), (91, 0, 20, 10), (10, 10, 0, 5))
    assert within(found, groups).tolist() == [True, True, False, False]
    assert within(found, _boxes()).tolist() == [False] * 4
    assert within(_boxes(), groups).tolist() == []
    same = np.array([[False], [True], [True], [True]])
    assert within(found, groups, same=same).tolist() == [False, True, False, False]
