"""``lapel review``: people confirm or mend a model's answers, most doubtful first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.console import complain, shown
from lapel.cli.engine_option import EngineOption
from lapel.schema.counting import counted

if TYPE_CHECKING:
    from lapel.data.dataset import Dataset
    from lapel.evaluation.review_round import Begun
    from lapel.review.store import ReviewStore

#: In words, by the name of an order.
ORDERS = {
    "random": "drawn at random, the same every time",
    "order": "in the order of the dataset",
    "disagreement": "those first that disagree most with the labels that stand",
}


def review(
    dataset: Annotated[
        Path, typer.Argument(help="Dataset whose photos are asked about.", show_default=False)
    ],
    *,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            help="Bundle or run whose answers are proposed; without one the labels that stand are.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Photos of one split alone.", show_default="all but test"),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="Ask this alone; repeat it.", show_default="all that the model answers"),
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="How many photos.", show_default="all")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="ORDER",
            help="entropy, margin, least-confident, disagreement (with the labels that stand), "
            "random, or order (of the dataset).",
            show_default="entropy; random without a model",
        ),
    ] = None,
    no_diverse: Annotated[
        bool, typer.Option("--no-diverse", help="Do not keep near-twins apart.")
    ] = False,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Only photos that have no label yet.")
    ] = False,
    annotator: Annotated[
        str, typer.Option(help="The name that the page begins with.", show_default="it asks")
    ] = "",
    overlap: Annotated[
        int,
        typer.Option(
            min=1, help="How many people answer each photo, each without seeing the others."
        ),
    ] = 1,
    engine: EngineOption = "auto",
    host: Annotated[
        str, typer.Option(help="Address to listen at; another than loopback takes a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8081,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the token that people must enter.", show_default="$LAPEL_TOKEN"
        ),
    ] = None,
) -> None:
    """Open a page on which people confirm or mend answers, most doubtful first.

    Every answer is on the disk before it is acknowledged, in review.sqlite in the dataset's folder.
    Take the answers in with `lapel data import review`. The same command goes on with a round that
    is not finished; photos that were answered are not asked again about the same tasks.
    """
    from lapel.cli.extras import needs_extra

    with needs_extra("review", "lapel review"):
        from lapel.cli.tokens import token_of
        from lapel.data.dataset import Dataset
        from lapel.review.store import ReviewStore
        from lapel.review.tables import REVIEW_FILE
        from lapel.serving.review_app import review_app
        from lapel.serving.reviewing import Reviewing
        from lapel.serving.run import bound, run
        from lapel.serving.settings import Settings
        from lapel.storage.holding import held

    # Before photos are looked at: what is wrong with the command is said at once.
    settings = Settings(host=host, port=port, token=token_of(token_file))
    opened = Dataset.open(dataset)
    opened.own_folder()  # answers are kept beside the table
    with bound(settings):
        pass  # a round that nobody can be shown should not begin
    busy = (
        f"another `lapel review` asks about {opened.folder}, and its round would end; several "
        "people may answer on its page at once; or end it first"
    )
    lock = held(opened.folder / f"{REVIEW_FILE}.lock", busy=busy)
    with lock, ReviewStore(opened.folder / REVIEW_FILE) as store:
        begun = _begin(
            opened, store, model, engine, split, task, count, by,
            diverse=not no_diverse, unlabelled=unlabelled, overlap=overlap,
        )  # fmt: skip
        _print_round(store, begun)
        reviewing = Reviewing(
            store=store, read=opened.read, dataset=opened.name, annotator=annotator
        )
        run(review_app(reviewing, settings), settings, on_start=_say)
        _print_end(opened, store)


def _begin(
    dataset: Dataset,
    store: ReviewStore,
    model: Path | None,
    engine: str,
    split: str | None,
    tasks: list[str] | None,
    count: int | None,
    by: str | None,
    *,
    diverse: bool,
    unlabelled: bool,
    overlap: int,
) -> Begun:
    from lapel.cli.progress import track
    from lapel.evaluation.review_round import begin_review
    from lapel.inference.predictor import Predictor

    return begin_review(
        dataset,
        store,
        predictor=None if model is None else Predictor.load(model, engine=engine),
        tasks=tasks,
        split=split,
        count=count,
        by=by,
        diverse=diverse,
        unlabelled_only=unlabelled,
        overlap=overlap,
        track=track,
    )


def _print_round(store: ReviewStore, begun: Begun) -> None:
    from lapel.review.progress import progress_of

    progress = progress_of(store)
    settings = begun.round.settings
    by = settings["by"]
    words = ORDERS.get(by, f"most doubtful first, by {by}")
    words += ", near-twins apart" if begun.diverse and by not in ("random", "order") else ""
    if begun.resumed:
        print(f"Round {begun.round.number} goes on: {progress.done:,} of {progress.total:,} done")
    else:
        print(f"Round {begun.round.number}: {counted(progress.total, 'photo')}, {words}")
    proposed = f"the answers of {settings['model']}" if settings["model"] else "labels that stand"
    print(f"  asked: {shown(', '.join(spec.name for spec in begun.round.tasks))}; "
          f"proposed: {shown(proposed)}")  # fmt: skip
    if begun.unasked:
        print(f"  not asked, as the model does not answer it: {shown(', '.join(begun.unasked))}")
    if begun.unreadable:
        complain(f"left out {counted(len(begun.unreadable), 'photo')} that cannot be read:")
        for one in begun.unreadable[:20]:
            complain(f"    {one.image}: {one.fault}")
    print(f"  answers are kept in {store.path}, as soon as they are given", flush=True)


def _say(url: str) -> None:
    print(f"Open {url}/ in a browser; Ctrl+C ends", flush=True)


def _print_end(dataset: Dataset, store: ReviewStore) -> None:
    from lapel.review.progress import progress_of

    progress = progress_of(store)
    print(f"{progress.done:,} of {progress.total:,} photos done")
    for name, (answered, skipped) in progress.people.items():
        print(f"  {shown(name)}: {answered:,} answered, {skipped:,} passed over")
    for one in progress.tasks:
        if one.accepted is not None:
            print(f"  {shown(one.task)}: {one.accepted:.1%} taken as proposed")
    if progress.people:
        print(f"Take them in: lapel data import review {dataset.folder}")
