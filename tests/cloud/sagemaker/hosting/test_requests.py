"""The bodies of requests that no test can see AWS act on: what moto only writes down, or lacks.

Each is held against AWS's own description of it: types, lengths, patterns, words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hosting_account import BUCKET, TOPIC

from lapel.cloud.aws import Account, Call, check
from lapel.cloud.sagemaker.hosting.alarms import put_alarms
from lapel.cloud.sagemaker.hosting.plan import EndpointPlan, Machines, Serverless
from lapel.cloud.sagemaker.hosting.requests import config_request, update_request
from lapel.cloud.sagemaker.hosting.scaling import put_scaling
from lapel.cloud.sagemaker.refusals import refuse_faults

Plans = Callable[..., EndpointPlan]

QUEUE = f"s3://{BUCKET}/queue"
EMPTIES = {"queue": QUEUE, "machines": Machines(count=0, most=2), "topic": TOPIC}


def described(service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """A request that AWS's description of the service allows."""
    check(Call(service=service, operation=operation, request=request, changes=True))
    refuse_faults(service, operation, request)
    return request


def sent(act: Callable[[Account, EndpointPlan], None], plan: EndpointPlan) -> list[Call]:
    """What would be sent to change something."""
    account = Account(dry_run=True)
    act(account, plan)
    calls = [call for call in account.calls if call.changes]
    for call in calls:
        refuse_faults(call.service, call.operation, call.request)
    return calls


def test_an_update_goes_back_at_an_alarm_and_keeps_what_the_load_brought_about(
    plans: Plans,
) -> None:
    request = update_request(plans(), "shoes-2", alarms=["lapel:shoes:errors"], keep_count=True)
    assert described("sagemaker", "UpdateEndpoint", request) == {
        "EndpointName": "shoes",
        "EndpointConfigName": "shoes-2",
        "RetainAllVariantProperties": True,
        "ExcludeRetainedVariantProperties": [
            {"VariantPropertyType": "DataCaptureConfig"},
            {"VariantPropertyType": "DesiredWeight"},
        ],
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "ALL_AT_ONCE",
                    "WaitIntervalInSeconds": 300,
                },
                "MaximumExecutionTimeoutInSeconds": 3600,
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "lapel:shoes:errors"}]},
        },
    }
    plain = update_request(plans(), "shoes-2", alarms=[], keep_count=False)
    assert set(described("sagemaker", "UpdateEndpoint", plain)) == {
        "EndpointName",
        "EndpointConfigName",
    }


def test_a_queue_names_where_answers_and_failures_go_and_who_is_told(plans: Plans) -> None:
    request = described("sagemaker", "CreateEndpointConfig", config_request(plans(**EMPTIES), "s"))
    assert request["AsyncInferenceConfig"] == {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 8},
        "OutputConfig": {
            "S3OutputPath": f"{QUEUE}/answers",
            "S3FailurePath": f"{QUEUE}/failures",
            "NotificationConfig": {"ErrorTopic": TOPIC},
        },
    }
    # AWS starts none without a machine: the scaling takes it away.
    assert request["ProductionVariants"][0]["InitialInstanceCount"] == 1


def test_a_serverless_endpoint_has_memory_and_no_machine(plans: Plans) -> None:
    plan = plans(machines=Serverless(memory=2048, concurrency=3))
    request = described("sagemaker", "CreateEndpointConfig", config_request(plan, "shoes-1"))
    assert request["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": "shoes-1",
            "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 3},
        }
    ]


def test_machines_follow_the_requests_that_each_gets(plans: Plans) -> None:
    target, policy = sent(put_scaling, plans(machines=Machines(count=1, most=4, per_minute=900)))
    variant = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/shoes/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    assert target.operation == "RegisterScalableTarget"
    assert target.request == {**variant, "MinCapacity": 1, "MaxCapacity": 4}
    assert policy.request == {
        **variant,
        "PolicyName": "lapel-follow",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 900.0,
            "ScaleOutCooldown": 60,
            "ScaleInCooldown": 300,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
        },
    }


def test_an_empty_endpoint_is_woken_by_what_waits_and_then_follows_the_queue(plans: Plans) -> None:
    target, follow, first, wake = sent(put_scaling, plans(**EMPTIES))
    assert target.request["MinCapacity"] == 0
    tracking = follow.request["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["CustomizedMetricSpecification"] == {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": "shoes"}],
        "Statistic": "Average",
    }
    step = first.request["StepScalingPolicyConfiguration"]
    assert step["StepAdjustments"] == [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
    assert wake.operation == "PutMetricAlarm"
    assert wake.request["AlarmName"] == "lapel:shoes:wake"
    assert wake.request["MetricName"] == "HasBacklogWithoutCapacity"
    assert (wake.request["Threshold"], wake.request["EvaluationPeriods"]) == (1.0, 1)
    # Without a value there is nothing to wake for; and nothing that should sleep again.
    assert wake.request["TreatMissingData"] == "missing"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            {},
            {
                "errors": ("AWS/SageMaker", "Invocation5XXErrors", "Average", 0.05),
                "latency": ("AWS/SageMaker", "ModelLatency", "p99", 2_000_000.0),
                "memory": ("/aws/sagemaker/Endpoints", "MemoryUtilization", "Maximum", 90.0),
                "disk": ("/aws/sagemaker/Endpoints", "DiskUtilization", "Maximum", 90.0),
            },
        ),
        (
            {"queue": QUEUE},
            {
                "errors": ("AWS/SageMaker", "Invocation5XXErrors", "Average", 0.05),
                "queue": ("AWS/SageMaker", "ApproximateAgeOfOldestRequest", "Maximum", 900.0),
                "memory": ("/aws/sagemaker/Endpoints", "MemoryUtilization", "Maximum", 90.0),
                "disk": ("/aws/sagemaker/Endpoints", "DiskUtilization", "Maximum", 90.0),
            },
        ),
    ],
    ids=["at once", "queue"],
)
def test_alarms_watch_what_aws_measures_by_its_names_and_units(
    plans: Plans, words: dict[str, Any], expected: dict[str, tuple[str, str, str, float]]
) -> None:
    calls = sent(put_alarms, plans(topic=TOPIC, **words))
    found = {}
    for call in calls:
        asked = call.request
        statistic = asked.get("Statistic") or asked["ExtendedStatistic"]
        word = asked["AlarmName"].removeprefix("lapel:shoes:")
        found[word] = (asked["Namespace"], asked["MetricName"], statistic, asked["Threshold"])
        assert asked["AlarmActions"] == [TOPIC]
        # Of a queue AWS measures the whole endpoint, of all else its variant.
        names = [one["Name"] for one in asked["Dimensions"]]
        assert names == (["EndpointName"] if word == "queue" else ["EndpointName", "VariantName"])
    assert found == expected
