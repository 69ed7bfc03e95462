"""Under what conditions a model was judged, and what of them keeps it from comparing."""

from __future__ import annotations

from dataclasses import dataclass

from lapel.data.description import CLEANED
from lapel.schema.counting import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What was judged, and how.

    Attributes:
        benchmark: as the dataset says it: a benchmark's name, with ``CLEANED`` behind it where its
            labels or rows were changed.
        split: the rows that were judged.
        images: how many could be read.
        flip: whether each picture was also looked at mirrored.
        unknown_is_no: whether tags of unknown answer counted as no.
        whole: whether the model saw whole pictures, and not the garment's box alone.
    """

    benchmark: str
    split: str
    images: int
    flip: bool = False
    unknown_is_no: bool = False
    whole: bool = False

    @property
    def name(self) -> str:
        """The benchmark, whatever was done to its labels."""
        return self.benchmark.removesuffix(CLEANED)

    @property
    def cleaned(self) -> bool:
        """Whether labels or rows are no longer the benchmark's own."""
        return self.benchmark.endswith(CLEANED)

    def notes(self, *, split: str, images: int | None, boxed: bool) -> list[str]:
        """Why ours may not compare with published rows, in sentences; often nothing.

        Args:
            split: the split that published rows are of.
            images: how many pictures that has; None where nobody says.
            boxed: whether published rows saw the garment's box alone.
        """
        found = []
        if self.split != split:
            found.append(f"Ours is of the {self.split} split, published rows of the {split} split.")
        elif images is not None and self.images != images:
            found.append(
                f"Ours is of {counted(self.images, 'picture')}, published rows of {images:,}: they "
                "show what such a table looks like, and are no measure of this one."
            )
        if self.cleaned:
            found.append(
                "The labels here were cleaned: they are other questions, and published rows do not "
                "compare. docs/deepfashion.md shows how to measure what cleaning is worth."
            )
        if self.flip:
            found.append("Ours looked at every picture twice (flip); published rows look once.")
        if self.whole and boxed:
            found.append("Ours saw whole pictures; published rows saw the garment's box alone.")
        return found
