"""The most doubtful photos come first, for every kind of task, with what the model says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import blocks
import colour_fields
import dots
import many_tasks as many
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.evaluation.doubtful import rank_doubtful
from lapel.inference.bundle import Bundle, write_bundle
from lapel.inference.predictor import Predictor
from lapel.review.doubt import entropy, margin, yes_or_no
from lapel.schema.annotation import Annotation
from lapel.schema.errors import DatasetError, SchemaError, UsageError
from lapel.schema.labels import Schema
from lapel.schema.prediction import (
    MultiLabelAnswer,
    Prediction,
    SegmentationAnswer,
    SingleLabelAnswer,
)


def colours(share: float) -> NDArray[np.uint8]:
    """A picture (24, 24, 3), red above and green below; half of each is the most doubtful."""
    picture = np.zeros((24, 24, 3), np.uint8)
    edge = round(24 * share)
    picture[:edge, :, 0] = 200
    picture[edge:, :, 1] = 200
    return picture


def between_colours(folder: Path, shares: list[float], schema: Schema) -> Dataset:
    annotations = [
        Annotation(image=f"images.npy#{row}", labels={}, split="train")
        for row in range(len(shares))
    ]
    return create_dataset(
        folder,
        name="between",
        schema=schema,
        annotations=annotations,
        images=np.stack([colours(share) for share in shares]),
    )


def with_vectors(bundle: Path, folder: Path) -> Path:
    """The same bundle, whose network gives the mean colour as the picture's vector."""
    import onnx
    from onnx import TensorProto, helper

    former = Bundle.load(bundle)
    model = onnx.load_from_string(former.read("model.onnx"))
    model.graph.node.append(helper.make_node("Identity", ["colour_means"], ["embedding"]))
    model.graph.output.append(
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 3])
    )
    write_bundle(
        folder,
        name="vectors",
        schema=former.schema,
        preprocess=former.preprocess,
        architecture=former.architecture,
        calibration=former.calibration,
        scores=former.scores,
        provenance={},
        model_onnx=model.SerializeToString(),
        weights=b"",
        card="# Vectors",
    )
    return folder


def test_the_picture_between_two_labels_comes_first(colour_bundle: Path, tmp_path: Path) -> None:
    predictor = Predictor.load(colour_bundle)
    shares = [1.0, 0.9, 0.5, 0.6, 0.0]
    dataset = between_colours(tmp_path / "data", shares, predictor.schema)
    for by in ("entropy", "margin", "least-confident"):
        found = rank_doubtful(dataset, predictor, by=by)
        assert found.rows[0] in {2, 3}
        assert set(found.rows[-2:].tolist()) == {0, 4}
        assert (np.diff(found.doubt) <= 0).all()
        assert 0 <= found.doubt.min() <= found.doubt.max() <= 1
    assert not found.diverse
    assert found.images == tuple(dataset.names()[row] for row in found.rows)


def test_predictions_are_the_predictor_s_own(
    colour_bundle: Path, make_photos: Callable[..., Dataset]
) -> None:
    predictor = Predictor.load(colour_bundle)
    dataset = make_photos(Path(colour_bundle.parent) / "for-doubt")
    found = rank_doubtful(dataset, predictor, count=4, top=2)
    assert len(found.predictions) == 4
    for image, prediction in zip(found.images, found.predictions, strict=True):
        (expected,) = predictor.predict([dataset.read(image)], top=2)
        assert isinstance(expected, Prediction)
        assert prediction.answers == expected.answers
        assert (prediction.image, prediction.width) == (image, expected.width)


def test_doubts_are_those_of_the_probabilities(tmp_path: Path) -> None:
    predictor = Predictor.load(many.write_many_bundle(tmp_path / "bundle"))
    dataset = many.write_many_dataset(tmp_path / "data")
    for by, measure in (("entropy", entropy), ("margin", margin)):
        found = rank_doubtful(dataset, predictor, by=by, top=9)
        for prediction, doubt in list(zip(found.predictions, found.doubt, strict=True))[:5]:
            doubts = []
            for spec in predictor.schema:
                answer = prediction.answers[spec.name]
                assert isinstance(answer, SingleLabelAnswer | MultiLabelAnswer)
                chances = np.array([chance for _, chance in answer.top])
                if spec.kind == "multi_label":
                    doubts.append(measure(np.stack([1 - chances, chances], axis=1)).mean())
                else:
                    doubts.append(measure(chances[None])[0])
            assert doubt == pytest.approx(np.mean(doubts), abs=1e-6)


