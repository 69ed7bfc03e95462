"""The table of engines, and how one is chosen. Adding an engine is adding its file and a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from lapel.inference.bundle import INT8, NETWORK, WEIGHTS, Bundle
from lapel.inference.engines.base import Engine
from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.schema.errors import MissingExtraError, UsageError

#: The word for "whichever is best here".
AUTO = "auto"

#: Of engines of nearly the same rate, ``auto`` takes the one that answers most as torch does: so
#: much faster is no gain that one would notice, and rates vary by as much from run to run.
NEARLY = 0.9

#: What ``auto`` takes where nothing else was tried: it is always installed.
ALWAYS_THERE = "onnxruntime"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineKind:
    """A line of the table.

    Attributes:
        file: of the bundle, that it runs.
        build: from the bundle and the name of that file.
        package: that has to be installed.
        extra: of Lapel, that brings it.
        reduced: whether it computes with fewer digits than the network was learned with, so that
            its accuracy has to be measured.
        by_name: it is taken by name alone, never by ``auto``.
        unfit: why this machine cannot run it, though all is installed; empty: it can.
    """

    file: str
    build: Callable[[Bundle, str], Engine]
    package: str = "onnxruntime"
    extra: str = ""
    reduced: bool = False
    by_name: bool = False
    unfit: Callable[[], str] = field(default=lambda: "")

    @property
    def installed(self) -> bool:
        """Whether its package is here."""
        return find_spec(self.package) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """An engine that was chosen.

    Attributes:
        name: in the table.
        why: it was this one, in words.
    """

    name: str
    why: str


def _onnxruntime(bundle: Bundle, file: str) -> Engine:
    return OnnxRuntimeEngine(bundle.read(file))


def _openvino(bundle: Bundle, file: str) -> Engine:
    engine: Engine = _openvino_module().OpenVinoEngine(bundle.read(file))
    return engine


def _openvino_bf16(bundle: Bundle, file: str) -> Engine:
    engine: Engine = _openvino_module().OpenVinoEngine(bundle.read(file), precision="bf16")
    return engine


def _without_bf16() -> str:
    knows = _openvino_module().knows_bfloat16()
    return "" if knows else "this processor does not compute with bfloat16; take another engine"


def _openvino_module() -> ModuleType:
    return import_module("lapel.inference.engines.openvino_engine")


def _torch(bundle: Bundle, file: str) -> Engine:
    # By name: prediction knows no networks, but for this one engine.
    engine: Engine = import_module("lapel.models.torch_engine").TorchEngine(
        bundle.schema, bundle.architecture, bundle.read(file), preprocess=bundle.preprocess
    )
    return engine


#: Name to engine, in the order in which they are told of.
ENGINES: dict[str, EngineKind] = {
    "onnxruntime": EngineKind(file=NETWORK, build=_onnxruntime),
    "onnxruntime-int8": EngineKind(file=INT8, build=_onnxruntime, reduced=True),
    "openvino": EngineKind(file=NETWORK, build=_openvino, package="openvino", extra="openvino"),
    "openvino-bf16": EngineKind(
        file=NETWORK,
        build=_openvino_bf16,
        package="openvino",
        extra="openvino",
        reduced=True,
        unfit=_without_bf16,
    ),
    "openvino-int8": EngineKind(
        file=INT8, build=_openvino, package="openvino", extra="openvino", reduced=True
    ),
    "torch": EngineKind(file=WEIGHTS, build=_torch, package="torch", extra="train", by_name=True),
}


def choose_engine(name: str, bundle: Bundle, *, precise: bool = False) -> Chosen:
    """The engine of a name; for ``auto`` the fastest that passed parity in ``lapel export``.

    Args:
        name: in ``ENGINES``, or ``auto``.
        bundle: whose network is to be run.
        precise: ``auto`` leaves engines of fewer digits alone: what they say is not to be compared
            with what others said, as vectors in an index are.

    Raises:
        UsageError: no engine of that name, one whose file the bundle does not have, or one that
            this machine cannot run.
        MissingExtraError: its package is not installed.
    """
    if name == AUTO:
        return _fastest(bundle, precise=precise)
    if name not in ENGINES:
        raise UsageError(f"no engine {name!r}; there are: {AUTO}, {', '.join(ENGINES)}")
    kind = ENGINES[name]
    if not kind.installed:
        raise MissingExtraError(extra=kind.extra, need=f"the engine {name}")
    if kind.file not in bundle.files:
        raise UsageError(
            f"{bundle.name} has no {kind.file}, which the engine {name} runs: lapel export "
            f"{bundle.folder} --int8 --calibrate DATASET makes it"
        )
    fault = kind.unfit()
    if fault:
        raise UsageError(f"the engine {name}: {fault}")
    return Chosen(name=name, why="asked for by name")


def open_engine(name: str, bundle: Bundle, *, precise: bool = False) -> Engine:
    """The engine of a name, ready to run a bundle's network.

    Raises:
        UsageError: as :func:`choose_engine`, and so MissingExtraError.
        BundleError: the engine cannot run the network.
    """
    return build_engine(choose_engine(name, bundle, precise=precise), bundle)


def build_engine(chosen: Chosen, bundle: Bundle) -> Engine:
    """What was chosen, ready to run a bundle's network.

    Raises:
        BundleError: it cannot run the network.
    """
    kind = ENGINES[chosen.name]
    return kind.build(bundle, kind.file)


def _fastest(bundle: Bundle, *, precise: bool) -> Chosen:
    rates = {
        name: float(record["images_per_second"])
        for name, record in bundle.engines.items()
        if name in ENGINES and _is_candidate(ENGINES[name], bundle, precise=precise)
    }
    passed_over: list[str] = []
    here: list[str] = []
    for name in sorted(rates, key=rates.__getitem__, reverse=True):
        kind = ENGINES[name]
        fault = kind.unfit() if kind.installed else "it is not installed"
        if not fault:
            here.append(name)
        elif not here:
            passed_over.append(f"{name} is faster, but {fault}")
    if not here:
        untried = ["no other was tried, see lapel export"] if not rates else []
        return Chosen(name=ALWAYS_THERE, why="; ".join([*untried, *passed_over]))
    nearly = [name for name in here if rates[name] >= NEARLY * rates[here[0]]]
    name = min(nearly, key=lambda one: _strayed(bundle, one))  # the faster one where they tie
    if name != here[0]:
        passed_over.append(f"{here[0]} is hardly faster, and further from what torch says")
    return Chosen(name=name, why="; ".join([_why(bundle, name, rates), *passed_over]))


def _strayed(bundle: Bundle, name: str) -> tuple[int, float]:
    """How far an engine's answers are from torch's: how many are others, and the numbers."""
    parity = bundle.engines[name].get("parity", {})
    return int(parity.get("changed_answers", 0)), float(parity.get("largest_difference", 0.0))


def _is_candidate(kind: EngineKind, bundle: Bundle, *, precise: bool) -> bool:
    return kind.file in bundle.files and not kind.by_name and not (precise and kind.reduced)


def _why(bundle: Bundle, name: str, rates: dict[str, float]) -> str:
    fastest = "the only one" if len(rates) == 1 else f"the fastest of {len(rates)}"
    if rates[name] < max(rates.values()):
        fastest = f"one of {len(rates)}"
    where = bundle.engines[name].get("machine", "the machine of its export")
    return f"{fastest} that passed parity: {rates[name]:,.0f} images a second on {where}"
