"""Other forms of a network: on trial first, whole or not at all, and then used by themselves."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from training_runs import PATTERNS, SMALL, draw_pattern, pattern_dataset

from lapel.data.creating import create_dataset
from lapel.evaluation.evaluate import evaluate
from lapel.inference.bundle import INT8, OPENVINO, PT2, Bundle
from lapel.inference.engines.table import ENGINES, open_engine
from lapel.inference.predictor import Predictor
from lapel.schema.annotation import Annotation
from lapel.schema.errors import BundleError, DatasetError, UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.engine_card import with_engines
from lapel.training.export import Exported, export
from lapel.training.train import train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of patterns: 240 to train, 120 to validate."""
    folder = tmp_path_factory.mktemp("datasets") / "patterns"
    return pattern_dataset(folder, {"train": 240, "validation": 120}).folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "patterns"
    train("fashion-mnist-fast", data=data, out=out, changes=SMALL)
    return out


@pytest.fixture(scope="module")
def whole(run: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """All forms that there are."""
    out = tmp_path_factory.mktemp("exports") / "whole"
    return export(run, int8=True, openvino=True, pt2=True, calibrate=data, allow_loss=5, out=out)


@pytest.fixture
def own(run: Path, tmp_path: Path) -> Path:
    """The bundle alone, to be exported in its place."""
    return Path(shutil.copytree(run / "bundle", tmp_path / "bundle"))


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    random = np.random.default_rng(11)
    return np.stack([draw_pattern(number % 3, random)[None] for number in range(12)])


def test_all_forms_are_written_and_every_engine_passed(whole: Exported, run: Path) -> None:
    bundle = Bundle.load(whole.bundle.folder)
    assert whole.files == (INT8, *OPENVINO, PT2)
    assert set(whole.files) <= set(bundle.files)
    assert not Bundle.load(run).engines
    unfit = [name for name, kind in ENGINES.items() if kind.by_name or kind.unfit()]
    assert set(bundle.engines) == set(ENGINES) - set(unfit)
    for name, record in bundle.engines.items():
        assert record["images_per_second"] > 0
        assert record["milliseconds"] > 0
        assert record["parity"]["with"] == "torch"
        assert record["parity"]["pictures"] == 100
        assert record["parity"]["of"] == "the validation split of patterns"
        assert ("scores" in record) == ENGINES[name].reduced


def test_what_integers_cost_is_measured_by_the_projects_own_evaluation(
    whole: Exported, data: Path, tmp_path: Path
) -> None:
    for name in ("onnxruntime-int8", "openvino-int8"):
        scores = whole.bundle.engines[name]["scores"]
        assert (scores["split"], scores["images"]) == ("validation", 120)
        for engine, kept in (("onnxruntime", "float32"), (name, "engine")):
            judged = evaluate(
                whole.bundle.folder,
                data,
                split="validation",
                out=tmp_path / name / engine,
                engine=engine,
                resamples=2,
            )
            assert judged.throughput.engine == engine
            assert scores[kept] == {"pattern.accuracy": judged.numbers["pattern.accuracy"]}


def test_the_card_and_the_choice_go_by_what_was_measured(whole: Exported) -> None:
    card = whole.bundle.read("README.md").decode()
    assert card.count("## Engines") == 1
    assert card.index("## Engines") < card.index("## Use it")
    rows = [line for line in card.splitlines() if line.startswith("| o")]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == list(whole.bundle.engines)
    rates = {name: record["images_per_second"] for name, record in whole.bundle.engines.items()}
    predictor = Predictor.load(whole.bundle.folder)
    assert predictor.chosen.name == max(rates, key=rates.__getitem__)
    assert "the fastest of" in predictor.chosen.why


def test_every_engine_answers_as_torch_does(whole: Exported, pixels: NDArray[np.uint8]) -> None:
    expected = open_engine("torch", whole.bundle).run(pixels, ["pattern"])["pattern"]
    for name in whole.bundle.engines:
        found = open_engine(name, whole.bundle).run(pixels, ["pattern"])["pattern"]
        assert (found.argmax(1) == expected.argmax(1)).all()


def test_others_embed_what_was_written(whole: Exported, pixels: NDArray[np.uint8]) -> None:
    import openvino

    expected = open_engine("onnxruntime", whole.bundle).run(pixels)
    program = torch.export.load(io.BytesIO(whole.bundle.read(PT2)))
    with torch.no_grad():
        by_torch = program.module()(torch.from_numpy(pixels))
    compiled = openvino.compile_model(
        whole.bundle.folder / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    by_openvino = compiled({0: pixels})
    for name, values in expected.items():
        scale = np.abs(values).max()
        assert np.abs(by_torch[name].numpy() - values).max() < 1e-4 * scale
        assert np.abs(by_openvino[name] - values).max() < 1e-4 * scale


def dim_dataset(folder: Path) -> Path:
    """Patterns in the dark to find ranges on, and in daylight to judge on."""
    random = np.random.default_rng(5)
    pictures = [draw_pattern(number % 3, random) for number in range(90)]
    pictures[:30] = [picture // 24 for picture in pictures[:30]]
    annotations = [
        Annotation(
            image=f"images.npy#{number}",
            split="train" if number < 30 else "validation",
            labels={"pattern": PATTERNS[number % 3]},
        )
        for number in range(90)
    ]
    schema = Schema((TaskSpec(name="pattern", kind="single_label", labels=PATTERNS),))
    return create_dataset(
        folder, name="dim", schema=schema, annotations=annotations, images=np.stack(pictures)
    ).folder


def test_integers_that_cost_too_much_are_refused_and_the_bundle_is_as_it_was(
    own: Path, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in own.iterdir()}
    with pytest.raises(BundleError, match="nothing was written: onnxruntime-int8: "):
        export(own, int8=True, calibrate=dim_dataset(tmp_path / "dim"))
    assert {path.name: path.read_bytes() for path in own.iterdir()} == before


def test_a_loss_is_allowed_by_name(own: Path, data: Path) -> None:
    found = export(own, int8=True, calibrate=data, pictures=20, allow_loss=100)
    assert INT8 in found.files
    assert Bundle.load(own).engines["onnxruntime-int8"]["scores"]["engine"]


def test_without_a_dataset_drawn_garments_are_shown_and_no_engine_of_fewer_digits_is_tried(
    own: Path,
) -> None:
    (own / "notes.txt").write_text("mine")
    found = export(own, openvino=True)
    assert found.pictures_of == "drawn garments"
    assert [trial.name for trial in found.trials] == ["onnxruntime", "openvino"]
    assert Bundle.load(own).engines.keys() == {"onnxruntime", "openvino"}
    assert (own / "notes.txt").read_text() == "mine"


def test_an_account_of_engines_is_replaced_and_others_are_kept(own: Path, data: Path) -> None:
    export(own, openvino=True, calibrate=data)
    export(own, int8=True, calibrate=data, allow_loss=100)
    bundle = Bundle.load(own)
    assert {"onnxruntime", "openvino", "onnxruntime-int8"} <= set(bundle.engines)
    card = bundle.read("README.md").decode()
    assert card.count("## Engines") == 1
    assert card.count("## ") == 6
    again = with_engines(card, bundle.engines)
    assert again == card


def test_weights_that_do_not_build_a_network_leave_the_graph_to_compare_with(
    own_colour_bundle: Path,
) -> None:
    found = export(own_colour_bundle, openvino=True)
    assert found.against == "ONNX Runtime on the bundle's own graph"
    assert "cannot be built anew" in found.remarks[0]
    assert Predictor.load(own_colour_bundle).chosen.name in {"onnxruntime", "openvino"}
    with pytest.raises(BundleError, match="cannot be built anew"):
        export(own_colour_bundle, pt2=True)


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        ({"int8": True}, UsageError, "--int8 finds the ranges .* --calibrate DATASET"),
        ({"pictures": 0}, UsageError, "found --pictures 0"),
        ({"allow_loss": float("nan")}, UsageError, "--allow-loss nan"),
    ],
)
def test_what_cannot_be_had_is_said_first(
    own_colour_bundle: Path, asked: dict[str, float], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        export(own_colour_bundle, **asked)  # type: ignore[arg-type] # options of several types


def test_a_dataset_without_validation_says_the_way_out(own: Path, tmp_path: Path) -> None:
    only_train = pattern_dataset(tmp_path / "only", {"train": 30}).folder
    with pytest.raises(DatasetError, match=r"--validation 0\.1.*a train split, for ranges"):
        export(own, int8=True, calibrate=only_train)


def test_the_command_prints_what_was_found(
    own: Path, data: Path, capsys: pytest.CaptureFixture[str], command: Callable[..., int]
) -> None:
    assert command("export", own, "--openvino", "--calibrate", data, "--allow-loss", "5") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Compared with torch on 100 pictures of the validation split of patterns:"
    assert lines[2].split("\t")[:2] == ["onnxruntime", "0 of 100"]
    assert f"wrote {own / 'model.xml'}" in lines
    assert lines[-1].startswith("--engine auto takes o")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a command in this process; gives the exit code."""
    import sys

    from lapel.cli.main import main

    def run(*arguments: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["lapel", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code

    return run
