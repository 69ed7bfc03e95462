"""One attempt to rent a machine, told from all others of the same name by what it makes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from lapel.cloud.ec2.plan import Plan

#: Tags that say which launch made a thing, and when that began.
LAUNCH, BEGAN = "lapel:launch", "lapel:began"
#: Stands for a token in a dry run, as the other zeros stand for AWS's own ids.
PRETENDED = "000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One attempt to rent a plan's machine.

    Attributes:
        plan: what is wanted.
        token: of this attempt alone; everything that it makes carries it, so that a launch that
            fails takes back its own things and never those of another.
        began: when.
    """

    plan: Plan
    token: str
    began: datetime


def new_launch(plan: Plan, *, dry_run: bool = False) -> Launch:
    """An attempt that begins now."""
    # Six characters: IAM's names have 64, of which a machine's and a region's may take the rest.
    token = PRETENDED if dry_run else secrets.token_hex(3)
    return Launch(plan=plan, token=token, began=datetime.now(UTC))
