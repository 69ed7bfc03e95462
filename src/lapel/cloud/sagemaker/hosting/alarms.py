"""Alarms of CloudWatch on an endpoint.

Source of names, units and dimensions: "Amazon SageMaker AI metrics in Amazon CloudWatch", Amazon
SageMaker AI developer guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.checks import tags
from lapel.cloud.sagemaker.hosting.listing import pages
from lapel.cloud.sagemaker.hosting.plan import EndpointPlan, Serverless
from lapel.cloud.sagemaker.hosting.requests import VARIANT

#: Where AWS counts requests, and where it measures machines.
REQUESTS, MACHINES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"

#: Names of alarms that CloudWatch takes away in one call.
AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One thing that an alarm looks at.

    Attributes:
        word: what the alarm is called by.
        metric: of CloudWatch.
        space: its namespace.
        statistic: of the values of a minute.
        above: value from which it goes off, in the metric's own unit.
        says: what it means, for those whom it wakes.
        whole: whether it is of the endpoint, not of its variant.
    """

    word: str
    metric: str
    space: str
    statistic: str
    above: float
    says: str
    whole: bool = False


#: The shares of failures and of memory, and the waiting, from which people are told; ours.
ERRORS = Watch(
    word="errors",
    metric="Invocation5XXErrors",
    space=REQUESTS,
    statistic="Average",  # of a 1 or a 0 a request: the share of those that failed
    above=0.05,
    says="More than 5 % of requests failed (5xx): it is overloaded or broken; look at its log",
)
LATENCY = Watch(
    word="latency",
    metric="ModelLatency",
    space=REQUESTS,
    statistic="p99",
    above=2_000_000,  # microseconds
    says="One request in a hundred waited longer than 2 s for the model; add machines",
)
MEMORY = Watch(
    word="memory",
    metric="MemoryUtilization",
    space=MACHINES,
    statistic="Maximum",
    above=90,
    says="More than 90 % of the memory is in use; take a larger machine",
)
DISK = Watch(
    word="disk",
    metric="DiskUtilization",
    space=MACHINES,
    statistic="Maximum",
    above=90,
    says="More than 90 % of the disk is in use; deploy again, and look at what fills it",
)
QUEUE = Watch(
    word="queue",
    metric="ApproximateAgeOfOldestRequest",
    space=REQUESTS,
    statistic="Maximum",
    above=900,
    says="A request has waited longer than 15 minutes in the queue; allow more machines by --max",
    whole=True,
)


def watched(plan: EndpointPlan) -> list[Watch]:
    """What alarms look at, as the endpoint is."""
    if isinstance(plan.machines, Serverless):
        return [ERRORS, LATENCY, MEMORY]
    return [ERRORS, *([QUEUE] if plan.queue is not None else [LATENCY]), MEMORY, DISK]


def alarm_request(plan: EndpointPlan, watch: Watch) -> dict[str, Any]:
    """A body of ``PutMetricAlarm``: three of five minutes above the limit set it off."""
    dimensions = [{"Name": "EndpointName", "Value": plan.name}]
    if not watch.whole:
        dimensions.append({"Name": "VariantName", "Value": VARIANT})
    percentile = watch.statistic.startswith("p")
    return {
        "AlarmName": _called(plan.name, watch),
        "AlarmDescription": f"{plan.name}: {watch.says}",
        "Namespace": watch.space,
        "MetricName": watch.metric,
        "Dimensions": dimensions,
        ("ExtendedStatistic" if percentile else "Statistic"): watch.statistic,
        "Period": 60,
        "EvaluationPeriods": 5,
        "DatapointsToAlarm": 3,
        "Threshold": float(watch.above),
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [plan.topic],
        "Tags": tags(plan.name),
    }


def put_alarms(account: Account, plan: EndpointPlan) -> None:
    """Make the alarms of an endpoint, and take away those that it no longer has.

    Raises:
        CloudError: AWS refuses.
    """
    wanted = [] if plan.topic is None else watched(plan)
    for watch in wanted:
        account.do("cloudwatch", "PutMetricAlarm", {}, **alarm_request(plan, watch))
    kept = {_called(plan.name, watch) for watch in wanted} | {wake_alarm(plan.name)}
    remove_alarms(account, [name for name in alarms_of(account, plan.name) if name not in kept])


def alarms_of(account: Account, name: str) -> list[str]:
    """Our alarms on an endpoint, by name; with the one that is part of its scaling.

    Raises:
        CloudError: AWS refuses.
    """
    found = pages(
        account, "cloudwatch", "DescribeAlarms", "MetricAlarms", AlarmNamePrefix=_prefix(name)
    )
    words = {watch.word for watch in (ERRORS, LATENCY, MEMORY, DISK, QUEUE)} | {WAKE}
    ours = {f"{_prefix(name)}{word}" for word in words}
    return [one["AlarmName"] for one in found if one["AlarmName"] in ours]


def remove_alarms(account: Account, names: list[str]) -> None:
    """Take alarms away.

    Raises:
        CloudError: AWS refuses.
    """
    for start in range(0, len(names), AT_ONCE):
        account.do("cloudwatch", "DeleteAlarms", {}, AlarmNames=names[start : start + AT_ONCE])


#: The word of the alarm that starts the first machine of an empty endpoint: part of its scaling.
WAKE = "wake"


def wake_alarm(name: str) -> str:
    """The name of that alarm."""
    return f"{_prefix(name)}{WAKE}"


def _called(name: str, watch: Watch) -> str:
    return f"{_prefix(name)}{watch.word}"


def _prefix(name: str) -> str:
    # Two colons: no name of an endpoint holds one, so that `shoes` never means `shoes-2`.
    return f"lapel:{name}:"
