"""``lapel tune``: search for the best values of a recipe."""

from __future__ import annotations


def tune() -> None:
    """Search for the best values of a recipe."""
