"""What was measured, on what, and what to know before believing a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lapel.data.dataset import Dataset
from lapel.inference.bundle import Bundle
from lapel.inference.seen import SEEN_FILES

#: What a reader must know about numbers from a split that the model has met before.
SPLIT_REMARKS = {
    "train": "These are training pictures: the model has seen them, so its numbers here say how "
    "well it remembers, not how well it will do.",
    "validation": "These are validation pictures: the best epoch and any temperature or "
    "thresholds were chosen on them, so these numbers are a little kinder than new pictures will "
    "be.",
}


#: What a reader must know about the legacy rule.
UNKNOWN_IS_NO = (
    "Tags of unknown answer count as no here, as published code counts them: numbers of tags "
    "compare with published ones, and punish a model for what nobody knows."
)


#: What a model saw of the boxes of a dataset: it never looks at any; there were none; they were
#: kept back, as from a user who has only the picture; or it saw them.
BoxesSeen = Literal["never", "none", "kept back", "seen"]

#: What a reader must know of that.
BOX_REMARKS: Mapping[BoxesSeen, str] = {
    "none": (
        "The model looks at the garment's box where it is known, and this dataset has none: it saw "
        "the whole pictures, and distances are measured by their width and height."
    ),
    "kept back": (
        "The dataset's boxes were kept from the model: it saw the whole pictures, as with a user "
        "who has nothing else. Distances are measured by the boxes all the same."
    ),
    "seen": (
        "The model was shown each garment's box alone, as the dataset knows it. A user who has "
        "only the picture may see worse answers: --whole measures how much worse."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was measured, on what.

    Attributes:
        bundle: name of the model.
        dataset: name of the dataset.
        fingerprint: of the evaluated rows.
        split: the evaluated split.
        learned: whether the model learned from it, as far as is known.
        flip: whether each picture was also judged mirrored (test-time augmentation).
        boxes: what the model saw of the dataset's boxes.
        unknown_is_no: whether tags of unknown answer counted as no.
        chosen_on: on what the best epoch was chosen, in words.
        remarks: what a reader must know before believing a number, in sentences.
        provenance: where the model comes from, as its bundle tells.
    """

    bundle: str
    dataset: str
    fingerprint: str
    split: str
    learned: bool
    flip: bool
    boxes: BoxesSeen
    unknown_is_no: bool
    chosen_on: str
    remarks: tuple[str, ...]
    provenance: Mapping[str, Any]

    @property
    def title(self) -> str:
        """In a line."""
        return (
            f"{self.bundle} on {self.dataset}, {self.split}"
            + (" (with flip)" if self.flip else "")
            + (" (whole pictures)" if self.boxes == "kept back" else "")
        )


def describe(
    model: Bundle,
    part: Dataset,
    split: str,
    *,
    flip: bool,
    boxes: BoxesSeen,
    unknown_is_no: bool,
    differences: Sequence[str],
) -> Subject:
    """What is to be measured.

    Args:
        model: the model.
        part: the rows to judge.
        split: the split that they are of.
        flip: whether each picture is also judged mirrored.
        boxes: what the model sees of the dataset's boxes.
        unknown_is_no: whether tags of unknown answer count as no.
        differences: between the model's schema and the dataset's, in sentences.
    """
    met = _has_met(model, part, split)
    remarks = [SPLIT_REMARKS[split]] if met else []
    remarks += _warnings_of_seen(model, part, unless=split if met else None)
    if flip:
        remarks.append(
            "Test-time augmentation: each answer is the mean of what is said of the picture "
            "and of its mirror image. Plain prediction looks once and may do a little worse."
        )
    if boxes in BOX_REMARKS:
        remarks.append(BOX_REMARKS[boxes])
    if unknown_is_no:
        remarks.append(UNKNOWN_IS_NO)
    return Subject(
        bundle=model.name,
        dataset=part.name,
        fingerprint=part.fingerprint,
        split=split,
        learned=met and split == "train",
        flip=flip,
        boxes=boxes,
        unknown_is_no=unknown_is_no,
        chosen_on=_chosen_on(model),
        remarks=(*remarks, *differences),
        provenance=model.provenance,
    )


def _has_met(model: Bundle, part: Dataset, split: str) -> bool:
    """Whether the model was trained or chosen on a split that is called so; another dataset has one
    of that name too, so where the bundle tells it is asked for most of the pictures.
    """
    if split not in SPLIT_REMARKS:
        return False
    digests = part.table["sha256"].to_list()
    return SEEN_FILES[split] not in model.files or 2 * model.has_seen(split, digests) > len(part)


def _warnings_of_seen(model: Bundle, part: Dataset, *, unless: str | None) -> list[str]:
    """What to know when some judged pictures are no strangers to the model.

    Args:
        model: the model.
        part: the judged rows.
        unless: the split that they are said to be of anyhow.
    """
    digests = part.table["sha256"].to_list()
    warnings = []
    learned = 0 if unless == "train" else model.has_seen("train", digests)
    if learned:
        warnings.append(
            f"Warning: the model has learned from {learned:,} of these {len(part):,} pictures, so "
            "the numbers say nothing about new ones. Were the splits drawn anew after training? "
            "Train again on them, or judge on pictures of another source."
        )
    chosen = 0 if unless == "validation" else model.has_seen("validation", digests)
    if chosen:
        warnings.append(
            f"Warning: the best epoch and any temperature or thresholds were chosen on {chosen:,} "
            f"of these {len(part):,} pictures, so the numbers are kinder than new pictures will be."
        )
    return warnings


def _chosen_on(model: Bundle) -> str:
    """On what the best epoch was chosen, as the bundle tells."""
    chosen = model.provenance.get("chosen")
    if not isinstance(chosen, dict) or "on" not in chosen:
        return "not recorded in the bundle"
    words = [str(chosen["on"])]
    if "by" in chosen:
        words.append(f"by {chosen['by']}")
    if isinstance(chosen.get("score"), float):
        words.append(f"({chosen['score']:.4f})")
    if "epoch" in chosen and "epochs" in chosen:
        words.append(f"epoch {chosen['epoch']} of {chosen['epochs']}")
    return ", ".join(words).replace(", (", " (")
