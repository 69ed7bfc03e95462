"""What the number by which epochs are compared is called, in words."""

from __future__ import annotations

from lapel.schema.labels import Schema
from lapel.schema.outputs import EMBEDDING
from lapel.tasks.kinds import task_of

#: Numbers of ``Counts.numbers()`` in words; one that is not here is called by its own name.
WORDS = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "map": "mean average precision",
    "mean_f1": "mean F1",
    "pck10": "PCK@0.1",
    "pck20": "PCK@0.2",
    "miou": "mean IoU",
    "pixel_accuracy": "pixel accuracy",
    "boundary_f1": "boundary F1",
    "box_ap": "box AP",
    "box_ap50": "box AP50",
    "mask_ap": "mask AP",
    "mask_ap50": "mask AP50",
    "oks_ap": "OKS AP",
    "map_at_r": "MAP@R",
}


def score_name(schema: Schema, *, select: str | None = None, vectors: bool = False) -> str:
    """The number by which epochs of a model are compared, such as ``mean IoU``.

    Args:
        schema: the tasks that are learned.
        select: ``task.metric``, where a recipe names one.
        vectors: whether vectors for searching are learned and judged.
    """
    if select is not None:
        task, _, metric = select.rpartition(".")
        words = WORDS.get(metric, metric)
        return words if len(schema.tasks) == 1 and task != EMBEDDING else f"{words} of {task}"
    if vectors:
        return WORDS["map_at_r"]
    metrics = {task_of(spec).metric for spec in schema.tasks}
    if len(metrics) > 1:
        return "mean score of the tasks"
    words = WORDS[metrics.pop()]
    return words if len(schema.tasks) == 1 else f"{words}, mean of the tasks"
