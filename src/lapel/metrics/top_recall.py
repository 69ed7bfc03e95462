"""Of what holds of some images, how much is among each image's k most probable labels.

DeepFashion's papers judge attributes by it, type by type (Liu et al. 2016, CVPR, section 5; Liu
and Lu 2018, doi 10.1007/978-3-030-11015-4_4). Rules, stated once:

* *recall_at_k*: ``sum over images of |k most probable & those that hold|``, by ``sum over images
  of |those that hold|``. It is one pot for all images (micro), as in the code that Liu and Lu
  released, and no mean over images: an image of which nothing holds adds nothing to either sum.
* *Unknown*: a label of unknown answer is neither found nor missed, and takes none of the k places.
  The released code counts unknown as no, so that such a label may take a place; pass all as known
  to count so.
* *Equals*: among equal probabilities the first in the schema comes first.
* *Ceiling*: where more than k labels hold of an image, not all can be among k.
  :meth:`TopHits.perfect` is what the best ranking of all reaches.
* *All* has two meanings, which differ by twenty points and more: the plain mean over types
  (:func:`mean_of_types`), as the paper prints; and the k most probable of all labels of all types
  together (global), as the released code computes. Say which one.
* Of no positives nothing is measured: NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lapel.schema.errors import UsageError

#: The k of DeepFashion's table.
TOP_K = (3, 5)

#: Images that are sorted at a time: a thousand labels of each are then 32 MB.
BLOCK = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TopHits:
    """What holds of each image, and how much of it is among its most probable labels.

    Attributes:
        positives: labels that are known to hold, int64 (N,).
        found: k to those of them that are among the k most probable, int64 (N,) each.
    """

    positives: NDArray[np.int64]
    found: Mapping[int, NDArray[np.int64]]

    @classmethod
    def of(
        cls,
        probabilities: NDArray[np.float64],
        target: NDArray[np.uint8],
        known: NDArray[np.bool_],
        top: Sequence[int] = TOP_K,
    ) -> Self:
        """The hits of probabilities, what holds, and where that is known, all (N, labels).

        Raises:
            UsageError: shapes that do not fit.
        """
        if not probabilities.shape == target.shape == known.shape or probabilities.ndim != 2:
            raise UsageError(
                "expected probabilities, targets and what is known (images, labels), found shapes "
                f"{probabilities.shape}, {target.shape}, {known.shape}"
            )
        held = (target > 0) & known
        parts = [
            _held_of_best(probabilities[rows], held[rows], known[rows], max(top))
            for rows in (slice(at, at + BLOCK) for at in range(0, len(held), BLOCK))
        ]
        best = np.concatenate(parts) if parts else np.zeros((0, max(top)), np.int64)
        return cls(
            positives=held.sum(axis=1),
            found={k: best[:, :k].sum(axis=1) for k in top},
        )

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """The images of all parts, one part after another; at least one part."""
        listed = list(parts)
        return cls(
            positives=np.concatenate([part.positives for part in listed]),
            found={k: np.concatenate([part.found[k] for part in listed]) for k in listed[0].found},
        )

    def __len__(self) -> int:
        return len(self.positives)

    def perfect(self) -> Self:
        """The hits of a ranking that puts what holds before all else."""
        return type(self)(
            positives=self.positives,
            found={k: np.minimum(self.positives, k) for k in self.found},
        )

    def recall(self, rows: NDArray[np.int64] | None = None) -> dict[str, float]:
        """``recall_at_K`` for every k, 0 to 1; NaN where nothing holds.

        Args:
            rows: positions of the images that count, some more than once; all, if None.
        """
        chosen = slice(None) if rows is None else rows
        held = int(self.positives[chosen].sum()) or float("nan")
        return {f"recall_at_{k}": int(hits[chosen].sum()) / held for k, hits in self.found.items()}


def _held_of_best(
    probabilities: NDArray[np.float64],
    held: NDArray[np.bool_],
    known: NDArray[np.bool_],
    count: int,
) -> NDArray[np.int64]:
    """Whether each of the most probable known labels holds, 0 or 1, (N, at most count)."""
    order = np.argsort(-np.where(known, probabilities, -np.inf), axis=1, kind="stable")
    return np.take_along_axis(held, order[:, :count], axis=1).astype(np.int64)


def mean_of_types(recalls: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The plain mean over types of each ``recall_at_K``: the All that Liu and Lu print.

    Args:
        recalls: of each type. A type of which nothing was measured makes the mean NaN: a mean of
            four types is no mean of five.
    """
    listed = list(recalls)
    return {name: float(np.mean([one[name] for one in listed])) for name in listed[0]}
