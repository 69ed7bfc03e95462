"""How many machines answer: more under load, fewer without, none where requests can wait.

Source: "Automatic scaling of Amazon SageMaker AI models" and "Autoscale an asynchronous endpoint",
Amazon SageMaker AI developer guide. An empty endpoint has no machine whose queue could be
measured: an alarm of its own starts the first one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.hosting.alarms import REQUESTS, remove_alarms, wake_alarm
from lapel.cloud.sagemaker.hosting.listing import pages
from lapel.cloud.sagemaker.hosting.plan import EndpointPlan, Machines
from lapel.cloud.sagemaker.hosting.requests import VARIANT

SERVICE = "application-autoscaling"

#: Names of our rules: the one that follows the load, and the one that starts the first machine.
FOLLOW, FIRST = "lapel-follow", "lapel-first"

#: Requests that may wait for each machine, where they wait in a queue; ours.
WAITING = 5.0

#: Seconds after which machines are added again, and taken away again.
ADD_AFTER, TAKE_AFTER = 60, 300


def put_scaling(account: Account, plan: EndpointPlan) -> None:
    """Have the number of machines follow the load, or stay as it is.

    Raises:
        CloudError: AWS refuses.
    """
    machines = plan.machines
    if not isinstance(machines, Machines) or not machines.scales:
        remove_scaling(account, plan.name)
        return
    account.do(SERVICE, "RegisterScalableTarget", {}, **target_request(plan.name, machines))
    follow = _queue_policy(plan.name) if plan.queue is not None else _rate_policy(machines)
    account.do(SERVICE, "PutScalingPolicy", {}, **_policy(plan.name, FOLLOW, **follow))
    if machines.count == 0:
        _put_first(account, plan.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How the number of an endpoint's machines follows the load.

    Attributes:
        least: machines.
        most: machines.
        policies: as AWS describes them.
    """

    least: int
    most: int
    policies: Sequence[Mapping[str, Any]]


def scaling_of(account: Account, name: str) -> Scaling | None:
    """How an endpoint's machines follow the load; None: their number stays.

    Raises:
        CloudError: AWS refuses.
    """
    place = _of(name)["ResourceId"]
    targets = pages(
        account, SERVICE, "DescribeScalableTargets", "ScalableTargets",
        ServiceNamespace="sagemaker", ResourceIds=[place],
    )  # fmt: skip
    for target in targets:
        policies = pages(
            account, SERVICE, "DescribeScalingPolicies", "ScalingPolicies",
            ServiceNamespace="sagemaker", ResourceId=place,
        )  # fmt: skip
        return Scaling(
            least=target["MinCapacity"], most=target["MaxCapacity"], policies=list(policies)
        )
    return None


def remove_scaling(account: Account, name: str) -> Scaling | None:
    """Leave the number of machines as it is from now on.

    Returns:
        How it was, for :func:`put_back`; None where there was nothing to take away.

    Raises:
        CloudError: AWS refuses.
    """
    former = scaling_of(account, name)
    if former is None:
        return None
    for one in former.policies:
        account.do(SERVICE, "DeleteScalingPolicy", {}, PolicyName=one["PolicyName"], **_of(name))
    account.do(SERVICE, "DeregisterScalableTarget", {}, **_of(name))
    if any(one["PolicyName"] == FIRST for one in former.policies):
        remove_alarms(account, [wake_alarm(name)])
    return former


def put_back(account: Account, name: str, former: Scaling) -> None:
    """Have the number of machines follow the load as before.

    Raises:
        CloudError: AWS refuses.
    """
    target = {**_of(name), "MinCapacity": former.least, "MaxCapacity": former.most}
    account.do(SERVICE, "RegisterScalableTarget", {}, **target)
    rule = "TargetTrackingScalingPolicyConfiguration"
    for one in former.policies:
        if one["PolicyName"] == FIRST:
            _put_first(account, name)
        else:
            kept = {"PolicyType": one["PolicyType"], rule: one[rule]}
            account.do(SERVICE, "PutScalingPolicy", {}, **_policy(name, one["PolicyName"], **kept))


def target_request(name: str, machines: Machines) -> dict[str, Any]:
    """A body of ``RegisterScalableTarget``."""
    return {**_of(name), "MinCapacity": machines.count, "MaxCapacity": machines.most}


def _put_first(account: Account, name: str) -> None:
    """Start a machine when requests wait and there is none."""
    step = {
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": TAKE_AFTER,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        },
    }
    pretended = {"PolicyARN": "(as AWS calls it)"}
    made = account.do(SERVICE, "PutScalingPolicy", pretended, **_policy(name, FIRST, **step))
    account.do(
        "cloudwatch",
        "PutMetricAlarm",
        {},
        AlarmName=wake_alarm(name),
        AlarmDescription=f"{name}: requests wait and no machine runs; starts one",
        Namespace=REQUESTS,
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=[{"Name": "EndpointName", "Value": name}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[made["PolicyARN"]],
    )


def _rate_policy(machines: Machines) -> dict[str, Any]:
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    return _tracking(float(machines.per_minute), {"PredefinedMetricSpecification": metric})


def _queue_policy(name: str) -> dict[str, Any]:
    metric = {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": REQUESTS,
        "Dimensions": [{"Name": "EndpointName", "Value": name}],
        "Statistic": "Average",
    }
    return _tracking(WAITING, {"CustomizedMetricSpecification": metric})


def _tracking(value: float, metric: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": value,
            "ScaleOutCooldown": ADD_AFTER,
            "ScaleInCooldown": TAKE_AFTER,
            **metric,
        },
    }


def _policy(name: str, called: str, **rule: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's shapes
    return {"PolicyName": called, **_of(name), **rule}


def _of(name: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
