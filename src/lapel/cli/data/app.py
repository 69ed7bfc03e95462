"""``lapel data``: import, check, clean, split, explore and export datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.console import shown
from lapel.cli.data.cut import cut_app
from lapel.cli.data.deepfashion import export_deepfashion_app, import_deepfashion_app
from lapel.cli.data.exporting import DatasetFolder
from lapel.cli.data.garments import export_garments_app, import_garments_app
from lapel.cli.data.importing import import_app, print_dataset, print_notes
from lapel.cli.data.label_studio import export_label_studio_app, import_label_studio_app
from lapel.cli.data.layouts import export_layouts_app, import_layouts_app
from lapel.cli.data.masks import export_masks_app, import_masks_app
from lapel.cli.data.retrieval import import_retrieval_app
from lapel.cli.data.review import import_review_app
from lapel.cli.data.shards import shards_app
from lapel.cli.data.sketch import sketch_app
from lapel.schema.counting import counted
from lapel.storage.places import in_addresses

data_app = typer.Typer(
    help="Import, check, clean, split, explore and export datasets.", no_args_is_help=True
)
export_app = typer.Typer(help="Write a dataset as a public layout.", no_args_is_help=True)
data_app.add_typer(import_app, name="import")
data_app.add_typer(export_app, name="export")
# Without a name: their commands stand beside those of the app that they are added to.
data_app.add_typer(cut_app)
data_app.add_typer(shards_app)
import_app.add_typer(import_layouts_app)
import_app.add_typer(import_deepfashion_app)
import_app.add_typer(import_retrieval_app)
import_app.add_typer(import_garments_app)
import_app.add_typer(import_masks_app)
import_app.add_typer(import_review_app)
import_app.add_typer(import_label_studio_app)
import_app.add_typer(sketch_app)
export_app.add_typer(export_layouts_app)
export_app.add_typer(export_deepfashion_app)
export_app.add_typer(export_garments_app)
export_app.add_typer(export_masks_app)
export_app.add_typer(export_label_studio_app)


@data_app.command("split")
def split(
    dataset: DatasetFolder,
    *,
    validation: Annotated[
        float | None,
        typer.Option(
            help="Fraction for validation; without it, --test keeps the validation split that "
            "exists.",
            show_default="0.1",
        ),
    ] = None,
    test: Annotated[
        float | None, typer.Option(help="Fraction for test.", show_default="none")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another draw.")] = 0,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of the dataset's table, of what must stay on one side.",
            show_default="group, where there is one",
        ),
    ] = None,
    redraw_test: Annotated[
        bool,
        typer.Option(
            "--redraw-test", help="Give up the test split that exists, and validation with it."
        ),
    ] = False,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="Give up the validation split that exists.")
    ] = False,
) -> None:
    """Draw a validation (and test) split, with labels in proportion.

    Splits that exist are kept unless they are given up: a model that was trained before has
    learned from the pictures that it would then be judged on. So it has from a test split that is
    drawn after it: train again. Copies of pictures in a split that is kept are left in train.
    """
    from lapel.data.splitting.split import split_dataset

    drawn = split_dataset(
        dataset,
        validation=validation,
        test=test,
        seed=seed,
        by=by,
        redraw_test=redraw_test,
        redraw=redraw,
        on_notes=print_notes,
    )
    print_dataset(drawn)


@data_app.command("check")
def check(
    dataset: DatasetFolder,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings as JSON, and nothing else.")
    ] = False,
    propose: Annotated[
        Path | None,
        typer.Option(
            metavar="RULES.yaml",
            help="Write rules for labels that may be one, to be read and applied by `clean`.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="RULES.yaml|deepfashion",
            help="Rules known to be right: say how many of the labels that are one were found.",
            show_default=False,
        ),
    ] = None,
    tier: Annotated[
        str | None,
        typer.Option(metavar="A|AB", help="Of shipped rules, see `clean`.", show_default="A"),
    ] = None,
) -> None:
    """Open every image and look for faults and oddities; exit code 1 if there are faults.

    Faults: images that are missing, torn or changed since import; label maps and garments that do
    not fit them; labels and splits that do not exist; boxes that show nothing; the same picture, or
    pictures of one item, in two splits. Warnings do not fail: look-alikes across splits, rare and
    missing classes, landmarks outside their picture or box, pictures twice in one split, labels
    that may be one (sporty and sproty, office/formal and formal/office).
    """
    from lapel.cli.progress import track
    from lapel.data.checking.check import check_dataset

    report = check_dataset(dataset, propose=propose, against=against, tier=tier, track=track)
    if as_json:
        print(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
    else:
        splits = ", ".join(f"{split} {count:,}" for split, count in report.splits.items())
        print(f"Dataset '{report.dataset}': {counted(report.images, 'image')} ({splits})")
        for finding in report.findings:
            print(f"{finding.severity} ({finding.count:,}): {finding.message}")
            for example in finding.examples:
                print(f"    {shown(example)}")
            if finding.count > len(finding.examples) > 0:
                print(f"    ... and {finding.count - len(finding.examples):,} more")
        print(counted(report.faults, "fault") if report.faults else "No faults.")
        for which, found in report.against.items():
            print(f"Labels that are one by {against}, {which}: {found}")
        if propose:
            print(f"Rules to read and correct: {propose}")
    if report.faults:
        raise typer.Exit(1)


@data_app.command("clean")
def clean(
    dataset: DatasetFolder,
    *,
    rules: Annotated[
        str | None,
        typer.Option(
            metavar="RULES.yaml|deepfashion",
            help="What to do: a file (`check --propose` writes one), or rules that are shipped.",
            show_default=False,
        ),
    ] = None,
    tier: Annotated[
        str | None,
        typer.Option(
            metavar="A|AB",
            help="Of shipped rules: A joins what hardly anybody would call two, AB more.",
            show_default="A",
        ),
    ] = None,
    implications: Annotated[
        bool,
        typer.Option(
            "--implications", help="Of shipped rules: a belted floral print is belted, too."
        ),
    ] = False,
    at_least: Annotated[
        int, typer.Option(min=0, help="Forget tags with fewer training pictures.")
    ] = 0,
    min_tags: Annotated[
        int,
        typer.Option(min=0, help="Leave out training pictures with fewer tags; others never are."),
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to make.", show_default="the dataset itself is changed"),
    ] = None,
) -> None:
    """Join, rename and drop labels by rules. What they were is kept beside the table.

    Of validation and test no picture is ever left out, so that numbers stay comparable.
    """
    from lapel.cli.data.cleaning import print_cleaning
    from lapel.data.cleaning.clean import clean_dataset

    print_cleaning(
        clean_dataset(
            dataset,
            rules,
            out=out,
            tier=tier,
            implications=implications,
            at_least=at_least,
            min_tags=min_tags,
        )
    )


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
    print(f"{counted(done.images, 'image')} in class folders: {in_addresses(done.path)}")
    if done.left_out:
        print(f"left out {counted(done.left_out, 'image')} without a label")


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

    Tags stand in one cell, as dress|bag; in a second column, NAME.unknown, are those of which
    nobody knows. An empty cell is unknown as a whole, a mark alone says that none holds.

    In CSV and TSV, a cell that a spreadsheet would run (=, +, -, @ first, and no number) gets a
    leading '; the import takes it off again.
    """
    from lapel.cli.progress import track
    from lapel.data.export import export_dataset

    done = export_dataset("table", dataset, out, images=images, track=track)
    print(
        f"{counted(done.images, 'row')}: {in_addresses(done.path)}; image names are relative to "
        f"{in_addresses(done.image_root)}"
    )
    for note in done.notes:
        print(f"  {shown(note)}")


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
    from lapel.data.exploring.explore import explore_dataset

    path = explore_dataset(dataset, out, track=track)
    print(f"A page about the dataset, to open in a browser: {in_addresses(path)}")
