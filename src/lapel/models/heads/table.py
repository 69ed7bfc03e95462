"""The table of how each kind of task is learned; its keys are those of ``lapel.tasks.kinds``."""

from __future__ import annotations

from lapel.models.heads.base import Learned
from lapel.models.heads.multi_label import LearnedMultiLabel
from lapel.models.heads.single_label import LearnedSingleLabel

HEADS: dict[str, type[Learned]] = {
    "multi_label": LearnedMultiLabel,
    "single_label": LearnedSingleLabel,
}
