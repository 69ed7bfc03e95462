"""``lapel predict BUNDLE FOLDER --out DIR``: a great many photos, into Parquet files in parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING, Any

import typer

from lapel.cli.console import EXIT_FAILED, complain, shown
from lapel.schema.counting import counted
from lapel.storage.places import in_addresses
from lapel.storage.places import is_remote as in_s3

if TYPE_CHECKING:
    from lapel.inference.bulk.predict import BulkRun, BulkSummary, Question
    from lapel.inference.pictures import Failure

#: Failures that are named on stderr; all of them stand in the column ``error``.
FAILURES_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Who does the work.

    Attributes:
        address: of a Ray cluster; None: one on this machine, for this command.
        workers: processes that answer; None: one a machine.
    """

    address: str | None
    workers: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The models as they were named on the command line.

    Attributes:
        bundle: the one; a picture where two were named by options.
        garments: finds garments.
        tags: reads them.
    """

    bundle: str
    garments: Path | None
    tags: Path | None

    def stages(self) -> tuple[Path, Path] | None:
        """The model that finds garments, and the one that reads them; None: one model answers.

        Raises:
            UsageError: one of two is missing.
        """
        from lapel.schema.errors import UsageError

        if self.garments is None and self.tags is None:
            return None
        if self.garments is None or self.tags is None:
            raise UsageError(
                "--garments and --tags go together: one model finds garments, the other reads "
                "them; to find them alone: lapel predict DETECTOR PICTURES"
            )
        return self.garments, self.tags

    def question(self, how: Mapping[str, Any]) -> Question:
        """How pictures are answered with them.

        Raises:
            UsageError: one of two is missing.
        """
        from lapel.inference.bulk.predict import Question

        stages = self.stages()
        if stages is None:
            return Question(bundle=self.bundle, **how)
        finder, reader = stages
        return Question(bundle=str(finder), tags=str(reader), **how)


def is_folder(out: Path | None) -> bool:
    """Whether answers go into a folder: one that is there, or a name without an ending."""
    return out is not None and (out.is_dir() or not out.suffix)


def predict_bulk(
    paths: Sequence[str],
    out: Path | None,
    *,
    model: Model,
    how: Mapping[str, Any],
    boxes: Path | None,
    part_rows: int | None,
    share: str | None,
    cluster: Cluster | None,
    keep_going: bool,
    unfit: Mapping[str, object],
) -> None:
    """Answer for pictures into a folder, and say how it goes.

    Args:
        paths: pictures, folders, patterns; with a cluster also addresses of stores.
        out: the folder.
        model: what answers.
        how: further values of a :class:`lapel.inference.bulk.predict.Question`.
        boxes: file of the garments' boxes.
        part_rows: pictures of a part.
        share: as ``2/8``: only this stretch of the pictures.
        cluster: who does the work; None: this process.
        keep_going: end well even if some pictures cannot be read.
        unfit: options that have no meaning here, with their values.

    Raises:
        UsageError: options that do not go together.
        typer.Exit: some pictures could not be read, or a signal ended the work.
    """
    from lapel.cli.box_files import boxes_of, say_seen_whole
    from lapel.cli.engine_option import say_engine
    from lapel.inference.bulk.folder import PART_ROWS
    from lapel.inference.bulk.predict import bulk_run, models_of

    folder = _checked(out, unfit)
    pictures, roots = _pictures(paths, cluster)
    if share is not None:
        from lapel.inference.bulk.shares import share_of

        pictures = share_of(pictures, share)
    places = None if boxes is None else boxes_of(pictures, boxes)
    question = model.question(how)
    with bulk_run(
        folder, question, pictures, boxes=places, part_rows=part_rows or PART_ROWS
    ) as run:
        for one in models_of(run.predictor):
            say_engine(one)
        if places is None and question.tags is None:
            say_seen_whole(models_of(run.predictor)[0].bundle.preprocess, len(pictures))
        _say_kept(run)
        stopped = _work(run, cluster, roots)
        summary = run.summary()
    _say(summary, total=len(pictures), stopped=stopped)
    if stopped:
        raise typer.Exit(128 + stopped)
    if summary.failed == summary.pictures or (summary.failed and not keep_going):
        raise typer.Exit(EXIT_FAILED)


def _checked(out: Path | None, unfit: Mapping[str, object]) -> Path:
    from lapel.schema.errors import UsageError

    if out is None or not is_folder(out):
        raise UsageError(
            "--ray, --address, --workers, --share and --part-rows are for answers in parts: name a "
            "folder with --out"
        )
    for option, value in unfit.items():
        if value is not None:
            remedy = "add --ray" if option in {"--address", "--workers"} else "leave it out"
            raise UsageError(f"{option} does not go with answers in parts; {remedy}")
    return out


def _pictures(paths: Sequence[str], cluster: Cluster | None) -> tuple[list[str], list[str]]:
    """Names of all pictures, and the addresses among what was asked."""
    from lapel.inference.bulk.remote_pictures import RemotePictures, is_remote
    from lapel.inference.finding import find_pictures
    from lapel.schema.errors import UsageError

    # A cluster reads through pyarrow; without one, we read S3 ourselves.
    roots = [path for path in paths if is_remote(path) and (cluster or not in_s3(path))]
    if roots and cluster is None:
        raise UsageError(f"{roots[0]} lies in a store; add --ray, which reads from there")
    near = [path for path in paths if path not in roots]
    absent = [path for path in near if not (in_s3(path) or Path(path).exists() or has_magic(path))]
    if absent:  # a wrong name should not become a row of a hundred thousand
        raise UsageError(f"{absent[0]} does not exist; nothing was written")
    found = find_pictures(near) if near or not roots else []
    return [*found, *(RemotePictures(roots).find() if roots else ())], roots


def _work(run: BulkRun, cluster: Cluster | None, roots: Sequence[str]) -> int:
    """Do what is missing.

    Returns:
        The number of the signal that ended it; 0: none did.
    """
    from lapel.cli.progress import track
    from lapel.inference.pictures import Failure
    from lapel.training.stopping import watching_signals

    failures = 0
    with watching_signals() as stop:
        for result in track(_results(run, cluster, roots), run.todo, "Predicting"):
            if isinstance(result, Failure):
                failures += 1
                _name(result, failures)
            if stop.received:
                break
    return stop.received or 0


def _results(run: BulkRun, cluster: Cluster | None, roots: Sequence[str]) -> Iterable[object]:
    if cluster is None:
        return run.results()
    from lapel.inference.bulk.ray_data import results_with_ray

    return results_with_ray(run, address=cluster.address, workers=cluster.workers, roots=roots)


def _name(failure: Failure, number: int) -> None:
    if number <= FAILURES_NAMED:
        complain(f"{failure.image}: {failure.fault}")
    if number == FAILURES_NAMED:
        complain("further ones are not named here; the column `error` has them all")


def _say_kept(run: BulkRun) -> None:
    for name in run.folder.damaged:
        complain(f"{name} is not what was written; it is made anew")
    if run.kept:
        before = "was" if run.kept == 1 else "were"
        print(
            f"{counted(run.kept, 'picture')} {before} done before; going on with {run.todo:,}",
            flush=True,
        )


def _say(summary: BulkSummary, *, total: int, stopped: int) -> None:
    place = shown(in_addresses(summary.folder))
    if stopped:
        complain(
            f"stopped by {Signals(stopped).name}: {summary.pictures:,} of "
            f"{counted(total, 'picture')} done, in {place}; the same command goes on"
        )
        return
    answered = summary.pictures - summary.failed
    files, rows = counted(summary.parts, "file"), counted(summary.rows, "row")
    print(f"{counted(answered, 'picture')} answered in {place}: {files}, {rows}")
    if summary.failed:
        complain(
            f"{summary.failed:,} of {counted(total, 'picture')} could not be read, and "
            f"{'has a row' if summary.failed == 1 else 'have rows'} that say why: column `error`"
        )
