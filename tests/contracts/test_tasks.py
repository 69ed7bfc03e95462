"""What every kind of task must keep: encode, score and decode agree with each other.

A new kind is tested by being listed in ``KINDS`` and by a rig here: how to make labels of it,
and outputs that answer them perfectly or at random.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.imaging.preprocess import Frame, Preprocess
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import SchemaError
from lapel.schema.garments import Garment, Garments
from lapel.schema.geometry import Box, Landmark, Landmarks
from lapel.schema.labels import TaskSpec
from lapel.schema.masks import UNKNOWN_CLASS, ClassMap
from lapel.schema.prediction import (
    SEEN,
    Answer,
    GarmentsAnswer,
    LandmarksAnswer,
    MultiLabelAnswer,
    SegmentationAnswer,
    SingleLabelAnswer,
)
from lapel.tasks.base import Task
from lapel.tasks.encoded_garments import EncodedGarments
from lapel.tasks.kinds import KINDS, task_of

LABELS = ("T-shirt/top", "Trouser", "치마", "a, b", "=1+1")
WRONG = "Trousers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """How to handle a kind in tests.

    Attributes:
        labels: random number generator and count to labels as annotated, none unknown.
        perfect: encoded targets (N, ...) to outputs (N, ...) that answer them without a doubt.
        wrong_label: a label outside the schema, ``WRONG``.
        strange_label: a label as another kind of task takes it.
        said: an answer to the label that it amounts to.
        same: whether two labels are one but for rounding.
        outputs: random number generator and count to outputs of no sense; None: any numbers.
    """

    labels: Callable[[np.random.Generator, int], list[Label]]
    perfect: Callable[[Any], NDArray[np.float32]]
    wrong_label: Label
    strange_label: Label
    said: Callable[[Answer], Label]
    same: Callable[[Label, Label], bool] = operator.eq
    outputs: Callable[[np.random.Generator, int], NDArray[np.float32]] | None = None


def _chosen(answer: Answer) -> Label:
    assert isinstance(answer, SingleLabelAnswer)
    return answer.label


def _random_tags(random: np.random.Generator, count: int) -> list[Label]:
    held = random.random((count, len(LABELS))) < 0.3
    return [Tags(tuple(LABELS[place] for place in np.flatnonzero(row))) for row in held]


def _held(answer: Answer) -> Label:
    assert isinstance(answer, MultiLabelAnswer)
    return Tags(answer.labels)


#: What the network sees of a picture of 300 x 200 pixels: most of a garment in it.
HOW = Preprocess(
    height=64, width=48, channels=3, fit="letterbox", mean=(0.5,) * 3, std=(0.5,) * 3,
    crop_to_box=True, box_margin=0.1,
)  # fmt: skip
FRAME = HOW.frame(300, 200, Box(60, 20, 120, 160))


def frames(count: int) -> list[Frame]:
    return [FRAME] * count


def _random_landmarks(random: np.random.Generator, count: int) -> list[Label]:
    places = random.uniform((61, 21), (179, 179), (count, len(LABELS), 2))
    return [
        Landmarks({label: Landmark(*place) for label, place in zip(LABELS, row, strict=True)})
        for row in places.tolist()
    ]


def _found(answer: Answer) -> Label:
    assert isinstance(answer, LandmarksAnswer)
    return Landmarks(
        {point.name: Landmark(point.x, point.y, point.visible >= SEEN) for point in answer.points}
    )


def _close(one: Label, other: Label) -> bool:
    assert isinstance(one, Landmarks)
    assert isinstance(other, Landmarks)
    pairs = [(point, other.points[name]) for name, point in one.points.items()]
    return one.names == other.names and all(
        abs(a.x - b.x) < 1e-3 and abs(a.y - b.y) < 1e-3 and a.visible == b.visible for a, b in pairs
    )


def _pointed_at(target: NDArray[Any]) -> NDArray[np.float32]:
    logits = 120.0 * target[..., 4:] - 60.0
    return np.concatenate([target[..., :2], logits], axis=-1).astype(np.float32)


def _striped(random: np.random.Generator, count: int) -> list[Label]:
    """Upright stripes, each as wide as a step of the outputs: they are answered exactly."""
    # The canvas shows columns 48 to 192 of the picture, and twelve of them a step.
    stripes = np.zeros((count, 300), np.uint8)
    stripes[:, 48:192] = random.integers(len(LABELS), size=(count, 12)).repeat(12, axis=1)
    maps = np.broadcast_to(stripes[:, None], (count, 200, 300))
    return [ClassMap(np.array(one), LABELS) for one in maps]


def _seen(answer: Answer) -> Label:
    assert isinstance(answer, SegmentationAnswer)
    return ClassMap(answer.mask, answer.labels)


def _same_where_seen(one: Label, other: Label) -> bool:
    assert isinstance(one, ClassMap)
    assert isinstance(other, ClassMap)
    seen = one.pixels != UNKNOWN_CLASS
    shown = np.zeros_like(seen)
    shown[4:196, 48:192] = True
    return np.array_equal(seen, shown) and bool((one.pixels == other.pixels)[seen].all())


def _drawn_as_logits(target: NDArray[Any]) -> NDArray[np.float32]:
    """Targets (N, H, W) that change in steps of four pixels as outputs (N, labels, H/4, W/4)."""
    steps = target[:, None, 1::4, 1::4]
    return np.where(steps == np.arange(len(LABELS))[:, None, None], 60.0, 0.0).astype(np.float32)


def _garment(part: str, box: tuple[float, float, float, float]) -> Garment:
    left, top, width, height = box
    right, bottom = left + width, top + height
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Garment(part=part, box=box, outlines=(corners,))


def _side_by_side(random: np.random.Generator, count: int) -> list[Label]:
    def one(place: int) -> Garment:
        left, top, width, height = random.uniform((62, 25, 15, 60), (68, 60, 28, 110)).tolist()
        return _garment(LABELS[random.integers(5)], (left + 40 * place, top, width, height))

    def several() -> Garments:
        return Garments(tuple(one(place) for place in range(random.integers(1, 4))))

    return [several() for _ in range(count)]


#: Values of a garment in an output: box, score, category, mask.
ROW = 6 + 28 * 28


def _found_boxes(target: EncodedGarments) -> NDArray[np.float32]:
    output = np.zeros((len(target), 4, ROW), np.float32)
    for row, (garments, frame) in enumerate(target):
        assert garments is not None
        for place, one in enumerate(garments.each):
            assert one.box is not None
            left, top, width, height = one.box
            corners = np.array([[left, top], [left + width, top + height]])
            shares = frame.placement.to_model(corners) / (frame.width, frame.height)
            output[row, place, :6] = (*shares.ravel(), 0.99, LABELS.index(one.part))
            output[row, place, 6:] = 1
    return output


def _senseless_garments(random: np.random.Generator, count: int) -> NDArray[np.float32]:
    random.random()  # other places than labels of the same seed
    output = _found_boxes(EncodedGarments(_side_by_side(random, count), frames(count)))
    there = output[..., 4] > 0
    output[..., 4] = there * random.uniform(0.1, 1, there.shape)
    # Each picture is told the garments of another: the same seed made the labels.
    return np.roll(output, 1, axis=0)


def _told(answer: Answer) -> Label:
    assert isinstance(answer, GarmentsAnswer)
    return Garments(tuple(_garment(one.label, one.box) for one in answer.each))


def _same_garments(one: Label, other: Label) -> bool:
    assert isinstance(one, Garments)
    assert isinstance(other, Garments)
    pairs = zip(one.each, other.each, strict=True)
    return all(
        a.part == b.part and np.allclose(a.box or (), b.box or (), atol=1e-2) for a, b in pairs
    )


RIGS = {
    "garments": Rig(
        labels=_side_by_side,
        perfect=_found_boxes,
        wrong_label=Garments((_garment(WRONG, (70, 30, 20, 40)),)),
        strange_label=LABELS[0],
        said=_told,
        same=_same_garments,
        outputs=_senseless_garments,
    ),
    "landmarks": Rig(
        labels=_random_landmarks,
        perfect=_pointed_at,
        wrong_label=Landmarks({LABELS[0]: Landmark(70, 30), WRONG: Landmark(80, 40)}),
        strange_label=LABELS[0],
        said=_found,
        same=_close,
    ),
    "segmentation": Rig(
        labels=_striped,
        perfect=_drawn_as_logits,
        wrong_label=ClassMap(np.ones((200, 300), np.uint8), (LABELS[0], WRONG)),
        strange_label=LABELS[0],
        said=_seen,
        same=_same_where_seen,
    ),
    "single_label": Rig(
        labels=lambda random, count: [LABELS[place] for place in random.integers(5, size=count)],
        perfect=lambda target: (np.eye(len(LABELS))[target] * 60).astype(np.float32),
        wrong_label=WRONG,
        strange_label=Tags((LABELS[0],)),
        said=_chosen,
    ),
    "multi_label": Rig(
        labels=_random_tags,
        perfect=lambda target: (target * 120.0 - 60.0).astype(np.float32),
        wrong_label=Tags((LABELS[0], WRONG)),
        strange_label=LABELS[0],
        said=_held,
    ),
}


def test_every_kind_has_a_rig() -> None:
    assert set(RIGS) == set(KINDS)


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rig(kind: str) -> Rig:
    return RIGS[kind]


@pytest.fixture
def task(kind: str) -> Task:
    return task_of(TaskSpec(name="question", kind=kind, labels=LABELS))


def random_outputs(task: Task, count: int, *, seed: int = 0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    made = RIGS[task.spec.kind].outputs
    if made is not None:
        return made(random, count)
    canvas = iter((HOW.height // 4, HOW.width // 4))
    sizes = [next(canvas) if size < 0 else size for size in task.output_shape]
    return random.normal(size=(count, *sizes)).astype(np.float32)


def encoded(
    task: Task, rig: Rig, count: int, *, seed: int = 0
) -> tuple[Sequence[Label], NDArray[Any], NDArray[Any]]:
    labels = rig.labels(np.random.default_rng(seed), count)
    return labels, *task.encode(labels, frames(count))


def test_targets_and_weights_have_a_row_a_label(task: Task, rig: Rig) -> None:
    labels, target, weight = encoded(task, rig, 12)
    assert len(target) == len(weight) == len(labels)
    assert (weight == 1).all()


def test_no_labels_encode_to_no_rows(task: Task) -> None:
    target, weight = task.encode([])
    assert len(target) == len(weight) == 0


def test_unknown_labels_weigh_nothing(task: Task, rig: Rig) -> None:
    labels, _, _ = encoded(task, rig, 4)
    _, weight = task.encode([labels[0], None, labels[1], None], frames(4))
    weighs = weight.reshape(4, -1).max(axis=1) > 0
    assert weighs.tolist() == [True, False, True, False]


def test_labels_outside_the_schema_are_refused_with_those_there_are(task: Task, rig: Rig) -> None:
    with pytest.raises(SchemaError) as refusal:
        task.encode([rig.wrong_label], frames(1))
    message = str(refusal.value)
    assert "question" in message
    assert repr(WRONG) in message
    assert all(label in message for label in LABELS)


def test_labels_of_another_kind_are_refused(task: Task, rig: Rig) -> None:
    with pytest.raises(SchemaError, match="question"):
        task.encode([rig.strange_label], frames(1))


def test_perfect_outputs_reach_the_best_score(task: Task, rig: Rig) -> None:
    _, target, weight = encoded(task, rig, 40)
    numbers = task.score(rig.perfect(target), target, weight).numbers()
    assert numbers[task.metric] == pytest.approx(1.0)


def test_random_outputs_do_not(task: Task, rig: Rig) -> None:
    _, target, weight = encoded(task, rig, 400)
    numbers = task.score(random_outputs(task, 400), target, weight).numbers()
    assert numbers[task.metric] < 0.7


def test_perfect_outputs_decode_to_the_labels_they_were_made_of(task: Task, rig: Rig) -> None:
    labels, target, _ = encoded(task, rig, 20)
    answers = task.decode(rig.perfect(target), frames=frames(20))
    said = [rig.said(answer) for answer in answers]
    assert all(map(rig.same, said, labels))
    assert len(said) == len(labels)


def test_decoding_and_scoring_agree(task: Task, rig: Rig) -> None:
    """What is said to a user is what was counted: scored against its own words it is perfect."""
    output = random_outputs(task, 30)
    said = [rig.said(answer) for answer in task.decode(output, frames=frames(30))]
    target, weight = task.encode(said, frames(30))
    assert task.score(output, target, weight).numbers()[task.metric] == pytest.approx(1.0)


def test_rows_of_weight_zero_take_no_part(task: Task, rig: Rig) -> None:
    _, target, weight = encoded(task, rig, 30)
    output = random_outputs(task, 30)
    hidden = weight.copy()
    hidden[::3] = 0
    kept = np.arange(30) % 3 != 0
    some = task.score(output, target, hidden).numbers()
    alone = task.score(output[kept], target[kept], weight[kept]).numbers()
    assert some == pytest.approx(alone)
    # Whatever stands in hidden rows, even what no network should say.
    output[::3] = 1e6
    assert task.score(output, target, hidden).numbers() == pytest.approx(some)


def test_counts_of_batches_add_up(task: Task, rig: Rig) -> None:
    _, target, weight = encoded(task, rig, 50)
    output = random_outputs(task, 50)
    weight[5:20] = 0
    whole = task.score(output, target, weight)
    cuts = [slice(0, 7), slice(7, 18), slice(18, 50)]
    parts = [task.score(output[cut], target[cut], weight[cut]) for cut in cuts]
    assert (parts[0] + parts[1] + parts[2]).numbers() == pytest.approx(whole.numbers())


def test_no_rows_give_counts_that_add_nothing(task: Task, rig: Rig) -> None:
    _, target, weight = encoded(task, rig, 10)
    output = random_outputs(task, 10)
    counts = task.score(output, target, weight)
    nothing = task.score(output, target, np.zeros_like(weight))
    assert (counts + nothing).numbers() == pytest.approx(counts.numbers())


def test_answers_become_rows_and_json(task: Task) -> None:
    for answer in task.decode(random_outputs(task, 5), top=3, frames=frames(5)):
        cells = answer.cells("question")
        assert "question" in cells
        assert all(name.split(".")[0] == "question" for name in cells)
        assert answer.to_json()


def test_decoding_rows_together_or_alone_is_the_same(task: Task) -> None:
    output = random_outputs(task, 8)
    together = task.decode(output, frames=frames(8))
    alone = [task.decode(output[row : row + 1], frames=frames(1))[0] for row in range(8)]
    assert together == alone
