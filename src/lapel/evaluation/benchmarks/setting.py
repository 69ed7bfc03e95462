"""Under what conditions a model was judged, and what of them keeps it from comparing."""

from __future__ import annotations

from dataclasses import dataclass

from lapel.schema.counting import counted

#: Between a benchmark's name and what was done to its labels, in ``dataset.json``.
CHANGED = "+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What was judged, and how.

    Attributes:
        benchmark: as the dataset says it: a benchmark's name; with ``+`` and a word behind it
            where its labels were changed, as in ``deepfashion-coarse+merged``.
        split: the rows that were judged.
        images: how many could be read.
        flip: whether each picture was also looked at mirrored.
        unknown_is_no: whether tags of unknown answer counted as no.
        whole: whether the dataset's boxes were ignored.
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
        return self.benchmark.partition(CHANGED)[0].strip()

    @property
    def change(self) -> str:
        """What was done to its labels, in a word; empty where nothing was."""
        return self.benchmark.partition(CHANGED)[2].strip()

    def notes(self, split: str, images: int | None) -> list[str]:
        """Why ours may not compare with published rows, in sentences; often nothing.

        Args:
            split: the split that published rows are of.
            images: how many pictures that has; None where nobody says.
        """
        found = []
        if self.split != split:
            found.append(f"Ours is of the {self.split} split, published rows of the {split} split.")
        elif images is not None and self.images != images:
            found.append(
                f"Ours is of {counted(self.images, 'picture')}, published rows of {images:,}: they "
                "show what such a table looks like, and are no measure of this one."
            )
        if self.change:
            found.append(
                f"The labels here are changed ({self.change}): other questions, so that published "
                "rows do not compare. `lapel compare` shows what the change is worth."
            )
        if self.flip:
            found.append("Ours looked at every picture twice (flip); published rows look once.")
        if self.whole:
            found.append("Ours saw whole pictures; published rows saw the garment's box alone.")
        return found
