"""The machines of a training job, and the command that starts a process for each of their GPUs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lapel.cloud.container.layout import HOSTS, OptMl
from lapel.schema.errors import CloudError

#: The port on which processes find each other; the one that AWS's own launcher takes.
PORT = 7777

#: Seconds that the first machine's name may take to be known, as machines start one by one.
KNOWN_WITHIN = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The machines that learn together.

    Attributes:
        names: of all, sorted; the first one writes.
        current: this one's.
        interface: the network interface on which they reach each other; empty: not known.
    """

    names: tuple[str, ...]
    current: str
    interface: str = ""

    @classmethod
    def read(cls, layout: OptMl, environment: Mapping[str, str] = os.environ) -> Hosts:
        """As SageMaker's file says, else ``SM_HOSTS``; else this machine alone."""
        said = layout.read(HOSTS)
        names = said.get("hosts") or json.loads(environment.get("SM_HOSTS", "[]")) or ["localhost"]
        current = said.get("current_host") or environment.get("SM_CURRENT_HOST") or names[0]
        if current not in names:
            raise CloudError(f"this machine is {current!r}, which is none of {', '.join(names)}")
        interface = said.get("network_interface_name") or ""
        return cls(names=tuple(sorted(names)), current=current, interface=interface)

    @property
    def rank(self) -> int:
        """This machine's number, from 0."""
        return self.names.index(self.current)

    @property
    def writes(self) -> bool:
        """Whether this machine writes the run."""
        return self.rank == 0

    def command(self, processes: int, words: Sequence[str]) -> list[str]:
        """The command that learns here: plain ``lapel train``, or torchrun's part of it.

        Args:
            processes: on each machine.
            words: ``train`` and what stands behind it.
        """
        if len(self.names) == 1:
            several = [] if processes == 1 else ["--processes", str(processes)]
            return [sys.executable, "-m", "lapel", *words, *several]
        torchrun = [sys.executable, "-m", "torch.distributed.run"]
        torchrun += ["--nnodes", str(len(self.names)), "--node-rank", str(self.rank)]
        torchrun += ["--master-addr", self.names[0], "--master-port", str(PORT)]
        return [*torchrun, "--nproc-per-node", str(processes), "-m", "lapel", *words]

    def environment(self) -> dict[str, str]:
        """Variables by which the processes find the network that they share."""
        if len(self.names) == 1 or not self.interface:
            return {}
        return {"NCCL_SOCKET_IFNAME": self.interface, "GLOO_SOCKET_IFNAME": self.interface}

    def wait_for_first(self, within: float = KNOWN_WITHIN) -> None:
        """Wait until the first machine's name is known to the network.

        Raises:
            CloudError: it is not, in so many seconds.
        """
        if len(self.names) == 1:
            return
        last = time.monotonic() + within
        while True:
            try:
                socket.gethostbyname(self.names[0])
            except OSError as error:
                if time.monotonic() > last:
                    raise CloudError(
                        f"the machine {self.names[0]} is not known on this network after "
                        f"{within:.0f} s: {error}"
                    ) from error
                time.sleep(1.0)
            else:
                return


def gpus(environment: Mapping[str, str] = os.environ) -> int:
    """How many GPUs this machine has."""
    if environment.get("SM_NUM_GPUS", "").isdecimal():
        return int(environment["SM_NUM_GPUS"])
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--list-gpus"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
