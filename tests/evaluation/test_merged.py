"""A model of former labels judged on cleaned ones, and what one model has above another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from many_tasks import picture, write_many_bundle
from numpy.typing import NDArray
from typed_commands import lapel

from lapel.data.cleaning.clean import clean_dataset
from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.images import packed_name
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.kinds.multi_label import MultiLabelEvaluation
from lapel.evaluation.kinds.single_label import SingleLabelEvaluation
from lapel.evaluation.paired import gains
from lapel.evaluation.result import Evaluation
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.labels import Schema, TaskSpec

FEW = 20

TAGS = ("green", "red", "scarlet", "warm scarf")
KINDS = ("blue", "green", "red")
SCHEMA = Schema(
    (
        TaskSpec(name="kind", kind="single_label", labels=KINDS),
        TaskSpec(name="tags", kind="multi_label", labels=TAGS),
        TaskSpec(name="more", kind="multi_label", labels=("glowing", "dim")),
    )
)

#: ``scarlet`` is red under another name; a scarf that is warm says so; what glows is red as well.
RULES = """
kind: {merge: {cool: [blue, green]}}
tags: {merge: {red: [scarlet]}, rename: {warm scarf: warm}}
more: {imply: {glowing: [tags: red]}}
"""

CALIBRATION: Mapping[str, Mapping[str, float]] = {
    "kind": {"temperature": 2.0},
    "tags": {"temperature": 1.25, "threshold.red": 0.4, "threshold.scarlet": 0.3},
    "more": {"temperature": 2.5, "threshold.glowing": 0.45},
}


def readout() -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    random = np.random.default_rng(3)
    found = {}
    for task in SCHEMA:
        weights = random.normal(0, 9, (3, len(task.labels))).astype(np.float32)
        found[task.name] = weights, -weights.sum(axis=0) / 2
    return found


def dataset_of(folder: Path, splits: Mapping[str, int]) -> Dataset:
    drawn: list[NDArray[np.uint8]] = []
    annotations: list[Annotation] = []
    for split, count in splits.items():
        for _ in range(count):
            row = len(drawn)
            pixels, (red, green, _) = picture(row)
            drawn.append(pixels)
            tags = [("red", "scarlet")[row % 2]] if red > 0.5 else []
            tags += ["green"] if green > 0.5 else []
            labels: dict[str, Label] = {
                "kind": KINDS[row % 3],
                "tags": Tags(tuple(tags)),
                "more": Tags(("glowing",) if red > 0.8 else ()),
            }
            annotations.append(Annotation(image=packed_name(row), labels=labels, split=split))
    return create_dataset(
        folder, name="d", schema=SCHEMA, annotations=annotations, images=np.stack(drawn)
    )


@dataclass(frozen=True)
class Cleaned:
    bundle: Path
    before: Path
    after: Path
    mapping: Path


def cleaned(folder: Path, splits: Mapping[str, int]) -> Cleaned:
    before = dataset_of(folder / "before", splits)
    (folder / "rules.yaml").write_text(RULES)
    done = clean_dataset(before.folder, folder / "rules.yaml", out=folder / "after")
    bundle = write_many_bundle(
        folder / "bundle", SCHEMA, calibration=CALIBRATION, readout=readout()
    )
    return Cleaned(bundle, before.folder, done.dataset.folder, done.mapping)


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> Cleaned:
    """Test pictures alone, so that nothing can be fitted anew."""
    return cleaned(tmp_path_factory.mktemp("cleaned"), {"test": 40})


def judged(cleaned: Cleaned, out: Path, *, merged: bool) -> Evaluation:
    where = cleaned.after if merged else cleaned.before
    mapping = cleaned.mapping if merged else None
    return evaluate(cleaned.bundle, where, out=out, mapping=mapping, resamples=FEW)


def tag_logits(evaluation: Evaluation, task: str) -> NDArray[np.float64]:
    found = evaluation.tasks[task]
    assert isinstance(found, MultiLabelEvaluation)
    probabilities = found.tagged.probabilities
    return np.asarray(np.log(probabilities / (1 - probabilities)), np.float64)


def test_a_tag_is_answered_by_the_surest_of_those_behind_it(
    tested: Cleaned, tmp_path: Path
) -> None:
    before = judged(tested, tmp_path / "before", merged=False)
    after = judged(tested, tmp_path / "after", merged=True)
    old, more, new = (
        tag_logits(before, "tags"),
        tag_logits(before, "more"),
        tag_logits(after, "tags"),
    )
    assert after.tasks["tags"].spec.labels == ("green", "red", "warm")
    place = TAGS.index
    behind = [old[:, place("red")], old[:, place("scarlet")], more[:, 0]]
    assert np.allclose(new[:, 1], np.max(behind, axis=0), rtol=1e-4)
    # Without the other task, something is lost: it is the surest now and then.
    assert (np.argmax(behind, axis=0) == 2).any()
    assert np.allclose(new[:, [0, 2]], old[:, [place("green"), place("warm scarf")]], rtol=1e-4)
    found = after.tasks["tags"]
    assert isinstance(found, MultiLabelEvaluation)
    assert found.tagged.thresholds.tolist() == [0.5, 0.3, 0.5]
    said = " ".join(after.subject.remarks)
    assert "The model learned the labels of before a cleaning (rules.yaml)" in said
    assert "of 'tags' each label is answered by the surest answer" in said
    assert "of 'kind' each label is answered by the sum of the probabilities" in said
    assert "thresholds are the lowest of the labels behind each" in said
    page = (tmp_path / "after" / "report" / "tags.html").read_text("utf-8")
    assert "The temperature is 1.250" in page
    assert "fitted on validation" not in page


def test_one_of_several_labels_has_the_sum_of_those_behind_it(
    tested: Cleaned, tmp_path: Path
) -> None:
    before = judged(tested, tmp_path / "before", merged=False).tasks["kind"]
    after = judged(tested, tmp_path / "after", merged=True).tasks["kind"]
    assert isinstance(before, SingleLabelEvaluation)
    assert isinstance(after, SingleLabelEvaluation)
    assert after.spec.labels == ("cool", "red")
    said = after.classified.confidence
    red = after.classified.predicted == 1
    # Of red alone both say the same; of the others the sum is at least the surer one.
    same = red & (before.classified.predicted == 2)
    assert same.any()
    assert np.allclose(said[same], before.classified.confidence[same], atol=1e-5)
    assert (said[~red] >= before.classified.confidence[~red] - 1e-6).all()


def test_thresholds_are_chosen_anew_where_there_is_a_validation_split(tmp_path: Path) -> None:
    split = cleaned(tmp_path, {"validation": 40, "test": 30})
    after = judged(split, tmp_path / "out", merged=True)
    found = after.tasks["tags"]
    assert isinstance(found, MultiLabelEvaluation)
    assert found.temperature != 1.25
    assert found.tagged.thresholds.tolist() != [0.5, 0.3, 0.5]
    assert "thresholds were chosen anew on validation" in " ".join(after.subject.remarks)
    # What no rule touched is as the bundle has it.
    more = after.tasks["more"]
    assert isinstance(more, MultiLabelEvaluation)
    assert more.temperature == 2.5
    assert more.tagged.thresholds.tolist() == [0.45, 0.5]
    assert len(after.images) == 30


def test_a_mapping_that_is_not_of_this_model_is_refused(tested: Cleaned, tmp_path: Path) -> None:
    unknown = r"labels of task 'kind' that the model does not know(.|\n)*`--mapping .*after` judges"
    with pytest.raises(DatasetError, match=unknown):
        evaluate(tested.bundle, tested.after, out=tmp_path / "o", resamples=FEW)
    after = Dataset.open(tested.after).schema
    learned = write_many_bundle(
        tmp_path / "after",
        after,
        calibration={task.name: {"temperature": 1.0} for task in after},
        readout={
            task.name: (np.ones((3, len(task.labels)), np.float32), np.zeros(1, np.float32))
            for task in after
        },
    )
    with pytest.raises(UsageError, match="has learned the labels of after the cleaning"):
        evaluate(learned, tested.after, out=tmp_path / "o", mapping=tested.mapping, resamples=FEW)
    # Neither model can be judged by the mapping on what the cleaning began with.
    for model in (learned, tested.bundle):
        with pytest.raises(DatasetError, match=r"before has the labels of before the cleaning"):
            evaluate(model, tested.before, out=tmp_path / "o", mapping=tested.after, resamples=FEW)
    other = Schema((TaskSpec(name="kind", kind="single_label", labels=("a", "red")),))
    strange = write_many_bundle(
        tmp_path / "strange",
        other,
        calibration={"kind": {}},
        readout={"kind": (np.ones((3, 2), np.float32), np.zeros(2, np.float32))},
    )
    with pytest.raises(UsageError, match=r"does not know .* of 'kind'.*: 'blue', 'green'"):
        evaluate(strange, tested.after, out=tmp_path / "o", mapping=tested.mapping, resamples=FEW)


def test_the_mapping_is_named_where_former_labels_could_be_judged_without_it(
    tested: Cleaned, tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_text("tags: {merge: {red: [scarlet]}}\n")
    merged = clean_dataset(tested.before, tmp_path / "rules.yaml", out=tmp_path / "merged").dataset
    unfair = evaluate(tested.bundle, merged, out=tmp_path / "unfair", resamples=FEW)
    assert f"`--mapping {merged.folder}` judges it fairly" in " ".join(unfair.subject.remarks)
    fair = evaluate(
        tested.bundle, merged, out=tmp_path / "fair", mapping=merged.folder, resamples=FEW
    )
    assert "--mapping" not in " ".join(fair.subject.remarks)


def test_the_command_names_what_was_done(tested: Cleaned, tmp_path: Path) -> None:
    judged = (tested.bundle, tested.after, "--mapping", tested.after)
    done = lapel("evaluate", *judged, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "The model learned the labels of before a cleaning" in done.stdout
    assert "tags\tMean average precision" in done.stdout


def test_a_difference_on_the_same_images_is_surer_than_two_numbers(
    tested: Cleaned, tmp_path: Path
) -> None:
    worse = write_many_bundle(
        tmp_path / "worse",
        SCHEMA,
        calibration=CALIBRATION,
        readout=readout() | {"tags": (np.ones((3, 4), np.float32), np.zeros(4, np.float32))},
    )
    two = [
        evaluate(bundle, tested.before, out=tmp_path / f"of-{bundle.name}", resamples=FEW)
        for bundle in (worse, tested.bundle)
    ]
    found = gains(two[0], two[1], ["tags", "more"], ["map", "mean_f1"], resamples=50)
    values = [one.tasks["tags"].numbers["map"].value for one in two]
    assert found["tags.map"].value == pytest.approx(values[1] - values[0])
    assert found["more.map"].value == found["more.map"].low == found["more.map"].high == 0
    assert found["mean of tasks.map"].value == pytest.approx(found["tags.map"].value / 2)
    assert set(found) == {
        f"{task}.{name}"
        for task in ("tags", "more", "mean of tasks")
        for name in ("map", "mean_f1")
    }
    other = evaluate(
        tested.bundle, tested.after, out=tmp_path / "m", mapping=tested.mapping, resamples=FEW
    )
    with pytest.raises(UsageError, match="judged on other labels of 'tags'"):
        gains(two[0], other, ["tags"], ["map"], resamples=5)


def test_a_model_of_any_time_is_judged_on_a_dataset_that_was_cleaned_twice(
    tested: Cleaned, tmp_path: Path
) -> None:
    (tmp_path / "again.yaml").write_text("tags: {rename: {red: reddish}}\n")
    again = clean_dataset(tested.after, tmp_path / "again.yaml", out=tmp_path / "again").dataset
    once = judged(tested, tmp_path / "once", merged=True)
    twice = evaluate(
        tested.bundle, again, out=tmp_path / "twice", mapping=again.folder, resamples=FEW
    )
    assert twice.tasks["tags"].spec.labels == ("green", "reddish", "warm")
    assert np.array_equal(tag_logits(once, "tags"), tag_logits(twice, "tags"))
    assert twice.numbers == once.numbers
    # One that learned between the two needs the second alone.
    between = Dataset.open(tested.after).schema
    learned = write_many_bundle(
        tmp_path / "between",
        between,
        calibration={task.name: {"temperature": 1.0} for task in between},
        readout={
            task.name: (
                np.eye(3, len(task.labels), dtype=np.float32),
                np.zeros(len(task.labels), np.float32),
            )
            for task in between
        },
    )
    own = evaluate(learned, again, out=tmp_path / "own", mapping=again.folder, resamples=FEW)
    assert own.tasks["tags"].spec.labels == ("green", "reddish", "warm")
    (said,) = (remark for remark in own.subject.remarks if "before a cleaning" in remark)
    assert "'tags'" in said
    assert "'kind'" not in said
