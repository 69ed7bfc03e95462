"""``lapel predict``: photos in, answers out."""

from __future__ import annotations


def predict() -> None:
    """Say what is on photos."""
