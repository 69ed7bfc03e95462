"""``lapel data import review|unlabelled``: people's answers, and photos that wait for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.console import shown
from lapel.cli.data.importing import Name, NewFolder, Replace, Skip, import_layout, print_dataset
from lapel.schema.counting import counted

if TYPE_CHECKING:
    from lapel.data.reviewed import Merged
    from lapel.schema.labels import Schema

import_review_app = typer.Typer()

#: Questions on which people do not agree that are listed.
OPEN_SHOWN = 20


@import_review_app.command("unlabelled")
def import_unlabelled(
    source: Annotated[Path, typer.Argument(help="Folder of photos, at any depth.")],
    dataset: NewFolder,
    *,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.yaml",
            help="What they are to be asked, as category: [dress, shirt].",
            show_default=False,
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL|DATASET",
            help="Ask what this model answers, or what this dataset asks.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="Of those tasks this alone; repeat it.", show_default="all"),
    ] = None,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """Photos that nobody has labelled yet, to be answered with `lapel review`."""
    schema = _schema(labels, like)
    import_layout(
        "unlabelled",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        schema=schema if task is None else schema.select(task),
    )


def _schema(labels: Path | None, like: Path | None) -> Schema:
    """What the photos are to be asked.

    Raises:
        UsageError: neither of the two, or both.
    """
    from lapel.data.description import DESCRIPTION_FILE, Description
    from lapel.data.reading.label_list import read_label_list
    from lapel.inference.bundle import Bundle
    from lapel.schema.errors import UsageError

    if labels is not None and like is None:
        return read_label_list(labels)
    if like is not None and labels is None:
        if (like / DESCRIPTION_FILE).is_file():
            return Description.read(like).schema
        return Bundle.load(like).schema
    raise UsageError(
        "say what the photos are to be asked: --labels FILE.yaml, or --like MODEL or DATASET; one "
        "of the two"
    )


@import_review_app.command("review")
def import_review_command(
    dataset: Annotated[
        Path, typer.Argument(help="The dataset that was reviewed.", show_default=False)
    ],
    *,
    answers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.sqlite", help="Where they lie.", show_default="DATASET/review.sqlite"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to make.", show_default="the dataset itself is changed"),
    ] = None,
    several: Annotated[
        str,
        typer.Option(
            metavar="majority|last",
            help="Where several people answered: what more than half say, or what was said last.",
        ),
    ] = "majority",
    only_labelled: Annotated[
        bool,
        typer.Option("--only-labelled", help="Leave photos without any label out of --out."),
    ] = False,
) -> None:
    """Take people's answers into the dataset that they were asked about.

    Who said what, when, and what the label was before stands in review.jsonl beside the table;
    the table as it was is kept. Where people do not agree the label stays as it was (a tag or a
    landmark becomes unknown), and is listed.
    """
    from lapel.data.reviewed import import_review

    merged = import_review(
        dataset, answers=answers, out=out, several=several, only_labelled=only_labelled
    )
    _print_merged(merged)


def _print_merged(merged: Merged) -> None:
    print_dataset(merged.dataset)
    print(
        f"  {counted(merged.answers, 'answer')} about {counted(merged.images, 'photo')}, "
        f"{counted(merged.changed, 'label')} changed"
    )
    for name, count in merged.people.items():
        print(f"  {shown(name)}: {counted(count, 'answer')}")
    if merged.open:
        print(f"  open, as people do not agree ({len(merged.open):,}):")
        for image, task, names in merged.open[:OPEN_SHOWN]:
            about = ", ".join(name for name in names if name)
            print(f"    {shown(image)}: {shown(task)}{f' ({shown(about)})' if about else ''}")
        if len(merged.open) > OPEN_SHOWN:
            print(f"    ... and {len(merged.open) - OPEN_SHOWN:,} more, in review.jsonl")
    if merged.gone:
        print(f"  answered, and not in the dataset any more: {len(merged.gone):,}")
