"""Processes that learn one network together, and what they say to each other.

torchrun starts them, and tells each by variables which one it is. What they exchange is tensors
and JSON: nothing is unpickled, whoever else may reach the port.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from lapel.schema.errors import TrainingError, UsageError, first_line
from lapel.training.processes.pulse import watched
from lapel.training.processes.torchrun import VARIABLES, started_together

#: One process waits so long for the others within a step, where they live but give nothing. One
#: that ends is noticed at once, and one that hangs as a whole soon, see `pulse`.
PATIENCE = timedelta(minutes=10)

#: And so long where one works while the others wait: reading pictures, writing the bundle.
LONG_PATIENCE = timedelta(days=2)

#: Any plain value.
Plain = Any


class ProcessLostError(TrainingError):
    """Another process of the group ended, or hangs."""


class Group:
    """The processes that learn together, as one of them sees them; alone, all of it costs nothing.

    Args:
        rank: number of this process, from 0.
        count: of processes.
        local_rank: number of this process on its machine.
        local_count: of processes on this machine.
        patient: torch's group for what takes long.
    """

    def __init__(
        self,
        rank: int = 0,
        count: int = 1,
        *,
        local_rank: int = 0,
        local_count: int = 1,
        patient: Any = None,  # noqa: ANN401 - torch's own type differs by what it was built with
    ) -> None:
        self.rank = rank
        self.count = count
        self.local_rank = local_rank
        self.local_count = local_count
        self._patient = patient

    @property
    def first(self) -> bool:
        """Whether this process writes and speaks for all."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other."""
        return self.count == 1

    def own(self, batch: int) -> slice:
        """Which pictures of a batch this process looks at: as many as every other one.

        Raises:
            UsageError: they cannot be shared out; in the first process, which speaks for all.
            ProcessLostError: the same, in the others.
        """
        if batch % self.count:
            if not self.first:
                raise ProcessLostError("the first process refuses the batch, and says why")
            fitting = max(batch // self.count, 1) * self.count
            raise UsageError(
                f"a batch of {batch} cannot be shared out evenly to {self.count} processes: "
                f"--set batch={fitting}, or other --processes"
            )
        share = batch // self.count
        return slice(self.rank * share, (self.rank + 1) * share)

    def dealt(self, count: int) -> range:
        """Which of so many things are this process's own: a stretch of them, each dealt once."""
        each, more = divmod(count, self.count)
        start = self.rank * each + min(self.rank, more)
        return range(start, start + each + (self.rank < more))

    def most_dealt(self, count: int) -> int:
        """How many of so many things the process has that has most."""
        return -(-count // self.count)

    def gathered(self, own: Tensor) -> Tensor:
        """The rows of all processes one after another, without gradient; all have as many."""
        if self.alone:
            return own
        own = own.detach().contiguous()
        parts = [torch.empty_like(own) for _ in range(self.count)]
        with self._asking():
            dist.all_gather(parts, own)
        return torch.cat(parts)

    def add_up(self, values: Tensor) -> Tensor:
        """The sum over all processes, written over the values themselves; without gradient."""
        self.begin_adding_up(values)()
        return values

    def begin_adding_up(self, values: Tensor) -> Callable[[], None]:
        """Begin to write the sum over all processes over the values; without gradient.

        Returns:
            Waits until it is there.
        """
        if self.alone:
            return lambda: None
        with self._asking():
            work = dist.all_reduce(values, async_op=True)

        def wait() -> None:
            with self._asking():
                work.wait()

        return wait

    def largest(self, number: int) -> int:
        """The largest of what all processes give here."""
        if self.alone:
            return number
        found = torch.tensor([number])
        with self._asking():
            dist.all_reduce(found, dist.ReduceOp.MAX)
        return int(found)

    def agree(self, asked: bool) -> bool:
        """Whether any process asks for it: then all of them do it."""
        return bool(self.largest(int(asked)))

    def told(self, value: Plain) -> Plain:
        """What the first process gives here: plain values, as JSON has them."""
        if self.alone:
            return value
        return json.loads(self._from_first(json.dumps(value).encode()))

    def told_tensors(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors that the first process gives here, on the CPU; the others give any."""
        if self.alone:
            return dict(tensors)
        shapes = {
            name: [str(value.dtype).removeprefix("torch."), list(value.shape)]
            for name, value in tensors.items()
        }
        found = {}
        for name, (dtype, shape) in self.told(shapes).items():
            data = _bytes_of(tensors[name]) if self.first else _NOTHING
            value = self._broadcast(data)
            found[name] = value.view(getattr(torch, dtype)).view(shape)
        return found

    def make_same(self, tensors: Mapping[str, Tensor]) -> None:
        """Write the first process's values over these."""
        if self.alone:
            return
        for name, value in self.told_tensors(tensors).items():
            with torch.no_grad():
                tensors[name].copy_(value)

    def collected(self, data: bytes) -> list[bytes]:
        """The first process has what each gave, in their order; the others have nothing."""
        if self.alone:
            return [data]
        own = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.count)]
        with self._asking():
            dist.all_gather(sizes, torch.tensor([len(own)]), group=self._patient)
            if not self.first:
                dist.send(own, 0, group=self._patient)
                return []
            parts = [own]
            for rank in range(1, self.count):
                parts.append(torch.empty(int(sizes[rank]), dtype=torch.uint8))
                dist.recv(parts[rank], rank, group=self._patient)
        return [part.numpy().tobytes() for part in parts]

    @contextmanager
    def machine_first(self) -> Iterator[None]:
        """The first process of each machine does what is in the block before its others do: they
        find in the cache what it made.
        """
        if not self.alone and self.local_rank:
            self._wait()
        yield
        if not self.alone and not self.local_rank:
            self._wait()

    def _wait(self) -> None:
        with self._asking():
            dist.barrier(group=self._patient)

    def _from_first(self, data: bytes) -> bytes:
        found = self._broadcast(torch.frombuffer(bytearray(data), dtype=torch.uint8))
        return found.numpy().tobytes()

    def _broadcast(self, data: Tensor) -> Tensor:
        """Bytes of the first process, uint8 (n,), whatever the others have."""
        size = torch.tensor([len(data)])
        with self._asking():
            dist.broadcast(size, 0, group=self._patient)
            found = data if self.first else torch.empty(int(size), dtype=torch.uint8)
            if len(found):
                dist.broadcast(found, 0, group=self._patient)
        return found

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Say in our words that another process is gone.

        Raises:
            ProcessLostError: it is.
            torch.OutOfMemoryError: none is gone; this one's accelerator has no room.
        """
        try:
            yield
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise ProcessLostError(
                f"process {self.rank} of {self.count} (from 0) lost the others: one of them ended, "
                "or gave nothing for too long; what was saved is kept, and lapel train --resume "
                f"RUN goes on ({first_line(error)})"
            ) from error


def _bytes_of(tensor: Tensor) -> Tensor:
    """A copy of the bytes of a tensor, uint8 (n,), on the CPU."""
    return tensor.detach().to("cpu", copy=True).contiguous().reshape(-1).view(torch.uint8)


_NOTHING = torch.empty(0, dtype=torch.uint8)


#: One process by itself.
ALONE = Group()


@contextmanager
def joined(backend: Callable[[], str] | None = None) -> Iterator[Group]:
    """The group that this process was started in; by itself, a group of one.

    Args:
        backend: names torch's backend; None: NCCL between GPUs, gloo between CPUs.

    Raises:
        UsageError: more processes on this machine than GPUs.
        TrainingError: the others did not come.
    """
    if not started_together():
        yield ALONE
        return
    rank, count, local_rank, local_count = (int(os.environ[name]) for name in VARIABLES[:4])
    try:
        dist.init_process_group((backend or _backend)(), timeout=PATIENCE)
        patient = dist.new_group(backend="gloo", timeout=LONG_PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"process {rank} of {count} (from 0) did not find the others at "
            f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}: {error}"
        ) from error
    with watched(rank, count):
        yield Group(rank, count, local_rank=local_rank, local_count=local_count, patient=patient)
    # Not after an error: the others may be gone, and would be waited for.
    dist.destroy_process_group()


def _backend() -> str:
    """NCCL for what lies on GPUs, one for each process, and gloo for the rest."""
    if not torch.cuda.is_available():
        return "gloo"
    local_rank, devices = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if local_rank >= devices:
        raise UsageError(
            f"{os.environ['LOCAL_WORLD_SIZE']} processes want a GPU each, and this machine has "
            f"{devices}: start as many processes as GPUs"
        )
    torch.cuda.set_device(local_rank)
    return "cpu:gloo,cuda:nccl"
