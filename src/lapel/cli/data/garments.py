"""``lapel data import`` and ``export`` of layouts that mark several garments in a photo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.data.exporting import DatasetFolder, OutFolder, export_layout
from lapel.cli.data.importing import Name, NewFolder, Replace, Skip, import_layout

Parsing = Annotated[
    bool, typer.Option("--parsing", help="Paint a class for every pixel from the garments, too.")
]

import_garments_app = typer.Typer()
export_garments_app = typer.Typer()


@import_garments_app.command("deepfashion2")
def import_deepfashion2(
    source: Annotated[Path, typer.Argument(help="Folder of train, validation and test.")],
    dataset: NewFolder,
    *,
    points: Annotated[
        bool,
        typer.Option(
            "--points/--no-points", help="Whether garments are asked for their landmarks, too."
        ),
    ] = True,
    parsing: Parsing = False,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """DeepFashion2: photos by shops and customers, a JSON file each.

    Tasks: categories, any of 13; garments, each with its box, outlines and landmarks.
    """
    import_layout(
        "deepfashion2",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        points=points,
        parsing=parsing,
    )


@import_garments_app.command("fashionpedia")
def import_fashionpedia(
    source: Annotated[Path, typer.Argument(help="Folder of the JSON files and the photos.")],
    dataset: NewFolder,
    *,
    parsing: Parsing = False,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """Fashionpedia: photos with garments, their parts and 294 fine attributes.

    Tasks: categories, any of 46; garments, each with its box, outlines or mask, and attributes.
    """
    import_layout(
        "fashionpedia",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        parsing=parsing,
    )


@export_garments_app.command("deepfashion2")
def export_deepfashion2(dataset: DatasetFolder, out: OutFolder) -> None:
    """DeepFashion2: train, validation and test, each with image and annos.

    Of a dataset whose garments are of DeepFashion2's 13 categories, as drawn ones are.
    """
    export_layout("deepfashion2", dataset, out)


@export_garments_app.command("deepfashion2-coco")
def export_deepfashion2_coco(
    dataset: DatasetFolder,
    out: Annotated[Path, typer.Argument(metavar="OUT.json", help="File to write.")],
    *,
    split: Annotated[str, typer.Option(help="Which photos; each split is a file.")] = "validation",
    visible_only: Annotated[
        bool, typer.Option("--visible-only", help="Leave out landmarks that something hides.")
    ] = False,
) -> None:
    """DeepFashion2 in COCO's form, 294 keypoints a garment, as its own script makes it."""
    export_layout("deepfashion2-coco", dataset, out, split=split, visible_only=visible_only)
