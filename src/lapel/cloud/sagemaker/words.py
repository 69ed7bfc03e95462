"""What a job is, was and cost, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from lapel.cloud.prices import Price, estimate, hourly, own
from lapel.cloud.sagemaker.jobs import Job
from lapel.cloud.sagemaker.requests import JobPlan
from lapel.cloud.sagemaker.tuning import TuningJob
from lapel.schema.counting import duration


def price_of(kind: str, region: str | None, given: float | None = None) -> Price | None:
    """What an hour of a machine costs that learns; None where nobody knows.

    Args:
        kind: of machine, such as ``ml.g5.xlarge``.
        region: such as ``eu-central-1``.
        given: what the user says that it costs.
    """
    return own(given) if given is not None else hourly("sagemaker-training", kind, region)


def cost_before(plan: JobPlan, price: Price | None, *, jobs: int = 1) -> list[str]:
    """What a job will cost at most.

    Args:
        plan: of the job.
        price: of an hour of a machine.
        jobs: of that kind, in a tuning job.
    """
    lines = estimate(plan.kind, price, units=plan.seconds / 3600, count=plan.count * jobs)
    if plan.spot:
        lines.append("  on spot machines, which cost less: SageMaker says how much when it is over")
    lines.append("  disks, requests to S3 and what lies there come on top, a small part of it")
    return lines


def job_lines(job: Job, price: Price | None, *, rehearsed: bool = False) -> Iterator[str]:
    """What is known of a training job.

    Args:
        job: which.
        price: of an hour of a machine; None where nobody knows.
        rehearsed: it ran here, and nothing is paid for.
    """
    detail = f" ({job.detail})" if job.detail not in ("", job.state) else ""
    yield f"{job.name}: {job.state}{detail}"
    if job.reason:
        yield f"  why:      {job.reason}"
    spot = ", spot" if job.spot else ""
    yield f"  machines: {job.count} x {job.kind}{spot}"
    if job.metrics:
        numbers = ", ".join(f"{name} {value:.6g}" for name, value in job.metrics.items())
        yield f"  metrics:  {numbers}"
    if rehearsed and job.seconds is not None:
        yield f"  took:     {duration(job.seconds)}, here"
    elif job.seconds is not None and job.hours is not None and job.billed is not None:
        saved = f", {1 - job.billed / job.seconds:.0%} saved" if job.billed < job.seconds else ""
        yield f"  took:     {duration(job.seconds)}; {duration(job.billed)} billed{saved}"
        yield f"  cost:     {_cost(job.hours, price)}"
    if job.model and job.state == "Completed":
        yield f"  model:    {job.model}"
    if job.checkpoints and job.state == "Stopped":
        # Ended on the way: our container leaves no model then, and the place of one is empty.
        yield f"  go on by: --checkpoints {job.checkpoints}"


def tuning_lines(job: TuningJob) -> Iterator[str]:
    """What is known of a tuning job."""
    yield f"{job.name}: {job.state}"
    if job.reason:
        yield f"  why:   {job.reason}"
    counts = ", ".join(f"{count} {state}" for state, count in job.counts.items() if count)
    yield f"  jobs:  {counts or 'none yet'}"
    if job.best:
        score = "" if job.score is None else f", validation accuracy {job.score:.4f}"
        yield f"  best:  {job.best}{score}"
        for key, value in job.values.items():
            yield f"    {key} = {value}"


def _cost(hours: float, price: Price | None) -> str:
    if price is None:
        return f"{hours:.2f} hours of machines; the price of one is not in the shipped table"
    return f"{hours * price.amount:.2f} USD at {price}"
