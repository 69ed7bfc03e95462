"""A bundle behind an endpoint: made anew, or changed without a pause; whole, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.checks import stamped
from lapel.cloud.sagemaker.hosting.alarms import (
    alarms_of,
    put_alarms,
    remove_alarms,
    wake_alarm,
)
from lapel.cloud.sagemaker.hosting.listing import (
    CHANGING,
    EVERY,
    PATIENCE,
    READY,
    belongings,
    endpoints,
    is_there,
    settled,
)
from lapel.cloud.sagemaker.hosting.log import last_lines
from lapel.cloud.sagemaker.hosting.looking import refuse_conversion, refuse_faulty
from lapel.cloud.sagemaker.hosting.plan import EndpointPlan, Machines
from lapel.cloud.sagemaker.hosting.remove import (
    remove_archive,
    remove_behind,
    remove_endpoint,
    remove_model,
)
from lapel.cloud.sagemaker.hosting.requests import (
    config_request,
    endpoint_request,
    model_request,
    update_request,
)
from lapel.cloud.sagemaker.hosting.scaling import (
    put_back,
    put_scaling,
    remove_scaling,
    scaling_of,
)
from lapel.cloud.sagemaker.refusals import refuse_faults
from lapel.schema.errors import CloudError

#: Seconds that an endpoint which is to be taken away again may take until AWS lets it be; making
#: one takes AWS minutes, with the limits of our requests a quarter of an hour at the most.
UNDO_SECONDS = 1800.0

#: Looks for an endpoint that is to be taken away again, and seconds between two of them.
LATE_LOOKS, LATE_SECONDS = 4, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """An endpoint that answers.

    Attributes:
        name: of it.
        called: the name of its model and of its configuration.
        updated: whether it was there before.
        removed: models and configurations of before that were taken away.
    """

    name: str
    called: str
    updated: bool
    removed: int


@dataclass(slots=True)
class _Patience:
    say: Callable[[str], None]
    seconds: float
    every: float
    began: datetime = field(default_factory=lambda: datetime.now(UTC))


def deploy(
    account: Account,
    plan: EndpointPlan,
    *,
    say: Callable[[str], None],
    patience: float = PATIENCE,
    every: float = EVERY,
) -> Deployed:
    """Make an endpoint, or change one of ours into another.

    What is there goes on answering until the new one does, and stays if that fails: AWS itself
    keeps the old machines until the new ones are healthy. If anything fails or is interrupted,
    what was made for it is taken away again; for that, AWS must first have done with making it.
    What could not come about is told before by
    :func:`lapel.cloud.sagemaker.hosting.looking.look_before_deploying`.

    Args:
        account: that pays.
        plan: what the endpoint shall be.
        say: told of each state.
        patience: seconds to wait for the endpoint at the most.
        every: seconds between two looks.

    Raises:
        CloudError: AWS refuses, or the endpoint does not become ready; the reason is told, with
            the last lines of its log.
        UsageError: AWS would refuse.
    """
    waiting = _Patience(say, patience, every)
    called = stamped(plan.name)
    refuse_faulty(plan, called)
    with ExitStack() as undo:
        undo.callback(_forget_archive, account, plan, say)
        there = _usable(account, plan.name, waiting)
        before = belongings(account, "EndpointConfig", plan.name)
        undo.callback(_take_away, account, plan.name, called, say)
        account.do("sagemaker", "CreateModel", {}, **model_request(plan, called))
        account.do("sagemaker", "CreateEndpointConfig", {}, **config_request(plan, called))
        if there:
            _update(account, plan, called, waiting)
        else:
            undo.callback(_remove_new, account, plan.name, waiting)
            account.do("sagemaker", "CreateEndpoint", {}, **endpoint_request(plan, called))
            _wait(account, plan.name, called, waiting)
            put_alarms(account, plan)
            put_scaling(account, plan)
        undo.pop_all()
    for old in before:
        remove_behind(account, plan.name, old)
    return Deployed(name=plan.name, called=called, updated=there, removed=len(before))


def _usable(account: Account, name: str, waiting: _Patience) -> bool:
    """Whether an endpoint is there that can be changed; one that failed is taken away."""
    if not is_there(account, name):
        return False
    found = settled(account, name, say=waiting.say, patience=waiting.seconds, every=waiting.every)
    if found["EndpointStatus"] == READY:
        return True
    remove_scaling(account, name)
    remove_endpoint(account, name, say=waiting.say, every=waiting.every)
    return False


def _update(account: Account, plan: EndpointPlan, called: str, waiting: _Patience) -> None:
    (now,) = endpoints(account, plan.name)
    refuse_conversion(plan, now)
    machines, scaling = plan.machines, scaling_of(account, plan.name)
    keep = isinstance(machines, Machines) and machines.scales and machines.kind == now.kind
    # Not the one that starts a first machine: it says that there is work, not that it fails.
    alarms = [one for one in alarms_of(account, plan.name) if one != wake_alarm(plan.name)]
    request = update_request(plan, called, alarms=alarms, keep_count=keep and scaling is not None)
    refuse_faults("sagemaker", "UpdateEndpoint", request)
    # AWS changes no machines into others while their number follows a load.
    former = None if keep else remove_scaling(account, plan.name)
    try:
        account.do("sagemaker", "UpdateEndpoint", {}, **request)
        _wait(account, plan.name, called, waiting)
    except BaseException:
        if former is not None:
            with suppress(CloudError):
                put_back(account, plan.name, former)
        raise
    put_alarms(account, plan)
    put_scaling(account, plan)


def _wait(account: Account, name: str, called: str, waiting: _Patience) -> None:
    """Wait until the endpoint answers by what was made for it."""
    found = settled(account, name, say=waiting.say, patience=waiting.seconds, every=waiting.every)
    if found["EndpointStatus"] == READY and found.get("EndpointConfigName", called) == called:
        return
    raise CloudError(_failure(account, name, found, since=waiting.began))


def _failure(account: Account, name: str, found: Mapping[str, Any], *, since: datetime) -> str:
    reason = found.get("FailureReason") or "AWS gives no reason"
    goes_on = found["EndpointStatus"] == READY
    after = "; the endpoint goes on as it was before" if goes_on else ""
    lines = "\n".join(f"  {line}" for line in last_lines(account, name, since=since))
    log = f"\nthe end of its log:\n{lines}" if lines else ""
    return f"the endpoint {name} did not become ready: {reason}{after}{log}"


def _forget_archive(account: Account, plan: EndpointPlan, say: Callable[[str], None]) -> None:
    """Take the archive away that was put to S3 for an endpoint that did not come about."""
    if account.dry_run:
        return
    try:
        if remove_archive(account, plan.name, plan.archive):
            say(f"{plan.archive}: taken away again")
    except CloudError as error:  # another one is on its way
        say(
            f"{plan.archive} could not be taken away ({error}); unless {plan.name} ran on this "
            f"very model before, `lapel cloud s3 remove {plan.archive}` does it"
        )


def _take_away(account: Account, name: str, called: str, say: Callable[[str], None]) -> None:
    """Take model and configuration of an endpoint away that did not come about."""
    if account.dry_run:
        return
    try:
        if _in_use(account, name, called):
            say(
                f"AWS goes on by itself with {name} and {called}: `lapel cloud sagemaker "
                "endpoints` shows it; deploy again after that, or delete it"
            )
            return
        remove_model(account, called)
        say(f"{called}: taken away again")
    except CloudError as error:  # another one is on its way
        say(
            f"{called} could not be taken away ({error}); `lapel cloud sagemaker delete {name}` "
            "does it"
        )


def _in_use(account: Account, name: str, called: str) -> bool:
    """Whether an endpoint runs, or is about to run, on a configuration.

    AWS would let it be removed all the same, and break the endpoint.
    """
    if not is_there(account, name):
        return False
    found = account.ask("sagemaker", "DescribeEndpoint", {}, EndpointName=name)
    return found["EndpointStatus"] in CHANGING or found["EndpointConfigName"] == called


def _remove_new(account: Account, name: str, waiting: _Patience) -> None:
    """Take away an endpoint that was asked for just now and did not come about."""
    if account.dry_run:
        return
    try:
        if _comes_to_be_seen(account, name, waiting):
            _wait_until_removable(account, name, waiting)
            remove_scaling(account, name)
            remove_endpoint(
                account, name, say=waiting.say, patience=UNDO_SECONDS, every=waiting.every
            )
            waiting.say(f"{name}: taken away again")
    except BaseException as error:  # whoever interrupts this, too, has to know what is left
        waiting.say(
            f"{name} could not be taken away ({str(error) or type(error).__name__}) and costs "
            f"money from when it is ready; take it down: `lapel cloud sagemaker delete {name}`"
        )
        if not isinstance(error, CloudError):
            raise
    else:
        _forget_alarms(account, name, waiting.say)


def _forget_alarms(account: Account, name: str, say: Callable[[str], None]) -> None:
    """Take the alarms on an endpoint away that is gone."""
    try:
        remove_alarms(account, alarms_of(account, name))
    except BaseException as error:  # as of the endpoint itself
        say(
            f"alarms on {name} could not be taken away ({str(error) or type(error).__name__}); "
            f"`lapel cloud sagemaker delete {name}` does it"
        )
        if not isinstance(error, CloudError):
            raise


def _comes_to_be_seen(account: Account, name: str, waiting: _Patience) -> bool:
    """Whether an endpoint is there; one whose making was cut before AWS's answer shows late."""
    for look in range(LATE_LOOKS):
        if look:
            time.sleep(min(waiting.every, LATE_SECONDS))
        if is_there(account, name):
            return True
    return False


def _wait_until_removable(account: Account, name: str, waiting: _Patience) -> None:
    """AWS removes no endpoint that is still being made."""
    found = account.ask("sagemaker", "DescribeEndpoint", {}, EndpointName=name)
    if found["EndpointStatus"] not in CHANGING:
        return
    waiting.say(
        f"{name} is taken away as soon as AWS has done with making it: some minutes, "
        f"{UNDO_SECONDS / 60:.0f} at the most. If this is ended before, take it down by "
        f"`lapel cloud sagemaker delete {name}`"
    )
    settled(account, name, say=waiting.say, patience=UNDO_SECONDS, every=waiting.every)
