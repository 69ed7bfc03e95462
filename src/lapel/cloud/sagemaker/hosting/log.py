"""What the containers of an endpoint or a batch said."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from datetime import datetime
from typing import Any

from lapel.cloud.aws import Account
from lapel.schema.errors import CloudError

#: Where SageMaker writes what containers say.
ENDPOINTS, BATCHES = "/aws/sagemaker/Endpoints/", "/aws/sagemaker/TransformJobs"

#: Lines that are worth reading where something failed.
LINES = 15


def last_lines(
    account: Account, name: str, *, since: datetime | None, batch: bool = False
) -> list[str]:
    """The end of a log; empty where there is none, or it may not be read.

    Args:
        account: that is asked.
        name: of the endpoint or batch.
        since: what was said before is left out; none: nothing is.
        batch: which of both.
    """
    request: dict[str, Any] = {"logGroupName": BATCHES if batch else f"{ENDPOINTS}{name}"}
    if batch:
        request["logStreamNamePrefix"] = f"{name}/"
    if since is not None:
        request["startTime"] = round(since.timestamp() * 1000)
    lines: deque[str] = deque(maxlen=LINES)
    with suppress(CloudError):
        # The oldest come first, and pages in between may be empty.
        for page in account.every("logs", "FilterLogEvents", {}, **request):
            lines.extend(str(one["message"]).rstrip() for one in page.get("events", []))
    return list(lines)
