"""Processes that follow the first one through a run: they learn as it does, and write nothing."""

from __future__ import annotations

from lapel.training.loop.learn import Tally
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import Plan
from lapel.training.processes.group import Group
from lapel.training.processes.sharding import is_sharded
from lapel.training.stopping import StopSignals


class StopTogether(StopSignals):
    """Stop signals of all processes: what one received, all obey, and at the same safe point.

    Args:
        own: what this process received.
        group: the processes; all of them check at the same places.
    """

    def __init__(self, own: StopSignals, group: Group) -> None:
        super().__init__()
        self._own = own
        self._group = group

    def check(self) -> None:
        """End here if a signal came to any process.

        Raises:
            RunInterruptedError: one did.
        """
        self.received = self._group.largest(self._own.received or 0) or None
        super().check()


class Follower:
    """The watcher of a process that is not the first: it keeps step with the first one's recorder.

    Where each process holds a part of the network, a checkpoint is put together by all of them.
    """

    def __init__(self, stop: StopSignals) -> None:
        self._stop = stop

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:  # noqa: ARG002 - the shape of Watcher
        """Help to save if the first process saves, and end if a signal came."""
        if learner.group.agree(False):
            tally.check_loss()
            self.save(learner)
        self._stop.check()

    def epoch(self, learner: Learner, row: dict[str, float]) -> None:  # noqa: ARG002 - the shape of Watcher
        """Likewise."""
        if learner.group.agree(False):
            self.save(learner)
        self._stop.check()

    def pause(self) -> None:
        """End if a signal came."""
        self._stop.check()

    def save(self, learner: Learner) -> None:
        """Give this process's part to a checkpoint that the first one writes."""
        if is_sharded(learner.network):
            learner.checkpoint()

    def save_if_sound(self, learner: Learner) -> bool:
        """Likewise, where a run is stopped; what is sound is for the first process to say."""
        self.save(learner)
        return True

    def close(self) -> None:
        """Nothing is open."""
