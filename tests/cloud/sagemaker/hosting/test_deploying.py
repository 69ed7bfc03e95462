"""Endpoints are made whole or not at all, changed without a pause, and leave nothing behind."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hosting_account import BUCKET, IMAGE, ROLE, TOPIC, HostingAccount, client, what_is_there
from rights_needed import missing

from lapel.cloud.aws import Account, check
from lapel.cloud.sagemaker.hosting import deploy as deploying
from lapel.cloud.sagemaker.hosting.deploy import Deployed
from lapel.cloud.sagemaker.hosting.listing import endpoints
from lapel.cloud.sagemaker.hosting.looking import look_before_deploying
from lapel.cloud.sagemaker.hosting.plan import Capture, EndpointPlan, Machines, Serverless
from lapel.cloud.sagemaker.hosting.rehearse import Rehearsal
from lapel.cloud.sagemaker.hosting.remove import delete
from lapel.schema.errors import CloudError

Run = Callable[..., tuple[int, str, str]]
Plans = Callable[..., EndpointPlan]

#: Everything that an endpoint may have.
FULL: dict[str, Any] = {
    "machines": Machines(kind="ml.c7i.large", count=1, most=4, per_minute=900),
    "capture": Capture(place=f"s3://{BUCKET}/captured", percent=20),
    "topic": TOPIC,
}


def deploy(account: Account, plan: EndpointPlan) -> Deployed:
    return deploying.deploy(account, plan, say=lambda _: None, every=0.01)


def take_down(account: Account, name: str = "shoes") -> None:
    delete(account, name, say=lambda _: None, every=0.01)


def test_a_bundle_is_deployed_asked_and_taken_down(
    run: Run,
    hosting: HostingAccount,
    container: Rehearsal,
    colour_bundle: Path,
    photos: Path,
    named: list[str],
    tmp_path: Path,
) -> None:
    """By commands alone; the answers are those of `lapel predict`, to the last digit."""
    hosting.looks, hosting.container = 0, container.url
    code, said, _ = run("cloud", "sagemaker", "deploy", colour_bundle, "shoes", *named)
    assert code == 0, said
    assert said.startswith("shoes answers (shoes-")
    code, said, _ = run("cloud", "sagemaker", "endpoints", "--price", "0.5")
    assert said.startswith("shoes\tInService\t1 x ml.c7i.large\t0.5 USD an hour, 0.00 USD so far")
    code, said, _ = run("cloud", "sagemaker", "cost", "--price", "0.5")
    assert "together: 0.5 USD an hour, 365.00 a month" in said

    there, here = tmp_path / "there.jsonl", tmp_path / "here.jsonl"
    code, _, complaint = run("cloud", "sagemaker", "invoke", "shoes", photos, "--out", there)
    assert code == 0, complaint
    assert run("predict", colour_bundle, photos, "--out", here)[0] == 0
    assert lines_of(there) == lines_of(here)

    code, said, told = run("cloud", "sagemaker", "delete", "shoes")
    assert said == "shoes: taken down (1 endpoint, 1 model)\n"
    assert "taken down" not in told
    assert what_is_there() == {}
    assert run("cloud", "sagemaker", "endpoints")[1] == "no endpoints of ours in eu-central-1\n"


def lines_of(file: Path) -> list[dict[str, Any]]:
    values = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [{**value, "image": Path(value["image"]).name} for value in values]


@pytest.mark.parametrize(
    "words",
    [
        {},
        FULL,
        {"machines": Serverless(memory=2048, concurrency=3), "topic": TOPIC},
        {"queue": f"s3://{BUCKET}/queue", "topic": TOPIC},
        {"queue": f"s3://{BUCKET}/queue", "machines": Machines(count=0, most=2), "topic": TOPIC},
    ],
    ids=["plain", "full", "serverless", "queue", "queue that empties"],
)
def test_whatever_was_made_is_taken_down_by_rights_that_are_written_out(
    account: Account, plans: Plans, words: dict[str, Any]
) -> None:
    look_before_deploying(account, plans(**words))
    deploy(account, plans(**words))
    made = what_is_there()
    assert made["endpoints"] == ["shoes"]
    (found,) = endpoints(account)
    assert (found.name, found.status) == ("shoes", "InService")
    take_down(account)
    assert what_is_there() == {}
    assert missing("sagemaker-endpoints", account.calls) == set()


def test_everything_is_tagged_and_isolated(account: Account, plans: Plans) -> None:
    deploy(account, plans(**FULL))
    bodies = {call.operation: call.request for call in account.calls if call.changes}
    for operation in ("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "PutMetricAlarm"):
        assert {"Key": "lapel", "Value": "sagemaker/shoes"} in bodies[operation]["Tags"], operation
    assert bodies["CreateModel"]["EnableNetworkIsolation"] is True
    (variant,) = bodies["CreateEndpointConfig"]["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.c7i.large", 1)
    capture = bodies["CreateEndpointConfig"]["DataCaptureConfig"]
    assert (capture["InitialSamplingPercentage"], capture["DestinationS3Uri"]) == (
        20,
        f"s3://{BUCKET}/captured",
    )
    names = sorted(what_is_there()["alarms"])
    assert names == [f"lapel:shoes:{word}" for word in ("disk", "errors", "latency", "memory")]
    target = bodies["RegisterScalableTarget"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)


def test_another_model_takes_over_without_a_pause(
    account: Account, plans: Plans, hosting: HostingAccount
) -> None:
    first = deploy(account, plans(**FULL))
    account.calls.clear()
    second = deploy(account, plans(**FULL))
    assert (first.updated, second.updated, second.removed) == (False, True, 1)
    operations = [call.operation for call in account.calls if call.changes]
    assert "DeleteEndpoint" not in operations
    assert operations.index("UpdateEndpoint") < operations.index("DeleteEndpointConfig")
    there = what_is_there()
    assert there["configs"] == there["models"] == [second.called]
    (update,) = [call.request for call in account.calls if call.operation == "UpdateEndpoint"]
    # As many machines as the load has brought about, and back to the old ones at an alarm.
    assert update["RetainAllVariantProperties"] is True
    rollback = update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert {"AlarmName": "lapel:shoes:errors"} in rollback
    assert hosting.looks == 1
    take_down(account)
    assert what_is_there() == {}


def test_machines_of_another_kind_are_not_scaled_while_they_change(
    account: Account, plans: Plans
) -> None:
    deploy(account, plans(**FULL))
    account.calls.clear()
    larger = Machines(kind="ml.c7i.xlarge", count=1, most=4)
    deploy(account, plans(**{**FULL, "machines": larger}))
    order = [call.operation for call in account.calls if call.changes]
    places = [
        order.index(operation)
        for operation in ("DeregisterScalableTarget", "UpdateEndpoint", "RegisterScalableTarget")
    ]
    assert places == sorted(places)


def test_scaling_comes_back_where_machines_of_another_kind_do_not_start(
    account: Account, plans: Plans, hosting: HostingAccount
) -> None:
    queued = {"queue": f"s3://{BUCKET}/queue"}
    deploy(account, plans(**queued, machines=Machines(count=0, most=2)))
    before = what_is_there()
    hosting.fails = True
    larger = Machines(kind="ml.c7i.xlarge", count=0, most=2)
    with pytest.raises(CloudError, match="goes on as it was before"):
        deploy(account, plans(**queued, machines=larger))
    assert what_is_there() == before
    take_down(account)
    assert what_is_there() == {}


def test_what_is_no_longer_wanted_goes(account: Account, plans: Plans) -> None:
    deploy(account, plans(**FULL))
    deploy(account, plans())
    there = what_is_there()
    assert set(there) == {"endpoints", "configs", "models"}


def test_an_endpoint_that_does_not_start_leaves_nothing_and_says_why(
    account: Account, plans: Plans, hosting: HostingAccount
) -> None:
    hosting.fails = True
    with pytest.raises(CloudError, match="did not become ready: The primary container did not"):
        deploy(account, plans(**FULL))
    assert what_is_there() == {}


def test_what_a_former_endpoint_said_is_not_the_end_of_this_ones_log(
    account: Account, plans: Plans, hosting: HostingAccount
) -> None:
    logs, group = client("logs"), "/aws/sagemaker/Endpoints/shoes"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    now = round(time.time() * 1000)
    said = {"of a former day": now - 3_600_000, "no such module": now + 60_000}
    events = [{"timestamp": moment, "message": line} for line, moment in said.items()]
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)
    hosting.fails = True
    with pytest.raises(CloudError, match=r"the end of its log:\n  no such module$"):
        deploy(account, plans())


def test_an_update_that_fails_leaves_what_was_there(
    account: Account, plans: Plans, hosting: HostingAccount
) -> None:
    first = deploy(account, plans(**FULL))
    before = what_is_there()
    hosting.fails = True
    with pytest.raises(CloudError, match="the endpoint goes on as it was before"):
        deploy(account, plans(**FULL))
    assert what_is_there() == before
    (found,) = endpoints(account)
    assert found.config == first.called


@pytest.mark.parametrize("operation", ["create_model", "create_endpoint_config", "create_endpoint"])
@pytest.mark.usefixtures("quick")
def test_a_refusal_in_the_middle_leaves_nothing(
    run: Run,
    hosting: HostingAccount,
    colour_bundle: Path,
    named: list[str],
    operation: str,
) -> None:
    hosting.refuses[operation] = "Could not assume role"
    code, _, said = run("cloud", "sagemaker", "deploy", colour_bundle, "shoes", *named)
    assert code == 1
    assert "Could not assume role" in said
    assert what_is_there() == {}


def test_an_endpoint_of_somebody_else_is_not_touched(account: Account, plans: Plans) -> None:
    maker = client("sagemaker")
    maker.create_model(ModelName="theirs", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    variant = {
        "VariantName": "one",
        "ModelName": "theirs",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    maker.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=[variant])
    maker.create_endpoint(EndpointName="shoes", EndpointConfigName="theirs")
    before = what_is_there()
    with pytest.raises(CloudError, match="was not made by Lapel"):
        deploy(account, plans())
    with pytest.raises(CloudError, match="was not made by Lapel"):
        take_down(account)
    assert what_is_there() == before
    assert endpoints(account) == []


def test_a_name_that_begins_alike_is_another_endpoint(account: Account, plans: Plans) -> None:
    deploy(account, plans(topic=TOPIC))
    deploy(account, plans(name="shoes-two", topic=TOPIC))
    take_down(account)
    there = what_is_there()
    assert there["endpoints"] == ["shoes-two"]
    assert len(there["alarms"]) == 4
    take_down(account, "shoes-two")
    assert what_is_there() == {}


def test_what_is_not_there_cannot_be_taken_down(account: Account) -> None:
    with pytest.raises(CloudError, match="there is no endpoint and no batch shoes of ours"):
        take_down(account)


@pytest.mark.usefixtures("unreachable")
def test_a_dry_run_shows_every_call_and_needs_nothing(
    run: Run, colour_bundle: Path, named: list[str]
) -> None:
    more = ["--max", "3", "--alarms", TOPIC, "--capture", f"s3://{BUCKET}/captured", "--dry-run"]
    code, said, told = run("cloud", "sagemaker", "deploy", colour_bundle, "shoes", *named, *more)
    assert code == 0, told
    for operation in (
        "s3 PutObject", "sagemaker CreateModel", "sagemaker CreateEndpointConfig",
        "sagemaker CreateEndpoint", "cloudwatch PutMetricAlarm",
        "application-autoscaling RegisterScalableTarget",
        "application-autoscaling PutScalingPolicy",
    ):  # fmt: skip
        assert operation in said, operation
    shown = len(re.findall(r"^[a-z0-9-]+ [A-Z]\w+ \{", said, re.MULTILINE))
    assert f"nothing was sent; it would make the {shown} calls shown, and " in told
    assert "that only look: iam GetRole, s3 HeadBucket, " in told
    assert "InService" not in told
    code, said, told = run("cloud", "sagemaker", "delete", "shoes", "--dry-run")
    assert code == 0
    assert "nothing was sent; it would make the 3 calls shown, and " in told
    assert "InService" not in told
    assert "shoes: taken down" not in told
    for operation in ("DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel"):
        assert f"sagemaker {operation} " in said, operation


def test_every_call_is_one_that_aws_describes(account: Account, plans: Plans) -> None:
    deploy(account, plans(**FULL))
    take_down(account)
    for call in account.calls:
        check(call)
