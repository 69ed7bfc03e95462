"""``lapel data import`` and ``export`` of layouts that contests and projects made public."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.console import shown
from lapel.cli.data.exporting import DatasetFolder, OutFolder, Tasks, export_layout, words
from lapel.cli.data.importing import Name, NewFolder, Replace, Skip, import_layout

import_layouts_app = typer.Typer()
export_layouts_app = typer.Typer()

#: Labels of a task that are shown with their English after an import.
LABELS_SHOWN = 6


@import_layouts_app.command("attribute-folders")
def import_attribute_folders(
    source: Annotated[Path, typer.Argument(help="Folder of attribute folders.")],
    dataset: NewFolder,
    *,
    multi: Annotated[
        list[str] | None,
        typer.Option(
            help="Attribute of which a photo may have several; repeat it, or separate by commas.",
            show_default=False,
        ),
    ] = None,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """Class folders inside attribute folders: color/blue/1.jpg, season/winter/1.jpg, ...

    Files of one name with the same bytes are one photo.
    """
    import_layout(
        "attribute-folders",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        multi=words(multi) or (),
    )


@import_layouts_app.command("ce7454")
def import_ce7454(
    source: Annotated[Path, typer.Argument(help="FashionDataset: the folder of img and split.")],
    dataset: NewFolder,
    *,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            help="What to call the six groups, separated by commas.",
            show_default="texture,sleeve,length,neckline,fabric,fit",
        ),
    ] = None,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """The attribute challenge of CE7454 and AI6126: six groups of attributes."""
    import_layout(
        "ce7454",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        tasks=words(tasks),
    )


@import_layouts_app.command("nsysu")
def import_nsysu(
    source: Annotated[Path, typer.Argument(help="A CSV of categories or of attributes.")],
    dataset: NewFolder,
    *,
    more: Annotated[
        list[Path] | None,
        typer.Option(help="A further such CSV; may be repeated.", show_default=False),
    ] = None,
    test_list: Annotated[
        Path | None,
        typer.Option(
            help="A CSV that lists the test images, such as a sample submission; its labels are "
            "not read.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder that paths are relative to.", show_default="that of SOURCE"),
    ] = None,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """The CSV files of NSYSU's contest: 10 categories, 15 attributes."""
    import_layout(
        "nsysu",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        more=tuple(more or ()),
        test_list=test_list,
        images=images,
    )


@import_layouts_app.command("prography")
def import_prography(
    source: Annotated[Path, typer.Argument(help="The folder of images and labels.")],
    dataset: NewFolder,
    *,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """Prography's 5th-deepfashion: color, style, part, season and category."""
    import_layout("prography", source, dataset, name=name, replace=replace, skip=skip_unreadable)


@import_layouts_app.command("k-fashion")
def import_kfashion(
    source: Annotated[Path, typer.Argument(help="The folder of JSON files and images.")],
    dataset: NewFolder,
    *,
    new_labels: Annotated[
        bool, typer.Option("--new-labels", help="Take words beyond the vocabulary, too.")
    ] = False,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out records without their image.")
    ] = False,
    boxes: Annotated[
        bool, typer.Option("--boxes/--no-boxes", help="Read boxes and outlines.")
    ] = True,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """K-Fashion of AI Hub. Labels stay Korean; glossary.json has them in English."""
    import_layout(
        "k-fashion",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        new_labels=new_labels,
        skip_missing=skip_missing,
        boxes=boxes,
    )
    _print_glossary(dataset)


@import_layouts_app.command("garmentiq")
def import_garmentiq(
    source: Annotated[Path, typer.Argument(help="Folder or ZIP of metadata.csv and images.")],
    dataset: NewFolder,
    *,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of labels; repeat it, or separate by commas.",
            show_default="garment, or the only one",
        ),
    ] = None,
    unpack: Annotated[
        Path | None,
        typer.Option(help="Folder to unpack a ZIP to; images stay there.", show_default=False),
    ] = None,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """GarmentIQ's data: metadata.csv beside images, or both below train and test."""
    import_layout(
        "garmentiq",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        label=words(label),
        unpack=unpack,
    )


@export_layouts_app.command("attribute-folders")
def export_attribute_folders(dataset: DatasetFolder, out: OutFolder, *, task: Tasks = None) -> None:
    """Class folders inside attribute folders, below folders of splits."""
    export_layout("attribute-folders", dataset, out, task=words(task))


@export_layouts_app.command("ce7454")
def export_ce7454(
    dataset: DatasetFolder,
    out: OutFolder,
    *,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="Six single_label tasks, separated by commas.",
            show_default="those named like the challenge's, or all",
        ),
    ] = None,
) -> None:
    """The layout of CE7454 and AI6126, of any dataset with six single_label tasks."""
    export_layout("ce7454", dataset, out, task=words(task))


@export_layouts_app.command("nsysu")
def export_nsysu(
    dataset: DatasetFolder,
    out: OutFolder,
    *,
    category: Annotated[
        str | None, typer.Option(help="The single_label task.", show_default="the only one")
    ] = None,
    attributes: Annotated[
        str | None, typer.Option(help="The multi_label task.", show_default="the only one")
    ] = None,
) -> None:
    """The CSV files of NSYSU's contest, of any dataset with a category and tags."""
    export_layout("nsysu", dataset, out, category=category, attributes=attributes)


@export_layouts_app.command("prography")
def export_prography(dataset: DatasetFolder, out: OutFolder) -> None:
    """Prography's layout, of a dataset with its five tasks."""
    export_layout("prography", dataset, out)


@export_layouts_app.command("k-fashion")
def export_kfashion(dataset: DatasetFolder, out: OutFolder) -> None:
    """JSON files in Korean, of a dataset that was K-Fashion."""
    export_layout("k-fashion", dataset, out)


@export_layouts_app.command("garmentiq")
def export_garmentiq(dataset: DatasetFolder, out: OutFolder, *, task: Tasks = None) -> None:
    """GarmentIQ's layout: metadata.csv beside images, a folder a split."""
    export_layout("garmentiq", dataset, out, task=words(task))


def _print_glossary(folder: Path) -> None:
    """Tasks and their commonest labels, with English beside."""
    from collections import Counter

    from lapel.data.dataset import Dataset
    from lapel.data.glossary import read_glossary
    from lapel.schema.annotation import held

    dataset = Dataset.open(folder)
    english = read_glossary(folder)
    for task in dataset.schema:
        counts = Counter(word for label in dataset.labels(task.name) for word in held(label))
        words = ", ".join(
            f"{word} ({english.get(f'{task.name}={word}', '?')}) {count:,}"
            for word, count in counts.most_common(LABELS_SHOWN)
        )
        print(shown(f"  {task.name} ({english.get(task.name, '?')}): {words}"))
