"""``lapel train --processes``: the same command, whole, in each process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import typer
from typer.testing import CliRunner

from lapel.cli.main import app
from lapel.training.processes import launch

VALUES = {"--set": "batch=4", "--budget": "1m"}


def test_every_option_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out here would be left out of the run without a word."""
    handed: list[str] = []

    def note(arguments: Sequence[str], processes: int) -> int:
        handed.extend(arguments)
        return processes

    monkeypatch.setattr(launch, "launch", note)
    command = typer.main.get_command(app).get_command(None, "train")  # type: ignore[attr-defined] # a group's
    options = [one for one in command.params if one.param_type_name == "option"]
    # Those of a run, not those that answer by themselves.
    run = [one for one in options if one.name not in {"help", "recipes", "processes"}]
    names = {one.opts[0]: one for one in run}
    given = [
        part
        for name, one in names.items()
        for part in ([name] if one.is_flag else [name, VALUES.get(name, "some")])
    ]
    ended = CliRunner().invoke(app, ["train", "photos", *given, "--processes", "2"])
    assert ended.exit_code == 2, ended.output
    assert handed[:2] == ["train", "photos"]
    assert {one.split("=")[0] for one in handed[2:]} == set(names)


def test_what_is_no_setting_is_said_once_before_a_process_starts(
    run: Callable[..., tuple[int, str, str]],
) -> None:
    ended = run("train", "photos", "--set", "batch", "--processes", "2")
    assert ended == (1, "", "lapel: --set takes KEY=VALUE, found 'batch'\n")
