"""``lapel search``: pictures found by pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.box_files import boxes_of, say_seen_whole
from lapel.cli.console import EXIT_FAILED, complain, shown
from lapel.cli.engine_option import EngineOption
from lapel.schema.counting import counted
from lapel.storage.places import in_addresses, puts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lapel.evaluation.search import SearchEvaluation
    from lapel.inference.pictures import Failure
    from lapel.retrieval.index import Answer, IndexedPicture, SearchIndex
    from lapel.retrieval.sheet import SheetLine
    from lapel.schema.geometry import Box

    Pixels = Callable[[str], NDArray[np.uint8]]

search_app = typer.Typer(
    help="Find pictures by a picture: what is alike, and which shows the same item.",
    no_args_is_help=True,
)

#: Shown below the help; `--help` joins lines that no blank line parts.
BUILD_EXAMPLE = """Example, after the demo:

lapel search build demo/run demo/fashion-mnist demo/index --split test"""

#: Numbers that are printed; all of them are in metrics.json.
PRINTED = (
    "hit_rate_at_1", "hit_rate_at_5", "hit_rate_at_10", "hit_rate_at_20", "hit_rate_at_50",
    "recall_at_20", "map_at_r", "mrr", "ndcg_at_20",
)  # fmt: skip

Replace = Annotated[
    bool, typer.Option("--replace", help="Take the place of what stands in the folder.")
]
Whole = Annotated[
    bool,
    typer.Option(
        "--whole", help="Look at whole pictures, also with a model that looks at garments' boxes."
    ),
]


@search_app.command("build", epilog=BUILD_EXAMPLE)
def build(
    bundle: Annotated[Path, typer.Argument(help="The model: a bundle, or the run that made it.")],
    dataset: Annotated[Path, typer.Argument(help="The dataset whose pictures can be found then.")],
    index: Annotated[Path, typer.Argument(help="Folder for the index.")],
    *,
    split: Annotated[
        str | None, typer.Option(help="Index the pictures of this split alone.", show_default="all")
    ] = None,
    everything: Annotated[
        bool,
        typer.Option("--queries-too", help="Index a benchmark's queries too, not its gallery."),
    ] = False,
    kind: Annotated[
        str,
        typer.Option(help="exact, hnsw (the extra 'search'), or auto: exact up to 100,000."),
    ] = "auto",
    whole: Whole = False,
    replace: Replace = False,
) -> None:
    """Look at every picture of a dataset, and keep what a model sees in it as an index."""
    from lapel.cli.extras import needs_extra
    from lapel.cli.progress import track

    with needs_extra("data", "lapel search build"):
        from lapel.retrieval.build import build_index

    made = build_index(
        bundle,
        dataset,
        index,
        split=split,
        everything=everything,
        kind=kind,
        whole=whole,
        replace=replace,
        track=track,
    )
    facts = made.facts
    place = in_addresses(index)
    print(f"{facts['pictures']:,} pictures as vectors of {facts['width']} numbers in {place}")
    if facts["kind"] != "exact":
        print(f"A graph finds {100 * facts['recall']:.1f} % of what an exact search would find")
    for image, fault in facts["unreadable"][:20]:
        complain(f"left out: {image}: {fault}")


@search_app.command("query")
@puts("out", "sheet", even_if_cut=True)
def query(
    index: Annotated[Path, typer.Argument(help="The index, as `lapel search build` made it.")],
    paths: Annotated[
        list[str], typer.Argument(help="Pictures, folders of them, or patterns ('shoes/**/*.jpg').")
    ],
    *,
    count: Annotated[int, typer.Option("--count", "-k", help="Pictures to find.", min=1)] = 10,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File for what is found: .jsonl.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jpg", help="Write a contact sheet of what is found."),
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(help="For the sheet: where the dataset lies now, if it was moved."),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Where the garments are: image,left,top,width,height in pixels; for models that "
            "look at that part alone.",
        ),
    ] = None,
) -> None:
    """Find the pictures of an index that are most alike to some photos, the nearest first.

    Prints a line a picture found: the query, its place, its name, its item and the cosine of the
    angle between the two, with tabs between.
    """
    from lapel.inference.finding import find_pictures
    from lapel.retrieval.index import SearchIndex

    if out is not None and out.suffix.lower() != ".jsonl":
        raise typer.BadParameter(f"found {out}, expected a name that ends in .jsonl")
    opened = SearchIndex.open(index)
    pictures = find_pictures(paths)
    places: list[Box | None] = [] if boxes is None else boxes_of(pictures, boxes)
    if boxes is None:
        say_seen_whole(
            opened.embedder.bundle.preprocess,
            len(pictures),
            indexed_whole=bool(opened.facts.get("whole")),
        )
    found = list(_said(opened.query(pictures, count=count, boxes=places)))
    if out is not None:
        from lapel.storage.local import write_atomically

        lines = [json.dumps(answer.to_json(), ensure_ascii=False) + "\n" for answer in found]
        write_atomically(out, "".join(lines).encode())
        print(f"{len(found)} answers in {shown(in_addresses(out))}")
    else:
        _print_answers(found)
    if sheet is not None:
        _write_sheet(opened, found, sheet, dataset, dict(zip(pictures, places, strict=False)))
        print(f"A contact sheet to look at: {in_addresses(sheet)}")
    if len(found) < len(pictures):
        raise typer.Exit(EXIT_FAILED)


@search_app.command("evaluate")
@puts("out")
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="The model: a bundle, or the run that made it.")],
    dataset: Annotated[
        Path, typer.Argument(help="A dataset that says which pictures show the same item.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the numbers and a contact sheet.")
    ],
    *,
    split: Annotated[str, typer.Option(help="Whose queries are searched with.")] = "test",
    engine: EngineOption = "auto",
    whole: Whole = False,
    replace: Replace = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print metrics.json instead.")] = False,
) -> None:
    """Measure how well a model finds the same item again, by exact search.

    In-shop and Consumer-to-shop are searched by their own protocols; in other datasets with items
    each picture of the split is searched among all others. Writes metrics.json, queries.csv and
    sheet.jpg.
    """
    from lapel.cli.extras import needs_extra
    from lapel.cli.progress import track

    with needs_extra("data", "lapel search evaluate"):
        from lapel.evaluation.search import evaluate_search

    evaluation = evaluate_search(
        bundle,
        dataset,
        split=split,
        out=out,
        engine=engine,
        whole=whole,
        replace=replace,
        track=track,
    )
    if as_json:
        print(json.dumps(evaluation.to_json(), indent=2, ensure_ascii=True, allow_nan=False))
        return
    _print_evaluation(evaluation)
    for name in sorted(path.name for path in out.iterdir()):
        print(f"wrote {in_addresses(out / name)}")


def _said(results: Iterable[Answer | Failure]) -> Iterator[Answer]:
    """The answers; failures are said on the way."""
    from lapel.inference.pictures import Failure

    for result in results:
        if isinstance(result, Failure):
            complain(f"{result.image}: {result.fault}")
        else:
            yield result


def _print_answers(answers: Iterable[Answer]) -> None:
    for answer in answers:
        for place, one in enumerate(answer.found, start=1):
            cells = [answer.image, str(place), one.picture.image, one.picture.item or ""]
            print("\t".join([*map(shown, cells), f"{one.similarity:.4f}"]))


def _write_sheet(
    index: SearchIndex,
    answers: Iterable[Answer],
    sheet: Path,
    dataset: Path | None,
    boxes: Mapping[str, Box | None],
) -> None:
    from lapel.cli.extras import needs_extra

    with needs_extra("data", "a contact sheet"):
        from lapel.data.dataset import Dataset
        from lapel.retrieval.sheet import write_sheet

    pictures = Dataset.open(dataset or index.dataset)
    lines = [_line(answer, pictures.pixels, boxes.get(answer.image)) for answer in answers]
    write_sheet(sheet, lines)


def _line(answer: Answer, pixels: Pixels, box: Box | None) -> SheetLine:
    from lapel.imaging.decode import decode
    from lapel.retrieval.sheet import SheetLine, SheetPicture, short_name

    def called(picture: IndexedPicture) -> str:
        return picture.item or short_name(picture.image)

    return SheetLine(
        query=SheetPicture(
            pixels=decode(Path(answer.image).read_bytes(), name=answer.image),
            caption=short_name(answer.image),
            box=box,
        ),
        found=[
            SheetPicture(
                pixels=_if_there(pixels, one.picture.image),
                caption=f"{one.similarity:.3f}\n{called(one.picture)}",
            )
            for one in answer.found
        ],
    )


def _if_there(pixels: Pixels, image: str) -> NDArray[np.uint8] | None:
    """A picture that was indexed; None where it is gone since."""
    from lapel.schema.errors import ImageError, StorageError

    try:
        return pixels(image)
    except (ImageError, StorageError) as error:
        complain(str(error))
        return None


def _print_evaluation(evaluation: SearchEvaluation) -> None:
    from lapel.cli.benchmark_tables import print_tables

    print(shown(f"{evaluation.model}: {evaluation.protocol.about}"))
    for remark in evaluation.remarks:
        print(shown(remark))
    if evaluation.without_match:
        told = counted(evaluation.without_match, "query has", "queries have")
        print(f"{told} nothing to find, and no part in any number")
    print("measure\tvalue\t95 % interval")
    numbers = evaluation.told
    for name in (name for name in PRINTED if name in numbers):
        number = numbers[name]
        print(f"{name}\t{number.value:.4f}\t{number.low:.4f} to {number.high:.4f}")
    print_tables(evaluation.tables)
    if evaluation.unreadable:
        first = evaluation.unreadable[0]
        complain(
            f"pictures that could not be read and take no part: {len(evaluation.unreadable)}; "
            f"the first: {first.image}: {first.fault}"
        )
