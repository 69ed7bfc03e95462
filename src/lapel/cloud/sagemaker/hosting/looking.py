"""What AWS would refuse, or what would fail after minutes that cost money: seen beforehand."""

from __future__ import annotations

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.checks import refuse_far_image
from lapel.cloud.sagemaker.hosting.batch import BatchPlan
from lapel.cloud.sagemaker.hosting.batch import job_request as batch_job_request
from lapel.cloud.sagemaker.hosting.batch import model_request as batch_model_request
from lapel.cloud.sagemaker.hosting.listing import (
    CHANGING,
    READY,
    Endpoint,
    endpoints,
    is_there,
)
from lapel.cloud.sagemaker.hosting.plan import EndpointPlan, Machines
from lapel.cloud.sagemaker.hosting.requests import (
    config_request,
    endpoint_request,
    model_request,
)
from lapel.cloud.sagemaker.presence import keys_below, refuse_absent_bucket, refuse_absent_role
from lapel.cloud.sagemaker.refusals import refuse_faults
from lapel.schema.errors import UsageError
from lapel.storage.s3.location import S3Location


def look_before_deploying(account: Account, plan: EndpointPlan) -> None:
    """Refuse an endpoint that could not come about.

    Args:
        account: that is asked; a dry run looks at nothing.
        plan: of the endpoint; its archive need not lie at its place yet.

    Raises:
        CloudError: an endpoint of that name is not ours, or AWS refuses to tell.
        UsageError: a request has faults; the image lies in another region; role or a bucket is
            not there; or the endpoint that is there cannot become what is planned.
    """
    refuse_faulty(plan, plan.name)
    refuse_far_image(plan.image, account.region_if_set())
    refuse_absent_role(account, plan.role)
    capture = None if plan.capture is None else plan.capture.place
    _refuse_absent_buckets(account, plan.archive, plan.queue, capture)
    if is_there(account, plan.name):
        found = account.ask("sagemaker", "DescribeEndpoint", {}, EndpointName=plan.name)
        if found["EndpointStatus"] in {READY, *CHANGING}:  # others are made anew
            for now in endpoints(account, plan.name):
                refuse_conversion(plan, now)


def look_before_a_batch(account: Account, plan: BatchPlan) -> None:
    """Refuse a batch that could not come about, or that would have nothing to do.

    Args:
        account: that is asked; a dry run looks at nothing.
        plan: of the batch; its archive need not lie at its place yet.

    Raises:
        CloudError: AWS refuses to tell.
        UsageError: a request has faults; the image lies in another region; role or a bucket is
            not there; or no photos are.
    """
    refuse_far_image(plan.image, account.region_if_set())
    refuse_faults("sagemaker", "CreateModel", batch_model_request(plan, plan.name))
    refuse_faults("sagemaker", "CreateTransformJob", batch_job_request(plan, plan.name))
    refuse_absent_role(account, plan.role)
    _refuse_absent_buckets(account, plan.archive, plan.photos, plan.answers)
    photos = keys_below(account, plan.photos)
    if not photos and not account.dry_run:
        raise UsageError(
            f"no photos lie below {plan.photos}; name the place that they lie below, as "
            f"s3://BUCKET/photos: `lapel cloud s3 list {plan.photos}` shows what is there"
        )


def refuse_faulty(plan: EndpointPlan, called: str) -> None:
    """Refuse requests that AWS would refuse; nobody is asked.

    Args:
        plan: what the endpoint shall be.
        called: the name of its model and of its configuration.

    Raises:
        UsageError: AWS would refuse; all that is wrong in a request is listed.
    """
    refuse_faults("sagemaker", "CreateModel", model_request(plan, called))
    refuse_faults("sagemaker", "CreateEndpointConfig", config_request(plan, called))
    refuse_faults("sagemaker", "CreateEndpoint", endpoint_request(plan, called))


def refuse_conversion(plan: EndpointPlan, now: Endpoint) -> None:
    """Refuse what AWS does not do: machines and serverless do not become each other.

    Args:
        plan: what the endpoint shall be.
        now: what it is.

    Raises:
        UsageError: it would have to become the other.
    """
    if isinstance(plan.machines, Machines) != (now.memory == 0):
        raise UsageError(
            f"{plan.name} runs on {now.runs_on}; AWS does not change machines into serverless or "
            f"back: `lapel cloud sagemaker delete {plan.name}`, and deploy anew"
        )


def _refuse_absent_buckets(account: Account, *places: str | None) -> None:
    buckets = [S3Location.parse(place).bucket for place in places if place is not None]
    for bucket in dict.fromkeys(buckets):
        refuse_absent_bucket(account, bucket)
