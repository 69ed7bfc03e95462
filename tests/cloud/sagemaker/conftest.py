"""What tests of jobs share."""

from __future__ import annotations

from job_account import bucket

__all__ = ["bucket"]
