"""What is wrong with a dataset, found before it costs anybody a training run.

A *fault* makes results wrong or stops a run: files that are missing, torn or other than they
were, label maps and garments that do not fit them, labels and splits that do not exist, boxes that
show nothing, the very same picture or one item on two sides of a split. A *warning* is for the
eye to judge: pictures that look the same, rare and missing classes, landmarks outside their box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lapel.data.checking.findings import Finding
from lapel.data.checking.garments import garment_findings
from lapel.data.checking.images import image_findings
from lapel.data.checking.labels import label_findings, pair_findings
from lapel.data.checking.masks import check_masks
from lapel.data.checking.places import place_findings
from lapel.data.cleaning.lint import lint_labels
from lapel.data.cleaning.lint_accuracy import Accuracy, accuracies
from lapel.data.cleaning.proposing import propose_rules
from lapel.data.cleaning.shipped import choose_rules
from lapel.data.dataset import Dataset
from lapel.data.progress import Track, silent
from lapel.schema.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """Everything that was found in a dataset.

    Attributes:
        dataset: its name.
        images: how many were looked at.
        splits: how many in each split.
        findings: faults first.
        against: how many of the labels that may be one are one by given rules: those that are
            proposed, and those to be judged too; empty where none were given.
    """

    dataset: str
    images: int
    splits: dict[str, int]
    findings: tuple[Finding, ...]
    against: Mapping[str, Accuracy] = field(default_factory=dict)

    @property
    def faults(self) -> int:
        """How many faults there are, all kinds together."""
        return sum(finding.count for finding in self.findings if finding.severity == "fault")

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "faults": self.faults,
            **asdict(self),
            "against": {name: one.to_json() for name, one in self.against.items()},
        }


def check_dataset(
    folder: str | Path,
    *,
    propose: str | Path | None = None,
    against: str | Path | None = None,
    tier: str | None = None,
    track: Track = silent,
) -> CheckReport:
    """Open every picture of a dataset, and look at its table.

    Args:
        folder: the dataset.
        propose: a file to write, with rules for labels that may be one; see
            :mod:`lapel.data.cleaning.rules`.
        against: rules that are known to be right, shipped ones or a file, to say how many of the
            labels that may be one are found.
        tier: of shipped rules; see :func:`~lapel.data.cleaning.shipped.choose_rules`.
        track: is told how far the work is.

    Raises:
        DatasetError: the folder is no dataset, or its table cannot be read.
        UsageError: the file of rules exists, or there are none to go against.
        StorageError: it cannot be written.
    """
    dataset = Dataset.open(folder)
    if against is None and tier is not None:
        raise UsageError("a tier is of the rules to go against, and none are named")
    known = None if against is None else choose_rules(against, dataset.schema, tier=tier)
    # Before the pictures are opened, which takes long: a file that cannot be written is told now.
    pairs = propose_rules(dataset, propose) if propose else lint_labels(dataset)
    masks = check_masks(dataset, track=track)
    findings = [
        *masks.findings,
        *image_findings(dataset, unread=masks.unread, track=track),
        *label_findings(dataset, masks.unread),
        *place_findings(dataset),
        *garment_findings(dataset),
        *pair_findings(dataset, pairs),
    ]
    return CheckReport(
        dataset=dataset.name,
        images=len(dataset),
        splits=dataset.splits(),
        findings=tuple(sorted(findings, key=lambda finding: finding.severity != "fault")),
        against={} if known is None else accuracies(pairs, known.rules, dataset.schema),
    )
