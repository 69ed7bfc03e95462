"""``lapel data import`` and ``export`` of layouts that say what each pixel is, and COCO files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.data.exporting import DatasetFolder, OutFolder, Tasks, export_layout, words
from lapel.cli.data.garments import Parsing
from lapel.cli.data.importing import Name, NewFolder, Replace, Skip, import_layout

import_masks_app = typer.Typer()
export_masks_app = typer.Typer()

Groups = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|clothing-co-parsing",
        help="Join classes: a table with the columns class and group, or one that is shipped.",
        show_default=False,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME,...",
        help="Class or group whose pixels become unknown; repeat it, or separate by commas.",
        show_default=False,
    ),
]
TestLast = Annotated[
    int, typer.Option(metavar="N", min=0, help="The last N photos, by name, are the test split.")
]


@import_masks_app.command("masks")
def import_masks(
    source: Annotated[Path, typer.Argument(help="Folder of photos and of label maps.")],
    dataset: NewFolder,
    *,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="List of the classes: CSV with id,name (and r,g,b), JSON, or text.",
            show_default="labels.csv or the like in SOURCE",
        ),
    ] = None,
    photos: Annotated[
        str | None,
        typer.Option(help="Folder of the photos in SOURCE.", show_default="photos, images ..."),
    ] = None,
    masks: Annotated[
        str | None,
        typer.Option(help="Folder of the label maps in SOURCE.", show_default="masks, labels ..."),
    ] = None,
    task: Annotated[str, typer.Option(help="What the classes answer.")] = "parsing",
    suffix: Annotated[
        str, typer.Option(help="What names of maps have after those of photos, as _segm.")
    ] = "",
    groups: Groups = None,
    ignore: Ignore = None,
    test_last: TestLast = 0,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Keep photos without a label map.")
    ] = False,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """Photos with a PNG each whose values, or colours, are classes of pixels.

    Maps are called like their photos. Folders train, valid, test may stand in both folders, or
    above them. The value 255 is unknown unless the list names it.
    """
    import_layout(
        "masks",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        labels=labels,
        photos=photos,
        masks=masks,
        task=task,
        suffix=suffix,
        groups=groups,
        ignore=words(ignore) or (),
        test_last=test_last,
        unlabelled=unlabelled,
    )


@import_masks_app.command("clothing-co-parsing")
def import_clothing_co_parsing(
    source: Annotated[Path, typer.Argument(help="Folder of photos, annotations, label_list.mat.")],
    dataset: NewFolder,
    *,
    groups: Groups = None,
    ignore: Ignore = None,
    test_last: TestLast = 0,
    tagged: Annotated[
        bool,
        typer.Option("--tagged", help="Keep the photos with tags alone, too, and ask for tags."),
    ] = False,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """Clothing Co-Parsing: street photos with a class of 59 for every pixel.

    Label maps are files of MATLAB's. `--groups clothing-co-parsing` joins the 59 to twelve.
    """
    import_layout(
        "clothing-co-parsing",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        groups=groups,
        ignore=words(ignore) or (),
        test_last=test_last,
        tagged=tagged,
    )


@import_masks_app.command("coco")
def import_coco(
    source: Annotated[Path, typer.Argument(help="FILE.json, or a folder of such files.")],
    dataset: NewFolder,
    *,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder that image names are relative to.", show_default="found"),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(help="A further FILE.json, of the validation split.", show_default=False),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(help="A further FILE.json, of the test split.", show_default=False),
    ] = None,
    task: Annotated[str, typer.Option(help="What the garments answer.")] = "garments",
    holes: Annotated[
        bool, typer.Option("--holes", help="An outline within another is a hole.")
    ] = False,
    parsing: Parsing = False,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave out annotations that are wrong.")
    ] = False,
    name: Name = None,
    skip_unreadable: Skip = False,
    replace: Replace = False,
) -> None:
    """COCO's JSON of any tool: boxes, outlines, masks, keypoints of each garment.

    Without --validation and --test a folder's files are told apart by their names, or by the
    folders train, valid and test that they lie in.
    """
    import_layout(
        "coco",
        source,
        dataset,
        name=name,
        replace=replace,
        skip=skip_unreadable,
        images=images,
        validation=validation,
        test=test,
        task=task,
        holes=holes,
        parsing=parsing,
        skip_broken=skip_broken,
        skip_missing=skip_unreadable,
    )


@export_masks_app.command("masks")
def export_masks(dataset: DatasetFolder, out: OutFolder, *, task: Tasks = None) -> None:
    """Photos and indexed PNG files of their classes, with labels.csv."""
    export_layout("masks", dataset, out, task=words(task))


@export_masks_app.command("coco")
def export_coco(
    dataset: DatasetFolder,
    out: Annotated[Path, typer.Argument(metavar="OUT.json", help="File to write.")],
    *,
    split: Annotated[
        str | None, typer.Option(help="Which images.", show_default="all together")
    ] = None,
    task: Tasks = None,
) -> None:
    """Garments as COCO's JSON: outlines or run lengths, boxes, areas, keypoints."""
    export_layout("coco", dataset, out, split=split, task=words(task))
