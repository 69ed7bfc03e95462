"""User data is what cloud-init reads: limits first, keys whole, and no more than EC2 takes."""

from __future__ import annotations

import base64
import gzip
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import lapel.cloud.ec2.watcher as watcher_module
from lapel.cloud.ec2.keys import KeyPair, new_key
from lapel.cloud.ec2.user_data import HOME, MachineFacts, environment, script, user_data
from lapel.cloud.wheel import needs_here
from lapel.schema.errors import UsageError


@pytest.fixture(scope="module")
def host() -> KeyPair:
    return new_key("host key of trainer")


@pytest.fixture
def facts(host: KeyPair) -> MachineFacts:
    return MachineFacts(
        name="trainer",
        user="ubuntu",
        region="eu-central-1",
        host_key=host.private,
        host_key_public=host.public,
        install="lapel[train,aws]",
        hours=1.5,
        idle_minutes=30,
        spot=True,
        bucket="clothes",
        authorized_keys=("ssh-ed25519 AAAA somebody",),
    )


def read(text: str) -> dict[str, Any]:
    assert text.startswith("#cloud-config\n")
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


def content(one: dict[str, str]) -> str:
    if one.get("encoding") == "gz+b64":
        return gzip.decompress(base64.b64decode(one["content"])).decode()
    return one["content"]


def test_the_machine_is_known_by_the_key_that_was_made_here(
    facts: MachineFacts, host: KeyPair, tmp_path: Path
) -> None:
    said = read(user_data(facts))
    assert said["ssh_keys"]["ed25519_public"] == host.public
    assert said["ssh_deletekeys"] is True
    key = tmp_path / "key"
    key.write_text(said["ssh_keys"]["ed25519_private"], encoding="utf-8")
    key.chmod(0o600)
    public = subprocess.run(
        ["ssh-keygen", "-y", "-f", key], check=True, capture_output=True, text=True
    ).stdout
    assert public.split()[:2] == host.public.split()[:2]
    assert said["ssh_pwauth"] is False
    assert host.private.splitlines()[1] not in repr(facts)


def test_limits_come_before_anything_that_may_fail(facts: MachineFacts) -> None:
    first, *others = read(user_data(facts))["runcmd"]
    assert first == ["shutdown", "-h", "+90"]
    assert ["systemctl", "enable", "--now", "lapel-watch.service"] in others
    assert others[-1][-3:] == ["/usr/local/lib/lapel/prepare.sh", "ubuntu", HOME]


def test_a_restart_does_not_move_the_end(facts: MachineFacts, tmp_path: Path) -> None:
    (shell,) = read(user_data(facts))["bootcmd"]
    command = [word.replace(HOME, str(tmp_path / "home")) for word in shell]
    ends = tmp_path / "home" / "ends"
    subprocess.run(command, check=True)
    first = ends.read_text()
    ends.write_text("12345\n")
    subprocess.run(command, check=True)
    assert ends.read_text() == "12345\n"
    assert int(first) > 1_700_000_000


def test_the_files_are_those_of_this_package(facts: MachineFacts) -> None:
    written = {one["path"]: content(one) for one in read(user_data(facts))["write_files"]}
    source = Path(watcher_module.__file__).read_text(encoding="utf-8")
    assert written["/usr/local/lib/lapel/watcher.py"] == source
    assert written["/usr/local/lib/lapel/install.sh"] == script("install.sh")
    unit = written["/etc/systemd/system/lapel-watch.service"]
    assert "--idle 1800 --spot\n" in unit
    assert "Restart=always" in unit


@pytest.mark.parametrize("name", ["prepare.sh", "install.sh", "job.sh"])
def test_scripts_are_bash(name: str) -> None:
    subprocess.run(["bash", "-n"], input=script(name), text=True, check=True)


def test_what_a_user_typed_stays_a_word(facts: MachineFacts, tmp_path: Path) -> None:
    install = "lapel; touch owned $(touch owned) 'x"
    text = environment(replace(facts, install=install))
    done = subprocess.run(
        ["bash", "-c", f'{text}\nprintf %s "$LAPEL_INSTALL"'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == install
    assert not list(tmp_path.iterdir())
    assert shlex.quote("clothes") in text


def test_a_machine_that_shall_not_watch_does_not(facts: MachineFacts) -> None:
    text = user_data(replace(facts, spot=False, idle_minutes=0))
    unit = next(
        one["content"] for one in read(text)["write_files"] if one["path"].endswith(".service")
    )
    assert "--spot" not in unit
    assert "--idle" not in unit


def test_more_than_ec2_takes_is_refused_here(facts: MachineFacts) -> None:
    assert len(user_data(facts).encode()) < 14 * 1024
    with pytest.raises(UsageError, match=r"16,384"):
        user_data(replace(facts, authorized_keys=("ssh-rsa " + "A" * 9000,)))


def test_a_machine_that_waits_for_the_code_fetches_the_rest_meanwhile(facts: MachineFacts) -> None:
    text = environment(replace(facts, install="sent"))
    done = subprocess.run(
        ["bash", "-c", f"{text}\nprintf '%s\\n' $LAPEL_NEEDS"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == needs_here(("train", "aws"))
    assert "LAPEL_NEEDS" not in environment(facts)
