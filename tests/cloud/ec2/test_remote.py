"""How ssh is called: the user's own, but no machine is believed but ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lapel.cloud.ec2.jobs import start
from lapel.cloud.ec2.keys import MachineFolder, new_key
from lapel.cloud.ec2.remote import ConnectionLostError, Reach, refuse_failed
from lapel.schema.errors import CloudError, UsageError


@pytest.fixture
def reach(tmp_path: Path) -> Reach:
    folder = MachineFolder(tmp_path / "a folder" / "trainer", alias="trainer.eu-central-1.lapel")
    folder.keep(host=new_key("host"), login=new_key("login"), launch="1a2b3c")
    return Reach(name="trainer", host="203.0.113.9", user="ubuntu", folder=folder)


def test_ssh_itself_understands_what_it_is_told(reach: Reach) -> None:
    command = reach.command()
    done = subprocess.run(
        [command[0], "-F", "/dev/null", "-G", *command[1:]],
        capture_output=True,
        text=True,
        check=True,
    )
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert said["hostname"] == "203.0.113.9"
    assert said["user"] == "ubuntu"
    assert said["stricthostkeychecking"] == "true"
    assert said["userknownhostsfile"].strip('"') == str(reach.folder.known_hosts)
    assert said["globalknownhostsfile"] == "/dev/null"
    assert said["hostkeyalias"] == reach.folder.alias
    assert said["hostkeyalgorithms"] == "ssh-ed25519"
    assert said["identityfile"] == str(reach.folder.identity)
    assert said["identitiesonly"] == "yes"


def test_an_own_key_is_left_to_the_users_agent(reach: Reach) -> None:
    reach.folder.identity.unlink()
    command = reach.command()
    assert "-i" not in command
    assert "IdentitiesOnly=yes" not in command


def test_another_ssh_is_taken_at_its_word(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAPEL_SSH", "ssh -J 'jump host'")
    assert reach.command()[:3] == ["ssh", "-J", "jump host"]
    monkeypatch.setenv("LAPEL_SSH", "no-such-ssh")
    with pytest.raises(CloudError, match="no-such-ssh was not found"):
        reach.ask("true")


def test_a_machine_without_a_known_key_is_not_spoken_to(reach: Reach) -> None:
    reach.folder.known_hosts.unlink()
    with pytest.raises(CloudError, match="trusts no machine on first contact"):
        reach.ask("true")


def test_a_connection_that_failed_is_told_from_one_that_must_not_be(reach: Reach) -> None:
    refuse_failed(reach, 0, "")
    refuse_failed(reach, 1, "")
    with pytest.raises(ConnectionLostError, match="Connection refused"):
        refuse_failed(reach, 255, "ssh: connect to host x port 22: Connection refused")
    with pytest.raises(CloudError, match="does not hold the key") as told:
        refuse_failed(reach, 255, "No ED25519 host key is known\nHost key verification failed.")
    assert not isinstance(told.value, ConnectionLostError)


@pytest.mark.parametrize("words", [[], [""], [" "]])
def test_no_command_is_no_job(reach: Reach, words: list[str]) -> None:
    with pytest.raises(UsageError, match="expected a command"):
        start(reach, words)
