"""The Dockerfiles: what they build from, who runs, and what never comes in."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "containers").glob("*/Dockerfile"))

SECRETS = re.compile(r"(?i)(secret|token|password|passwd|access_key|api_key|credential)")


def instructions(file: Path) -> list[tuple[str, str]]:
    """Words and arguments of a Dockerfile, lines that go on joined."""
    text = re.sub(r"^\s*#.*\n", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    joined = text.replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines() if line.strip()]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def arguments(file: Path, word: str) -> list[str]:
    return [rest for found, rest in instructions(file) if found == word]


def test_there_is_one_to_serve_and_one_to_train() -> None:
    assert [file.parent.name for file in FILES] == ["serve", "train"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_it_is_built_on_a_named_version_in_two_stages(file: Path) -> None:
    bases = arguments(file, "FROM")
    assert len(bases) == 2
    for base in bases:
        name, _, tag = base.split()[0].partition(":")
        assert name == "python"
        assert re.fullmatch(r"3\.\d+-slim-[a-z]+", tag), base
    # What builds stays behind: the second stage runs nothing and takes one folder.
    second = instructions(file)[[word for word, _ in instructions(file)].index("FROM", 1) :]
    assert not [word for word, _ in second if word in {"RUN", "ADD"}]
    copied = [rest for word, rest in second if word == "COPY"]
    assert copied == ["--from=build /opt/lapel /usr/local"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_it_holds_no_secret_and_fetches_nothing_by_address(file: Path) -> None:
    assert arguments(file, "ADD") == []
    assert arguments(file, "ARG") == []
    for word, rest in instructions(file):
        assert not (word == "ENV" and SECRETS.search(rest)), rest
        assert "http://" not in rest
        assert "https://" not in rest


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_signals_reach_the_program_and_its_health_is_said(file: Path) -> None:
    (entry,) = arguments(file, "ENTRYPOINT")
    (command,) = arguments(file, "CMD")
    assert json.loads(entry) == ["lapel-container"]
    assert json.loads(command) == [file.parent.name]
    (health,) = arguments(file, "HEALTHCHECK")
    asked = health.partition("CMD ")[2]
    assert health == "NONE" or json.loads(asked) == ["lapel-container", "ping"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"]["lapel-container"] == "lapel.cloud.container.__main__:main"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_it_installs_pinned_versions_of_extras_that_there_are(file: Path) -> None:
    (install,) = arguments(file, "RUN")
    words = shlex.split(install)
    assert words[words.index("--constraint") + 1] == "requirements.lock"
    assert "--no-cache-dir" in words
    extras = re.fullmatch(r"\.\[([a-z,]+)\]", words[-1])
    assert extras is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_what_it_copies_is_there_and_let_in(file: Path) -> None:
    let_in = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    ]
    for rest in arguments(file, "COPY"):
        if rest.startswith("--from"):
            continue
        for name in rest.split()[:-1]:
            assert (ROOT / name).exists(), name
            assert any(fnmatch(name, pattern) for pattern in let_in), name


def test_nothing_else_goes_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert not [rule for rule in rules if rule.startswith("!") and ("." + "git") in rule]
