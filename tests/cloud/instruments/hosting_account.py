"""SageMaker's hosting in the emulated account, where moto has gaps.

moto knows models, configurations and endpoints. Added here, as AWS documents it: names that are
taken once, endpoints that take a while and may fail, UpdateEndpoint, kinds of machines of this
decade, batches (in ``hosting_jobs``), what happens in the middle of a call; and answers: requests
to an endpoint go to a real container's program, where a test started one.
"""

from __future__ import annotations

import json
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import pytest
from hosting_jobs import let_jobs_run
from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import (
    FakeEndpoint,
    FakeEndpointConfig,
    SageMakerModelBackend,
)
from moto.sagemaker.responses import SageMakerResponse
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

#: What every deployment of the tests names.
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/lapel-serve:0.1.0"
ROLE = "arn:aws:iam::123456789012:role/lapel/sagemaker"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:lapel"
BUCKET = "lapel-hosting-tests"

#: Who may take the role on.
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass
class HostingAccount:
    """What the emulated SageMaker does next, and where its answers come from.

    Attributes:
        container: address of a running container; empty: there is none.
        fails: endpoints that are made or changed do not become healthy.
        refuses: operations that AWS refuses, with its word for it.
        looks: how often an endpoint is seen changing before it is ready.
        running: transform jobs do not end by themselves.
        requests: headers of requests that came to endpoints.
        when: what happens once an operation was done, before its answer is sent; once.
    """

    container: str = ""
    fails: bool = False
    refuses: dict[str, str] = field(default_factory=dict)
    looks: int = 1
    running: bool = False
    requests: list[dict[str, str]] = field(default_factory=list)
    when: dict[str, Callable[[], object]] = field(default_factory=dict)

    def done(self, operation: str) -> None:
        """An operation was done: what shall happen then, happens."""
        if operation in self.when:
            self.when.pop(operation)()

    def ask(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        """What the container answers: status, body, type."""
        self.requests.append(headers)
        request = urllib.request.Request(
            f"{self.container}/invocations", data=body, headers=headers, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read(), answer.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers["Content-Type"]


@pytest.fixture
def hosting(emulated: str, monkeypatch: pytest.MonkeyPatch) -> HostingAccount:
    """The emulated account, with hosting as AWS documents it, an empty bucket, and the role."""
    account = HostingAccount()
    client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    client("iam").create_role(
        RoleName="sagemaker", Path="/lapel/", AssumeRolePolicyDocument=json.dumps(TRUST)
    )
    assert emulated
    _take_names_once(monkeypatch, account)
    _let_endpoints_change(monkeypatch, account)
    let_jobs_run(monkeypatch, account)
    _tell_of_looks(monkeypatch, account)
    _answer_by_the_container(monkeypatch, account)
    monkeypatch.setattr(FakeEndpointConfig, "validate_instance_type", lambda *_: None)
    return account


@cache
def _client(service: str, server: str) -> Any:
    """A client of the server; kept, since each takes a good part of a second to make."""
    return boto3.client(service, endpoint_url=server, region_name="eu-central-1")


def client(service: str) -> Any:
    """A client of the emulated account."""
    return _client(service, os.environ["AWS_ENDPOINT_URL"])


def what_is_there() -> dict[str, list[str]]:
    """All that stands in the account and could cost anything, whoever made it."""
    maker, watcher = client("sagemaker"), client("cloudwatch")
    scaler = client("application-autoscaling")
    found = {
        "endpoints": [one["EndpointName"] for one in maker.list_endpoints()["Endpoints"]],
        "configs": [
            one["EndpointConfigName"] for one in maker.list_endpoint_configs()["EndpointConfigs"]
        ],
        "models": [one["ModelName"] for one in maker.list_models()["Models"]],
        "alarms": [one["AlarmName"] for one in watcher.describe_alarms()["MetricAlarms"]],
        "targets": [
            one["ResourceId"]
            for one in scaler.describe_scalable_targets(ServiceNamespace="sagemaker")[
                "ScalableTargets"
            ]
        ],
        "policies": [
            one["PolicyName"]
            for one in scaler.describe_scaling_policies(ServiceNamespace="sagemaker")[
                "ScalingPolicies"
            ]
        ],
        "objects": [
            one["Key"] for one in client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        ],
    }
    return {what: names for what, names in found.items() if names}


def _take_names_once(monkeypatch: pytest.MonkeyPatch, account: HostingAccount) -> None:
    kinds = {
        "create_model": ("_models", "model_name"),
        "create_endpoint_config": ("endpoint_configs", "endpoint_config_name"),
        "create_endpoint": ("endpoints", "endpoint_name"),
        "create_transform_job": ("transform_jobs", "transform_job_name"),
    }
    for operation, (kept, name) in kinds.items():
        usual = getattr(SageMakerModelBackend, operation)
        monkeypatch.setattr(
            SageMakerModelBackend, operation, _once(account, operation, kept, name, usual)
        )


def _once(
    account: HostingAccount, operation: str, kept: str, name: str, usual: Callable[..., Any]
) -> Callable[..., Any]:
    def make(backend: Any, **words: Any) -> Any:
        if operation in account.refuses:
            raise ValidationError(message=account.refuses[operation])
        if words[name] in getattr(backend, kept):
            raise ValidationError(message=f"Cannot create already existing {words[name]}")
        made = usual(backend, **words)
        account.done(operation)
        return made

    return make


def _tell_of_looks(monkeypatch: pytest.MonkeyPatch, account: HostingAccount) -> None:
    def telling(operation: str, usual: Callable[..., Any]) -> Callable[..., Any]:
        def look(*arguments: Any, **words: Any) -> Any:
            found = usual(*arguments, **words)
            account.done(operation)
            return found

        return look

    for operation in ("describe_endpoint", "describe_transform_job"):
        usual = getattr(SageMakerModelBackend, operation)
        monkeypatch.setattr(SageMakerModelBackend, operation, telling(operation, usual))


def _let_endpoints_change(monkeypatch: pytest.MonkeyPatch, account: HostingAccount) -> None:
    usual = FakeEndpoint.response_object.fget  # type: ignore[attr-defined] # moto's is a property

    def begin(endpoint: Any, status: str) -> None:
        endpoint.endpoint_status, endpoint.looks = status, account.looks

    def made(endpoint: Any, *arguments: Any, **words: Any) -> None:
        first(endpoint, *arguments, **words)
        begin(endpoint, "Creating")

    def described(endpoint: Any) -> dict[str, Any]:
        if endpoint.looks > 0:
            endpoint.looks -= 1
        else:
            _settle(endpoint, fails=account.fails)
        hidden = {"Looks", "Next"}
        return {key: value for key, value in usual(endpoint).items() if key not in hidden}

    def update(response: Any) -> ActionResult:
        backend = response.sagemaker_backend
        endpoint = backend.endpoints[response._get_param("EndpointName")]
        if endpoint.endpoint_status != "InService":
            raise ValidationError(message="Cannot update in-progress endpoint")
        wanted = response._get_param("EndpointConfigName")
        backend.describe_endpoint_config(wanted)
        endpoint.next = wanted
        begin(endpoint, "Updating")
        return ActionResult({"EndpointArn": endpoint.arn})

    def deleted(backend: Any, endpoint_name: str) -> None:
        endpoint = backend.endpoints.get(endpoint_name)
        if endpoint is not None and endpoint.endpoint_status in {"Creating", "Updating"}:
            raise ValidationError(message="Cannot update in-progress endpoint")
        removed(backend, endpoint_name)

    first = FakeEndpoint.__init__
    removed = SageMakerModelBackend.delete_endpoint
    monkeypatch.setattr(FakeEndpoint, "__init__", made)
    monkeypatch.setattr(FakeEndpoint, "response_object", property(described))
    monkeypatch.setattr(SageMakerModelBackend, "delete_endpoint", deleted)
    monkeypatch.setattr(SageMakerResponse, "update_endpoint", update, raising=False)


def _settle(endpoint: Any, *, fails: bool) -> None:
    """An endpoint that has been changing long enough is ready, or is as it was before."""
    if endpoint.endpoint_status == "Creating":
        endpoint.endpoint_status = "Failed" if fails else "InService"
        endpoint.failure_reason = _REASON if fails else None
    elif endpoint.endpoint_status == "Updating":
        endpoint.endpoint_status = "InService"
        endpoint.failure_reason = _REASON if fails else None
        if not fails:
            endpoint.endpoint_config_name = endpoint.next


_REASON = "The primary container did not pass the ping health check."


def _answer_by_the_container(monkeypatch: pytest.MonkeyPatch, account: HostingAccount) -> None:
    def headers_of(response: Any) -> dict[str, str]:
        # Sent at once: under names of their own; put into a queue: under AWS's.
        sent = response.headers
        names = {
            "Content-Type": ("X-Amzn-SageMaker-Content-Type", "Content-Type"),
            "Accept": ("X-Amzn-SageMaker-Accept", "Accept"),
            "X-Amzn-SageMaker-Custom-Attributes": ("X-Amzn-SageMaker-Custom-Attributes",) * 2,
        }
        found = {name: sent.get(first) or sent.get(other) for name, (first, other) in names.items()}
        return {name: value for name, value in found.items() if value}

    def at_once(response: Any) -> tuple[int, dict[str, str], bytes]:
        status, body, kind = account.ask(response.raw_body, headers_of(response))
        if status != 200:
            text = body.decode()
            said = f'Received server error ({status}) from primary with message "{text}"'
            error = {"Message": said, "OriginalStatusCode": status, "OriginalMessage": text}
            headers = {"x-amzn-ErrorType": "ModelError", "Content-Type": "application/json"}
            return 424, {**headers, "status": "424"}, json.dumps(error).encode()
        return 200, {"Content-Type": kind}, body

    def queued(response: Any) -> tuple[int, dict[str, str], str]:
        store = client("s3")
        place = response.headers["X-Amzn-SageMaker-InputLocation"].removeprefix("s3://")
        bucket, _, key = place.partition("/")
        photo = store.get_object(Bucket=bucket, Key=key)["Body"].read()
        status, body, _ = account.ask(photo, headers_of(response))
        number = secrets.token_hex(4)
        good, bad = f"queue/answers/{number}.out", f"queue/failures/{number}.out"
        store.put_object(Bucket=bucket, Key=good if status == 200 else bad, Body=body)
        headers = {
            "X-Amzn-SageMaker-OutputLocation": f"s3://{bucket}/{good}",
            "X-Amzn-SageMaker-FailureLocation": f"s3://{bucket}/{bad}",
        }
        return 202, headers, '{"InferenceId": "1"}'

    monkeypatch.setattr(SageMakerRuntimeResponse, "use_raw_body", True)
    monkeypatch.setattr(SageMakerRuntimeResponse, "invoke_endpoint", at_once)
    monkeypatch.setattr(SageMakerRuntimeResponse, "invoke_endpoint_async", queued)
