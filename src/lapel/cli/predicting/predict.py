"""``lapel predict``: photos in, answers out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.box_files import boxes_of, say_seen_whole
from lapel.cli.console import shown
from lapel.cli.engine_option import EngineOption, say_engine
from lapel.cli.predicting.bulk import Cluster, Model, is_folder, predict_bulk
from lapel.cli.predicting.lines import answer_lines, answer_row, as_text, print_table, readable
from lapel.cli.predicting.results import Results, Wanted, drawn, give_answers, taken_down
from lapel.schema.errors import UsageError
from lapel.storage.local import refuse_unwritable, write_atomically
from lapel.storage.places import holds, puts

if TYPE_CHECKING:
    from rich.text import Text

    from lapel.inference.coco import CocoFile
    from lapel.inference.examined import Examined
    from lapel.inference.pictures import Failure
    from lapel.inference.predictor import Predictor
    from lapel.inference.two_stage import TwoStagePredictor
    from lapel.schema.prediction import Prediction
    from lapel.schema.read_garments import ReadGarment

#: Shown below the help; `--help` joins lines that no blank line parts.
EXAMPLE = """Example, after the demo:

lapel predict demo/run demo/photos --out answers.csv"""

#: Labels named in JSON where the user says nothing; tables name the best alone.
TOP_IN_JSON = 5


@puts("out", "draw", "coco", even_if_cut=True)
def predict(
    bundle: Annotated[
        str,
        typer.Argument(
            help="The model: a bundle, or the run that made it. With --garments and --tags leave "
            "it out."
        ),
    ],
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            help="Pictures, folders of them, patterns ('shoes/**/*.jpg'), or a dataset: then the "
            "pictures of its rows.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="File for the answers: .csv, .jsonl or .parquet; or a folder for a great many: "
            "Parquet in parts, and the same command goes on where it was stopped.",
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(min=1, help="How many of the best labels to name.  [1; in JSONL 5]"),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Exit 0 even if some pictures cannot be read.")
    ] = False,
    batch: Annotated[
        int, typer.Option(min=1, help="Pictures at a time: changes speed and memory, no answer.")
    ] = 32,
    boxes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Where the garments are: image,left,top,width,height in pixels; for models that "
            "look at that part alone.",
        ),
    ] = None,
    draw: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the pictures with the answers drawn on them, and for masks.",
        ),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(
            metavar="SIZE",
            min=1,
            help="Look at larger photos in overlapping tiles of nearly SIZE pixels; for models "
            "that answer pixel by pixel alone.",
        ),
    ] = None,
    garments: Annotated[
        Path | None,
        typer.Option(
            metavar="DETECTOR",
            help="A model that finds garments: each is cut out, and read by the model of --tags.",
        ),
    ] = None,
    tags: Annotated[
        Path | None,
        typer.Option(metavar="TAGGER", help="The model that reads what --garments finds."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE",
            help="The score, 0 to 1, from which garments are told, instead of the model's own.",
            show_default=False,
        ),
    ] = None,
    coco: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json", help="File for the garments that were found, in COCO's form."
        ),
    ] = None,
    engine: EngineOption = "auto",
    part_rows: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Pictures of a part, with a folder for --out.  [10000]",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        str | None,
        typer.Option(
            metavar="N/M",
            help="With a folder for --out: answer the N-th of M stretches of the pictures alone; "
            "another machine the next.",
            show_default=False,
        ),
    ] = None,
    ray: Annotated[
        bool,
        typer.Option(
            "--ray", help="Have a Ray cluster answer, into a folder; pictures may lie in s3://."
        ),
    ] = False,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="With --ray: the cluster, or 'auto' for one that is known here; without it, a "
            "cluster on this machine for this command.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="With --ray: processes that answer.  [one a machine]", show_default=False
        ),
    ] = None,
) -> None:
    """Say what is on photos.

    Pictures that cannot be read are named on stderr and passed over; the exit code is then 1,
    or 0 with --keep-going.
    """
    from lapel.inference.finding import find_pictures
    from lapel.inference.predictor import Predictor

    model = Model(bundle=bundle, garments=garments, tags=tags)
    stages = model.stages()
    if stages is None and not paths:
        raise typer.BadParameter("name pictures after the model", param_hint="PATHS")
    if is_folder(out) or part_rows or share or ray or address or workers:
        given = list(paths or ())
        if stages is not None:
            given.insert(0, bundle)
        predict_bulk(
            [one for path in given for one in _of_dataset(path, by_cluster=ray)],
            out,
            model=model,
            how={
                "top": top or 1,
                "engine": engine,
                "batch": batch,
                "threshold": threshold,
                "tile": tile,
            },
            boxes=boxes,
            part_rows=part_rows,
            share=share,
            cluster=Cluster(address=address, workers=workers) if ray else None,
            keep_going=keep_going,
            unfit={"--draw": draw, "--coco": coco}
            | ({} if ray else {"--address": address, "--workers": workers}),
        )
        return
    best = top or (TOP_IN_JSON if out and out.suffix.lower() == ".jsonl" else 1)
    asked = list(paths or ())
    wanted = Wanted(out=out, draw=draw, coco=coco, keep_going=keep_going)
    if stages is not None:
        from lapel.cli.predicting.garments import predict_garments

        if boxes is not None or tile is not None:
            raise UsageError(
                "with --garments the model itself says where to look: leave out --boxes and --tile"
            )
        both = _two_stages(stages, batch, threshold, engine)
        pictures = find_pictures(one for path in (bundle, *asked) for one in _of_dataset(path))
        predict_garments(both, pictures, wanted, top=best)
        return
    pictures = find_pictures(one for path in asked for one in _of_dataset(path))
    predictor = Predictor.load(bundle, engine=engine, batch=batch, threshold=threshold)
    say_engine(predictor)
    if coco is not None:
        refuse_unwritable(coco)  # before the work: it is written after the last picture
    file = None if coco is None else _coco_file(predictor)
    places = None if boxes is None else boxes_of(pictures, boxes)
    if places is None:
        say_seen_whole(predictor.bundle.preprocess, len(pictures))
    found: Iterable[Prediction | Failure]
    if draw is None:
        found = predictor.predict(pictures, boxes=places, top=best, tile=tile)
    else:
        examined = predictor.examine(pictures, boxes=places, top=best, tile=tile)
        masks = [spec.name for spec in predictor.schema if spec.kind == "segmentation"]
        found = _drawn(examined, pictures, draw, masks)
    results: Results[Prediction] = Results(taken_down(found, file, _garments_of))
    total = len(pictures)
    give_answers(results, wanted, file, total=total, table=_print_table, lines=_print_lines)


def _two_stages(
    stages: tuple[Path, Path], batch: int, threshold: float | None, engine: str
) -> TwoStagePredictor:
    from lapel.inference.two_stage import TwoStagePredictor

    both = TwoStagePredictor.load(*stages, engine=engine, batch=batch, threshold=threshold)
    for predictor in (both.detector, both.tagger):
        say_engine(predictor)
    return both


def _coco_file(predictor: Predictor) -> CocoFile:
    """What gathers a model's garments.

    Raises:
        UsageError: it finds none.
    """
    from lapel.inference.coco import CocoFile

    there = [spec for spec in predictor.schema if spec.kind == "garments"]
    if len(there) != 1:
        raise UsageError(
            f"--coco is for models with one task of kind garments; {predictor.bundle.name} has "
            f"{len(there)}; leave it out"
        )
    return CocoFile(there[0], model=predictor.bundle.name)


def _garments_of(prediction: Prediction) -> list[ReadGarment]:
    from lapel.schema.prediction import GarmentsAnswer
    from lapel.schema.read_garments import ReadGarment

    found = [one for one in prediction.answers.values() if isinstance(one, GarmentsAnswer)]
    return [ReadGarment(found=one) for answer in found for one in answer.each]


def _of_dataset(path: str, *, by_cluster: bool = False) -> list[str]:
    """The pictures of a dataset, where a path leads to one; else the path as it is."""
    # What a cluster reads by itself may need options of its own, and is not looked at here.
    if (by_cluster and "://" in path) or not holds(path, "dataset.json"):
        return [path]
    from lapel.cli.extras import needs_extra

    with needs_extra("data", "lapel predict on a dataset"):
        from lapel.data.listed_pictures import dataset_pictures

        return dataset_pictures(path)


def _drawn(
    results: Iterable[Examined | Failure], pictures: list[str], folder: Path, masks: list[str]
) -> Iterator[Prediction | Failure]:
    """The predictions, each drawn on its way, with masks of some tasks as files of their own."""
    from lapel.inference.drawing import draw_prediction, drawing_paths
    from lapel.inference.drawn_masks import mask_files
    from lapel.inference.pictures import Failure

    paths = drawing_paths(pictures, folder, masks=masks)
    examined = drawn(results, pictures, paths, draw_prediction)
    for result, path in zip(examined, paths, strict=True):
        if isinstance(result, Failure):
            yield result
            continue
        for file, content in mask_files(path, result.prediction):
            write_atomically(file, content)
        yield result.prediction


def _print_table(predictions: Iterable[Prediction]) -> None:
    print_table(("image", "task", "answer", "probability"), map(_rows, predictions))


def _print_lines(predictions: Iterable[Prediction]) -> None:
    """``IMAGE task label probability``, with tabs between, a line an answer; of landmarks a line
    each: ``IMAGE task name x y probability`` that it can be seen; of classes of pixels a line each
    that occurs: ``IMAGE task class share``; of garments a line each: ``IMAGE task label left top
    width height probability``.
    """
    for prediction in predictions:
        for task, answer in prediction.answers.items():
            for cells in answer_lines(task, answer):
                print("\t".join(map(shown, (prediction.image, task, *map(as_text, cells)))))


def _rows(prediction: Prediction) -> list[tuple[Text, ...]]:
    """A row an answer, as many lines high as it names labels; the image stands at the first."""
    return [
        answer_row(("" if place else prediction.image, task), readable(answer))
        for place, (task, answer) in enumerate(prediction.answers.items())
    ]
