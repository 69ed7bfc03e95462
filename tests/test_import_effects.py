"""``import lapel`` changes nothing, and its public face changes only on purpose."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

import lapel

#: Prints what an import changed in a fresh process.
PROBE = """
import json, locale, logging, os, signal, sys, threading, warnings

def state():
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "path": list(sys.path),
        "filters": repr(warnings.filters),
        "handlers": repr(logging.getLogger().handlers),
        "threads": threading.active_count(),
        "interrupt": repr(signal.getsignal(signal.SIGINT)),
        "terminate": repr(signal.getsignal(signal.SIGTERM)),
        "locale": locale.setlocale(locale.LC_ALL),
    }

before, modules = state(), set(sys.modules)
import MODULE
after = state()
print(json.dumps({
    "changed": [key for key in before if before[key] != after[key]],
    "loaded": sorted(set(sys.modules) - modules),
}))
"""

HEAVY = {"torch", "numpy", "PIL", "onnxruntime", "polars", "matplotlib", "pydantic", "yaml", "rich"}


def probe(module: str) -> tuple[list[str], set[str]]:
    code = PROBE.replace("MODULE", module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    return found["changed"], {name.split(".")[0] for name in found["loaded"]}


def test_importing_lapel_costs_and_changes_nothing() -> None:
    changed, loaded = probe("lapel")
    assert changed == []
    assert not loaded & HEAVY


@pytest.mark.parametrize(
    "module", ["lapel.cli.main", "lapel.inference.predictor", "lapel.imaging.decode"]
)
def test_what_prediction_imports_changes_nothing(module: str) -> None:
    changed, loaded = probe(module)
    assert set(changed) <= {"filters"}  # numpy adds filters of its own
    assert not loaded & {"torch", "torchvision", "timm", "polars", "matplotlib", "yaml"}


def test_the_public_face() -> None:
    assert sorted(lapel.__all__) == [
        "Bundle",
        "Client",
        "Dataset",
        "Failure",
        "LapelError",
        "Prediction",
        "Predictor",
        "ReviewStore",
        "Schema",
        "SearchIndex",
        "TaskSpec",
        "TwoStagePredictor",
        "begin_review",
        "build_index",
        "compare",
        "evaluate",
        "evaluate_search",
        "export",
        "import_dataset",
        "import_review",
        "predict_in_bulk",
        "pull",
        "push",
        "submit",
        "train",
        "tune",
        "write_shards",
    ]
    assert dir(lapel) == sorted([*lapel.__all__, "__version__"])


@pytest.mark.parametrize("name", lapel.__all__)
def test_every_public_name_is_what_its_home_defines(name: str) -> None:
    found = getattr(lapel, name)
    assert (found.__name__, found.__module__) == (name, lapel._HOMES[name])


def test_the_version_is_that_of_the_package() -> None:
    assert lapel.__version__ == version("lapel")


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no 'Predicter'; it has: Bundle, Client, Dataset"):
        _ = lapel.Predicter