def test_only_the_tasks_asked_for_count(tmp_path: Path) -> None:
    predictor = Predictor.load(many.write_many_bundle(tmp_path / "bundle"))
    dataset = many.write_many_dataset(tmp_path / "data")
    # What is stuck always answers the same.
    stuck = rank_doubtful(dataset, predictor, tasks=["stuck"])
    assert np.ptp(stuck.doubt) == pytest.approx(0, abs=1e-9)
    assert stuck.rows.tolist() == list(range(100))
    assert list(stuck.predictions[0].answers) == [spec.name for spec in predictor.schema]
    # The other task's answers were not kept: these are made when they are asked for, one by one.
    assert not isinstance(stuck.predictions, list | tuple)
    assert [one.image for one in stuck.predictions[-2:]] == list(stuck.images[-2:])
    with pytest.raises(SchemaError, match="colour"):
        rank_doubtful(dataset, predictor, tasks=["collar"])


def test_unlabelled_photos_alone_where_asked_for(tmp_path: Path) -> None:
    predictor = Predictor.load(many.write_many_bundle(tmp_path / "bundle"))
    dataset = many.write_many_dataset(tmp_path / "data")
    found = rank_doubtful(dataset, predictor, tasks=["light"], unlabelled_only=True)
    unknown = dataset.table.with_row_index().filter(pl.col("light").is_null())
    assert sorted(found.rows.tolist()) == unknown["index"].to_list()
    assert found.images == tuple(dataset.names()[row] for row in found.rows)
    with pytest.raises(DatasetError, match="has a label of colour already"):
        rank_doubtful(dataset, predictor, tasks=["colour"], unlabelled_only=True)


def test_labels_that_a_model_contradicts_come_first(tmp_path: Path) -> None:
    predictor = Predictor.load(many.write_many_bundle(tmp_path / "bundle"))
    dataset = many.write_many_dataset(tmp_path / "data")
    found = rank_doubtful(dataset, predictor, by="disagreement", tasks=["colour"])
    wrong = [row for row in range(100) if row % 9 == 4]
    assert sorted(found.rows[: len(wrong)].tolist()) == wrong
    # Photos without a label of the task are last, and say so.
    light = rank_doubtful(dataset, predictor, by="disagreement", tasks=["light"])
    assert np.isnan(light.doubt[-20:]).all()
    assert not np.isnan(light.doubt[:-20]).any()
    tags = rank_doubtful(dataset, predictor, by="disagreement", tasks=[many.TAGGED.name])
    first = set(tags.rows[:8].tolist())
    assert first <= set(wrong)


