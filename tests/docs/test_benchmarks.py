"""What pages say of the benchmarks: each is there, and takes the options that are shown with it.

Their options are read from the source: to import them all would load torch and much else.
"""

import ast
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"
README = FOLDER / "README.md"
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").glob("*.md")), README]

#: As `make bench NAME=x ARGS='...'` stands in a block, perhaps on two lines, or in running text.
SHOWN = re.compile(r"make bench NAME=(?P<name>\w+)(?:[ \\\n]+ARGS=(?P<arguments>'[^']*'|\S+))?")


def listed() -> tuple[str, ...]:
    """Names of the benchmarks that `make bench` lists."""
    names: tuple[str, ...] = runpy.run_path(str(FOLDER / "__main__.py"))["BENCHMARKS"]
    return names


def shown() -> Iterator[tuple[str, str, str]]:
    """Page, name and arguments of each benchmark that pages show."""
    for page in PAGES:
        for match in SHOWN.finditer(page.read_text(encoding="utf-8")):
            arguments = (match["arguments"] or "").strip("'`")
            yield str(page.relative_to(ROOT)), match["name"], arguments


def options(name: str) -> dict[str, bool]:
    """Each option of a benchmark, and whether it must be given."""
    module = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    return {
        str(argument.value): any(keyword.arg == "required" for keyword in call.keywords)
        for call in ast.walk(module)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(".add_argument")
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }


def test_every_benchmark_that_is_listed_is_there_and_described() -> None:
    assert [name for name in listed() if not (FOLDER / f"{name}.py").is_file()] == []
    described = re.findall(r"^## `(\w+)`$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(described) == sorted(listed())


def test_every_benchmark_is_shown() -> None:
    assert {name for page, name, _ in shown() if page == "benchmarks/README.md"} == set(listed())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [pytest.param(name, arguments, id=f"{page}:{name}") for page, name, arguments in shown()],
)
def test_a_benchmark_takes_the_options_shown_with_it(name: str, arguments: str) -> None:
    assert name in listed()
    known = options(name)
    given = {word.partition("=")[0] for word in shlex.split(arguments) if word.startswith("-")}
    assert given <= {*known, "--help"}
    if given - {"--help"}:  # in running text its name may stand alone
        assert {option for option, needed in known.items() if needed} <= given
