"""A launch that fails at any step, or is interrupted, leaves nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lapel.cloud.aws import Account, Call, RefusedError, refused
from lapel.cloud.ec2.keys import machine_folder
from lapel.cloud.ec2.launch import launch
from lapel.cloud.ec2.offer import look
from lapel.cloud.ec2.plan import Plan
from lapel.cloud.ec2.teardown import take_down
from lapel.cloud.permissions import missing
from lapel.schema.errors import CloudError, UsageError

Plans = Callable[..., Plan]
Belongings = Callable[[], dict[str, list[str]]]

STEPS = (
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "CreateRole",
    "PutRolePolicy",
    "CreateInstanceProfile",
    "AddRoleToInstanceProfile",
    "ImportKeyPair",
    "RunInstances",
)


def error_of(operation: str, code: str) -> RefusedError:
    call = Call(service="ec2", operation=operation, request={}, changes=True)
    return refused(call, ClientError({"Error": {"Code": code, "Message": "not here"}}, operation))


class FailingAccount(Account):
    """Fails at one step: before AWS has heard of it, or after, with the answer lost."""

    step: str
    fault: BaseException
    heard: bool
    faults: int

    def do(
        self, service: str, operation: str, instead: Mapping[str, Any], **request: Any
    ) -> dict[str, Any]:
        if operation == self.step and self.faults:
            self.faults -= 1
            if self.heard:
                super().do(service, operation, instead, **request)
            raise self.fault
        return super().do(service, operation, instead, **request)


def failing(
    step: str, fault: BaseException, *, heard: bool = False, faults: int = 1
) -> FailingAccount:
    account = FailingAccount()
    account.step, account.fault, account.heard, account.faults = step, fault, heard, faults
    return account


@pytest.mark.parametrize(
    ("step", "heard"), [*((step, True) for step in STEPS), (STEPS[0], False), (STEPS[-1], False)]
)
@pytest.mark.usefixtures("deep_learning_image")
def test_a_step_that_fails_takes_everything_with_it(
    plans: Plans, belongings: Belongings, step: str, heard: bool
) -> None:
    account = failing(step, CloudError("the line is cut"), heard=heard)
    with pytest.raises(CloudError, match="the line is cut"):
        launch(account, look(account, plans(spot=True)))
    assert belongings() == {}


class CutOffAccount(Account):
    """From a step on, nothing of AWS answers any more."""

    step: str

    def _call(self, call: Call, instead: Mapping[str, Any]) -> dict[str, Any]:
        if call.operation == self.step:
            self.step = ""
        if self.step == "":
            raise CloudError("the line is cut")
        return super()._call(call, instead)


@pytest.mark.usefixtures("deep_learning_image")
def test_what_a_cut_line_leaves_is_found_later_from_anywhere(
    plans: Plans, belongings: Belongings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    account = CutOffAccount()
    offer = look(Account(), plans())
    account.step = "ImportKeyPair"
    with pytest.raises(CloudError, match=r"removing what was made failed too: .*run `lapel cloud"):
        launch(account, offer)
    assert set(belongings()) == {"groups", "roles", "profiles"}
    monkeypatch.setenv("LAPEL_STATE", str(tmp_path / "another computer"))
    take_down(Account(), "eu-central-1", "trainer")
    assert belongings() == {}


@pytest.mark.usefixtures("deep_learning_image")
def test_of_two_launches_at_once_the_second_leaves_the_first_alone(
    plans: Plans, belongings: Belongings
) -> None:
    class Overtaken(Account):
        def _call(self, call: Call, instead: Mapping[str, Any]) -> dict[str, Any]:
            if call.operation == "CreateSecurityGroup":
                launch(first, offer)
            return super()._call(call, instead)

    first, second = Account(), Overtaken()
    offer = look(first, plans())
    with pytest.raises(UsageError, match="another launch of trainer is under way"):
        launch(second, offer)
    assert len(belongings()["machines"]) == 1
    user_data = boto3.client("ec2").describe_instance_attribute(
        InstanceId=belongings()["machines"][0], Attribute="userData"
    )
    script = base64.b64decode(user_data["UserData"]["Value"]).decode()
    known = machine_folder("eu-central-1", "trainer").known_hosts.read_text(encoding="utf-8")
    assert known.split()[2] in script, "and its host key is the one that is kept here"


@pytest.mark.usefixtures("deep_learning_image")
def test_an_interrupted_launch_leaves_nothing(plans: Plans, belongings: Belongings) -> None:
    account = failing("RunInstances", KeyboardInterrupt(), heard=True)
    with pytest.raises(KeyboardInterrupt):
        launch(account, look(account, plans()))
    assert belongings() == {}


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("VcpuLimitExceeded", "Service Quotas"),
        ("UnauthorizedOperation", "lapel cloud policy"),
        ("InsufficientInstanceCapacity", "try another --kind or --region"),
    ],
)
@pytest.mark.usefixtures("deep_learning_image")
def test_a_refusal_says_what_to_do(
    plans: Plans, belongings: Belongings, code: str, advice: str
) -> None:
    account = failing("RunInstances", error_of("RunInstances", code), faults=99)
    with pytest.raises(CloudError, match=advice):
        launch(account, look(account, plans()))
    assert belongings() == {}


@pytest.mark.usefixtures("deep_learning_image")
def test_a_zone_without_machines_is_passed_over(plans: Plans) -> None:
    account = failing("RunInstances", error_of("RunInstances", "InsufficientInstanceCapacity"))
    offer = look(account, plans())
    said: list[str] = []
    machine = launch(account, offer, say=said.append)
    assert machine is not None
    zone = boto3.client("ec2").describe_instances(InstanceIds=[machine.instance])
    stands = zone["Reservations"][0]["Instances"][0]["Placement"]["AvailabilityZone"]
    assert stands == offer.places[1].zone
    assert any("trying the next zone" in line for line in said)


@pytest.mark.usefixtures("deep_learning_image")
def test_what_will_not_go_is_named(plans: Plans) -> None:
    account = Account()
    launch(account, look(account, plans()))
    held = failing("DeleteSecurityGroup", error_of("x", "DependencyViolation"), faults=99)
    with pytest.raises(
        CloudError, match=r"left are .*security group sg-\w+.*; run `lapel cloud ec2"
    ):
        take_down(held, "eu-central-1", "trainer", patience=1.0)
    assert take_down(account, "eu-central-1", "trainer").groups


def test_every_call_is_within_the_rights_that_the_documentation_asks_for(
    account: Account, plans: Plans
) -> None:
    launch(account, look(account, plans(spot=True)))
    take_down(account, "eu-central-1", "trainer")
    assert missing("ec2", account.calls) == set()
    assert {call.operation for call in account.calls if call.changes} >= set(STEPS)
