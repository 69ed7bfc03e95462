"""The bodies of requests that make an endpoint, as AWS takes them.

Source: CreateModel, CreateEndpointConfig, CreateEndpoint and UpdateEndpoint, Amazon SageMaker API
reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lapel.cloud.container.serving import LATENCY
from lapel.cloud.sagemaker.checks import tags
from lapel.cloud.sagemaker.hosting.plan import Capture, EndpointPlan, Machines, Serverless

#: The one variant of our endpoints, by the name that AWS's own tools give it.
VARIANT = "AllTraffic"

#: Seconds in which a model may be fetched, and in which its container may become ready. AWS's own
#: default for the latter is 8 minutes; ours is up within seconds, and fails early if not.
FETCH_SECONDS, READY_SECONDS = 600, 180

#: Requests that each machine takes out of a queue at a time.
FROM_QUEUE = 8

#: Milliseconds that a picture may wait within the container, where nobody waits at the other end.
PATIENT = "55000"

#: Seconds in which alarms watch new machines before the old ones go, and that all may take.
BAKING_SECONDS, UPDATE_SECONDS = 300, 3600


def model_request(plan: EndpointPlan, called: str) -> dict[str, Any]:
    """The request that makes the model.

    Args:
        plan: of the endpoint.
        called: the model's name.

    Returns:
        A body of ``CreateModel``.
    """
    environment = dict(plan.environment)
    if plan.queue is not None:
        environment.setdefault(LATENCY, PATIENT)
    container: dict[str, Any] = {
        "Image": plan.image,
        "ModelDataUrl": plan.archive,
        "Environment": environment,
    }
    request: dict[str, Any] = {
        "ModelName": called,
        "PrimaryContainer": container,
        "ExecutionRoleArn": plan.role,
        "Tags": tags(plan.name),
    }
    if not isinstance(plan.machines, Serverless):
        # Ours fetches nothing and calls nobody; AWS offers no such walls to serverless endpoints.
        request["EnableNetworkIsolation"] = True
    return request


def config_request(plan: EndpointPlan, called: str) -> dict[str, Any]:
    """The request that says how the model shall run.

    Args:
        plan: of the endpoint.
        called: the name of the model, and of the configuration.

    Returns:
        A body of ``CreateEndpointConfig``.
    """
    request: dict[str, Any] = {
        "EndpointConfigName": called,
        "ProductionVariants": [_variant(plan.machines, called)],
        "Tags": tags(plan.name),
    }
    if plan.queue is not None:
        request["AsyncInferenceConfig"] = _queue(plan.queue, plan.topic)
    if plan.capture is not None:
        request["DataCaptureConfig"] = _capture(plan.capture)
    return request


def endpoint_request(plan: EndpointPlan, called: str) -> dict[str, Any]:
    """A body of ``CreateEndpoint``."""
    return {
        "EndpointName": plan.name,
        "EndpointConfigName": called,
        "Tags": tags(plan.name),
    }


def update_request(
    plan: EndpointPlan, called: str, *, alarms: Sequence[str], keep_count: bool
) -> dict[str, Any]:
    """The request that changes an endpoint without a pause.

    Args:
        plan: what it shall become.
        called: the name of the new configuration.
        alarms: that bring the old machines back when one of them goes off.
        keep_count: leave as many machines as the load has brought about.

    Returns:
        A body of ``UpdateEndpoint``.
    """
    request: dict[str, Any] = {"EndpointName": plan.name, "EndpointConfigName": called}
    if keep_count:
        request["RetainAllVariantProperties"] = True
        request["ExcludeRetainedVariantProperties"] = [
            {"VariantPropertyType": "DataCaptureConfig"},
            {"VariantPropertyType": "DesiredWeight"},
        ]
    if alarms:
        request["DeploymentConfig"] = {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "ALL_AT_ONCE",
                    "WaitIntervalInSeconds": BAKING_SECONDS,
                },
                "MaximumExecutionTimeoutInSeconds": UPDATE_SECONDS,
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
        }
    return request


def _variant(machines: Machines | Serverless, model: str) -> Mapping[str, Any]:
    if isinstance(machines, Serverless):
        return {
            "VariantName": VARIANT,
            "ModelName": model,
            "ServerlessConfig": {
                "MemorySizeInMB": machines.memory,
                "MaxConcurrency": machines.concurrency,
            },
        }
    return {
        "VariantName": VARIANT,
        "ModelName": model,
        "InstanceType": machines.kind,
        # None can be there at the start; where 0 are wanted, the scaling takes the one away.
        "InitialInstanceCount": max(1, machines.count),
        "InitialVariantWeight": 1.0,
        "ModelDataDownloadTimeoutInSeconds": FETCH_SECONDS,
        "ContainerStartupHealthCheckTimeoutInSeconds": READY_SECONDS,
    }


def _queue(place: str, topic: str | None) -> dict[str, Any]:
    output: dict[str, Any] = {
        "S3OutputPath": f"{place.rstrip('/')}/answers",
        "S3FailurePath": f"{place.rstrip('/')}/failures",
    }
    if topic is not None:
        output["NotificationConfig"] = {"ErrorTopic": topic}
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": FROM_QUEUE},
        "OutputConfig": output,
    }


def _capture(capture: Capture) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": capture.percent,
        "DestinationS3Uri": capture.place,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "JsonContentTypes": ["application/json", "application/jsonlines"]
        },
    }
