"""``lapel evaluate``: how good a model is, on labelled pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.engine_option import EngineOption
from lapel.storage.places import in_addresses, puts

if TYPE_CHECKING:
    from lapel.evaluation.result import Evaluation
    from lapel.evaluation.two_stage import TwoStages
    from lapel.inference.two_stage import TwoStagePredictor

#: Shown below the help; `--help` joins lines that no blank line parts.
EXAMPLE = """Example, after the demo:

lapel evaluate demo/run demo/fashion-mnist --out demo/again"""

HEADER = ("", "value", "95 % interval", "majority")

#: The same for a model of several tasks, of which only the main numbers are shown.
TASKS_HEADER = ("task", *HEADER, "above it")

#: The same where tabs stand between, for programs that read it.
PLAIN_HEADER = ("task", "measure", *HEADER[1:])


@puts("out")
def evaluate(
    bundle: Annotated[
        Path,
        typer.Argument(
            help="The model: a bundle, or the run that made it; or garments that were found, as a "
            "file of results in COCO's form (.json)."
        ),
    ],
    dataset: Annotated[Path, typer.Argument(help="The dataset that knows the answers.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report and tables.")],
    *,
    split: Annotated[
        str, typer.Option(help="The rows to judge: test, validation or train.")
    ] = "test",
    flip: Annotated[
        bool,
        typer.Option("--flip", help="Also look at every picture mirrored, and take the mean."),
    ] = False,
    whole: Annotated[
        bool,
        typer.Option(
            "--whole", help="Keep the dataset's boxes from the model, as a user has none."
        ),
    ] = False,
    unknown_is_no: Annotated[
        bool,
        typer.Option(
            "--unknown-is-no", help="Count tags of unknown answer as no, as published code does."
        ),
    ] = False,
    mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="MAPPING.json",
            help="Judge a model of former labels on cleaned ones, by what `clean` wrote.",
            show_default=False,
        ),
    ] = None,
    engine: EngineOption = "auto",
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE",
            help="The score, 0 to 1, from which garments count as told, instead of the model's "
            "own; average precision stays as it is.",
            show_default=False,
        ),
    ] = None,
    tags: Annotated[
        Path | None,
        typer.Option(
            metavar="TAGGER",
            help="Also judge how this model reads the garments that the first one finds.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print metrics.json instead.")] = False,
) -> None:
    """Measure a model on labelled pictures, and write a report to look at.

    Writes report.html, metrics.json, per_class.csv, confusion.csv and predictions.csv into the
    folder; for a model of several tasks also a page each in report/. Pictures that cannot be read
    are counted and named; they end nothing.
    """
    from lapel.cli.extras import needs_extra
    from lapel.cli.progress import track

    with needs_extra("data", "lapel evaluate"):
        from lapel.evaluation.evaluate import evaluate as judge
        from lapel.evaluation.two_stage import write_two_stages

    # Before the work, so that models that do not go together cost no waiting.
    both = None if tags is None else _two_stages(bundle, tags, threshold, engine)
    evaluation = judge(
        bundle,
        dataset,
        split=split,
        out=out,
        flip=flip,
        whole=whole,
        unknown_is_no=unknown_is_no,
        mapping=mapping,
        engine=engine,
        threshold=threshold,
        track=track,
    )
    ways = {} if both is None else _judge_stages(both, dataset, split)
    stages = [write_two_stages(out, ways)] if ways else []
    if as_json:
        print(json.dumps(evaluation.to_json(), indent=2, ensure_ascii=True, allow_nan=False))
        return
    _print_summary(evaluation)
    _print_stages(ways)
    for name in (*evaluation.files, *stages):
        print(f"wrote {in_addresses(out / name)}")


def _two_stages(
    detector: Path, tagger: Path, threshold: float | None, engine: str
) -> TwoStagePredictor:
    """Two models, one after the other.

    Raises:
        UsageError: the first is a file of results.
    """
    from lapel.evaluation.judge_results import is_results
    from lapel.inference.two_stage import TwoStagePredictor
    from lapel.schema.errors import UsageError

    if is_results(detector):
        raise UsageError(
            f"--tags reads what a model finds, and {detector} is a file of results; name the model"
        )
    return TwoStagePredictor.load(detector, tagger, engine=engine, threshold=threshold)


def _judge_stages(both: TwoStagePredictor, dataset: Path, split: str) -> dict[str, TwoStages]:
    """Judge two models one after the other, on boxes that were found and on the true ones."""
    from lapel.cli.progress import track
    from lapel.data.dataset import Dataset
    from lapel.evaluation.two_stage import evaluate_two_stages

    data = Dataset.open(dataset)
    return {
        way: evaluate_two_stages(both, data, split=split, true_boxes=true_boxes, track=track)
        for way, true_boxes in (("found boxes", False), ("true boxes", True))
    }


def _print_stages(ways: Mapping[str, TwoStages]) -> None:
    from lapel.cli.console import shown
    from lapel.evaluation.pages.numbers import percent

    for way, found in ways.items():
        print(f"Garments read in their {way}:")
        for name, value in found.numbers.items():
            print(f"{shown(name)}\t{percent(value, 2)}")


def _print_summary(evaluation: Evaluation) -> None:
    from lapel.cli.benchmark_tables import print_tables
    from lapel.cli.console import complain, shown

    subject = evaluation.subject
    flip = ", test-time augmentation: flip" if subject.flip else ""
    seen = ", whole pictures" if subject.boxes == "kept back" else ""
    print(
        shown(
            f"{subject.bundle} on {subject.dataset}, {subject.split} split{flip}{seen}: "
            f"{len(evaluation.images):,} images, "
            f"{evaluation.throughput.images_per_second:,.0f} a second"
        )
    )
    ran = evaluation.throughput
    if ran.why:
        print(shown(f"Engine: {ran.engine}, {ran.why}"))
    print(shown(f"Best epoch chosen on: {subject.chosen_on}"))
    for remark in subject.remarks:
        print(shown(remark))
    _print_numbers(evaluation)
    print_tables(evaluation.tables)
    if evaluation.unreadable:
        first = evaluation.unreadable[0]
        complain(
            f"images that could not be read and take no part: {len(evaluation.unreadable)}; the "
            f"first: {first.image}: {first.fault}"
        )


def _print_numbers(evaluation: Evaluation) -> None:
    """Every number of a single task, the main ones of several; metrics.json has them all."""
    from lapel.cli.console import shown
    from lapel.evaluation.pages.numbers import (
        ALL_TASKS,
        comparisons,
        number_rows,
        together_rows,
        warnings,
    )

    if not sys.stdout.isatty():
        print("\t".join(PLAIN_HEADER))
        main = len(evaluation.tasks) > 1
        rows = [(task, number_rows(judged, main=main)) for task, judged in evaluation.tasks.items()]
        for task, numbers in [*rows, (ALL_TASKS, together_rows(evaluation))]:
            for row in numbers:
                print("\t".join(shown(cell) for cell in (task, *row)))
    elif len(evaluation.tasks) == 1:
        ((task, judged),) = evaluation.tasks.items()
        _print_table(shown(task), HEADER, number_rows(judged))
    else:
        cells = [compared.cells() for compared in comparisons(evaluation)]
        _print_table("Main numbers; all of them are in metrics.json", TASKS_HEADER, cells)
    for task, judged in evaluation.tasks.items():
        for warning in warnings(task, judged):
            print(shown(warning))


def _print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lapel.cli.console import shown

    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
    words = header.index("value")
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place < words else "right")
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    Console().print(table)
