"""More forms of a bundle's network: 8-bit integers, OpenVINO's files, torch's; each on trial first.

It stands with training since what is written is compared with torch's network, where torch is
installed; none of it learns anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.evaluation.engines.pictures import batch_size, dataset_pixels, drawn_pixels
from lapel.evaluation.engines.trials import JUDGED_ON, Court, Trial
from lapel.inference.bundle import CARD, INT8, NETWORK, OPENVINO, PT2, WEIGHTS, Bundle, add_forms
from lapel.inference.engines.base import Engine
from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.inference.engines.table import ENGINES
from lapel.schema.errors import BundleError, DatasetError, MissingExtraError, UsageError
from lapel.storage.places import in_addresses, written
from lapel.training.engine_card import with_engines

#: Pictures on which engines are compared with torch.
COMPARED = 100

#: The pictures that ranges are found on.
CALIBRATED_ON = "train"

#: Pictures a run when ranges are found: all values between layers are held.
CALIBRATION_BATCH = 8

#: So many of the first layers stay in float32: more of them, where the try before lost too much.
SPARED = (0, 1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export wrote.

    Attributes:
        bundle: with the forms that it has now.
        files: names of the files that were written beside ``lapel.json`` and the card.
        trials: of the engines, in the order in which they were tried.
        against: what they were compared with, in words.
        pictures_of: on which pictures, in words.
        remarks: what else to know, in sentences.
    """

    bundle: Bundle
    files: tuple[str, ...]
    trials: tuple[Trial, ...]
    against: str
    pictures_of: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an export is asked for; see :func:`export`."""

    int8: bool
    openvino: bool
    pt2: bool
    pictures: int
    allow_loss: float

    def check(self, calibrate: object) -> None:
        """See that it can be had.

        Raises:
            UsageError: options that do not go together, or outside their range.
            MissingExtraError: a library is not installed.
        """
        if self.int8 and calibrate is None:
            raise UsageError(
                "--int8 finds the ranges of its integers on real pictures: --calibrate DATASET"
            )
        if self.pictures < 1 or not self.allow_loss >= 0:
            raise UsageError(
                f"ranges are found on 1 picture or more and a loss is 0 points or more; found "
                f"--pictures {self.pictures}, --allow-loss {self.allow_loss:g}"
            )
        for asked, package, extra in (
            (self.int8, "onnx", "export"),
            (self.openvino, "openvino", "openvino"),
            (self.pt2, "torch", "train"),
        ):
            if asked and find_spec(package) is None:
                raise MissingExtraError(extra=extra, need="this form of a network")


def export(
    bundle: str | Path,
    *,
    int8: bool = False,
    openvino: bool = False,
    pt2: bool = False,
    calibrate: str | Path | Dataset | None = None,
    pictures: int = 300,
    allow_loss: float = 0.5,
    out: str | Path | None = None,
    track: Track = silent,
) -> Exported:
    """Add forms of its network to a bundle, and find out which engine runs it fastest here.

    Every engine that can run one of the forms is compared with torch (where torch is not installed,
    with ONNX Runtime on the bundle's own graph) on a hundred pictures: those of the dataset's
    validation split, or drawn garments without a dataset. Of engines that compute with fewer digits
    the loss of accuracy is measured on the whole validation split. Those that pass are timed in
    turns, and noted in ``lapel.json`` and in the card; the engine ``auto`` takes the fastest.

    Args:
        bundle: folder of a bundle, or of the run that holds one.
        int8: write ``model.int8.onnx``, quantised statically.
        openvino: write ``model.xml`` and ``model.bin``, and try OpenVINO.
        pt2: write ``model.pt2``, by ``torch.export``.
        calibrate: a dataset: ranges of integers are found on its training split, accuracy and
            parity are measured on its validation split.
        pictures: on which ranges are found, at most.
        allow_loss: points of 100 that the main number of any task may lose.
        out: folder to write the whole bundle to; None: its own place.
        track: is told how far the work is.

    Returns:
        What was written. If anything that was asked for does not pass, nothing is.

    Raises:
        UsageError: integers without a dataset, or values outside their range.
        MissingExtraError: a form whose library is not installed.
        DatasetError: no such dataset or split, or labels that the model does not know.
        BundleError: a form that cannot be made, or that did not pass; the message has the numbers.
        StorageError: it cannot be written; the bundle is as it was.
    """
    wanted = Wanted(int8=int8, openvino=openvino, pt2=pt2, pictures=pictures, allow_loss=allow_loss)
    wanted.check(calibrate)
    model = Bundle.load(Path(bundle))
    dataset = _opened(calibrate)
    reference, against, remarks = _reference(model)
    court = _court(model, reference, against, dataset, wanted, track)
    files, tried = _forms(court, wanted)
    with TemporaryDirectory(prefix="lapel-export-") as folder:
        card = model.read(CARD).decode()
        staged = add_forms(model, Path(folder) / "bundle", files=files, engines={}, card=card)
        names, untried = _names(staged, wanted, dataset)
        trials = replace(court, model=staged).try_all(names, tried)
        if pt2:
            program, trial = _pt2(model, court)
            files[PT2] = program
            trials.append(trial)
    _refuse(trials, wanted)
    records = _records(model, court, trials, files)
    remarks += [*untried, *(f"{one.name} did not pass: {one.fault}" for one in trials if one.fault)]
    # What lies elsewhere is written there, too.
    with written(out if out is not None else in_addresses(model.folder)) as target:
        added = add_forms(
            model, target, files=files, engines=records, card=with_engines(card, records)
        )
    return Exported(
        bundle=added,
        files=tuple(files),
        trials=tuple(trials),
        against=against,
        pictures_of=court.pictures_of,
        remarks=tuple(remarks),
    )


def _opened(calibrate: str | Path | Dataset | None) -> Dataset | None:
    if calibrate is None or isinstance(calibrate, Dataset):
        return calibrate
    return Dataset.open(calibrate)


def _reference(model: Bundle) -> tuple[Engine, str, list[str]]:
    """What engines are compared with, what it is in words, and what to know about that."""
    own = "ONNX Runtime on the bundle's own graph"
    if find_spec("torch") is None:
        engine = OnnxRuntimeEngine(model.read(NETWORK))
        return engine, own, [f"torch is not installed: engines were compared with {own}"]
    # torch is loaded here alone: without it, exports go on.
    from lapel.models.torch_engine import TorchEngine  # noqa: PLC0415

    try:
        weights = model.read(WEIGHTS)
        torch = TorchEngine(
            model.schema, model.architecture, weights, preprocess=model.preprocess, device="cpu"
        )
    except BundleError as error:
        engine = OnnxRuntimeEngine(model.read(NETWORK))
        return engine, own, [f"{error}; engines were compared with {own}"]
    return torch, "torch", []


def _forms(court: Court, wanted: Wanted) -> tuple[dict[str, bytes], list[Trial]]:
    """Name and bytes of each file that is made of the ONNX graph, and the trials that it took."""
    graph = court.model.read(NETWORK)
    files: dict[str, bytes] = {}
    tried: list[Trial] = []
    if wanted.int8 and court.dataset is not None:
        files[INT8], tried = _integers(graph, court, court.dataset, wanted.pictures)
    if wanted.openvino:
        from lapel.inference.engines.openvino_engine import intermediate_form  # noqa: PLC0415 - an extra

        files |= dict(zip(OPENVINO, intermediate_form(graph), strict=True))
    return files, tried


def _integers(
    graph: bytes, court: Court, dataset: Dataset, pictures: int
) -> tuple[bytes, list[Trial]]:
    """The network in 8-bit integers, and its trials in the engines that run it here.

    Of the tries the first that passes in all of these, which do not round alike; else the first
    that passes in ONNX Runtime, else the last.
    """
    from lapel.inference.quantize import quantize  # noqa: PLC0415 - onnx is an extra

    preprocess = court.model.preprocess
    size = min(CALIBRATION_BATCH, batch_size(court.model.schema, preprocess))
    part = _split(dataset, CALIBRATED_ON)
    best: tuple[bytes, list[Trial]] = b"", []
    for spared in SPARED:
        shown = dataset_pixels(part, preprocess, count=pictures, size=size)
        looked = court.track(
            shown,
            total=-(-min(pictures, len(part)) // size),
            description=f"Finding the ranges of integers, {size} pictures at a time",
        )
        integers = quantize(graph, looked, spared=spared)
        trials = [court.try_one(*one, reduced=True) for one in _integer_engines(integers)]
        if not best[1] or best[1][0].fault:
            best = integers, trials
        if not any(trial.fault for trial in trials):
            return integers, trials
    return best


def _integer_engines(graph: bytes) -> Iterator[tuple[str, Engine]]:
    """All that run a graph of integers here, ONNX Runtime first."""
    yield "onnxruntime-int8", OnnxRuntimeEngine(graph)
    if ENGINES["openvino-int8"].installed:
        from lapel.inference.engines.openvino_engine import OpenVinoEngine  # noqa: PLC0415 - an extra

        with suppress(BundleError):  # one that it cannot read is told of when all are tried
            yield "openvino-int8", OpenVinoEngine(graph)


def _split(dataset: Dataset, name: str) -> Dataset:
    """A split of a dataset, with the way out where there is none."""
    try:
        return dataset.split(name)
    except DatasetError as error:
        raise DatasetError(
            f"{error}. --calibrate takes a dataset with a train split, for ranges, and a "
            "validation split, for what they cost"
        ) from error


def _court(
    model: Bundle,
    reference: Engine,
    against: str,
    dataset: Dataset | None,
    wanted: Wanted,
    track: Track,
) -> Court:
    size = batch_size(model.schema, model.preprocess)
    if dataset is None:
        batches = drawn_pixels(model.preprocess, count=COMPARED, size=size)
        origin = "drawn garments"
    else:
        part = _split(dataset, JUDGED_ON)
        batches = dataset_pixels(part, model.preprocess, count=COMPARED, size=size)
        origin = f"the {JUDGED_ON} split of {dataset.name}"
    return Court(
        model=model,
        reference=reference,
        against=against,
        batches=list(batches),
        pictures_of=origin,
        dataset=dataset,
        allow_loss=wanted.allow_loss,
        track=track,
    )


def _names(staged: Bundle, wanted: Wanted, dataset: Dataset | None) -> tuple[list[str], list[str]]:
    """The engines that are tried, and why others are not."""
    names, untried = [], []
    for name, kind in ENGINES.items():
        asked = kind.package != "openvino" or wanted.openvino or (wanted.int8 and kind.file == INT8)
        if kind.by_name or kind.file not in staged.files or not asked or not kind.installed:
            continue
        fault = kind.unfit()
        if kind.reduced and dataset is None:
            fault = "its loss of accuracy is measured on a dataset: --calibrate DATASET"
        if fault:
            untried.append(f"{name} was not tried: {fault}")
        else:
            names.append(name)
    return names, untried


def _pt2(model: Bundle, court: Court) -> tuple[bytes, Trial]:
    from lapel.models.pt2 import ProgramEngine  # noqa: PLC0415 - torch is an extra
    from lapel.models.torch_engine import rebuilt  # noqa: PLC0415 - likewise

    preprocess = model.preprocess
    network = rebuilt(model.schema, model.architecture, model.read(WEIGHTS))
    engine = ProgramEngine(
        network, channels=preprocess.channels, height=preprocess.height, width=preprocess.width
    )
    return engine.written(), court.try_one("pt2", engine, reduced=False)


def _refuse(trials: Sequence[Trial], wanted: Wanted) -> None:
    """What was asked for has to pass.

    Raises:
        BundleError: something did not.
    """
    needed = {"onnxruntime", "pt2"}
    needed |= {"openvino"} if wanted.openvino else set()
    needed |= {"onnxruntime-int8"} if wanted.int8 else set()
    faults = [f"{one.name}: {one.fault}" for one in trials if one.fault and one.name in needed]
    if faults:
        raise BundleError(f"nothing was written: {'; '.join(faults)}")


def _records(
    model: Bundle, court: Court, trials: Sequence[Trial], files: Mapping[str, bytes]
) -> dict[str, Mapping[str, Any]]:
    """What the bundle keeps of engines: those tried now, and others whose file is as it was."""
    now = {trial.name for trial in trials}
    kept = {
        name: record
        for name, record in model.engines.items()
        if name not in now and name in ENGINES and ENGINES[name].file not in files
    }
    passed = {one.name: court.record(one) for one in trials if one.rate is not None}
    found = {**kept, **passed}
    return {name: found[name] for name in ENGINES if name in found}
