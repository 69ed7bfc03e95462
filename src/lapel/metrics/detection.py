"""How garments that were found match those that are there: counts that add up, and their numbers.

What matches is told by COCO's own code (:mod:`lapel.metrics.matching`), image by image; the numbers
are COCO's average precisions (:mod:`lapel.metrics.average_precision`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lapel.metrics.average_precision import Ranked, mean_numbers
from lapel.schema.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matches:
    """What matches what by one measure, in some images.

    Attributes:
        image: of each answer, by number, int64 (D,).
        label: its category, int64 (D,).
        score: how sure it is, float64 (D,).
        match: which garment it takes at each overlap, by number, -1 for none, int32 (D, overlaps).
        ignored: garments that take no part, bool (G,).
    """

    image: NDArray[np.int64]
    label: NDArray[np.int64]
    score: NDArray[np.float64]
    match: NDArray[np.int32]
    ignored: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DetectionCounts:
    """What was counted of some images.

    Attributes:
        labels: how many categories there are.
        images: how many images.
        image: of each garment that is there, by number, int64 (G,).
        label: its category, int64 (G,).
        measured: measure to what matches by it.
    """

    labels: int
    images: int
    image: NDArray[np.int64]
    label: NDArray[np.int64]
    measured: Mapping[str, Matches]

    def __add__(self, other: DetectionCounts) -> DetectionCounts:
        """The counts of both together, the other's images after these.

        Raises:
            UsageError: counts of other categories, or other measures.
        """
        return joined([self, other])

    def among(self, kept: NDArray[np.bool_]) -> DetectionCounts:
        """The same where only some of the garments are to be found, bool (G,); answers that match
        others take no part.
        """
        measured = {
            name: replace(found, ignored=found.ignored | ~kept)
            for name, found in self.measured.items()
        }
        return replace(self, measured=measured)

    def ranked(self, measure: str) -> list[Ranked]:
        """The answers of each category by one measure, ranked; an entry a category."""
        found = self.measured[measure]
        taken = found.match >= 0
        # -1, for none, leads to what is put behind the last garment.
        aside = taken & np.append(found.ignored, [False])[found.match]
        return [self._ranked(found, label, taken & ~aside, ~taken) for label in range(self.labels)]

    def _ranked(
        self, found: Matches, label: int, right: NDArray[np.bool_], wrong: NDArray[np.bool_]
    ) -> Ranked:
        own = np.flatnonzero(found.label == label)
        order = own[np.argsort(-found.score[own], kind="stable")]
        return Ranked(
            image=found.image[order],
            right=right[order],
            wrong=wrong[order],
            there=self.image[(self.label == label) & ~found.ignored],
        )

    def each(self, measure: str) -> NDArray[np.float64]:
        """Average precision of each category at each overlap, (categories, overlaps); NaN for those
        that do not occur.
        """
        ranked = self.ranked(measure)
        return np.stack([one.average_precisions() for one in ranked])

    def numbers(self) -> dict[str, float]:
        """``MEASURE_ap``, ``MEASURE_ap50`` and ``MEASURE_ap75`` of each measure, shares, 0 to 1;
        NaN where there is nothing to be found.
        """
        return {
            f"{measure}_{name}": value
            for measure in self.measured
            for name, value in mean_numbers(self.each(measure)).items()
        }


def joined(parts: Sequence[DetectionCounts]) -> DetectionCounts:
    """The counts of all parts together, their images one after another.

    Raises:
        UsageError: none, or parts of different categories or measures.
    """
    kinds = {(part.labels, tuple(part.measured)) for part in parts}
    if len(kinds) != 1:
        raise UsageError(f"counts of different categories or measures cannot be added: {kinds}")
    images = _starts([part.images for part in parts])
    garments = _starts([len(part.image) for part in parts])
    return DetectionCounts(
        labels=parts[0].labels,
        images=sum(part.images for part in parts),
        image=np.concatenate(
            [part.image + start for part, start in zip(parts, images, strict=True)]
        ),
        label=np.concatenate([part.label for part in parts]),
        measured={
            name: _joined_matches([part.measured[name] for part in parts], images, garments)
            for name in parts[0].measured
        },
    )


def _starts(sizes: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(sizes)[:-1].tolist()]


def _joined_matches(
    parts: Sequence[Matches], images: Sequence[int], garments: Sequence[int]
) -> Matches:
    return Matches(
        image=np.concatenate(
            [part.image + start for part, start in zip(parts, images, strict=True)]
        ),
        label=np.concatenate([part.label for part in parts]),
        score=np.concatenate([part.score for part in parts]),
        match=np.concatenate(
            [
                np.where(part.match >= 0, part.match + start, -1).astype(np.int32)
                for part, start in zip(parts, garments, strict=True)
            ]
        ),
        ignored=np.concatenate([part.ignored for part in parts]),
    )


class ResampledDetections:
    """The numbers of some images, drawn again and again, ranked only once.

    ``bootstrap(ResampledDetections(counts), counts.images, leaning=counts.numbers())`` gives their
    intervals: all of them lean.
    """

    def __init__(self, counts: DetectionCounts) -> None:
        self._images = counts.images
        self._ranked = {measure: counts.ranked(measure) for measure in counts.measured}

    def __call__(self, rows: NDArray[np.int64]) -> dict[str, float]:
        """Positions of images, some more than once, to their numbers."""
        repeats = np.bincount(rows, minlength=self._images).astype(np.float64)
        return {
            f"{measure}_{name}": value
            for measure, ranked in self._ranked.items()
            for name, value in mean_numbers(
                np.stack([one.average_precisions(repeats) for one in ranked])
            ).items()
        }
