"""The option ``--engine``, the same in every command, and what is said of the choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.console import complain

if TYPE_CHECKING:
    from lapel.inference.predictor import Predictor

EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        help="What runs the network: auto (the fastest that passed `lapel export`), onnxruntime, "
        "onnxruntime-int8, openvino, openvino-bf16, openvino-int8 or torch.",
    ),
]


def say_engine(predictor: Predictor) -> None:
    """Say on stderr what runs a network and why, where there was something to choose."""
    if predictor.bundle.engines:
        chosen = predictor.chosen
        complain(f"{predictor.bundle.name}: engine {chosen.name}, {chosen.why}")
