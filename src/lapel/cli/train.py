"""``lapel train``: learn from a dataset as a recipe says."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from lapel.cli.console import EXIT_FAILED
from lapel.cli.train_processes import train_in_processes
from lapel.schema.counting import duration
from lapel.storage.places import in_addresses, is_remote
from lapel.training.epoch_line import epoch_line

if TYPE_CHECKING:
    from lapel.training.loop.learn import Tally
    from lapel.training.loop.learner import Learner
    from lapel.training.loop.plan import Plan
    from lapel.training.train import Trained

Item = TypeVar("Item")

#: Seconds between two lines about the same epoch, where there is no terminal.
LINE_EVERY = 10.0


def train(
    recipe: Annotated[
        str | None, typer.Argument(help="A shipped recipe's name, or a YAML file.")
    ] = None,
    *,
    data: Annotated[
        Path | None, typer.Option(help="The dataset to learn from: a folder, or s3://BUCKET/NAME.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run, to be made; or s3://BUCKET/NAME.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE of the recipe, such as schedule.epochs=2."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Time for everything, as 90s, 10m or 1h: chooses what is trained."),
    ] = None,
    scratch: Annotated[
        bool, typer.Option("--scratch", help="Begin with random weights, not with learned ones.")
    ] = False,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Learn on from this model: its recipe, backbone, and heads that fit."
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with this run, exactly where it stopped.")
    ] = None,
    processes: Annotated[
        int,
        typer.Option(help="Processes of this machine that learn together, one a GPU if there are."),
    ] = 1,
    shard: Annotated[
        bool,
        typer.Option("--shard", help="Each process holds a part of the network: for a large one."),
    ] = False,
    rules: Annotated[
        bool,
        typer.Option("--rules", help="Watch for gradients, units, losses and labels gone wrong."),
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Find out where the time of a step goes.")
    ] = False,
    recipes: Annotated[
        bool, typer.Option("--recipes", help="List the shipped recipes and end.")
    ] = False,
) -> None:
    """Learn from a dataset as a recipe says; ends with a bundle that is ready to predict.

    A run may be stopped at any moment, by Ctrl-C or otherwise, and goes on with --resume. With
    --from a model learns on from another one, such as with labels that were added since.
    """
    if recipes:
        _list_recipes()
        return
    began = time.monotonic()
    # Must stand before torch is imported. Its threads otherwise spin while they wait, which
    # slows a step several times over when anything else wants a core.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    from lapel.cli.extras import needs_extra

    with needs_extra("train", "lapel train"):
        from lapel.training.processes.torchrun import speaks_for_all
        from lapel.training.recipe import parse_changes
        from lapel.training.train import train as learn
    changes = parse_changes(setting or [])  # what is no setting is refused here, once
    if processes != 1:
        train_in_processes(
            processes,
            recipe,
            options={
                "--data": data,
                "--out": out,
                "--budget": budget,
                "--from": from_,
                "--resume": resume,
            },
            settings=setting or [],
            flags={
                "--scratch": scratch,
                "--shard": shard,
                "--rules": rules,
                "--profile": profile,
            },
        )
    changes |= _changes_of(budget=budget, scratch=scratch, rules=rules, profile=profile)
    with _reporting() as reporter:
        trained = learn(
            recipe,
            data=data,
            out=out,
            changes=changes,
            from_=from_,
            resume=resume,
            reporter=reporter,
            began=began,
            shard=shard,
        )
    if speaks_for_all():
        _say_outcome(trained)


def _changes_of(*, budget: str | None, scratch: bool, rules: bool, profile: bool) -> dict[str, str]:
    """What options change in the recipe."""
    changes = {} if budget is None else {"budget": budget}
    changes |= {"model.options.weights": "none"} if scratch else {}
    changes |= {"watch.rules": "true"} if rules else {}
    return changes | ({"watch.profile": "true"} if profile else {})


@contextmanager
def _reporting() -> Iterator[BarReporter | LineReporter]:
    """A reporter for this terminal; one process of several says how they ended."""
    from lapel.training.processes.group import ProcessLostError
    from lapel.training.processes.torchrun import speaks_for_all
    from lapel.training.stopping import RunInterruptedError

    reporter = BarReporter() if sys.stderr.isatty() else LineReporter()
    try:
        yield reporter
    except RunInterruptedError as interruption:
        if speaks_for_all():
            print(f"lapel: {interruption}", file=sys.stderr)
        raise typer.Exit(128 + interruption.signal_number) from None
    except ProcessLostError:
        if speaks_for_all():
            raise
        raise typer.Exit(EXIT_FAILED) from None  # whoever was lost, or the first, says why
    finally:
        reporter.close()


def _say_outcome(trained: Trained) -> None:
    """How good it is, where it lies, and what comes next."""
    best = f"Best epoch {trained.best_epoch}" if trained.best_epoch else "Best, with heads alone"
    print(
        f"{best}: {trained.score_name} {100 * trained.best_score:.2f} % on validation, "
        f"after {trained.seconds:.0f} s of learning"
    )
    print(f"Run:    {in_addresses(trained.run)}")
    print(f"Bundle: {in_addresses(trained.bundle)}")
    split = trained.unseen_split
    where = f"{shlex.quote(in_addresses(trained.run))} {shlex.quote(near(trained.data))}"
    print(f"Next:   lapel evaluate {where} --split {split} --out REPORT")


def near(path: Path) -> str:
    """A path as one would type it here: what lies below the current folder, from there; what is
    kept elsewhere, by its address.
    """
    if is_remote(in_addresses(path)):
        return in_addresses(path)
    here = Path.cwd()
    whole = path.absolute()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else path)


def _list_recipes() -> None:
    from lapel.cli.extras import needs_extra

    with needs_extra("train", "lapel train --recipes"):
        from lapel.training.recipe import load_recipe, shipped_recipes
    for name in shipped_recipes():
        loaded = load_recipe(name)
        print(f"{name}: {loaded.about}")
        if loaded.stands_for:
            print(f"    stands for: {loaded.stands_for}")


class LineReporter:
    """Plain lines: one an epoch, and one in a while within a long one."""

    def __init__(self) -> None:
        self._said = time.monotonic()
        self._pace = Pace()

    def say(self, text: str) -> None:
        """A line."""
        print(text, file=sys.stderr, flush=True)

    def track(
        self, items: Iterable[Item], /, total: int | None, description: str
    ) -> Iterator[Item]:
        """Plain lines in a while."""
        from lapel.cli.progress import track

        yield from track(items, total, description)

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:
        """A line in a while."""
        left = self._pace.left(learner.progress.step, plan.steps)
        now = time.monotonic()
        if now - self._said >= LINE_EVERY:
            self._said = now
            self.say(f"step {learner.progress.step:,} of {plan.steps:,}, {_facts(tally, left)}")

    def epoch(self, row: dict[str, float]) -> None:
        """A line."""
        self._said = time.monotonic()
        self._pace.skip()
        self.say(epoch_line(row))

    def close(self) -> None:
        """Nothing is open."""


class BarReporter:
    """A bar over the whole run, and above it a line an epoch."""

    def __init__(self) -> None:
        from lapel.cli.progress import bar_with_facts

        self._bar = bar_with_facts()
        self._pace = Pace()
        self._score = ""
        self._task: int | None = None

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def track(
        self, items: Iterable[Item], /, total: int | None, description: str
    ) -> Iterator[Item]:
        """A bar of its own."""
        from lapel.cli.progress import track

        yield from track(items, total, description)

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:
        """Move the bar."""
        if self._task is None:
            from lapel.training.loop.judging import score_of

            self._score = score_of(learner.recipe, learner.schema)
            self._bar.start()
            self._task = self._bar.add_task("Learning", total=plan.steps, facts="")
        left = self._pace.left(learner.progress.step, plan.steps)
        self._bar.update(
            self._bar.task_ids[0], completed=learner.progress.step, facts=_facts(tally, left)
        )

    def epoch(self, row: dict[str, float]) -> None:
        """A line above the bar."""
        self._pace.skip()
        self.say(epoch_sentence(row, self._score))

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()


class Pace:
    """Seconds a step, smoothed, without what lies between epochs."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._seconds = 0.0

    def left(self, step: int, steps: int) -> float | None:
        """Seconds left, to be called once a step; None while nothing is known."""
        now = time.monotonic()
        if self._last is not None:
            latest = now - self._last
            self._seconds = 0.95 * self._seconds + 0.05 * latest if self._seconds else latest
        self._last = now
        return self._seconds * (steps - step) if self._seconds else None

    def skip(self) -> None:
        """What comes until the next step is none."""
        self._last = None


def _facts(tally: Tally, left: float | None) -> str:
    loss = "" if tally.latest_loss is None else f"loss {tally.latest_loss:.3f}, "
    speed = tally.pictures / max(tally.seconds, 1e-9)
    rest = "" if left is None else f", {duration(left)} left"
    return f"{loss}{speed:,.0f} images/s{rest}"


def epoch_sentence(row: dict[str, float], score: str = "") -> str:
    """One epoch as people read it; its score by the name that it has."""
    sentence = f"Epoch {row['epoch']:.0f}" if row["epoch"] else "Heads alone"
    if "validation_accuracy" in row:
        called = f"{score} " if score else ""
        sentence += f": {called}{100 * row['validation_accuracy']:.2f} % on validation"
    if "train_loss" in row:
        sentence += f", training loss {row['train_loss']:.3f}"
    return f"{sentence}, after {duration(row['seconds'])}"
