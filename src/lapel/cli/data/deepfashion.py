"""``lapel data import`` and ``export`` of DeepFashion's category and attribute benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.data.exporting import DatasetFolder, OutFolder, export_layout
from lapel.cli.data.importing import Name, NewFolder, Replace, Skip, import_layout

import_deepfashion_app = typer.Typer()
export_deepfashion_app = typer.Typer()


@import_deepfashion_app.command("deepfashion-coarse")
def import_coarse(
    source: Annotated[
        Path, typer.Argument(help="The benchmark's folder: Anno_coarse, Eval and Img.")
    ],
    dataset: NewFolder,
    *,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """DeepFashion, Category and Attribute Prediction: 289,222 pictures, 1000 attributes.

    Tasks: category, the attributes of five types (texture, fabric, shape, part, style), landmarks.
    Boxes and the official splits are kept.
    """
    import_layout(
        "deepfashion-coarse", source, dataset, name=name, replace=replace, skip=skip_unreadable
    )


@import_deepfashion_app.command("deepfashion-fine")
def import_fine(
    source: Annotated[Path, typer.Argument(help="The benchmark's folder: Anno_fine and Img.")],
    dataset: NewFolder,
    *,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """DeepFashion's fine annotations: 20,000 pictures, 26 attributes in six groups.

    Tasks: texture, sleeve, length, neckline, fabric, fit, category, landmarks.
    """
    import_layout(
        "deepfashion-fine", source, dataset, name=name, replace=replace, skip=skip_unreadable
    )


@import_deepfashion_app.command("deepfashion-info")
def import_info(
    source: Annotated[Path, typer.Argument(metavar="INFO.csv", help="The table.")],
    dataset: NewFolder,
    *,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder that holds img, or Img.", show_default="that of the table"),
    ] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(
            metavar="list_attr_cloth.txt",
            help="Names of the attributes.",
            show_default="beside the table, or DeepFashion's own",
        ),
    ] = None,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """The table info.csv that the code of Liu & Lu (2018) makes of DeepFashion's lists.

    Landmarks that a garment does not have are absent, though the table calls them visible at 0, 0.
    """
    import_layout(
        "deepfashion-info",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        images=images,
        attributes=attributes,
    )


@export_deepfashion_app.command("deepfashion-coarse")
def export_coarse(
    dataset: DatasetFolder,
    out: OutFolder,
    *,
    duplicates: Annotated[
        bool,
        typer.Option(
            "--duplicates",
            help="Of drawn garments: plant attributes under several names, as DeepFashion has.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Another seed, other names.", min=0)] = 0,
) -> None:
    """The layout of the benchmark, of a dataset that was it, or of drawn garments.

    With --duplicates, planted_duplicates.json says which names are one.
    """
    export_layout("deepfashion-coarse", dataset, out, duplicates=duplicates, seed=seed)


@export_deepfashion_app.command("deepfashion-fine")
def export_fine(dataset: DatasetFolder, out: OutFolder) -> None:
    """The fine annotations, of a dataset that was them, or of garments drawn as fine."""
    export_layout("deepfashion-fine", dataset, out)


@export_deepfashion_app.command("deepfashion-info")
def export_info(dataset: DatasetFolder, out: OutFolder) -> None:
    """The table info.csv and its pictures, of a dataset of the benchmark, or drawn garments."""
    export_layout("deepfashion-info", dataset, out)
