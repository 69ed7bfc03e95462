"""What the containers of an endpoint or a batch said."""

from __future__ import annotations

from lapel.cloud.aws import Account
from lapel.schema.errors import CloudError

#: Where SageMaker writes what containers say.
ENDPOINTS, BATCHES = "/aws/sagemaker/Endpoints/", "/aws/sagemaker/TransformJobs"

#: Lines that are worth reading where something failed.
LINES = 15


def last_lines(account: Account, name: str, *, batch: bool = False) -> list[str]:
    """The end of a log; empty where there is none, or it may not be read.

    Args:
        account: that is asked.
        name: of the endpoint or batch.
        batch: which of both.
    """
    group = BATCHES if batch else f"{ENDPOINTS}{name}"
    request = {"logStreamNamePrefix": f"{name}/"} if batch else {}
    try:
        found = account.ask("logs", "FilterLogEvents", {}, logGroupName=group, **request)
    except CloudError:
        return []
    return [str(one["message"]).rstrip() for one in found.get("events", [])][-LINES:]
