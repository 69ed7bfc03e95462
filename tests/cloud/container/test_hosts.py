"""Machines of a job: who writes, and what starts a process for each GPU."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lapel.cloud.container.hosts import Hosts, gpus
from lapel.cloud.container.layout import OptMl
from lapel.schema.errors import CloudError


def hosts(tmp_path: Path, current: str) -> Hosts:
    layout = OptMl(tmp_path)
    layout.config.mkdir(parents=True, exist_ok=True)
    said = {
        "current_host": current,
        "hosts": ["algo-2", "algo-1"],
        "network_interface_name": "eth0",
    }
    (layout.config / "resourceconfig.json").write_text(json.dumps(said))
    return Hosts.read(layout, {})


def test_the_first_machine_writes_and_the_others_find_it(tmp_path: Path) -> None:
    first, second = hosts(tmp_path, "algo-1"), hosts(tmp_path, "algo-2")
    assert (first.writes, second.writes) == (True, False)
    command = " ".join(second.command(4, ["train", "--resume", "run"]))
    assert "--nnodes 2 --node-rank 1 --master-addr algo-1 --master-port 7777" in command
    assert command.endswith("--nproc-per-node 4 -m lapel train --resume run")
    assert second.environment()["GLOO_SOCKET_IFNAME"] == "eth0"


def test_one_process_is_plain_lapel(tmp_path: Path) -> None:
    alone = Hosts.read(OptMl(tmp_path), {})
    assert alone.command(1, ["train"]) == [sys.executable, "-m", "lapel", "train"]
    assert alone.command(2, ["train"])[-3:] == ["train", "--processes", "2"]
    assert alone.environment() == {}


def test_variables_stand_in_for_the_file(tmp_path: Path) -> None:
    said = {"SM_HOSTS": '["algo-1", "algo-2"]', "SM_CURRENT_HOST": "algo-2"}
    assert Hosts.read(OptMl(tmp_path), said).rank == 1


def test_a_machine_that_is_none_of_the_job_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="'algo-9', which is none of algo-2, algo-1"):
        hosts(tmp_path, "algo-9")


def test_a_first_machine_that_nobody_knows_is_waited_for_and_then_named() -> None:
    lost = Hosts(names=("nobody.invalid", "x.invalid"), current="x.invalid")
    with pytest.raises(CloudError, match=r"the machine nobody\.invalid is not known"):
        lost.wait_for_first(within=0)


def test_gpus_are_those_that_aws_counted() -> None:
    assert gpus({"SM_NUM_GPUS": "8"}) == 8
