"""What a network gives: whether it answers what its schema asks, what else it shows, how many
pictures it should look at together.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

import numpy as np

from lapel.imaging.preprocess import Preprocess
from lapel.inference.bundle import Bundle
from lapel.inference.engines.base import Engine
from lapel.schema.errors import BundleError
from lapel.schema.labels import Schema
from lapel.schema.outputs import ATTENTION, heatmaps_of
from lapel.tasks.base import FREE, Task, fits

#: Networks that answer pixel by pixel hold large maps of every picture of a batch: as many pictures
#: at a time as have so many pixels together.
DENSE_PIXELS = 1 << 20


def shapes_of(
    bundle: Bundle, engine: Engine, tasks: Mapping[str, Task]
) -> dict[str, tuple[int, ...]]:
    """Let the network answer once: what it says must be what the schema asks.

    Args:
        bundle: whose network it is.
        engine: runs it.
        tasks: of the bundle's schema, by name.

    Returns:
        Task to the shape of its output for one picture.

    Raises:
        BundleError: a network whose outputs are not the schema's answers.
    """
    preprocess = bundle.preprocess
    black = np.zeros((1, preprocess.channels, preprocess.height, preprocess.width), np.uint8)
    outputs = engine.run(black)
    for name, task in tasks.items():
        expected = (1, *task.output_shape)
        found = outputs[name].shape if name in outputs else ()
        if not fits(found, expected):
            said = found if name in outputs else "no output of that name"
            raise BundleError(
                f"the network in {bundle.folder} answers task '{name}' with {said}, "
                f"the schema expects {expected}; export the model again"
            )
    return {name: outputs[name].shape[1:] for name in tasks}


def batch_of(tasks: Iterable[Task], preprocess: Preprocess) -> int:
    """The most pictures that a network should look at together."""
    shapes = [task.output_shape for task in tasks]
    if not any(FREE in shape for shape in shapes):
        return sys.maxsize
    if any(shape[0] == FREE for shape in shapes):
        return 1  # finders look at one at a time anyway; so each answer comes when it is there
    return max(1, DENSE_PIXELS // (preprocess.height * preprocess.width))


def maps_of(schema: Schema, engine: Engine) -> tuple[str, ...]:
    """Names of a network's outputs that show how its answers come about.

    An output that bears a task's name is that task's answer, whatever it is called.
    """
    tasks = [spec.name for spec in schema]
    known = [heatmaps_of(spec.name) for spec in schema if spec.kind == "landmarks"]
    return tuple(name for name in (*known, ATTENTION) if name in engine.names and name not in tasks)
