"""Tags that everything of ours carries: by them it is found, listed and taken down."""

from __future__ import annotations

from importlib.metadata import version

#: Names what a thing belongs to; and who made it.
TAG, MADE_BY = "lapel", "lapel:made-by"


def owner_tags(owner: str) -> list[dict[str, str]]:
    """What everything of ours is tagged with.

    Args:
        owner: what a thing belongs to, such as ``ec2/trainer`` or a bucket's name.
    """
    made_by = f"lapel {version('lapel')}"
    return [{"Key": TAG, "Value": owner}, {"Key": MADE_BY, "Value": made_by}]
