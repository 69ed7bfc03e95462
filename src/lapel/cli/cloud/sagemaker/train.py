"""``lapel cloud sagemaker train|tune``: jobs are begun."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.cloud import options as shared
from lapel.cli.cloud.sagemaker import options
from lapel.cli.cloud.sagemaker.logs import follow_job
from lapel.cli.console import complain

if TYPE_CHECKING:
    from lapel.cloud.aws import Account
    from lapel.cloud.sagemaker.requests import JobPlan


@options.takes_job_options
def train(
    *,
    data: options.Data,
    out: options.Out,
    role: options.Role,
    kind: options.Kind = "ml.g5.xlarge",
    hours: options.Hours = 8.0,
    job: options.JobOptions,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show its log until it has ended.")
    ] = False,
    price: shared.OwnPrice = None,
    yes: shared.Yes = False,
    dry_run: shared.DryRun = False,
    region: shared.Region = None,
    profile: shared.Profile = None,
) -> None:
    """Learn on machines of SageMaker, after saying what it costs; they end when it is done.

    What lies at --data is learned from as the recipe says. Below --out come to lie the model
    (NAME/output/model.tar.gz), the report and the log (output.tar.gz), and the checkpoints, from
    which a job that was ended goes on.
    """
    account = shared.account(region, profile, dry_run=dry_run)
    wanted = options.wish(job, role=role, data=data, out=out, kind=kind, hours=hours)
    from lapel.cloud.sagemaker import jobs, words
    from lapel.cloud.sagemaker.channels import look_before_a_job
    from lapel.cloud.sagemaker.planning import plan_job, read_recipe
    from lapel.cloud.sagemaker.refusals import refuse_faults
    from lapel.cloud.sagemaker.requests import training_request
    from lapel.cloud.sagemaker.sources import put

    _, content = read_recipe(wanted)
    plan = plan_job(wanted)
    refuse_faults(jobs.SERVICE, "CreateTrainingJob", training_request(plan))
    jobs.refuse_taken(account, plan.name)
    look_before_a_job(account, plan)
    costs = words.cost_before(plan, words.price_of(plan.kind, account.region_if_set(), price))
    shared.agreed(costs, yes=yes, dry_run=dry_run)
    with shared.told_if_interrupted(partial(_left, account, plan)):
        whole = jobs.prepare(partial(put, account), plan, content)
        jobs.begin(account, training_request(whole))
    if dry_run:
        shared.say_dry_run_is_over(account)
        return
    _say_begun(plan.name, plan.out)
    if follow:
        follow_job(account, plan.name, price)


@options.takes_job_options
def tune(
    *,
    data: options.Data,
    out: options.Out,
    role: options.Role,
    trials: Annotated[int, typer.Option(min=1, help="Jobs in all.")] = 20,
    parallel: Annotated[int, typer.Option(min=1, help="Jobs at once.")] = 2,
    strategy: Annotated[
        str, typer.Option(help="Bayesian, which learns from each job, or Random.")
    ] = "Bayesian",
    kind: options.Kind = "ml.g5.xlarge",
    hours: options.Hours = 2.0,
    job: options.TrialOptions,
    price: shared.OwnPrice = None,
    yes: shared.Yes = False,
    dry_run: shared.DryRun = False,
    region: shared.Region = None,
    profile: shared.Profile = None,
) -> None:
    """Try values of the recipe's `tune:` ranges in many jobs; the best score on validation wins.

    `lapel cloud sagemaker status NAME --best FILE` writes the best job's recipe.
    """
    account = shared.account(region, profile, dry_run=dry_run)
    wanted = options.wish(job, role=role, data=data, out=out, kind=kind, hours=hours, report=False)
    from lapel.cloud.sagemaker import jobs, tuning, words
    from lapel.cloud.sagemaker.channels import look_before_a_job
    from lapel.cloud.sagemaker.names import LONGEST_TUNING
    from lapel.cloud.sagemaker.planning import plan_job, read_recipe
    from lapel.cloud.sagemaker.ranges import sagemaker_ranges
    from lapel.cloud.sagemaker.refusals import refuse_faults
    from lapel.cloud.sagemaker.requests import tuning_request
    from lapel.cloud.sagemaker.sources import put

    known, content = read_recipe(wanted)
    ranges = sagemaker_ranges(known.tune if known else {})
    plan = plan_job(wanted, longest=LONGEST_TUNING)
    request = partial(
        tuning_request,
        ranges=ranges,
        trials=trials,
        parallel=parallel,
        strategy=strategy,
        seed=known.seed if known else 0,
    )
    refuse_faults(jobs.SERVICE, "CreateHyperParameterTuningJob", request(plan))
    tuning.refuse_taken_tuning(account, plan.name)
    look_before_a_job(account, plan)
    found = words.price_of(plan.kind, account.region_if_set(), price)
    shared.agreed(words.cost_before(plan, found, jobs=trials), yes=yes, dry_run=dry_run)
    with shared.told_if_interrupted(partial(_left, account, plan)):
        whole = jobs.prepare(partial(put, account), plan, content)
        tuning.begin_tuning(account, request(whole))
    if dry_run:
        shared.say_dry_run_is_over(account)
    else:
        _say_begun(plan.name, plan.out)


def _left(account: Account, plan: JobPlan) -> str:
    """What is left of a job whose beginning is interrupted: AWS may have begun it, unheard."""
    sent = [call.service for call in account.calls if call.changes]
    if account.dry_run or not sent:
        return ""
    begun = f"{plan.name} was not begun"
    if sent[-1] == "sagemaker":
        begun = f"{plan.name} may run, and cost: `lapel cloud sagemaker stop {plan.name}` ends it"
    lies = f"; what was sent for it lies at {plan.out}/{plan.name}/source" if "s3" in sent else ""
    return begun + lies


def _say_begun(name: str, out: str) -> None:
    print(f"Job:     {name}")
    print(f"Results: {out}/{name}/output")
    complain(f"Next: lapel cloud sagemaker status {name} (logs -f, stop)")
