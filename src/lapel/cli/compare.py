"""``lapel compare``: many runs of one recipe, side by side."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lapel.cli.display import Display, displayed
from lapel.schema.counting import counted, duration
from lapel.storage.places import in_addresses

if TYPE_CHECKING:
    from lapel.training.comparing.compare import Comparison
    from lapel.training.comparing.label_tables import LabelComparison
    from lapel.training.comparing.learning import Standing

#: What the command writes, in the order in which one looks at it.
WRITTEN = ("report.html", "table.md", "runs.csv", "epochs.csv")

#: Shown below the help; `--help` joins lines that no blank line parts.
EXAMPLE = """Example, after the demo:

lapel compare fashion-mnist-tiny --data demo/fashion-mnist --out tries --vary augment.flip=0,0.5"""


def compare(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a YAML file.")],
    data: Annotated[Path, typer.Option(help="The dataset to learn from.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the runs and tables.")],
    *,
    vary: Annotated[
        list[str] | None,
        typer.Option(help="KEY=A,B,C of the recipe, such as model.heads=separate,joint."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE of the recipe that all runs share."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Runs of each combination; medians and spread are shown.")
    ] = 1,
    cleaned: Annotated[
        Path | None,
        typer.Option(
            help="The dataset as `lapel data clean` made it: tell what merging labels is worth.",
            show_default=False,
        ),
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option(help="With --cleaned: a run of --data that there is.", show_default=False),
    ] = None,
    after: Annotated[
        Path | None,
        typer.Option(help="With --cleaned: a run of --cleaned that there is.", show_default=False),
    ] = None,
    split: Annotated[str, typer.Option(help="With --cleaned: the rows to judge.")] = "test",
) -> None:
    """Learn every combination of some values of a recipe, and compare them.

    Runs go side by side where there are several accelerators, else one after another. The same
    command again goes on: what is done is kept. Writes report.html, table.md, runs.csv and
    epochs.csv into the folder, where each run is a folder below runs.

    With --cleaned, the recipe learns the dataset as it was and as it was cleaned, and the former is
    also judged by the latter's labels: the fair way to tell what merging is worth. Writes
    labels.md, labels.csv and the reports.
    """
    # Must stand before torch is imported, see `lapel.cli.train`.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    from lapel.cli.extras import needs_extra

    with needs_extra("train", "lapel compare"):
        from lapel.training.comparing.compare import compare as learn_all
        from lapel.training.comparing.labels import compare_labels
        from lapel.training.many_runs.devices import available_devices
        from lapel.training.recipe import parse_changes
    _check_options(vary, cleaned, before, after)
    shared: Any = {
        "data": data,
        "out": out,
        "changes": parse_changes(setting or []),
        "seeds": seeds,
    }
    with displayed("Comparing") as display:
        shared["onlooker"] = Onlooker(display)
        if cleaned is None:
            show = partial(_show, learn_all(recipe, vary=vary or [], **shared))
        else:
            shared |= {"before": before, "after": after, "split": split}
            compared = compare_labels(
                recipe, cleaned=cleaned, devices=available_devices(), **shared
            )
            show = partial(_show_labels, compared)
    show()


def _check_options(
    vary: list[str] | None, cleaned: Path | None, before: Path | None, after: Path | None
) -> None:
    """Refuse options that say nothing together."""
    from lapel.schema.errors import UsageError

    if cleaned is not None and vary:
        raise UsageError("--cleaned compares labels and --vary recipes; give one of them")
    if cleaned is None and (before or after):
        raise UsageError("--before and --after are models for --cleaned, which is missing")


def _show_labels(compared: LabelComparison) -> None:
    from lapel.cli.console import shown
    from lapel.training.comparing.label_tables import NOTE, means_header, means_rows

    tasks = ", ".join(compared.tasks)
    print(shown(f"Means over {tasks}, cleaned by {compared.rules}; {compared.split} split"))
    _print_columns(means_header(compared), list(means_rows(compared)), words=1)
    for sentence in (NOTE, *compared.remarks):
        print(shown(sentence))
    for name in compared.files:
        print(f"wrote {in_addresses(compared.out / name)}")


def _show(comparison: Comparison) -> None:
    """The table, the files, and what failed; ends with 1 if anything did."""
    from lapel.cli.console import EXIT_FAILED, complain

    _print_table(comparison)
    for name in WRITTEN:
        print(f"wrote {in_addresses(comparison.out / name)}")
    failed = [result for result in comparison.results if result.state == "failed"]
    if not failed:
        return
    complain(f"lapel: {counted(len(failed), 'run')} of {len(comparison.results):,} failed:")
    for result in failed:
        complain(f"{result.run.name}: {result.fault}")
    complain("The same command again tries these once more")
    raise typer.Exit(EXIT_FAILED)


def _print_table(comparison: Comparison) -> None:
    from lapel.training.comparing.tables import summary_header, summary_rows

    header = summary_header(comparison.grid.keys, comparison.outcomes)
    rows = list(summary_rows(comparison.outcomes))
    _print_columns(header, rows, words=len(comparison.grid.keys))


def _print_columns(header: list[str], rows: list[list[str]], *, words: int) -> None:
    """A table; on a terminal with aligned columns, of which the first ``words`` hold no numbers."""
    from lapel.cli.console import shown

    lines = [[shown(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in (map(shown, header), *lines):
            print("\t".join(line))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(header):
        table.add_column(Text(shown(name)), justify="left" if place < words else "right")
    for line in lines:
        table.add_row(*map(Text, line))
    Console().print(table)


class Onlooker:
    """Puts on a display how a comparison goes."""

    def __init__(self, display: Display) -> None:
        self.say = display.say
        self._show = display.show

    def progress(self, standing: Standing) -> None:
        """How many runs ended, and what learns now."""
        done = f"{len(standing.ended):,} of {standing.runs:,} runs"
        self._show(standing.share, 1.0, f"{done}{_facts(standing)}")

    def ended(self, name: str, fault: str | None) -> None:
        """A line a run."""
        self.say(ending(name, fault))


def _facts(standing: Standing) -> str:
    """What learns now, and how long all of it takes."""
    from lapel.cli.console import shown

    left = standing.seconds_left
    rest = "" if left is None else f", about {duration(left)} left"
    now = [f"{name} ({standing.notes.get(name, 'begins')})" for name in standing.shares]
    return f"{rest}; now {shown(', '.join(now))}" if now else rest


def ending(name: str, fault: str | None) -> str:
    """How a run ended, in a line."""
    from lapel.cli.console import shown

    return shown(f"{name}: done" if fault is None else f"{name}: failed: {fault.splitlines()[0]}")
