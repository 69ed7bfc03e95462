"""What a server answers is what the predictor says, in every form that is asked for."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import blocks
import colour_fields
import dots
import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lapel.imaging.outlines import mask_from, polygon_mask
from lapel.inference.predictor import Predictor
from lapel.inference.two_stage import TwoStagePredictor
from lapel.schema.run_lengths import run_lengths
from lapel.serving.sources import Source

RED, GREEN = (220, 20, 20), (20, 220, 20)
JPEG = {"content-type": "image/jpeg"}
LINES = "application/jsonlines"


@pytest.fixture(scope="module")
def red(picture_file: Callable[..., bytes]) -> bytes:
    return picture_file(RED, "JPEG")


@pytest.fixture(scope="module")
def every_kind(
    tmp_path_factory: pytest.TempPathFactory, colour_bundle: Path, serving_models: Any
) -> Iterator[httpx2.Client]:
    """A server with a model of every kind, the one of colours first."""
    folder = tmp_path_factory.mktemp("kinds")
    finder = blocks.write_blocks_bundle(folder / "blocks")
    sources = [
        Source(bundle=colour_bundle),
        Source(bundle=finder, name="finder"),
        Source(bundle=colour_bundle, name="both", detector=finder),
        Source(bundle=dots.write_dots_bundle(folder / "dots"), name="dots"),
        Source(bundle=colour_fields.write_fields_bundle(folder / "fields"), name="fields"),
    ]
    with serving_models(*sources) as client:
        yield client


def predictions(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found = answer.json()["predictions"]
    assert isinstance(found, list)
    return found


def test_one_picture_is_answered_as_the_predictor_does(
    colours: httpx2.Client, colour_bundle: Path, red: bytes
) -> None:
    answer = colours.post("/v1/predict", content=red, headers=JPEG)
    (expected,) = Predictor.load(colour_bundle).predict(red)
    assert predictions(answer) == [expected.to_json()]  # type: ignore[union-attr] # no failure
    value = answer.json()
    assert value["model"] == "colours"
    assert value["fingerprint"] == Predictor.load(colour_bundle).schema.fingerprint


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/x-image"])
def test_content_says_what_a_picture_is_not_its_type(
    colours: httpx2.Client, red: bytes, kind: str
) -> None:
    answer = colours.post("/v1/predict", content=red, headers={"content-type": kind})
    assert predictions(answer)[0]["answers"]["colour"]["label"] == "red"


def test_several_pictures_in_order_by_the_names_of_their_files(
    colours: httpx2.Client, picture_file: Callable[..., bytes]
) -> None:
    wanted = [("핏.png", "green"), ("=cmd().png", "red"), ("a/b.png", "green"), (None, "red")]
    data = {"red": picture_file(RED), "green": picture_file(GREEN)}
    files = [
        (f"part{place}", (name, data[colour], "image/png"))
        for place, (name, colour) in enumerate(wanted)
    ]
    found = predictions(colours.post("/v1/predict?top=1", files=files))
    assert [one["answers"]["colour"]["label"] for one in found] == [colour for _, colour in wanted]
    names = [name or f"image[{place}]" for place, (name, _) in enumerate(wanted)]
    assert [one["image"] for one in found] == names
    assert all(len(one["answers"]["colour"]["top"]) == 1 for one in found)


def test_a_bad_picture_among_others_has_an_error_in_its_place(
    colours: httpx2.Client, red: bytes
) -> None:
    files = [("a", ("good.jpg", red)), ("b", ("bad.jpg", b"no")), ("c", ("also.jpg", red))]
    found = predictions(colours.post("/v1/predict", files=files))
    assert [one["image"] for one in found] == ["good.jpg", "bad.jpg", "also.jpg"]
    assert found[1]["error"]["code"] == "not_a_picture"
    assert "expected JPEG, PNG or WEBP" in found[1]["error"]["message"]
    assert found[0]["answers"] == found[2]["answers"]


def test_a_bad_picture_alone_is_refused(
    colours: httpx2.Client, picture_file: Callable[..., bytes]
) -> None:
    torn = picture_file(np.random.default_rng(1).integers(0, 256, (60, 60, 3), np.uint8))[:2000]
    huge = picture_file(np.zeros((6400, 6400, 3), np.uint8))
    answers = [colours.post("/v1/predict", content=one, headers=JPEG) for one in (torn, huge)]
    assert [one.status_code for one in answers] == [415, 413]
    assert [one.json()["error"]["code"] for one in answers] == [
        "not_a_picture",
        "picture_too_large",
    ]
    assert "6400 x 6400 pixels, the limit is 40 million" in answers[1].json()["error"]["message"]


def test_what_is_no_picture_is_told_how_to_send_one(colours: httpx2.Client, red: bytes) -> None:
    curl = {"content-type": "application/x-www-form-urlencoded"}
    answer = colours.post("/v1/predict", content=red, headers=curl)
    assert answer.status_code == 415
    assert "-H 'Content-Type: image/jpeg'" in answer.json()["error"]["message"]
    field = colours.post("/v1/predict", files={"top": (None, b"3")})
    assert (field.status_code, field.json()["error"]["code"]) == (400, "unexpected_field")
    empty = colours.post("/v1/predict", content=b"", headers=JPEG)
    assert (empty.status_code, empty.json()["error"]["code"]) == (400, "no_picture")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("top=0", "top: found '0', expected a whole number from 1 to 1,000"),
        ("top=x", "top: found 'x', expected a whole number from 1 to 1,000"),
        ("maps=perhaps", "maps: found 'perhaps', expected true or false"),
        ("threshold=2", "threshold: found '2', expected a number from 0 to 1"),
        ("best=3", "best: no such parameter; there are model, top, maps, outlines, threshold"),
        # This model finds no garments, and shows nothing of how it came to its answers.
        ("threshold=0.5", "a threshold is of scores of found garments, and"),
        ("maps=true", "maps: the model colours shows none"),
    ],
)
def test_parameters_that_cannot_be_are_named(
    colours: httpx2.Client, red: bytes, query: str, said: str
) -> None:
    answer = colours.post(f"/v1/predict?{query}", content=red, headers=JPEG)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "invalid_parameter"
    assert said in error["message"]
    assert "--" not in error["message"]  # nothing of a command line


def test_models_are_asked_by_name(every_kind: httpx2.Client, red: bytes) -> None:
    names = [one["model"] for one in every_kind.get("/v1/models").json()["models"]]
    assert names == ["colours", "finder", "both", "dots", "fields"]
    assert every_kind.post("/v1/predict", content=red, headers=JPEG).json()["model"] == "colours"
    for name in names:
        answer = every_kind.post(f"/v1/predict?model={name}", content=red, headers=JPEG)
        assert answer.json()["model"] == name
    answer = every_kind.post("/v1/predict?model=none", content=red, headers=JPEG)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_model")
    assert "finder" in answer.json()["error"]["message"]


def test_a_model_says_all_of_itself(every_kind: httpx2.Client) -> None:
    said = every_kind.get("/v1/model").json()
    assert said["card"] == "# Colours"
    assert said["schema"][0]["labels"] == ["red", "green", "blue"]
    assert said["scores"] == {"validation": {"colour.accuracy": 1.0}}
    assert (said["two_stage"], said["detector"], said["maps"]) == (False, None, [])
    assert said["thresholds"] == {}
    assert said["limits"]["picture_pixels"] == 40_000_000
    assert said["engine"]
    both = every_kind.get("/v1/model?model=both").json()
    assert both["two_stage"] is True
    assert both["detector"]["schema"][0]["kind"] == "garments"
    assert both["version"] != said["version"]


def test_a_model_of_tags_says_from_where_on_each_is_a_yes(
    many_bundle: Path, serving_models: Any, picture_file: Callable[..., bytes]
) -> None:
    with serving_models(Source(bundle=many_bundle)) as client:
        thresholds = client.get("/v1/model").json()["thresholds"]
        # So blue that it is a yes by its own threshold, and by no other.
        purple = picture_file((250, 20, 100))
        (found,) = predictions(client.post("/v1/predict", content=purple, headers=JPEG))
    assert thresholds == {"shades": {"빨강": 0.5, "[green]": 0.5, "=파랑": 0.3}}
    answer = found["answers"]["shades"]
    reached = {
        one["label"]
        for one in answer["top"]
        if one["probability"] >= thresholds["shades"][one["label"]]
    }
    assert reached == {one["label"] for one in answer["labels"]} == {"빨강", "=파랑"}


@pytest.fixture(scope="module")
def scene() -> NDArray[np.uint8]:
    return blocks.block_picture(128, 96, {"top": (10, 20, 40, 60), "skirt": (80, 30, 30, 50)})


def test_garments_are_found_and_read(
    every_kind: httpx2.Client,
    scene: NDArray[np.uint8],
    picture_file: Callable[..., bytes],
    tmp_path: Path,
    colour_bundle: Path,
) -> None:
    data = picture_file(scene)
    (found,) = predictions(every_kind.post("/v1/predict?model=both", content=data, headers=JPEG))
    finder = blocks.write_blocks_bundle(tmp_path / "blocks")
    (expected,) = TwoStagePredictor.load(finder, colour_bundle).predict(data)
    assert found == expected.to_json()  # type: ignore[union-attr] # no failure
    labels = [one["answers"]["colour"]["label"] for one in found["garments"]]
    assert labels == ["red", "blue"]
    url = "/v1/predict?model=both&threshold=1"
    (none,) = predictions(every_kind.post(url, content=data, headers=JPEG))
    assert none["garments"] == []


def test_outlines_enclose_the_masks(
    every_kind: httpx2.Client, scene: NDArray[np.uint8], picture_file: Callable[..., bytes]
) -> None:
    field = colour_fields.painted(colour_fields.drawn_mask(3))
    checked = 0
    for model, pixels in (("finder", scene), ("both", scene), ("fields", field)):
        url = f"/v1/predict?model={model}&outlines=true"
        data = picture_file(pixels)
        (found,) = predictions(every_kind.post(url, content=data, headers=JPEG))
        for entry in masks_in(found):
            mask = mask_from(run_lengths(entry["mask"]))
            height, width = mask.shape
            drawn = np.zeros_like(mask)
            for ring in entry["outlines"]:
                drawn |= polygon_mask([ring], width, height)
            np.testing.assert_array_equal(drawn, mask)
            checked += 1
    assert checked >= 6


def masks_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("mask") is not None:
            yield value
        for one in value.values():
            yield from masks_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from masks_in(one)


def test_maps_span_the_photo(every_kind: httpx2.Client, picture_file: Callable[..., bytes]) -> None:
    photo = dots.dot_picture(300, 150, [(60, 40), (250, 110)])
    data = picture_file(photo)
    url = "/v1/predict?model=dots"
    (plain,) = predictions(every_kind.post(url, content=data, headers=JPEG))
    assert "maps" not in plain
    (found,) = predictions(every_kind.post(url + "&maps=true", content=data, headers=JPEG))
    assert found["answers"] == plain["answers"]
    assert set(found["maps"]) == set(every_kind.get("/v1/model?model=dots").json()["maps"])
    heat = found["maps"]["points.heatmaps"]
    shown = Image.open(io.BytesIO(base64.b64decode(heat["png"])))
    assert (shown.mode, shown.size) == ("L", (heat["width"], heat["height"]))
    assert shown.width / shown.height == pytest.approx(2, abs=0.02)
    # Brightest where the dots are.
    values = np.asarray(shown)
    scale = shown.width / 300
    near = [values[round(y * scale), round(x * scale)] for x, y in ((60, 40), (250, 110))]
    assert min(near) > 2 * float(values.mean())


class TestSageMaker:
    """Its contract for containers that serve, as its developer guide has it."""

    def test_ping(self, colours: httpx2.Client) -> None:
        assert colours.get("/ping").status_code == 200

    def test_answers_as_predict_does(self, colours: httpx2.Client, red: bytes) -> None:
        body = {"content": red, "headers": JPEG}
        expected = colours.post("/v1/predict", **body).json()  # type: ignore[arg-type] # httpx's own
        assert colours.post("/invocations", **body).json() == expected  # type: ignore[arg-type] # likewise

    def test_lines_of_json(self, colours: httpx2.Client, red: bytes) -> None:
        files = [("a", ("one.jpg", red)), ("b", ("two.jpg", red))]
        accept = {"accept": LINES}
        answer = colours.post("/invocations", files=files, headers=accept)
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert [line["image"] for line in lines] == ["one.jpg", "two.jpg"]
        assert answer.headers["content-type"].startswith(LINES)

    def test_a_table_that_no_spreadsheet_runs(self, colours: httpx2.Client, red: bytes) -> None:
        files = [("a", ("=1+1.jpg", red)), ("b", ("bad", b"no"))]
        headers = {
            "accept": "text/csv",
            "x-amzn-sagemaker-custom-attributes": "top=1",
        }
        answer = colours.post("/invocations", files=files, headers=headers)
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["image"] for row in rows] == ["'=1+1.jpg", "bad"]
        assert (rows[0]["colour"], rows[0]["error"]) == ("red", "")
        assert "expected JPEG" in rows[1]["error"]
        assert set(rows[0]) == {"image", "colour", "colour.probability", "error"}

    @pytest.mark.parametrize(
        ("taken", "told"),
        [
            ("colour.probability", "two tasks of this model would share a column"),
            ("error", "a task of this model would share the column of faults, 'error'"),
        ],
    )
    def test_tasks_that_share_a_column_are_no_table(
        self,
        red: bytes,
        tmp_path: Path,
        make_many_bundle: Callable[..., Path],
        serving_models: Any,
        taken: str,
        told: str,
    ) -> None:
        bundle = make_many_bundle(tmp_path / "bundle", tags=taken)
        with serving_models(Source(bundle=bundle)) as client:
            table = client.post("/invocations", content=red, headers={**JPEG, "accept": "text/csv"})
            lines = client.post("/invocations", content=red, headers={**JPEG, "accept": LINES})
        assert table.status_code == 422
        assert table.json()["error"]["message"].startswith(told)
        assert set(lines.json()["answers"]) == {"colour", taken}

    @pytest.mark.parametrize("accept", ["text/csv", "application/json"])
    def test_a_bad_picture_alone_is_refused(self, colours: httpx2.Client, accept: str) -> None:
        headers = {**JPEG, "accept": accept}
        assert colours.post("/invocations", content=b"no", headers=headers).status_code == 415

    def test_what_cannot_be_had_is_refused(self, colours: httpx2.Client, red: bytes) -> None:
        for header, value, status in (
            ("accept", "image/png", 406),
            ("x-amzn-sagemaker-custom-attributes", "top=0", 422),
            ("x-amzn-sagemaker-custom-attributes", "nonsense", 422),
            ("x-amzn-sagemaker-custom-attributes", "best=3", 422),
        ):
            headers = {**JPEG, header: value}
            answer = colours.post("/invocations", content=red, headers=headers)
            assert answer.status_code == status
            assert value in answer.json()["error"]["message"] or status == 422
