"""``lapel data shards``: a dataset as tar files, to stream from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.console import shown
from lapel.schema.counting import counted
from lapel.schema.counting import size as in_words

shards_app = typer.Typer()


@shards_app.command("shards")
def shards(
    dataset: Annotated[
        Path, typer.Argument(help="The dataset: a folder or an address.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Argument(help="New folder, or an address: s3://bucket/NAME.", show_default=False),
    ],
    *,
    size: Annotated[str, typer.Option(help="Of a shard, at most.")] = "256MB",
    seed: Annotated[int, typer.Option(help="Of the order in which pictures are dealt.")] = 0,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of the dataset that stands there.")
    ] = False,
) -> None:
    """Write a dataset with its pictures as tar shards, as WebDataset reads them.

    The shards are a dataset, too: train, evaluate and predict take it where it lies. From S3 they
    are streamed: fetched ahead, and kept in a cache of limited size.
    """
    from lapel.cli.extras import needs_extra
    from lapel.cli.progress import track

    with needs_extra("data", "lapel data shards"):
        from lapel.data.shards import write_shards

    done = write_shards(dataset, out, size=size, seed=seed, replace_former=replace, track=track)
    pictures, files = counted(done.pictures, "picture"), counted(len(done.shards), "shard")
    print(f"{pictures} in {files}, {in_words(done.bytes)}: {shown(done.place)}")
