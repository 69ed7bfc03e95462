"""What of ours is there: endpoints, and the models and configurations behind them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.checks import OWNER, STAMPED
from lapel.cloud.tagging import TAG
from lapel.schema.errors import CloudError

#: States in which an endpoint changes by itself; until then AWS neither changes nor removes it.
CHANGING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
READY = "InService"

#: The longest that an endpoint may take to become ready, and between two looks, in seconds.
PATIENCE, EVERY = 3600.0, 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint of ours.

    Attributes:
        name: as given to ``lapel cloud sagemaker deploy``.
        status: in SageMaker's words, such as ``InService``.
        since: when it was made.
        kind: of its machines; empty: serverless.
        count: of machines now; 0 where it is serverless.
        memory: megabytes, where it is serverless.
        queue: where answers are written, if requests wait in a queue; else empty.
        config: name of its configuration, which is that of its model too.
        reason: why it failed; empty: it did not.
    """

    name: str
    status: str
    since: datetime | None
    kind: str
    count: int
    memory: int
    queue: str
    config: str
    reason: str

    @property
    def runs_on(self) -> str:
        """In words, what it runs on."""
        if self.memory:
            return f"serverless, {self.memory} MB"
        machines = f"{self.count} x {self.kind}"
        return f"{machines}, asynchronous" if self.queue else machines


def pages(
    account: Account,
    service: str,
    operation: str,
    key: str,
    **request: Any,  # noqa: ANN401 - AWS's own shapes
) -> Iterator[Mapping[str, Any]]:
    """All entries of a list of AWS, page by page; none in a dry run.

    Args:
        account: that is asked.
        service: as boto3 names it.
        operation: as AWS names it.
        key: under which an answer has its entries.
        request: parameters.

    Raises:
        CloudError: AWS refuses.
    """
    for answer in account.every(service, operation, {key: []}, **request):
        yield from answer.get(key, [])


def endpoints(account: Account, name: str | None = None) -> list[Endpoint]:
    """Our endpoints, or the one of a name.

    Raises:
        CloudError: AWS refuses.
    """
    only = {"NameContains": name} if name is not None else {}
    found = pages(account, "sagemaker", "ListEndpoints", "Endpoints", **only)
    named = [one for one in found if name is None or one["EndpointName"] == name]
    return [
        _described(account, one["EndpointName"])
        for one in named
        if owner_of(account, one["EndpointArn"]) == one["EndpointName"]
    ]


def is_there(account: Account, name: str) -> bool:
    """Whether an endpoint of a name is there.

    Raises:
        CloudError: it is, and is not ours.
    """
    found = pages(account, "sagemaker", "ListEndpoints", "Endpoints", NameContains=name)
    for one in found:
        if one["EndpointName"] == name:
            if owner_of(account, one["EndpointArn"]) != name:
                raise CloudError(
                    f"the endpoint {name} was not made by Lapel, which does not touch it; choose "
                    "another name"
                )
            return True
    return False


def owner_of(account: Account, arn: str) -> str | None:
    """The endpoint or job of ours that something belongs to; None: it is not ours.

    Raises:
        CloudError: AWS refuses.
    """
    for tag in pages(account, "sagemaker", "ListTags", "Tags", ResourceArn=arn):
        if tag["Key"] == TAG and tag["Value"].startswith(OWNER):
            return str(tag["Value"]).removeprefix(OWNER)
    return None


def belongings(account: Account, what: str, name: str) -> list[str]:
    """Names of the models or configurations that were made for an endpoint or a batch.

    Args:
        account: that is asked.
        what: ``Model`` or ``EndpointConfig``.
        name: of the endpoint.

    Raises:
        CloudError: AWS refuses.
    """
    found = pages(account, "sagemaker", f"List{what}s", f"{what}s", NameContains=name)
    names = []
    for one in found:
        stamped = STAMPED.fullmatch(one[f"{what}Name"])
        ours = stamped is not None and stamped["name"] == name
        if ours and owner_of(account, one[f"{what}Arn"]) == name:
            names.append(str(one[f"{what}Name"]))
    return names


def settled(
    account: Account,
    name: str,
    *,
    say: Callable[[str], None],
    patience: float = PATIENCE,
    every: float = EVERY,
) -> Mapping[str, Any]:
    """Wait until an endpoint does not change by itself any more.

    Args:
        account: that is asked.
        name: of the endpoint.
        say: told of each new state.
        patience: seconds to wait at the most.
        every: seconds between two looks.

    Returns:
        What ``DescribeEndpoint`` says of it.

    Raises:
        CloudError: it takes longer, or AWS refuses.
    """
    until, status = time.monotonic() + patience, ""
    while True:
        found = account.ask(
            "sagemaker", "DescribeEndpoint", {"EndpointStatus": READY}, EndpointName=name
        )
        if found["EndpointStatus"] != status:
            status = str(found["EndpointStatus"])
            if not account.dry_run:  # which has looked at nothing
                say(f"{name}: {status}")
        if status not in CHANGING:
            return found
        if time.monotonic() > until:
            raise CloudError(
                f"the endpoint {name} is {status} after {patience:.0f} s; "
                "`lapel cloud sagemaker endpoints` shows how it goes on"
            )
        time.sleep(every)


def _described(account: Account, name: str) -> Endpoint:
    found = account.ask("sagemaker", "DescribeEndpoint", {}, EndpointName=name)
    config = account.ask(
        "sagemaker",
        "DescribeEndpointConfig",
        {},
        EndpointConfigName=found["EndpointConfigName"],
    )
    variant = (config.get("ProductionVariants") or [{}])[0]
    now = (found.get("ProductionVariants") or [{}])[0]
    queue = (config.get("AsyncInferenceConfig") or {}).get("OutputConfig", {})
    return Endpoint(
        name=name,
        status=found["EndpointStatus"],
        since=found.get("CreationTime"),
        kind=variant.get("InstanceType", ""),
        count=now.get("CurrentInstanceCount", variant.get("InitialInstanceCount", 0)),
        memory=(variant.get("ServerlessConfig") or {}).get("MemorySizeInMB", 0),
        queue=queue.get("S3OutputPath", ""),
        config=found["EndpointConfigName"],
        reason=found.get("FailureReason") or "",
    )
