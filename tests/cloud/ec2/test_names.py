"""What is no name of a machine reaches neither AWS nor a folder here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lapel.cloud.aws import Account
from lapel.cloud.ec2.keys import machine_folder
from lapel.cloud.ec2.machines import machine
from lapel.schema.errors import UsageError

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.usefixtures("unreachable")
def test_a_pattern_is_no_name_of_a_machine(run: Run) -> None:
    commands = (
        ("open", "*", "--from", "203.0.113.7"),
        ("open", "*", "--dry-run"),
        ("cost", "*"),
        ("down", "*"),
        ("down", "*", "--all-regions", "--dry-run"),
        ("jobs", "*"),
        ("run", "*", "--", "true"),
        ("pull", "*", "run", "out"),
    )
    for command, *words in commands:
        code, _, said = run("cloud", "ec2", command, "--region", "eu-central-1", *words)
        assert code == 2, (command, said)
        assert "'*' is no name for a machine" in said


@pytest.mark.parametrize("name", ["*", "trainer?", "", "../trainer", "Trainer"])
def test_what_is_no_name_reaches_neither_aws_nor_a_folder(name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a machine"):
        machine(Account(dry_run=True), "eu-central-1", name)
    with pytest.raises(UsageError, match="is no name for a machine"):
        machine_folder("eu-central-1", name)
