"""Names of jobs: SageMaker takes each once, and not every character."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

from lapel.cloud.sagemaker.checks import checked_resource_name

#: Of a training job, and of a tuning job.
LONGEST_JOB, LONGEST_TUNING = 63, 32


def job_name(recipe: str, *, longest: int = LONGEST_JOB) -> str:
    """A name that no job has had: of the recipe, the moment and chance.

    Args:
        recipe: a recipe's name, or any text.
        longest: characters that the name may have.
    """
    ending = f"{datetime.now(UTC):%y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    stem = re.sub(r"[^a-zA-Z0-9]+", "-", recipe).strip("-") or "lapel"
    stem = stem[: longest - len(ending) - 1].strip("-")
    return checked_resource_name(f"{stem}-{ending}", "job", longest=longest)
