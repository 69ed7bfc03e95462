"""What tests of the cloud share: an emulated account."""

from __future__ import annotations

from emulated_account import aws_server, deep_learning_image, emulated, unreachable

__all__ = ["aws_server", "deep_learning_image", "emulated", "unreachable"]
