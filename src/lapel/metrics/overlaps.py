"""What boxes share, and which answer is of which garment whatever their categories."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: From this intersection over union on an answer is of a garment.
SAME = 0.5


def overlaps(found: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes (D, 4) and (G, 4), left, top, width, height: (D, G)."""
    shared = _shared(found, true)
    every = found[:, None, 2:].prod(axis=2) + true[None, :, 2:].prod(axis=2) - shared
    return np.asarray(np.divide(shared, every, out=np.zeros_like(shared), where=every > 0))


def within(
    found: NDArray[np.float64],
    groups: NDArray[np.float64],
    *,
    same: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Which boxes (D, 4) lie by half, and more, in one of some groups (G, 4): bool (D,).

    Nobody told garments of a group apart, so that such an answer is neither right nor wrong; COCO
    asks so, too (``iscrowd`` of ``maskApi.c``: the shared part by the answer's own).

    Args:
        found: boxes that were answered.
        groups: boxes of the groups.
        same: which group counts for which box, such as those of its category, bool (D, G); None:
            each for each.
    """
    own = found[:, 2:].prod(axis=1)[:, None]
    lies = (_shared(found, groups) >= SAME * own) & (own > 0)
    return np.asarray((lies if same is None else lies & same).any(axis=1))


def _shared(found: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """The area that boxes (D, 4) and (G, 4) share, (D, G)."""
    begin = np.maximum(found[:, None, :2], true[None, :, :2])
    end = np.minimum(found[:, None, :2] + found[:, None, 2:], true[None, :, :2] + true[None, :, 2:])
    return np.asarray(np.clip(end - begin, 0.0, None).prod(axis=2))


def paired(
    found: NDArray[np.float64],
    scores: NDArray[np.float64],
    true: NDArray[np.float64],
    *,
    least: float = SAME,
) -> list[tuple[int, int, float]]:
    """Which answer is of which garment, whatever their categories.

    The surest answer first, each takes the garment that it overlaps most and that nobody has taken.

    Args:
        found: boxes that were answered, float64 (D, 4).
        scores: how sure each is, float64 (D,).
        true: boxes that are there, float64 (G, 4).
        least: intersection over union from which on one is of the other.

    Returns:
        (answer, garment, intersection over union) of each pair, the surest answer first.
    """
    shared = overlaps(found, true)
    pairs = []
    for place in np.argsort(-scores, kind="stable").tolist():
        if not shared.shape[1]:
            break
        best = int(shared[place].argmax())
        if shared[place, best] >= least:
            pairs.append((place, best, float(shared[place, best])))
            shared[:, best] = -1.0
    return pairs
