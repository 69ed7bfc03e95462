"""``lapel tune``: search for the best values of a recipe."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lapel.cli.display import Display, displayed
from lapel.schema.counting import counted, duration

if TYPE_CHECKING:
    from lapel.training.tuning.folder import Tuned
    from lapel.training.tuning.records import Record
    from lapel.training.tuning.standing import Standing

#: Shown below the help; `--help` joins lines that no blank line parts.
EXAMPLE = (
    "Example, after the demo:\n\n"
    "lapel tune fashion-mnist-tiny --data demo/fashion-mnist --out tuned --trials 20 "
    "--range optimiser.learning_rate=0.01..0.2:log"
)


def tune(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a YAML file.")],
    data: Annotated[Path, typer.Option(help="The dataset to learn from.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for runs, tables and page.")],
    *,
    trials: Annotated[
        int | None, typer.Option(help="How many there are to be in all.", show_default=False)
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Time, as 90s, 10m or 8h; then what learns is saved and it ends."),
    ] = None,
    range_: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            help="KEY=LOW..HIGH[:log][:step=S] or KEY=A,B,C; beside the recipe's own, under tune.",
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE of the recipe that all trials share."),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            help="Where trials are kept, shared by machines: postgresql://USER@HOST/NAME or a "
            "file. By default a file in the folder.",
            envvar="LAPEL_STUDY",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Of the study, where a database holds several.")
    ] = "lapel",
    workers: Annotated[
        int | None,
        typer.Option(help="Trials learned at once here; by default one an accelerator, or one."),
    ] = None,
    pruner: Annotated[
        str,
        typer.Option(help="What ends trials early: median, hyperband or none."),
    ] = "median",
    keep_all: Annotated[
        bool, typer.Option("--keep-all", help="Keep the bundles of all trials, not of the best.")
    ] = False,
) -> None:
    """Search for the best values of a recipe: many short trials, the bad ones ended early.

    The same command again goes on where it was stopped; with more --trials it searches on. Writes
    report.html, tuned.csv and best.yaml, which lapel train takes as a recipe. The test split is not
    looked at.
    """
    # Must stand before torch is imported, see `lapel.cli.train`.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    from lapel.cli.extras import needs_extra

    with needs_extra("train", "lapel tune"):
        from lapel.training.recipe import parse_changes
    with needs_extra("tune", "lapel tune"):
        from lapel.training.tuning.tune import tune as search
    with displayed("Tuning") as display:
        tuned = search(
            recipe,
            data=data,
            out=out,
            trials=trials,
            budget=budget,
            ranges=range_ or [],
            changes=parse_changes(setting or []),
            study=study,
            name=name,
            workers=workers,
            pruner=_checked(pruner),
            keep_all=keep_all,
            onlooker=Onlooker(display),
        )
    _show(tuned)


def _checked(pruner: str) -> Any:  # noqa: ANN401 - one of the words of a Literal
    from lapel.schema.errors import UsageError

    if pruner not in {"median", "hyperband", "none"}:
        raise UsageError(f"--pruner takes median, hyperband or none, found {pruner!r}")
    return pruner


def _show(tuned: Tuned) -> None:
    """The best trial, the files, and what to type next."""
    from lapel.cli.console import shown
    from lapel.cli.train import near

    best = tuned.best
    score = f"{tuned.score_name} {best.score or 0.0:.4f} on validation"
    print(f"Best of {counted(len(tuned.trials), 'trial')}: trial {best.number}, {score}, with")
    for key, value in best.values.items():
        print(shown(f"  {key}={value}"))
    for file in (tuned.report, tuned.out / "tuned.csv", tuned.recipe):
        print(f"wrote {file}")
    data = shlex.quote(near(tuned.data))
    if tuned.run is None:
        recipe = shlex.quote(str(tuned.recipe))
        print(f"Learned on {shown(best.host)}; here: lapel train {recipe} --data {data} --out RUN")
        return
    print(f"Run:    {tuned.run}")
    where = f"{shlex.quote(str(tuned.run))} {data}"
    print(f"Next:   lapel evaluate {where} --split {tuned.unseen_split} --out REPORT")


class Onlooker:
    """Puts on a display how a search goes."""

    def __init__(self, display: Display) -> None:
        self.say = display.say
        self._show = display.show

    def progress(self, standing: Standing) -> None:
        """Where no number of trials is wanted, there is no share of them."""
        done = standing.ended + sum(standing.here.values())
        self._show(done, standing.wanted, _facts(standing))

    def ended(self, record: Record, best: Record | None) -> None:
        """A line a trial."""
        self.say(ending(record, best))


def _facts(standing: Standing) -> str:
    """How far it is, the best so far, the time left, and what learns now."""
    wanted = "" if standing.wanted is None else f" of {standing.wanted:,}"
    parts = [f"{standing.ended:,}{wanted} trials"]
    if standing.best is not None:
        parts.append(f"best {100 * standing.best:.2f} %")
    if standing.seconds_left is not None:
        parts.append(f"about {duration(standing.seconds_left)} left")
    if standing.elsewhere:
        parts.append(f"{standing.elsewhere:,} on other machines")
    now = [f"{one} ({standing.notes.get(one, 'begins')})" for one in standing.here]
    return ", ".join(parts) + (f"; now trial {', '.join(now)}" if now else "")


def ending(record: Record, best: Record | None) -> str:
    """How a trial ended, in a line."""
    from lapel.cli.console import shown

    values = ", ".join(f"{key}={_short(value)}" for key, value in record.values.items())
    if record.state == "failed":
        said = f"failed: {record.fault.splitlines()[0]}"
    elif record.state == "pruned":
        latest = record.scores.get(record.last_epoch, 0.0)
        said = f"{100 * latest:.2f} % after epoch {record.last_epoch}, ended early"
    else:
        said = f"{100 * (record.score or 0.0):.2f} %"
        said += ", the best so far" if best is not None and best.number == record.number else ""
    return shown(f"trial {record.number}: {said} ({values})")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
