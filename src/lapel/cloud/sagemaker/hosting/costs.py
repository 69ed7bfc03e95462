"""What endpoints and batches cost: before they are made, and while they are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lapel.cloud.prices import Price, computed, estimate, hourly, own
from lapel.cloud.sagemaker.hosting.alarms import watched
from lapel.cloud.sagemaker.hosting.batch import BatchPlan
from lapel.cloud.sagemaker.hosting.listing import Endpoint
from lapel.cloud.sagemaker.hosting.plan import EndpointPlan, Machines, unfit

#: Hours of a month, as AWS reckons.
MONTH = 730


def endpoint_cost(plan: EndpointPlan, region: str | None, price: float | None = None) -> list[str]:
    """What an endpoint will cost, in lines that a person reads before agreeing.

    Args:
        plan: of the endpoint.
        region: such as ``eu-central-1``; None: unknown.
        price: US dollars an hour of one machine, or a second of a serverless answer, that the user
            gave; None: as the table says.
    """
    lines = _machines_cost(plan, region, price)
    if plan.topic is not None:
        lines.append(f"  and {len(watched(plan))} alarms, each about 0.10 USD a month (as known)")
    return lines


def batch_cost(plan: BatchPlan, region: str | None, price: float | None = None) -> list[str]:
    """What a batch will cost; how long it takes, AWS does not limit."""
    known = _hour("sagemaker-batch", plan.kind, region, price)
    what = f"{plan.kind} in {region or 'your region'}, a batch"
    lines = estimate(what, known, units=1, count=plan.count)
    lines.append("  for each hour that it takes; it ends by itself when the photos are answered")
    return [*lines, *_warning(plan.kind)]


def batch_paid(plan: BatchPlan, seconds: float, region: str | None, price: float | None) -> str:
    """What a batch has cost."""
    known = _hour("sagemaker-batch", plan.kind, region, price)
    hours = seconds / 3600 * plan.count
    took = f"{plan.count} x {plan.kind} for {seconds / 60:.1f} minutes"
    if known is None:
        return f"{took}; the price is not in the shipped table"
    return f"{took}: {known.amount * hours:.2f} USD ({known.origin})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What an endpoint costs while it is there.

    Attributes:
        endpoint: which.
        hourly: US dollars; 0: only while it answers; None: the price is unknown.
        so_far: since it was made, if it always was as it is now; None: unknown.
    """

    endpoint: Endpoint
    hourly: float | None
    so_far: float | None


def running_costs(
    found: Sequence[Endpoint], region: str | None, price: float | None = None
) -> list[Running]:
    """What endpoints cost an hour, and have cost."""
    return [_running(one, region, price) for one in found]


def _machines_cost(plan: EndpointPlan, region: str | None, price: float | None) -> list[str]:
    where = region or "your region"
    machines = plan.machines
    if not isinstance(machines, Machines):
        what = f"a serverless endpoint of {machines.memory} MB in {where}"
        known = _second(machines.memory, region, price)
        lines = estimate(what, known, units=3600, of="second")
        return [*lines, "  for each hour of answering; nothing while nobody asks"]
    known = _hour("sagemaker-hosting", machines.kind, region, price)
    what = f"{machines.kind} in {where}, an endpoint"
    lines = estimate(what, known, units=MONTH, count=max(1, machines.count))
    lines.append(f"  a month, until `lapel cloud sagemaker delete {plan.name}`")
    if machines.scales:
        lines.append(f"  and up to {machines.most} machines under load")
    return [*lines, *_warning(machines.kind)]


def _warning(kind: str) -> list[str]:
    found = unfit(kind)
    return [] if found is None else [f"  {found}"]


def _running(one: Endpoint, region: str | None, price: float | None) -> Running:
    if one.memory:
        return Running(endpoint=one, hourly=0.0, so_far=None)
    known = _hour("sagemaker-hosting", one.kind, region, price)
    if known is None:
        return Running(endpoint=one, hourly=None, so_far=None)
    each = known.amount * one.count
    hours = 0.0 if one.since is None else (datetime.now(UTC) - one.since).total_seconds() / 3600
    return Running(endpoint=one, hourly=each, so_far=each * hours)


def _hour(service: str, kind: str, region: str | None, price: float | None) -> Price | None:
    if price is not None:
        return own(price)
    # Spelled twice: the names are literal types.
    if service == "sagemaker-batch":
        return hourly("sagemaker-batch", kind, region)
    return hourly("sagemaker-hosting", kind, region)


def _second(memory: int, region: str | None, price: float | None) -> Price | None:
    return own(price, "second") if price is not None else computed(str(memory), region)
