"""What a rented machine is given is read by the programs that will read it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lapel.cloud.ec2.keys import new_key
from lapel.cloud.ec2.plan import Plan
from lapel.cloud.ec2.skypilot import task
from lapel.cloud.ec2.user_data import MachineFacts, user_data

#: SkyPilot fetches its catalogue from another host; a row of it is enough to read a task.
CATALOGUE = (
    "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,"
    "Region,AvailabilityZone,Arch\n"
    "g6.xlarge,L4,1,4,16,,1.0,0.4,eu-central-1,eu-central-1a,x86_64\n"
)

READ = """
import json, sys, sky
task = sky.Task.from_yaml(sys.argv[1])
(one,) = task.resources
down = one.autostop_config
print(json.dumps([task.name, one.instance_type, one.region, one.use_spot, one.disk_size,
    one.image_id, one.labels, down.idle_minutes, down.down, task.envs, task.setup, task.run]))
"""


def cloud_init(programs: Path, file: Path) -> subprocess.CompletedProcess[str]:
    package = programs.parent / "usr/lib/python3/dist-packages"
    command = [str(programs / "python"), "-m", "cloudinit.cmd.main", "schema", "--config-file"]
    return subprocess.run(
        [*command, str(file)],
        env={"PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_cloud_init_finds_nothing_wrong(peer: Callable[[str], Path], tmp_path: Path) -> None:
    host = new_key("host")
    facts = MachineFacts(
        name="trainer",
        user="ubuntu",
        region="eu-central-1",
        host_key=host.private,
        host_key_public=host.public,
        install="sent",
        hours=8,
        idle_minutes=30,
        spot=True,
        bucket="clothes",
        authorized_keys=(new_key("login").public,),
    )
    file = tmp_path / "user-data"
    file.write_text(user_data(facts), encoding="utf-8")
    done = cloud_init(peer("cloud-init"), file)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Valid" in done.stdout
    assert "deprecat" not in (done.stdout + done.stderr).lower()

    # It does look: a module that takes another form is found.
    file.write_text(user_data(facts).replace("ssh_pwauth: false", "ssh_pwauth: [1]"))
    assert cloud_init(peer("cloud-init"), file).returncode != 0


def test_systemd_finds_nothing_wrong_with_the_watchers_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here (Debian: apt install systemd)")
    text = user_data(
        MachineFacts(
            name="trainer",
            user="ubuntu",
            region="eu-central-1",
            host_key="key",
            host_key_public="key",
            install="sent",
            hours=8,
            idle_minutes=30,
            spot=True,
        )
    )
    unit = next(
        one["content"]
        for one in yaml.safe_load(text)["write_files"]
        if one["path"].endswith(".service")
    )
    file = tmp_path / "lapel-watch.service"
    file.write_text(unit, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", file], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def read_by_skypilot(
    peer: Callable[[str], Path], tmp_path: Path
) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """SkyPilot's own loader, in a home of its own that has a catalogue."""
    programs = peer("skypilot")
    catalogue = tmp_path / ".sky/catalogs/v8/aws/vms.csv"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(CATALOGUE, encoding="utf-8")

    def read(text: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "task.yaml"
        file.write_text(text, encoding="utf-8")
        return subprocess.run(
            [programs / "python", "-c", READ, file],
            env={"HOME": str(tmp_path), "SKYPILOT_DISABLE_USAGE_COLLECTION": "1"},
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )

    return read


def test_skypilot_reads_a_task_as_it_was_meant(
    read_by_skypilot: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    plan = Plan(
        name="trainer",
        kind="g6.xlarge",
        region="eu-central-1",
        open_to="203.0.113.7/32",
        bucket="clothes",
        spot=True,
        hours=2,
        idle_minutes=20,
        disk=150,
        image="ami-0123456789abcdef0",
    )
    done = read_by_skypilot(task(plan))
    assert done.returncode == 0, done.stderr
    name, kind, region, spot, disk, image, labels, idle, down, envs, _, run = json.loads(
        done.stdout.splitlines()[-1]
    )
    assert (name, kind, region, spot, disk) == ("trainer", "g6.xlarge", "eu-central-1", True, 150)
    assert image == {"eu-central-1": "ami-0123456789abcdef0"}
    assert labels == {"lapel": "ec2-trainer"}
    assert (idle, down) == (20, True)
    assert envs["LAPEL_BUCKET"] == "clothes"
    assert "timeout --kill-after=120 7200" in run

    wrong = read_by_skypilot(task(plan).replace("use_spot", "use_spots"))
    assert wrong.returncode != 0
    assert "use_spots" in wrong.stderr
