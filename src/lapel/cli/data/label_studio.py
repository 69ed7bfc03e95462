"""``lapel data import`` and ``export`` of Label Studio's projects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.data.exporting import DatasetFolder, OutFolder, Tasks, export_layout, words
from lapel.cli.data.importing import Name, NewFolder, Replace, Skip, import_layout
from lapel.cli.label_studio_options import Project, TokenFile

import_label_studio_app = typer.Typer()
export_label_studio_app = typer.Typer()


@import_label_studio_app.command("label-studio")
def import_label_studio(
    source: Annotated[
        Path,
        typer.Argument(
            help="The export in JSON, or a folder of export.json, config.xml and images. With "
            "--url: the folder to fetch these to."
        ),
    ],
    dataset: NewFolder,
    *,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of the pictures.", show_default="images, beside the export"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="The labelling configuration.", show_default="config.xml, beside the export"
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            metavar="DATASET",
            help="A dataset whose tasks and labels these are, in its order.",
            show_default="as the configuration has them",
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONTROL=KIND",
            help="A control that is another kind of task: polygons a segmentation, brushes "
            "garments; repeat it.",
            show_default=False,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Label Studio itself: its project is fetched first.", show_default=False),
    ] = None,
    project: Project = None,
    token_file: TokenFile = None,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Take annotations that are wrong as not made.")
    ] = False,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """Label Studio: choices, taxonomies, ratings, key points, boxes, polygons, brushes.

    Of a project's export in JSON (not JSON-MIN). Tasks that nobody annotated stay, without labels.
    """
    if url is not None:
        from lapel.cli.label_studio_options import label_studio
        from lapel.cli.progress import track
        from lapel.serving.label_studio.fetching import fetch_project

        with label_studio(url, token_file) as service:
            fetch_project(service, _named(project), source, track=track)
    import_layout(
        "label-studio",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        images=images,
        config=config,
        like=like,
        kind=tuple(kind or ()),
        skip_broken=skip_broken,
        skip_missing=skip_unreadable,
    )


def _named(project: int | None) -> int:
    if project is None:
        raise typer.BadParameter("name the project's number", param_hint="--project")
    return project


@export_label_studio_app.command("label-studio")
def export_label_studio(
    dataset: DatasetFolder,
    out: OutFolder,
    *,
    task: Tasks = None,
    split: Annotated[
        str | None, typer.Option(help="Write one split alone.", show_default="all")
    ] = None,
    labels: Annotated[
        str,
        typer.Option(
            metavar="annotations|predictions|nothing",
            help="What labels that are known become: done work, what people confirm, or nothing.",
        ),
    ] = "annotations",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="PREFIX",
            help="What stands before pictures' names in the tasks, such as s3://bucket/.",
            show_default="/data/local-files/?d=OUT/",
        ),
    ] = None,
) -> None:
    """Label Studio: config.xml made from the dataset's tasks, tasks.json, and images."""
    export_layout(
        "label-studio",
        dataset,
        out,
        task=words(task),
        split=split,
        labels=labels,
        address=address,
    )
