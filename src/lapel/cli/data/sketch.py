"""``lapel data import sketch``: garments that Lapel draws itself, with every kind of label."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.data.importing import Name, NewFolder, Replace, print_dataset
from lapel.storage.machine import usable_cores

sketch_app = typer.Typer()

#: The most garments of a scene.
SCENE = 4


@sketch_app.command("sketch")
def import_sketch(
    count: Annotated[int, typer.Argument(metavar="N", help="How many pictures.", min=1)],
    dataset: NewFolder,
    *,
    seed: Annotated[int, typer.Option(help="Another seed, other pictures.", min=0)] = 0,
    size: Annotated[int, typer.Option(help="Width and height in pixels.")] = 256,
    several: Annotated[
        int | None,
        typer.Option(
            help="The most garments that one picture holds.", metavar="K", show_default="1"
        ),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK,...",
            help="Places that are labels, too: landmarks, parsing (pixels), garments (each for "
            "itself); repeat it, or separate by commas.",
            show_default=False,
        ),
    ] = None,
    scenes: Annotated[
        bool,
        typer.Option(
            "--scenes",
            help="Up to four garments a picture, with the places of all: the same as --several 4 "
            "--tasks landmarks,parsing,garments.",
        ),
    ] = False,
    points: Annotated[
        bool,
        typer.Option(
            "--points/--no-points", help="Whether garments have their landmarks, 8 to 39 each."
        ),
    ] = True,
    attributes: Annotated[
        str,
        typer.Option(help="Set of attribute groups: plain, or fine (DeepFashion's 26 in six)."),
    ] = "plain",
    uneven: Annotated[
        bool, typer.Option("--uneven", help="Draw some labels far more often than others.")
    ] = False,
    views: Annotated[
        int,
        typer.Option(
            help="Pictures that show the same garment, one after another.", metavar="K", min=1
        ),
    ] = 1,
    jobs: Annotated[
        int | None,
        typer.Option(help="Processes that draw.", show_default="one a core"),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png", help="Write a contact sheet of the first 48.", show_default=False
        ),
    ] = None,
    marked: Annotated[
        bool, typer.Option("--marked", help="Draw the labels on the contact sheet, too.")
    ] = False,
    name: Name = None,
    replace: Replace = False,
) -> None:
    """Drawn garments: category, attributes, tags; on demand places of garments, too.

    Every label is exact, since it decided what was drawn. The same seed gives the same pictures,
    and the first hundred of a thousand are those of a hundred.
    """
    from lapel.cli.progress import track
    from lapel.data.sketch.picture import Options
    from lapel.data.sketch.places import PLACE_TASKS
    from lapel.data.sketch.sheet import kind_of_sheet, write_sheet
    from lapel.data.sketch.writing import sketch_dataset

    wanted = [word.strip() for entry in tasks or () for word in entry.split(",")]
    options = Options(
        seed=seed,
        size=size,
        several=(SCENE if scenes else 1) if several is None else several,
        attributes=attributes,
        uneven=uneven,
        views=views,
        tasks=tuple(wanted) or (PLACE_TASKS if scenes else ()),
        points=points,
    )
    if sheet is not None:
        kind_of_sheet(sheet)  # said now, not after the work
    # A process takes longer to start than a hundred pictures take to draw.
    jobs = jobs or max(1, min(usable_cores(), count // 100))
    made = sketch_dataset(
        dataset,
        count,
        options=options,
        name=name or "sketch",
        jobs=jobs,
        replace=replace,
        track=track,
    )
    print_dataset(made)
    if sheet is not None:
        write_sheet(sheet, min(count, 48), options, marked=marked)
        print(f"A contact sheet to look at: {sheet}")
