"""The model card: what a model is, how it was made, how good it is, where it should not be used.

After M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019 (arXiv 1810.03993).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lapel.imaging.preprocess import Preprocess
from lapel.metrics.bootstrap import Interval
from lapel.schema.labels import Schema
from lapel.tasks.base import Calibration
from lapel.training.recipe import Recipe

#: Numbers of a task that the card shows, where the task has them.
SHOWN = (
    "accuracy",
    "top3",
    "map",
    "mean_f1",
    "macro_f1",
    "pck10",
    "ne",
    "miou",
    "box_ap",
    "box_ap50",
    "mask_ap",
    "mask_ap50",
    "oks_ap",
    "nll",
    "ece",
)

#: Kinds of task of which a temperature is fitted.
CALIBRATED = {"single_label", "multi_label", "landmarks"}

#: Labels of a task that the card lists; the rest is in ``lapel.json``.
LISTED = 60


def model_card(
    recipe: Recipe,
    schema: Schema,
    preprocess: Preprocess,
    scores: Mapping[str, float],
    provenance: Mapping[str, Any],
    parameters: int,
    *,
    calibration: Mapping[str, Calibration],
    intervals: Mapping[str, Interval],
) -> str:
    """The card, in Markdown.

    Args:
        recipe: that it was made by.
        schema: what it answers.
        preprocess: what it reads.
        scores: ``TASK.NUMBER`` to what it reaches on validation.
        provenance: as the bundle keeps it.
        parameters: of the network.
        calibration: task to what was fitted for it.
        intervals: ``TASK.NUMBER`` to its interval, of the scores that have one.
    """
    dataset, chosen = provenance["dataset"], provenance["chosen"]
    made = provenance["environment"]
    machine = made["accelerator"] or made["processor"]
    lines = [
        f"# {recipe.name}",
        "",
        recipe.about or "A model trained with Lapel.",
        "",
        "## What it answers",
        "",
        *(_task_line(task.name, task.kind, task.labels) for task in schema),
        "",
        "## How good it is",
        "",
        (
            f"On the validation pictures of `{dataset['name']}`, on which its best epoch "
            f"({chosen['epoch']} of {chosen['epochs']}) was chosen"
            f"{_fitted(schema)}; so these are a little too good. `lapel evaluate` "
            "measures it on a test split, beside the best answer that never looks."
        ),
        "",
        *_table(schema, scores, intervals),
        "",
        *_in_brackets(intervals),
        "## How it was made",
        "",
        f"- data: `{dataset['name']}`, fingerprint `{dataset['fingerprint']}`",
        (
            f"- network: `{recipe.model.backbone}`, {parameters:,} parameters, on "
            f"{preprocess.width}x{preprocess.height} pixels, {_colour(preprocess)}"
        ),
        (
            f"- learning: {provenance['learning']['steps']:,} steps, "
            f"{provenance['learning']['seconds']:.0f} s on {machine}, "
            f"{provenance['learning']['precision']}"
        ),
        *_temperatures(schema, calibration),
        _parity(provenance["parity"]),
        (
            f"- made {provenance['created']} with Lapel {made['versions']['lapel']} and torch "
            f"{made['versions']['torch']}; the whole recipe is in `lapel.json`"
        ),
        "",
        "## What it is not",
        "",
        (
            f"It knows the labels above and no others: {_something_else(schema)}. It "
            "has seen pictures like those of its dataset; on pictures of "
            "another kind (other cameras, other backgrounds, garments worn instead of laid out) it "
            "will be worse than the numbers above, by how much only `lapel evaluate` on such "
            "pictures can say."
        ),
        "",
        "## Use it",
        "",
        "    lapel predict FOLDER_OF_THIS_FILE photo.jpg",
        "",
    ]
    return "\n".join(lines)


def _task_line(name: str, kind: str, labels: tuple[str, ...]) -> str:
    more = f", and {len(labels) - LISTED} more" if len(labels) > LISTED else ""
    return f"- **{name}** ({kind.replace('_', ' ')}): {', '.join(labels[:LISTED])}{more}"


def _something_else(schema: Schema) -> str:
    if all(task.kind == "garments" for task in schema):
        return "a garment of another kind it leaves out, or takes for one of them"
    return "to a picture of something else it gives one of them all the same"


def _fitted(schema: Schema) -> str:
    kinds = {task.kind for task in schema}
    if not kinds & CALIBRATED:
        return ""
    tagged = "multi_label" in kinds
    return f" and its {'temperatures and thresholds' if tagged else 'temperature'} fitted"


def _table(
    schema: Schema, scores: Mapping[str, float], intervals: Mapping[str, Interval]
) -> list[str]:
    """A row a task, a column a number that any of them has."""
    columns = [name for name in SHOWN if any(f"{task.name}.{name}" in scores for task in schema)]
    rows = [
        [task.name, *(_cell(f"{task.name}.{name}", scores, intervals) for name in columns)]
        for task in schema
    ]
    ruler = [":--", *("--:" for _ in columns)]
    return [f"| {' | '.join(cells)} |" for cells in [["task", *columns], ruler, *rows]]


def _cell(score: str, scores: Mapping[str, float], intervals: Mapping[str, Interval]) -> str:
    """A score with its interval, as far as there are such."""
    value, interval = scores.get(score, math.nan), intervals.get(score)
    if math.isnan(value):
        return ""
    if interval is None or math.isnan(interval.low):
        return f"{value:.4f}"
    return f"{value:.4f} ({interval.low:.4f} to {interval.high:.4f})"


def _in_brackets(intervals: Mapping[str, Interval]) -> list[str]:
    if not intervals:
        return []
    about = "In brackets: the 95 % interval, from resamples of these pictures."
    return [about, ""]


def _temperatures(schema: Schema, calibration: Mapping[str, Calibration]) -> list[str]:
    """What the logits of each task are divided by, where such a number was fitted."""
    fitted = {task.name: calibration.get(task.name, {}).get("temperature") for task in schema}
    found = [f"`{name}` {value:.3f}" for name, value in fitted.items() if value is not None]
    return [f"- temperature, by which logits are divided: {', '.join(found)}"] if found else []


def _parity(parity: Mapping[str, Any]) -> str:
    """How far the exported network is from torch's."""
    return (
        f"- `model.onnx` beside torch's network, on {parity['pictures']:,} validation pictures: "
        f"outputs differ by at most {parity['largest_difference']:.1e} of the largest one; "
        f"answers that differ: {parity['changed_answers']:,}"
    )


def _colour(preprocess: Preprocess) -> str:
    return "gray" if preprocess.channels == 1 else "RGB"
