"""Which engine is taken, and what is said where one cannot be had."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lapel.inference.bundle import INT8, Bundle
from lapel.inference.engines import table
from lapel.inference.engines.table import ENGINES, Chosen, EngineKind, choose_engine
from lapel.inference.predictor import Predictor
from lapel.schema.errors import MissingExtraError, UsageError
from lapel.schema.prediction import Prediction

MACHINE = "a machine"


def tried(rates: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    return {
        name: {"images_per_second": rate, "milliseconds": 1.0, "machine": MACHINE}
        for name, rate in rates.items()
    }


@pytest.fixture
def bundle(colour_bundle: Path) -> Bundle:
    """A bundle that has all files that engines run, if only by name."""
    opened = Bundle.load(colour_bundle)
    return replace(opened, files={**opened.files, INT8: "0" * 64})


def with_engine(monkeypatch: pytest.MonkeyPatch, name: str, **changes: Any) -> None:
    changed: dict[str, EngineKind] = {**ENGINES, name: replace(ENGINES[name], **changes)}
    monkeypatch.setattr(table, "ENGINES", changed)


def test_a_bundle_of_which_nothing_was_tried_is_run_by_onnx_runtime(colour_bundle: Path) -> None:
    predictor = Predictor.load(colour_bundle)
    assert predictor.chosen == Chosen(
        name="onnxruntime", why="no other was tried, see lapel export"
    )


def test_auto_takes_the_fastest_that_passed(bundle: Bundle) -> None:
    rates = {"onnxruntime": 120.0, "onnxruntime-int8": 200.0, "openvino": 140.0}
    chosen = choose_engine("auto", replace(bundle, engines=tried(rates)))
    assert chosen.name == "onnxruntime-int8"
    assert chosen.why == ("the fastest of 3 that passed parity: 200 images a second on a machine")


def test_of_two_that_are_nearly_as_fast_the_nearer_one_to_torch_is_taken(bundle: Bundle) -> None:
    records = tried({"onnxruntime-int8": 100.0, "onnxruntime": 95.0, "openvino": 60.0})
    records["onnxruntime-int8"]["parity"] = {"changed_answers": 2, "largest_difference": 0.1}
    chosen = choose_engine("auto", replace(bundle, engines=records))
    assert chosen.name == "onnxruntime"
    assert "onnxruntime-int8 is hardly faster" in chosen.why
    records["onnxruntime-int8"]["images_per_second"] = 120.0
    assert choose_engine("auto", replace(bundle, engines=records)).name == "onnxruntime-int8"


def test_where_vectors_are_compared_engines_of_fewer_digits_are_left_alone(bundle: Bundle) -> None:
    rates = {"onnxruntime": 120.0, "openvino-int8": 300.0, "openvino": 140.0, "torch": 900.0}
    opened = replace(bundle, engines=tried(rates))
    assert choose_engine("auto", opened, precise=True).name == "openvino"
    assert choose_engine("auto", opened).name == "openvino-int8"  # torch by name alone


def test_a_faster_one_that_is_not_here_is_told_of(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = replace(bundle, engines=tried({"onnxruntime": 120.0, "openvino": 140.0}))
    with_engine(monkeypatch, "openvino", package="no_such_package")
    chosen = choose_engine("auto", opened)
    assert chosen.name == "onnxruntime"
    assert chosen.why.endswith("; openvino is faster, but it is not installed")
    with pytest.raises(MissingExtraError, match=r"pip install 'lapel\[openvino\]'"):
        choose_engine("openvino", opened)


def test_a_processor_without_bfloat16_takes_another(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = replace(bundle, engines=tried({"onnxruntime": 120.0, "openvino-bf16": 300.0}))
    with_engine(monkeypatch, "openvino-bf16", unfit=lambda: "no bfloat16 here")
    chosen = choose_engine("auto", opened)
    assert chosen.name == "onnxruntime"
    assert "openvino-bf16 is faster, but no bfloat16 here" in chosen.why
    with pytest.raises(UsageError, match="no bfloat16 here"):
        choose_engine("openvino-bf16", opened)


def test_an_engine_of_a_later_lapel_is_passed_over(bundle: Bundle) -> None:
    opened = replace(bundle, engines=tried({"abacus": 1e9, "onnxruntime": 120.0}))
    assert choose_engine("auto", opened).name == "onnxruntime"


def test_a_form_that_the_bundle_does_not_have_is_made_by_export(colour_bundle: Path) -> None:
    with pytest.raises(UsageError, match=r"has no model\.int8\.onnx.*--int8 --calibrate DATASET"):
        Predictor.load(colour_bundle, engine="onnxruntime-int8")


def test_an_engine_that_there_is_not(colour_bundle: Path) -> None:
    with pytest.raises(UsageError, match="no engine 'abacus'; there are: auto, onnxruntime, "):
        Predictor.load(colour_bundle, engine="abacus")


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_answers_are_the_same_by_name(name: str, colour_bundle: Path, class_folders: Path) -> None:
    photos = sorted(class_folders.rglob("*.jpg"))[:5]
    expected = list(Predictor.load(colour_bundle).predict(photos))
    predictor = Predictor.load(colour_bundle, engine=name)
    assert predictor.chosen == Chosen(name=name, why="asked for by name")
    for found, other in zip(predictor.predict(photos), expected, strict=True):
        assert isinstance(found, Prediction)
        assert isinstance(other, Prediction)
        labels = [one.to_json()["answers"]["colour"]["label"] for one in (found, other)]
        assert labels[0] == labels[1]


def test_signals_are_taken_after_openvino_worked_and_went(colour_bundle: Path) -> None:
    """It leaves threads a stack for signals, and frees it: the next signal ended the process."""
    story = f"""
import gc, os, signal
import numpy as np
from lapel.inference.predictor import Predictor
taken = []
signal.signal(signal.SIGUSR1, lambda *_: taken.append(1))
for _ in range(3):
    predictor = Predictor.load({str(colour_bundle)!r}, engine="openvino")
    list(predictor.predict([np.zeros((40, 40, 3), np.uint8)]))
    os.kill(os.getpid(), signal.SIGUSR1)
    del predictor
    gc.collect()
    os.kill(os.getpid(), signal.SIGUSR1)
print(len(taken))
"""
    done = subprocess.run(
        [sys.executable, "-c", story], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout.strip()) == (0, "6"), done.stderr
