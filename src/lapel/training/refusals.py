"""What torch refuses in the middle of a run, told in our words, with what to do about it.

Memory of an accelerator runs out, or an operation is met that is not the same each time, wherever a
run is by then: so this is told in one place, around all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lapel.schema.errors import LapelError, TrainingError, first_line
from lapel.training.recipe import Recipe

#: Sentences of torch's about memory that say what was asked for and what there was; more follow.
SENTENCES = 3


@contextmanager
def told_in_our_words(recipe: Recipe) -> Iterator[None]:
    """Tell in our words what torch refuses inside the block.

    Args:
        recipe: that is learned there.

    Raises:
        TrainingError: the accelerator has no memory left; or the recipe asks for learning that is
            the same each time, and an operation has no such form.
    """
    try:
        yield
    except LapelError:
        raise
    except torch.OutOfMemoryError as error:
        raise TrainingError(_no_memory(error, recipe)) from error
    except RuntimeError as error:
        if not recipe.deterministic or "deterministic" not in str(error):
            raise
        raise TrainingError(_not_the_same(error)) from error


def _no_memory(error: Exception, recipe: Recipe) -> str:
    said = ". ".join(first_line(error).split(". ")[:SENTENCES]).rstrip(".")
    return (
        f"the accelerator has no memory left ({said}); what was saved is kept. Begin a run with "
        f"less at a time: {', '.join(_with_less(recipe))}. Where another program holds the memory, "
        "end that and begin again, or go on with what was saved: lapel train --resume RUN"
    )


def _with_less(recipe: Recipe) -> Iterator[str]:
    """Ways to learn a recipe with less memory of an accelerator."""
    if recipe.batch > 1:
        yield f"--set batch={recipe.batch // 2} (now {recipe.batch})"
    if recipe.data.resident != "never":
        yield "--set data.resident=never (pictures stay outside)"
    if recipe.precision == "float32":
        yield "--set precision=bfloat16"
    yield "a smaller preprocess.height and preprocess.width"
    yield "or --processes, where there are more GPUs"


def _not_the_same(error: Exception) -> str:
    said = re.split(r", but you set|\. ", first_line(error))[0]
    return (
        "the recipe asks for learning that is the same each time (deterministic), and torch cannot "
        f"do all of it so: {said}. Begin a run with --set deterministic=false, or with another "
        "backbone, head or loss"
    )
