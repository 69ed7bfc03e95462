"""The table of what each extra brings."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from lapel.schema.errors import MissingExtraError
from lapel.schema.extras import INCLUDED, PACKAGES, naming_extra, packages_of

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def asked() -> dict[str, list[str]]:
    """Each extra that users install, and what pyproject.toml asks for in it, without versions."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return {
        extra: [re.split("[<>=;]", requirement)[0].strip() for requirement in requirements]
        for extra, requirements in extras.items()
        if extra != "dev"
    }


def normal(name: str) -> str:
    """A package's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_package_that_an_extra_brings_is_in_the_table() -> None:
    modules: dict[str, set[str]] = {}
    for module, distributions in packages_distributions().items():
        for distribution in distributions:
            modules.setdefault(normal(distribution), set()).add(module)
    assert asked().keys() == PACKAGES.keys()
    for extra, requirements in asked().items():
        for name in requirements:
            if name.startswith("lapel["):
                assert sorted(INCLUDED[extra]) == sorted(name[6:-1].split(","))
                continue
            plain = normal(name.partition("[")[0])
            known = modules.get(plain, {plain.replace("-", "_")})  # some are not installed here
            assert known & packages_of(extra), f"{name} of the extra {extra}"


def miss(module: str, *, extra: str | None = None) -> str:
    """What is said where a module is not there."""
    with pytest.raises(MissingExtraError) as caught, naming_extra("This work", extra=extra):
        raise ModuleNotFoundError(name=module)
    return str(caught.value)


@pytest.mark.parametrize("extra", PACKAGES)
def test_any_package_is_named_with_an_extra_that_brings_it(extra: str) -> None:
    for package in packages_of(extra):
        assert f"This work needs the extra '{extra}'" in miss(f"{package}.part", extra=extra)
        assert f"{package}.part' is not installed" in miss(f"{package}.part")


@pytest.mark.parametrize(
    ("package", "extra"),
    [("yaml", "data"), ("onnx", "train"), ("fastapi", "serve"), ("faiss", "search")],
)
def test_without_a_wish_the_extra_is_the_one_that_brings_it_itself(
    package: str, extra: str
) -> None:
    assert f"pip install 'lapel[{extra}]'" in miss(package)


def test_a_module_of_no_extra_is_missed_as_ever() -> None:
    with pytest.raises(ModuleNotFoundError), naming_extra("This work"):
        raise ModuleNotFoundError(name="antigravity_of_nobody")
    with pytest.raises(ModuleNotFoundError), naming_extra("This work", extra="serve"):
        raise ModuleNotFoundError(name="torch")
