"""Pictures in, answers out: in order, to the bit, and with failures in their place."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lapel.inference.bundle import Bundle, write_bundle
from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.inference.pictures import Failure, Picture
from lapel.inference.predictor import Predictor
from lapel.schema.errors import BundleError, UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.prediction import Prediction, SingleLabelAnswer

COLOURS = {"red": (220, 30, 20), "green": (10, 200, 40), "blue": (30, 20, 240)}


def answer_of(prediction: Prediction | Failure) -> SingleLabelAnswer:
    assert isinstance(prediction, Prediction)
    answer = prediction.answers["colour"]
    assert isinstance(answer, SingleLabelAnswer)
    return answer


def noise(count: int) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(1)
    sizes = random.integers(5, 70, (count, 2))
    return [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in sizes]


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, Path]:
    paths = {}
    for name, colour in COLOURS.items():
        paths[name] = tmp_path / f"{name}.png"
        Image.new("RGB", (50, 20), colour).save(paths[name])
    return paths


@pytest.fixture
def predictor(colour_bundle: Path) -> Predictor:
    return Predictor.load(colour_bundle)


def test_what_is_on_the_photo(predictor: Predictor, photos: dict[str, Path]) -> None:
    predictions = list(predictor.predict(photos.values()))
    assert [answer_of(each).label for each in predictions] == list(COLOURS)
    first = predictions[0]
    assert isinstance(first, Prediction)
    assert (first.image, first.width, first.height) == (str(photos["red"]), 50, 20)
    assert answer_of(first).top[0] == ("red", answer_of(first).probability)
    assert sum(share for _, share in answer_of(first).top) == pytest.approx(1.0)


def test_paths_texts_bytes_and_pixels_are_the_same_picture(
    predictor: Predictor, photos: dict[str, Path]
) -> None:
    path = photos["green"]
    pixels = np.asarray(Image.open(path))
    pictures: list[Picture] = [path, str(path), path.read_bytes(), pixels]
    predictions = list(predictor.predict(pictures))
    assert len({answer_of(each).probability for each in predictions}) == 1
    assert [each.image for each in predictions] == [str(path), str(path), "image[2]", "image[3]"]


def test_identical_to_the_bit_whatever_the_batch(colour_bundle: Path) -> None:
    pictures = noise(37)
    reference = [each.to_json() for each in _predictions(colour_bundle, pictures, batch=32)]
    for batch in (1, 2, 5, 36, 37, 64):
        found = [each.to_json() for each in _predictions(colour_bundle, pictures, batch=batch)]
        assert json.dumps(found) == json.dumps(reference), f"batch {batch} changed the answers"


def _predictions(bundle: Path, pictures: Sequence[Picture], *, batch: int) -> Iterator[Prediction]:
    for prediction in Predictor.load(bundle, batch=batch).predict(pictures):
        assert isinstance(prediction, Prediction)
        yield prediction


def test_failures_stand_in_their_place(
    predictor: Predictor, photos: dict[str, Path], tmp_path: Path
) -> None:
    torn = tmp_path / "torn.png"
    torn.write_bytes(photos["red"].read_bytes()[:60])
    missing = tmp_path / "missing.png"
    found = list(predictor.predict([torn, photos["red"], b"", missing, tmp_path, photos["blue"]]))

    assert [type(each) for each in found] == [
        Failure, Prediction, Failure, Failure, Failure, Prediction,
    ]  # fmt: skip
    faults = [each.fault for each in found if isinstance(each, Failure)]
    assert faults[0].startswith("torn or damaged")
    assert faults[1] == "the file is empty; copy or download it again"
    assert faults[2] == "could not be read: No such file or directory; check its path"
    assert faults[3] == "is a folder; name its files, as with Path(folder).iterdir()"
    assert [answer_of(each).label for each in (found[1], found[5])] == ["red", "blue"]


def test_a_single_picture_needs_no_list(predictor: Predictor, photos: dict[str, Path]) -> None:
    red = photos["red"]
    pixels = np.asarray(Image.open(red))
    for picture in (red, str(red), red.read_bytes(), pixels):
        (found,) = predictor.predict(picture)
        assert answer_of(found).label == "red"
    (gray,) = predictor.predict(pixels[..., 0])
    assert isinstance(gray, Prediction)
    assert len(list(predictor.predict(np.stack([pixels, pixels])))) == 2


def test_what_is_no_picture_is_named_by_its_type(
    predictor: Predictor, photos: dict[str, Path]
) -> None:
    red = photos["red"]
    for unfit, says in (
        (
            [red, None],
            r"image\[1\]: found NoneType, expected a path, the bytes of a file, or pixels",
        ),
        ([5], r"image\[0\]: found int, expected a path"),
        ([Image.new("RGB", (2, 2))], r"found Image, expected .* pixels as a NumPy array"),
        (None, "^found NoneType, expected a path, .*, or several of these"),
    ):
        with pytest.raises(UsageError, match=says):
            list(predictor.predict(unfit))  # type: ignore[arg-type]  # what a caller may get wrong


def test_a_pipe_does_not_hang(predictor: Predictor, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (found,) = predictor.predict([tmp_path / "pipe.jpg"])
    assert isinstance(found, Failure)


def test_a_huge_file_is_not_read(predictor: Predictor, tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(10 * 2**30)
    (found,) = predictor.predict([tmp_path / "huge.jpg"])
    assert isinstance(found, Failure)
    assert found.fault.startswith("10240.0 MiB, the limit is 64")


def test_all_failures_and_no_pictures(predictor: Predictor) -> None:
    assert [type(each) for each in predictor.predict([b"", b"x"])] == [Failure, Failure]
    assert list(predictor.predict([])) == []


def test_pictures_are_taken_as_they_are_needed(predictor: Predictor) -> None:
    taken = 0

    def endless() -> Iterator[Picture]:
        nonlocal taken
        while True:
            taken += 1
            yield np.zeros((4, 4, 3), np.uint8)

    stream = predictor.predict(endless())
    assert isinstance(next(stream), Prediction)
    assert taken <= 3 * 32


def test_how_many_labels_are_named(predictor: Predictor) -> None:
    for top, named in ((1, 1), (2, 2), (5, 3)):
        (found,) = predictor.predict(noise(1), top=top)
        assert len(answer_of(found).top) == named


def test_outputs_are_raw_and_predictions_calibrated(predictor: Predictor) -> None:
    pictures = noise(40)
    logits = predictor.outputs(pictures)["colour"]
    assert logits.dtype == np.float32
    assert logits.shape == (40, 3)
    heat = np.exp(logits.astype(np.float64) / 1.25)
    expected = (heat / heat.sum(axis=1, keepdims=True)).max(axis=1)
    found = [answer_of(each).probability for each in predictor.predict(pictures)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_outputs_of_nothing(predictor: Predictor) -> None:
    assert predictor.outputs([])["colour"].shape == (0, 3)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_pixels_of_another_kind(predictor: Predictor, pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(UsageError, match=r"image\[0\]: pixels are uint8 \(H, W, 3\)"):
        list(predictor.predict([pixels]))


def test_wrong_options(colour_bundle: Path, predictor: Predictor) -> None:
    with pytest.raises(UsageError, match="at least 1 picture, found 0"):
        Predictor.load(colour_bundle, batch=0)
    with pytest.raises(UsageError, match="no engine 'abacus'; there are: auto, onnxruntime"):
        Predictor.load(colour_bundle, engine="abacus")
    with pytest.raises(UsageError, match="top=0"):
        next(predictor.predict([b""], top=0))


class TestNetworksThatDoNotFit:
    @pytest.mark.parametrize(
        ("spec", "found"),
        [
            (TaskSpec(name="style", kind="single_label", labels=("a", "b", "c")), "no output"),
            (TaskSpec(name="colour", kind="single_label", labels=("a", "b")), r"\(1, 3\)"),
        ],
    )
    def test_outputs_that_are_not_the_answers(
        self, colour_bundle: Path, spec: TaskSpec, found: str
    ) -> None:
        bundle = Bundle.load(colour_bundle)
        engine = OnnxRuntimeEngine(bundle.read("model.onnx"))
        other = replace(bundle, schema=Schema((spec,)))
        with pytest.raises(BundleError, match=f"answers task '{spec.name}' with {found}"):
            Predictor(other, engine)

    def test_pixels_of_another_size(self, colour_bundle: Path) -> None:
        bundle = Bundle.load(colour_bundle)
        engine = OnnxRuntimeEngine(bundle.read("model.onnx"))
        other = replace(bundle, preprocess=replace(bundle.preprocess, height=25))
        with pytest.raises(BundleError, match=r"does not take pixels uint8 \(1, 3, 25, 24\)"):
            Predictor(other, engine)

    def test_a_network_that_is_none(self, colour_bundle: Path, tmp_path: Path) -> None:
        bundle = Bundle.load(colour_bundle)
        write_bundle(
            tmp_path / "b",
            name="b",
            schema=bundle.schema,
            preprocess=bundle.preprocess,
            architecture={},
            calibration={},
            scores={},
            provenance={},
            model_onnx=b"no graph",
            weights=b"",
            card="",
        )
        with pytest.raises(BundleError, match="ONNX Runtime cannot run this network"):
            Predictor.load(tmp_path / "b")


def test_a_kind_of_task_from_the_future(own_colour_bundle: Path) -> None:
    manifest = json.loads((own_colour_bundle / "lapel.json").read_text())
    manifest["schema"][0]["kind"] = "telepathy"
    (own_colour_bundle / "lapel.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="'telepathy'; this version knows: single_label"):
        Predictor.load(own_colour_bundle)


def test_an_odd_but_valid_picture(predictor: Predictor) -> None:
    file = io.BytesIO()
    Image.new("RGB", (1, 20_000), COLOURS["blue"]).save(file, "PNG")
    (found,) = predictor.predict([file.getvalue()])
    assert isinstance(found, Prediction)
    assert (found.width, found.height) == (1, 20_000)
