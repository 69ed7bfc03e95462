"""Without the extra ``data``, what needs it says so."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run_without(module: str, code: str) -> str:
    hidden = f"import sys; sys.modules[{module!r}] = None\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", hidden], capture_output=True, text=True, check=False
    )
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("polars", "from lapel.data.dataset import Dataset"),
        ("polars", "import lapel.data"),
        ("yaml", "from lapel.data import check_dataset"),
        ("matplotlib", "from lapel.data import explore_dataset; explore_dataset('d', 'p.html')"),
    ],
)
def test_a_missing_part_is_named_with_what_brings_it(module: str, code: str) -> None:
    said = run_without(module, code)
    assert "MissingExtraError" in said
    assert "needs the extra 'data': pip install 'lapel[data]'" in said


def test_a_module_that_no_extra_brings_is_missed_as_ever() -> None:
    said = run_without("hashlib", "from lapel.data import check_dataset")
    assert said.startswith("ModuleNotFoundError: ")


def test_the_parts_are_known_by_name_and_loaded_on_first_use() -> None:
    code = (
        "import sys, lapel.data\n"
        "print(sorted(set(sys.modules) & {'polars', 'matplotlib', 'torch', 'numpy'}))\n"
        "print(all(callable(getattr(lapel.data, name)) for name in lapel.data.__all__))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]
