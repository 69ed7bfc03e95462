"""The tree of errors: one root, leaves that are built-ins too, messages that help."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from lapel.schema import errors
from lapel.schema.errors import FAULTS_SHOWN, Fault, FormatError, ImageError, MissingExtraError


def test_every_error_has_the_root_and_a_built_in() -> None:
    classes = [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, Exception) and each is not errors.LapelError
    ]
    assert len(classes) >= 11
    for each in classes:
        built_in = [base for base in each.__mro__ if base.__module__ == "builtins"][:1]
        assert issubclass(each, errors.LapelError)
        assert built_in != [Exception], f"{each.__name__} is no built-in that a caller would catch"


def test_the_tree_is_drawn_whole() -> None:
    drawn = set(re.findall(r"^[ │├└─]*(\w+Error)\b", str(errors.__doc__), re.MULTILINE))
    sources = [path.read_text("utf-8") for path in Path(errors.__file__).parents[1].rglob("*.py")]
    classes = [
        found
        for text in sources
        for found in re.findall(r"^class ([A-Z]\w*Error)\((\w+)", text, re.MULTILINE)
    ]
    assert drawn == {name for name, base in classes if base in drawn} | {"LapelError"}
    assert len(classes) == len({name for name, _ in classes})


def test_a_missing_extra_says_how_to_get_it() -> None:
    error = MissingExtraError(extra="train", need="lapel train")
    assert str(error) == (
        "lapel train needs the extra 'train': pip install 'lapel[train]' (in a checkout of it: "
        "'.[train]')"
    )
    error = MissingExtraError(extra="data", need="lapel data check", module="yaml")
    assert str(error).endswith("'.[data]'); 'yaml' is not installed")


def test_an_image_error_names_the_picture() -> None:
    error = ImageError("hat.jpg", "the file is empty")
    assert (error.image, error.fault, str(error)) == (
        "hat.jpg",
        "the file is empty",
        "hat.jpg: the file is empty",
    )


def test_all_faults_together_up_to_a_limit() -> None:
    faults = [Fault(file="a.csv", line=n, found="2 cells", expected="3") for n in range(1, 31)]
    text = str(FormatError(faults, remedy="mend the rows")).splitlines()
    assert text[0] == "a.csv, line 1: found 2 cells, expected 3"
    assert len(text) == FAULTS_SHOWN + 2
    assert text[-2:] == ["... and 10 more", "mend the rows"]


def test_a_fault_without_lines() -> None:
    assert str(Fault(file="a", found="x", expected="y")) == "a: found x, expected y"


def test_a_fault_that_is_a_whole_sentence() -> None:
    assert str(Fault(file="a", found="torn; copy it again")) == "a: torn; copy it again"
    assert str(Fault(file="a", line=2, found="torn")) == "a, line 2: torn"
