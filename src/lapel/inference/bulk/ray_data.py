"""The parts of a folder of answers, made by many machines: Ray Data deals them out.

Each worker holds the models and answers one part after another; the rows of a part come back as the
file that they are, and this process keeps them. A worker that dies is replaced and its part made
again, so that a part is there once or, where the work was stopped, not at all. Nothing but this
process writes, and the models travel with the work: the machines need Lapel, not the bundle.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lapel.inference.answer_rows import Answered, Row, parquet_of, rows_with_error
from lapel.inference.bulk.predict import AnyPredictor, BulkRun, Question, models_of
from lapel.inference.bulk.remote_pictures import RemotePictures, is_remote
from lapel.inference.bundle import MANIFEST
from lapel.inference.pictures import Failure
from lapel.schema.errors import LapelError, MissingExtraError, UsageError
from lapel.schema.geometry import Box

#: Packages whose version decides the last digits of an answer.
DECISIVE = ("lapel", "numpy", "onnxruntime", "pillow", "polars")

#: Bytes of shared memory of a cluster that lives for one call: parts are small.
SHARED_MEMORY = 512 << 20

#: Seconds in which whoever listens at a cluster's address has taken a connection.
ANSWERS_WITHIN = 10.0

#: Ray tells its makers about its use, and everybody how it goes, unless it is told not to before it
#: is loaded.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}

#: Parts that wait at a worker while it makes one, so that it never waits for the next.
IN_FLIGHT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a worker has to know, as plain values.

    Attributes:
        question: how pictures are answered.
        models: the files of each bundle, name to bytes.
        asked: what the answers depend on, as the process that deals out the work sees it.
        columns: of the table.
        home: folder from which names of files lead.
        roots: addresses of stores.
        versions: of packages that decide the last digits.
    """

    question: Question
    models: Sequence[Mapping[str, bytes]]
    asked: Mapping[str, Any]
    columns: Mapping[str, str]
    home: str
    roots: Sequence[str]
    versions: Mapping[str, str]


