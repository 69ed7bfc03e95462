"""How often labels hold, and how often two hold together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.data.dataset import Dataset
from lapel.schema.annotation import Label, held

#: Rows that are counted at once: 10,000 rows of 1,000 labels fill 40 MB for a moment.
BLOCK = 10_000


def count_held(labels: Sequence[Label]) -> Counter[str]:
    """How many of these hold each label; a label that never does is 0."""
    counts: Counter[str] = Counter()
    for label, count in Counter(labels).items():
        for word in held(label):
            counts[word] += count
    return counts


def count_together(dataset: Dataset, labels: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
    """Images that hold both of two labels, int64 (L, L); the diagonal has how many hold each.

    Args:
        dataset: whose images.
        labels: the task and the name of each label that is counted. What is counted fills the
            square of their number: name some of many.
    """
    places = {label: place for place, label in enumerate(labels)}
    tasks = dict.fromkeys(task for task, _ in labels)
    columns = {task: dataset.labels_in_words(task) for task in tasks}
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for start in range(0, len(dataset), BLOCK):
        rows = range(start, min(start + BLOCK, len(dataset)))
        block = np.zeros((len(rows), len(labels)), np.float32)
        for task, column in columns.items():
            for row in rows:
                for word in held(column[row]):
                    place = places.get((task, word))
                    if place is not None:
                        block[row - start, place] = 1
        # Sums of up to 10,000 ones are exact in float32.
        counts += (block.T @ block).astype(np.int64)
    return counts
