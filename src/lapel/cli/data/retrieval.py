"""``lapel data import`` of DeepFashion's benchmarks of retrieval and of landmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.data.importing import Name, NewFolder, Replace, Skip, import_layout

import_retrieval_app = typer.Typer()

Benchmark = Annotated[Path, typer.Argument(help="The benchmark's folder: Anno, Eval and Img.")]


@import_retrieval_app.command("deepfashion-in-shop")
def import_in_shop(
    source: Benchmark,
    dataset: NewFolder,
    *,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """DeepFashion, In-shop Clothes Retrieval: 52,712 pictures of 7,982 items.

    Queries and gallery are the test split, each picture with its role and item. Tasks: category,
    gender, clothes_type, pose, variation, colour, attributes, landmarks.
    """
    import_layout(
        "deepfashion-in-shop", source, dataset, name=name, replace=replace, skip=skip_unreadable
    )


@import_retrieval_app.command("deepfashion-consumer-to-shop")
def import_consumer_to_shop(
    source: Benchmark,
    dataset: NewFolder,
    *,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """DeepFashion, Consumer-to-shop Clothes Retrieval: 239,557 pictures of 33,881 items.

    Consumers' photos are queries, shops' are the gallery. Tasks: category, department,
    clothes_type, variation, one for each type of attributes, landmarks.
    """
    import_layout(
        "deepfashion-consumer-to-shop",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
    )


@import_retrieval_app.command("deepfashion-landmarks")
def import_landmarks(
    source: Benchmark,
    dataset: NewFolder,
    *,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """DeepFashion, Fashion Landmark Detection (FLD): 123,016 pictures, eight landmarks.

    Tasks: clothes_type, variation, landmarks. Joints of the wearers go to garments.jsonl.
    """
    import_layout(
        "deepfashion-landmarks", source, dataset, name=name, replace=replace, skip=skip_unreadable
    )
