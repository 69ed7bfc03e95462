"""``lapel data``: import, check, split, explore and export datasets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lapel.cli.console import shown

if TYPE_CHECKING:
    from lapel.data.dataset import Dataset
    from lapel.schema.errors import Fault

data_app = typer.Typer(
    help="Import, check, split, explore and export datasets.", no_args_is_help=True
)
import_app = typer.Typer(
    help="Make a dataset of a public layout. Images stay where they are.", no_args_is_help=True
)
export_app = typer.Typer(help="Write a dataset as a public layout.", no_args_is_help=True)
data_app.add_typer(import_app, name="import")
data_app.add_typer(export_app, name="export")

DatasetFolder = Annotated[Path, typer.Argument(help="Folder of the dataset.", show_default=False)]
NewFolder = Annotated[
    Path, typer.Argument(metavar="DATASET", help="Folder to make.", show_default=False)
]
Name = Annotated[str | None, typer.Option(help="What to call the dataset.", show_default=False)]
Replace = Annotated[bool, typer.Option("--replace", help="Replace what stands in DATASET.")]
Skip = Annotated[
    bool,
    typer.Option("--skip-unreadable", help="Leave out pictures that cannot be opened."),
]


@import_app.command("fashion-mnist")
def import_fashion_mnist(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[SOURCE] DATASET",
            help="Folder of the four files, if you have them; folder to make.",
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
    _import("fashion-mnist", source, paths[-1], name=name, replace=replace, verify=not unverified)


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
    _import(
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
        list[str],
        typer.Option(help="Column of one label each; repeat it, or separate by commas."),
    ],
    image_column: Annotated[
        str | None,
        typer.Option(help="Column of image names.", show_default="image, file, path or the like"),
    ] = None,
    split_column: Annotated[
        str | None, typer.Option(help="Column of train, validation, test.", show_default=False)
    ] = None,
    group_column: Annotated[
        str | None, typer.Option(help="Column of what is shown.", show_default=False)
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of a text file.", show_default="found out")
    ] = None,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """A table with a column of images and columns of labels."""
    _import(
        "table",
        file,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        images=images,
        single=[column.strip() for entry in single for column in entry.split(",")],
        image_column=image_column,
        split_column=split_column,
        group_column=group_column,
        encoding=encoding,
    )


def _import(
    layout: str,
    source: Path | None,
    folder: Path,
    *,
    name: str | None,
    replace: bool,
    skip: bool = False,
    **options: Any,  # noqa: ANN401 - each reader has its own
) -> None:
    from lapel.cli.progress import track
    from lapel.data.importing import import_dataset

    dataset = import_dataset(
        layout,
        source,
        folder,
        name=name,
        on_unreadable=_print_skipped if skip else None,
        on_notes=_print_notes,
        replace=replace,
        track=track,
        **options,
    )
    _print_dataset(dataset)
    if "validation" not in dataset.splits():
        print(f"There is no validation split; make one: lapel data split {folder} --validation 0.1")


def _print_notes(notes: Sequence[str]) -> None:
    for note in notes:
        print(f"  {shown(note)}")


def _print_skipped(faults: Sequence[Fault]) -> None:
    print(f"  {len(faults):,} pictures that cannot be opened were left out:")
    for fault in faults[:20]:
        print(f"    {shown(fault.file)}: {shown(fault.found)}")
    if len(faults) > 20:
        print(f"    ... and {len(faults) - 20:,} more")


def _print_dataset(dataset: Dataset) -> None:
    splits = ", ".join(f"{split} {count:,}" for split, count in dataset.splits().items())
    tasks = ", ".join(f"{task.name} ({len(task.labels)} labels)" for task in dataset.schema)
    print(f"Dataset '{dataset.name}' in {dataset.folder}: {splits}; {tasks}")


@data_app.command("split")
def split(
    dataset: DatasetFolder,
    *,
    validation: Annotated[float, typer.Option(help="Fraction for validation.")] = 0.1,
    test: Annotated[float, typer.Option(help="Fraction for test.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Another seed, another draw.")] = 0,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of what must stay on one side.",
            show_default="group, where there is one",
        ),
    ] = None,
    redraw_test: Annotated[
        bool, typer.Option("--redraw-test", help="Give up the test split that exists.")
    ] = False,
) -> None:
    """Draw a validation (and test) split, with labels in proportion; test is kept if it exists."""
    from lapel.data.split import split_dataset

    drawn = split_dataset(
        dataset, validation=validation, test=test, seed=seed, by=by, redraw_test=redraw_test
    )
    _print_dataset(drawn)


@data_app.command("check")
def check(
    dataset: DatasetFolder,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings as JSON, and nothing else.")
    ] = False,
) -> None:
    """Open every image and look for faults and oddities; exit code 1 if there are faults.

    Faults: images that are missing, torn or changed since import; labels and splits that do
    not exist; the same picture in two splits. Warnings do not fail: look-alikes across splits,
    rare and missing classes, pictures twice in one split.
    """
    from lapel.cli.progress import track
    from lapel.data.check import check_dataset

    report = check_dataset(dataset, track=track)
    if as_json:
        print(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
    else:
        splits = ", ".join(f"{split} {count:,}" for split, count in report.splits.items())
        print(f"Dataset '{report.dataset}': {report.images:,} images ({splits})")
        for finding in report.findings:
            print(f"{finding.severity}: {finding.count:,} {finding.message}")
            for example in finding.examples:
                print(f"    {shown(example)}")
            if finding.count > len(finding.examples) > 0:
                print(f"    ... and {finding.count - len(finding.examples):,} more")
        print(f"{report.faults:,} faults" if report.faults else "No faults.")
    if report.faults:
        raise typer.Exit(1)


@export_app.command("folder")
def export_folder(
    dataset: DatasetFolder,
    out: Annotated[Path, typer.Argument(help="Folder to make.", show_default=False)],
    *,
    task: Annotated[
        str | None, typer.Option(help="Whose labels become folders.", show_default="the only one")
    ] = None,
) -> None:
    """Class folders below train/, validation/ and test/; packed pictures become PNG files."""
    from lapel.cli.progress import track
    from lapel.data.export import export_dataset

    done = export_dataset("folder", dataset, out, task=task, track=track)
    print(f"{done.images:,} images in class folders: {done.path}")
    if done.left_out:
        print(f"{done.left_out:,} images have no label and were left out")


@export_app.command("table")
def export_table(
    dataset: DatasetFolder,
    out: Annotated[Path, typer.Argument(help="FILE.csv, .tsv or .parquet.", show_default=False)],
    *,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder to make with the images in it.", show_default=False),
    ] = None,
) -> None:
    """A table with a row an image. Packed pictures are written to NAME-images beside it.

    In CSV and TSV, a cell that a spreadsheet would run (=, +, -, @ first, and no number) gets a
    leading '; the import takes it off again.
    """
    from lapel.cli.progress import track
    from lapel.data.export import export_dataset

    done = export_dataset("table", dataset, out, images=images, track=track)
    print(f"{done.images:,} rows: {done.path}; image names are relative to {done.image_root}")


@data_app.command("explore")
def explore(
    dataset: DatasetFolder,
    *,
    out: Annotated[
        Path, typer.Option(metavar="FILE.html", help="The page to write.", show_default=False)
    ],
) -> None:
    """Write one page to look at: classes, sizes, mean pictures, mosaics, train against test."""
    from lapel.cli.progress import track
    from lapel.data.explore import explore_dataset

    path = explore_dataset(dataset, out, track=track)
    print(f"A page about the dataset, to open in a browser: {path}")