def test_two_models_disagree_where_they_differ(tmp_path: Path) -> None:
    schema = Schema((many.COLOUR,))
    readout = {"colour": (many.READOUT["colour"][0], np.array([0, 0, -30], np.float32))}
    one = Predictor.load(many.write_many_bundle(tmp_path / "one", schema))
    other = Predictor.load(many.write_many_bundle(tmp_path / "two", schema, readout=readout))
    dataset = many.write_many_dataset(tmp_path / "data", schema)
    found = rank_doubtful(dataset, one, by="disagreement", other=other)
    # The second one never says blue.
    said = [prediction.answers["colour"].lines()[0][0] for prediction in found.predictions]
    blue = said.count("blue")
    assert said[: blue // 2] == ["blue"] * (blue // 2)
    assert rank_doubtful(dataset, one, by="disagreement", other=one).doubt.max() < 1e-6
    with pytest.raises(UsageError, match="to be disagreed with"):
        rank_doubtful(dataset, one, other=other)
    changed = Predictor.load(
        many.write_many_bundle(tmp_path / "three", Schema((many.COLOUR, many.LIGHT)))
    )
    with pytest.raises(SchemaError, match="light"):
        rank_doubtful(dataset, changed, by="disagreement", other=one)


def test_near_twins_are_kept_apart_by_the_network_s_own_vectors(
    colour_bundle: Path, tmp_path: Path
) -> None:
    predictor = Predictor.load(with_vectors(colour_bundle, tmp_path / "vectors"))
    shares = [0.5] * 20 + [0.75, 0.25, 0.65, 0.35]
    dataset = between_colours(tmp_path / "data", shares, predictor.schema)
    found = rank_doubtful(dataset, predictor, count=4)
    assert found.diverse
    assert sum(row < 20 for row in found.rows.tolist()) == 1
    alike = rank_doubtful(dataset, predictor, count=4, diverse=False)
    assert alike.rows.tolist() == [0, 1, 2, 3]


def test_pixels_between_two_classes_are_doubtful(tmp_path: Path) -> None:
    predictor = Predictor.load(colour_fields.write_fields_bundle(tmp_path / "bundle"))
    dataset = colour_fields.write_fields_dataset(tmp_path / "fields", shift=8, unlabelled=2)
    found = rank_doubtful(dataset, predictor, count=3)
    assert len(found.predictions) == 3
    answer = found.predictions[0].answers["parsing"]
    assert isinstance(answer, SegmentationAnswer)
    assert answer.mask.shape == (72, 96)
    apart = rank_doubtful(dataset, predictor, by="disagreement")
    # Of two rectangles each a third as wide as the picture, 8 pixels on either side are elsewhere.
    known = apart.doubt[~np.isnan(apart.doubt)]
    assert len(known) == len(dataset) - 2
    assert (known > 0.1).all()
    assert (known < 0.3).all()


def test_landmarks_that_lie_elsewhere_are_doubtful(tmp_path: Path) -> None:
    predictor = Predictor.load(dots.write_dots_bundle(tmp_path / "bundle"))
    right = dots.write_dots_dataset(tmp_path / "right")
    shifted = dots.write_dots_dataset(tmp_path / "shifted", shift=0.3)
    here, there = (
        rank_doubtful(data, predictor, by="disagreement", tasks=["points"])
        for data in (right, shifted)
    )
    assert here.doubt.mean() + 0.3 < there.doubt.mean()
    assert len(rank_doubtful(right, predictor).doubt) == len(right)


def test_garments_that_were_overlooked_are_doubtful(tmp_path: Path) -> None:
    predictor = Predictor.load(blocks.write_blocks_bundle(tmp_path / "bundle"))
    dataset = blocks.write_blocks_dataset(tmp_path / "blocks")
    found = rank_doubtful(dataset, predictor, by="disagreement")
    blank = [row for row in range(30) if row % 8 == 3 and row % 7 != 6]
    assert set(blank) <= set(found.rows[: len(blank) + 2].tolist())
    assert np.isnan(found.doubt[found.rows % 7 == 6]).all()
    own = rank_doubtful(dataset, predictor)
    assert (np.diff(own.doubt) <= 1e-9).all()
    # How bright blocks are, is their score; where none is drawn, nothing is told by any lead.
    for row, doubt in zip(own.rows.tolist(), own.doubt, strict=True):
        score = 0.0 if row % 8 == 3 else (150 + 7 * (row % 15)) / 255
        expected = entropy(yes_or_no(np.array(score))) if score else 0.0
        assert doubt == pytest.approx(float(expected), abs=1e-5)


def test_garments_of_a_group_are_not_doubtful(tmp_path: Path) -> None:
    predictor = Predictor.load(blocks.write_blocks_bundle(tmp_path / "bundle"))
    dataset = blocks.write_groups_dataset(tmp_path / "groups", test=3)
    found = rank_doubtful(dataset, predictor, by="disagreement")
    doubts = dict(zip(found.rows.tolist(), found.doubt.tolist(), strict=True))
    # Of the first a top is told that is not annotated.
    assert doubts == pytest.approx({0: 1.0, 1: 0.0, 2: 0.0})


def test_a_picture_that_cannot_be_read_is_named(
    colour_bundle: Path, colour_photos: Dataset
) -> None:
    name = colour_photos.names()[3]
    (colour_photos.folder.parent / "photos" / name).write_bytes(b"no picture")
    found = rank_doubtful(colour_photos, Predictor.load(colour_bundle))
    assert [one.image for one in found.unreadable] == [name]
    assert len(found.images) == 11
    assert name not in found.images


def test_what_cannot_be_ranked_is_refused(colour_bundle: Path, colour_photos: Dataset) -> None:
    predictor = Predictor.load(colour_bundle)
    with pytest.raises(UsageError, match="margin"):
        rank_doubtful(colour_photos, predictor, by="doubt")
    with pytest.raises(UsageError, match="1 photo or more"):
        rank_doubtful(colour_photos, predictor, count=0)
    empty = colour_photos.rows(pl.lit(value=False))
    with pytest.raises(DatasetError, match="no photo"):
        rank_doubtful(empty, predictor)
