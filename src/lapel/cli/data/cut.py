"""``lapel data cut``: the garments of a dataset, each in a picture of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.data.importing import Name, NewFolder, print_dataset

cut_app = typer.Typer()


@cut_app.command("cut")
def cut(
    source: Annotated[Path, typer.Argument(help="Dataset with a task of kind garments.")],
    dataset: NewFolder,
    *,
    margin: Annotated[
        float, typer.Option(min=0, help="Of a box's width and height, cut beyond each edge.")
    ] = 0.25,
    least: Annotated[
        int, typer.Option(min=1, help="Leave out narrower or lower garments, in pixels.")
    ] = 16,
    name: Name = None,
) -> None:
    """Cut the garments out of their pictures: a dataset to learn a tagger on.

    Its tasks are category, and the single labels that are known of each garment alone. Boxes are
    kept: learn with preprocess.crop_to_box, and the tagger reads what a detector finds.
    """
    from lapel.cli.progress import track
    from lapel.data.cutting import cut_garments
    from lapel.data.dataset import Dataset

    made = cut_garments(
        Dataset.open(source), dataset, margin=margin, least=least, name=name, track=track
    )
    print_dataset(made)
