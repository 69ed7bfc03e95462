"""``lapel data import``: public layouts become datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lapel.cli.console import shown
from lapel.schema.counting import counted
from lapel.storage.places import in_addresses

if TYPE_CHECKING:
    from lapel.data.dataset import Dataset
    from lapel.schema.errors import Fault

import_app = typer.Typer(
    help="Make a dataset of a public layout. Images stay where they are.", no_args_is_help=True
)

NewFolder = Annotated[
    Path, typer.Argument(metavar="DATASET", help="Folder to make.", show_default=False)
]
Name = Annotated[str | None, typer.Option(help="What to call the dataset.", show_default=False)]
Replace = Annotated[bool, typer.Option("--replace", help="Replace the dataset that stands there.")]
Skip = Annotated[
    bool,
    typer.Option("--skip-unreadable", help="Leave out pictures that cannot be opened."),
]


#: Kind of task to what is said of its labels.
_ANY = {
    "multi_label": ", any of them",
    "segmentation": ", one a pixel",
    "garments": ", each garment",
}


@import_app.command("fashion-mnist")
def import_fashion_mnist(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[SOURCE] DATASET",
            help="Folder of the four files, or torchvision's root, if you have them; folder to "
            "make.",
            show_default=False,
        ),
    ],
    *,
    name: Name = None,
    unverified: Annotated[
        bool,
        typer.Option("--unverified", help="Take files that are not the official ones."),
    ] = False,
    replace: Replace = False,
) -> None:
    """Fashion-MNIST: found on this machine, or fetched and verified.

    Without SOURCE: torchvision's folder, Debian's package, Lapel's cache, then the network.
    The 10,000 official test pictures are the test split; of the others, 5,000 are held out for
    validation.
    """
    if len(paths) > 2:
        raise typer.BadParameter(f"found {len(paths)} folders, expected [SOURCE] DATASET")
    source = paths[0] if len(paths) == 2 else None
    import_layout(
        "fashion-mnist", source, paths[-1], name=name, replace=replace, verify=not unverified
    )


@import_app.command("folder")
def import_folder(
    source: Annotated[
        Path,
        typer.Argument(help="Folder of class folders, with or without train/valid/test above."),
    ],
    dataset: NewFolder,
    *,
    task: Annotated[str, typer.Option(help="What the folders' names answer.")] = "category",
    split: Annotated[
        str | None,
        typer.Option(help="Split of a source without split folders.", show_default="train"),
    ] = None,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """Class folders: CLASS/photo.jpg, or train/CLASS/photo.jpg, valid/CLASS/photo.jpg, ..."""
    import_layout(
        "folder",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        task=task,
        split=split,
    )


@import_app.command("table")
def import_table(
    file: Annotated[Path, typer.Argument(help="CSV, TSV or Parquet, a row an image.")],
    dataset: NewFolder,
    *,
    images: Annotated[Path, typer.Option(help="Folder that image names are relative to.")],
    single: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN,...",
            help="Columns of one label each; an empty cell is unknown.",
            show_default="guessed, and shown",
        ),
    ] = None,
    multi: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN:MARK",
            help="Column of tags, and the mark between them, as tags:'|'; repeat it.",
            show_default="guessed, and shown",
        ),
    ] = None,
    image_column: Annotated[
        str | None,
        typer.Option(help="Column of image names.", show_default="image, file, path or the like"),
    ] = None,
    split_column: Annotated[
        str | None,
        typer.Option(
            help="Column of train, validation, test; '' for none.",
            show_default="split, if it says nothing else",
        ),
    ] = None,
    group_column: Annotated[
        str | None,
        typer.Option(
            help="Column of the item shown (such as a product's number): pictures of one item "
            "are never parted between splits; '' for none.",
            show_default="group, where there is one",
        ),
    ] = None,
    join_extra: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Free text that takes up the cells that a row has too many.",
            show_default="the last column, if it is free text",
        ),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of a text file.", show_default="found out")
    ] = None,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """A table with a column of images and columns of labels, of one label or of tags."""
    import_layout(
        "table",
        file,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        images=images,
        single=single or (),
        multi=multi or (),
        join_extra=join_extra,
        skip_missing=skip_unreadable,
        image_column=image_column,
        split_column=split_column,
        group_column=group_column,
        encoding=encoding,
    )


def import_layout(
    layout: str,
    source: Path | None,
    folder: Path,
    *,
    name: str | None,
    replace: bool,
    skip: bool = False,
    **options: Any,  # noqa: ANN401 - each reader has its own
) -> None:
    """Make a dataset of a layout, and say how it was understood and what it holds."""
    from lapel.cli.progress import track
    from lapel.data.importing import import_dataset

    dataset = import_dataset(
        layout,
        source,
        folder,
        name=name,
        on_unreadable=_print_skipped if skip else None,
        on_notes=print_notes,
        replace=replace,
        track=track,
        **options,
    )
    print_dataset(dataset)
    if "validation" not in dataset.splits():
        print(f"There is no validation split; make one: lapel data split {folder} --validation 0.1")


def print_notes(notes: Sequence[str]) -> None:
    """What the user should know, a line each."""
    for note in notes:
        print(f"  {shown(note)}")


def _print_skipped(faults: Sequence[Fault]) -> None:
    print(f"  left out {counted(len(faults), 'picture')} that cannot be opened:")
    for fault in faults[:20]:
        print(f"    {shown(fault.file)}: {shown(fault.found)}")
    if len(faults) > 20:
        print(f"    ... and {len(faults) - 20:,} more")


def print_dataset(dataset: Dataset) -> None:
    """One line: what the dataset is called, where it is, what it holds."""
    splits = ", ".join(f"{split} {count:,}" for split, count in dataset.splits().items())
    tasks = ", ".join(
        f"{task.name} ({counted(len(task.labels), 'label')}{_ANY.get(task.kind, '')})"
        for task in dataset.schema
    )
    print(f"Dataset '{dataset.name}' in {in_addresses(dataset.folder)}: {splits}; {shown(tasks)}")
