"""Names of a network's outputs that answer no task."""

from __future__ import annotations

#: One vector a picture, float32 (N, width), not normalised: near where pictures are alike.
EMBEDDING = "embedding"

#: How much the places of a picture are strengthened, float32 (N, 1, h, w): 1 leaves them as they
#: are, 0 takes them out, 2 doubles them.
ATTENTION = "attention"


def heatmaps_of(task: str) -> str:
    """Where the landmarks of a task may be, float32 (N, landmarks, h, w): higher is likelier."""
    return f"{task}.heatmaps"
