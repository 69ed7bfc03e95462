"""What the commands of ``lapel data export`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lapel.cli.console import shown
from lapel.schema.counting import counted
from lapel.storage.places import in_addresses

DatasetFolder = Annotated[Path, typer.Argument(help="Folder of the dataset.", show_default=False)]
OutFolder = Annotated[Path, typer.Argument(help="Folder to make.", show_default=False)]
Tasks = Annotated[
    list[str] | None,
    typer.Option("--task", help="Task to write; repeat it, or separate by commas."),
]


def words(entries: list[str] | None) -> list[str] | None:
    """Options that were repeated or hold commas, word by word; None where none was given."""
    return [word.strip() for entry in entries or [] for word in entry.split(",")] or None


def export_layout(
    layout: str,
    dataset: Path,
    out: Path,
    **options: Any,  # noqa: ANN401 - each exporter has its own
) -> None:
    """Write a dataset as a layout, and say what was written."""
    from lapel.cli.progress import track
    from lapel.data.export import export_dataset

    done = export_dataset(layout, dataset, out, track=track, **options)
    where = shown(in_addresses(done.path))
    print(f"{counted(done.images, 'image')} in the layout '{layout}': {where}")
    for note in done.notes:
        print(f"  {shown(note)}")
    if done.image_root is not None:
        print(f"  image names are relative to {shown(done.image_root)}")
    if done.left_out:
        print(f"left out {counted(done.left_out, 'image')} without the labels that it needs")