class PartWorker:
    """Answers parts; Ray makes one in each of its processes."""

    def __init__(self, work: Work) -> None:
        found = versions()
        if found != dict(work.versions):
            raise UsageError(
                f"a worker has other versions: found {_listed(found)}, expected "
                f"{_listed(work.versions)}; install the same everywhere"
            )
        self._work = work
        with tempfile.TemporaryDirectory(prefix="lapel-models-") as folder:
            self._question = _unpacked(work, Path(folder))
            self._predictor = self._question.load()
        asked = self._question.asked(self._predictor, None)
        if any(asked[name] != work.asked[name] for name in ("bundle", "engine")):
            raise UsageError(
                f"a worker would answer with {asked['engine']}, expected {work.asked['engine']}; "
                "name an engine that is installed everywhere"
            )
        self._remote = RemotePictures(work.roots) if work.roots else None

    def __call__(self, batch: Any) -> Any:  # noqa: ANN401 - a table of pyarrow, which has no types
        """A row of what is to be done for each part, to a row of what was."""
        return _done_table([self.done(row) for row in batch.to_pylist()])

    def done(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The rows of a part, as a file, and its failures; of what :func:`part_row` says."""
        names = json.loads(row["pictures"])
        boxes = json.loads(row["boxes"])
        rows: list[Row] = []
        failures = []
        # One by one: an answer may hold a mask of all of its photo's pixels.
        for result in answers_from(
            self._question,
            self._predictor,
            names,
            boxes=None if boxes is None else [box and Box(*box) for box in boxes],
            home=self._work.home,
            remote=self._remote,
        ):
            rows.extend(rows_with_error(result))
            if isinstance(result, Failure):
                failures.append(result)
        return {
            "part": row["part"],
            "rows": len(rows),
            "failures": json.dumps([[one.image, one.fault] for one in failures]),
            "parquet": parquet_of(rows, self._work.columns),
        }


def answers_from(
    question: Question,
    predictor: AnyPredictor,
    names: Sequence[str],
    *,
    boxes: Sequence[Box | None] | None = None,
    home: str,
    remote: RemotePictures | None = None,
) -> Iterator[Answered | Failure]:
    """Answers about pictures that lie on this machine or in stores, under their own names.

    Args:
        question: how pictures are answered.
        predictor: as the question's ``load`` gave it.
        names: paths, or addresses.
        boxes: where the garment is in each, if anybody knows.
        home: folder from which paths lead.
        remote: the stores of the addresses.
    """
    entries: deque[str | Failure] = deque()
    known: deque[Box | None] = deque()

    def readable() -> Iterator[str | bytes]:
        addresses = remote.read_ahead(filter(is_remote, names)) if remote else iter(())
        for place, name in enumerate(names):
            found = next(addresses) if is_remote(name) else str(Path(home, name))
            entries.append(replace(found, image=name) if isinstance(found, Failure) else name)
            if not isinstance(found, Failure):
                known.append(None if boxes is None else boxes[place])
                yield found

    def their_boxes() -> Iterator[Box | None]:
        while known:
            yield known.popleft()

    known_boxes = None if boxes is None else their_boxes()
    for answered in question.answers(predictor, readable(), known_boxes):
        while isinstance(entry := entries.popleft(), Failure):
            yield entry
        yield replace(answered, image=entry)
    yield from (entry for entry in entries if isinstance(entry, Failure))


def results_with_ray(
    run: BulkRun,
    *,
    address: str | None = None,
    workers: int | None = None,
    roots: Sequence[str] = (),
) -> Iterator[Failure | None]:
    """Have the missing parts made by a Ray cluster.

    Args:
        run: the folder, and how its pictures are answered.
        address: of a cluster (``auto``, ``host:port``, ``ray://host:port``); None: a cluster on
            this machine that lives as long as the call.
        workers: processes that answer; None: one a machine, which takes all of its cores.
        roots: addresses of the stores in which pictures lie.

    Yields:
        For each picture of a part that is done: its failure, or nothing.

    Raises:
        MissingExtraError: ray is not installed.
        UsageError: fewer than one worker.
        LapelError: the cluster cannot be reached, or a worker fails; finished parts stand.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"1 or more workers can answer, found {workers}")
    missing = run.folder.missing
    if not missing:
        return
    with _cluster(address) as ray:
        try:
            for row in _dealt_out(ray, run, missing, workers, roots).iter_rows():
                yield from _kept(run, row)
        except ray.exceptions.RayError as error:
            raise LapelError(
                f"a worker failed: {_cause_of(error)}; finished parts are kept, and the same "
                "command goes on"
            ) from error


def versions() -> dict[str, str]:
    """Versions of the packages that decide the last digits of an answer."""
    return {name: _version(name) for name in DECISIVE}


def _dealt_out(
    ray: Any,  # noqa: ANN401 - the module, loaded when it is asked for
    run: BulkRun,
    missing: Sequence[int],
    workers: int | None,
    roots: Sequence[str],
) -> Any:  # noqa: ANN401 - ray is no dependency, so its types are not known
    # How far the work is, is said by whoever takes the results.
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    alive = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
    # The head of a cluster often has no cores to give.
    cores = [int(count) for count in alive if count >= 1] or [1]
    count = workers or len(cores)
    share = min(cores) if workers is None else max(1, sum(cores) // workers)
    return ray.data.from_items(
        [part_row(run, number) for number in missing], override_num_blocks=len(missing)
    ).map_batches(
        PartWorker,
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(
            size=min(count, len(missing)), max_tasks_in_flight_per_actor=IN_FLIGHT
        ),
        num_cpus=share,
        fn_constructor_args=(work_of(run, roots),),
    )


def part_row(run: BulkRun, number: int) -> dict[str, Any]:
    """What is to be done for a part, as plain values."""
    place = run.folder.slice_of(number)
    boxes = None if run.boxes is None else [box and list(box) for box in run.boxes[place]]
    return {
        "part": number,
        "pictures": json.dumps(run.folder.pictures[place]),
        "boxes": json.dumps(boxes),
    }


def work_of(run: BulkRun, roots: Sequence[str] = ()) -> Work:
    """What every worker has to know.

    Args:
        run: the folder, and how its pictures are answered.
        roots: addresses of the stores in which pictures lie.
    """
    models = []
    for bundle in (one.bundle for one in models_of(run.predictor)):
        files = {name: bundle.read(name) for name in bundle.files}
        files[MANIFEST] = (bundle.folder / MANIFEST).read_bytes()
        models.append(files)
    return Work(
        question=run.question,
        models=models,
        asked=run.question.asked(run.predictor, None),
        columns=run.folder.columns,
        home=str(Path.cwd()),
        roots=tuple(roots),
        versions=versions(),
    )


def _unpacked(work: Work, folder: Path) -> Question:
    """The question, of models that lie in a folder of this machine."""
    places = []
    for number, files in enumerate(work.models):
        place = folder / str(number)
        place.mkdir()
        for name, data in files.items():
            (place / name).write_bytes(data)
        places.append(str(place))
    return replace(work.question, bundle=places[0], tags=places[1] if len(places) > 1 else None)


def _done_table(rows: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - pyarrow ships no types
    arrow = import_module("pyarrow")
    kinds = {
        "part": arrow.int64(),
        "rows": arrow.int64(),
        "failures": arrow.string(),
        "parquet": arrow.large_binary(),
    }
    return arrow.table(
        {name: arrow.array([row[name] for row in rows], kinds[name]) for name in kinds}
    )


def _kept(run: BulkRun, row: Mapping[str, Any]) -> Iterator[Failure | None]:
    failures = [Failure(image=image, fault=fault) for image, fault in json.loads(row["failures"])]
    number = int(row["part"])
    run.folder.add(number, row["parquet"], rows=int(row["rows"]), failed=len(failures))
    yield from failures
    pictures = len(run.folder.pictures[run.folder.slice_of(number)])
    yield from (None for _ in range(pictures - len(failures)))


@contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """Ray, connected; what was connected before is left as it was."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        ray = import_module("ray")
        import_module("ray.data")
    except ModuleNotFoundError as error:
        raise MissingExtraError(extra="ray", need="prediction on many machines") from error
    if ray.is_initialized():
        yield ray
        return
    _refuse_silent(address)
    own = {
        "include_dashboard": False,
        "object_store_memory": SHARED_MEMORY,
        "_node_ip_address": "127.0.0.1",
    }
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level="ERROR",
            **({} if address else own),
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise LapelError(f"the Ray cluster {address or ''} cannot be used: {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _refuse_silent(address: str | None) -> None:
    """See that somebody answers at an address: Ray itself asks for many minutes.

    Raises:
        LapelError: nobody does.
    """
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return  # "auto", and whatever else Ray knows
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWERS_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise LapelError(
            f"the Ray cluster {address} cannot be reached: {error}; see that it runs (`ray status` "
            "there), and that its port is open"
        ) from error


def _cause_of(error: BaseException) -> str:
    """What a worker said last: Ray puts its own words, and a trace, around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # it lies on the path, as in a clone
        return "unknown"


def _listed(found: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {one}" for name, one in found.items())
