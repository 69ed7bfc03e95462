"""Watches a run: saves it, logs it, tells who listens, and ends it when asked to."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from torch.utils.tensorboard.writer import SummaryWriter

from lapel.data.progress import silent
from lapel.training.loop.learn import Tally
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import Plan
from lapel.training.processes.sharding import is_sharded
from lapel.training.run.checkpoint import save_checkpoint
from lapel.training.run.folder import TENSORBOARD, RunFolder
from lapel.training.stopping import StopSignals

Item = TypeVar("Item")

#: Saving may take this share of the time: CheckFreq's figure (Mohan et al., FAST 2021).
SAVING_SHARE = 0.035


class Reporter(Protocol):
    """Who is told how learning goes; ``lapel.cli.train`` shows it."""

    def say(self, text: str) -> None:
        """Something worth a line."""
        ...

    def track(
        self, items: Iterable[Item], /, total: int | None, description: str
    ) -> Iterator[Item]:
        """Hand items on and show how far the work is."""
        ...

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:
        """A step was taken."""
        ...

    def epoch(self, row: dict[str, float]) -> None:
        """An epoch was judged."""
        ...


class Quiet:
    """Tells nobody."""

    def say(self, text: str) -> None:
        """Tell nobody."""

    def track(
        self, items: Iterable[Item], /, total: int | None, description: str
    ) -> Iterator[Item]:
        """Hand items on."""
        return silent(items, total, description)

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:
        """Tell nobody."""

    def epoch(self, row: dict[str, float]) -> None:
        """Tell nobody."""


class StoppedBetween(Quiet):
    """Hands on what is said and tracked, and ends between two items if a signal came."""

    def __init__(self, reporter: Reporter, stop: StopSignals) -> None:
        self._reporter = reporter
        self._stop = stop

    def say(self, text: str) -> None:
        """Hand a line on."""
        self._reporter.say(text)

    def track(
        self, items: Iterable[Item], /, total: int | None, description: str
    ) -> Iterator[Item]:
        """Hand items on.

        Raises:
            RunInterruptedError: a signal came.
        """
        for item in self._reporter.track(items, total, description):
            self._stop.check()
            yield item


class Recorder:
    """The watcher of the main run."""

    def __init__(self, run: RunFolder, reporter: Reporter, stop: StopSignals) -> None:
        self._run = run
        self._reporter = reporter
        self._stop = stop
        self._saved_at = time.monotonic()
        self._save_cost = 0.0
        self._board: SummaryWriter | None = None
        with self._without_board_if_it_fails():
            self._board = SummaryWriter(str(run.folder / TENSORBOARD))

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:
        """Save when it is time, tell, and end if a signal came."""
        # Several processes save together, where each holds a part of the network.
        if learner.group.agree(self._due(learner)):
            tally.check_loss()
            self.save(learner)
        self._reporter.step(learner, plan, tally)
        self.pause()

    def epoch(self, learner: Learner, row: dict[str, float]) -> None:
        """Log the epoch, save when it is time or the end, and end if a signal came."""
        self._run.write_log(learner.progress.history)
        with self._without_board_if_it_fails():
            for name, value in row.items():
                if self._board is not None:
                    self._board.add_scalar(name.replace(".", "/"), value, learner.progress.step)
        self._reporter.epoch(row)
        if learner.group.agree(learner.progress.finished or self._due(learner)):
            self.save(learner)
        self.pause()

    def pause(self) -> None:
        """End if a signal came, or if another process took the run over."""
        self._stop.check()
        self._run.check_own()

    def save(self, learner: Learner) -> None:
        """Write a checkpoint now."""
        started = time.monotonic()
        save_checkpoint(self._run.checkpoints, learner.progress.step, learner.checkpoint())
        self._run.saved()
        self._saved_at = time.monotonic()
        self._save_cost = self._saved_at - started

    def save_if_sound(self, learner: Learner) -> bool:
        """Write a checkpoint now, if the network is one to go on with.

        On an accelerator the loss is looked at now and then alone: who is stopped in between may
        have a network of NaN, and would go on from it for ever.

        Returns:
            Whether it was; otherwise the checkpoints before it are kept.
        """
        # A network in parts is saved by all processes together, whatever one of them finds.
        if not is_sharded(learner.network):
            values = learner.network.state_dict().values()
            if not all(bool(value.isfinite().all()) for value in values):
                return False
        self.save(learner)
        return True

    def close(self) -> None:
        """Flush the TensorBoard log."""
        with self._without_board_if_it_fails():
            if self._board is not None:
                self._board.close()

    @contextmanager
    def _without_board_if_it_fails(self) -> Iterator[None]:
        """Go on without the TensorBoard log where it cannot be written: all is in ``log.csv``."""
        try:
            yield
        except OSError as error:
            self._board = None
            self._reporter.say(
                f"TensorBoard's log could not be written: {error.strerror or error}; the run goes "
                "on without it, log.csv has the same"
            )

    def _due(self, learner: Learner) -> bool:
        options = learner.recipe.checkpoint
        if options.every_steps is not None:
            return learner.progress.step % options.every_steps == 0
        wait = max(options.every_seconds, self._save_cost / SAVING_SHARE)
        return time.monotonic() - self._saved_at >= wait


class OnlyStops:
    """The watcher of side runs, such as those that look for doubtful labels."""

    def __init__(self, stop: StopSignals) -> None:
        self._stop = stop

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:  # noqa: ARG002 - the shape of Watcher
        """End if a signal came."""
        self._stop.check()

    def epoch(self, learner: Learner, row: dict[str, float]) -> None:  # noqa: ARG002 - the shape of Watcher
        """End if a signal came."""
        self._stop.check()

    def pause(self) -> None:
        """End if a signal came."""
        self._stop.check()
