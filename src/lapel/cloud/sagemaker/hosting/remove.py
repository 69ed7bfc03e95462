"""Endpoints and what belongs to them, taken down: nothing is left that costs anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lapel.cloud.aws import Account, RefusedError
from lapel.cloud.sagemaker.checks import STAMPED, stamped
from lapel.cloud.sagemaker.hosting.alarms import alarms_of, remove_alarms
from lapel.cloud.sagemaker.hosting.archive import ours
from lapel.cloud.sagemaker.hosting.listing import (
    EVERY,
    PATIENCE,
    belongings,
    is_there,
    owner_of,
    pages,
    settled,
)
from lapel.cloud.sagemaker.hosting.scaling import remove_scaling
from lapel.schema.errors import CloudError
from lapel.storage.s3.location import S3Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What was taken down.

    Attributes:
        endpoints: 0 or 1.
        models: models and configurations behind it, those of a failed start too.
        alarms: of CloudWatch.
        scaling: whether its number of machines had followed the load.
        jobs: of a batch, that were told to stop.
    """

    endpoints: int
    jobs: int
    models: int
    alarms: int
    scaling: bool


def delete(
    account: Account,
    name: str,
    *,
    say: Callable[[str], None],
    patience: float = PATIENCE,
    every: float = EVERY,
) -> Removed:
    """Take down an endpoint with all that was made for it, or the rest of a batch.

    What was captured, and answers in S3, stay: they are the user's.

    Args:
        account: that pays.
        name: of the endpoint, or of the batch.
        say: told of each state.
        patience: seconds to wait at the most, where it is still being made.
        every: seconds between two looks.

    Raises:
        CloudError: there is nothing of that name, it is not ours, or AWS refuses.
    """
    there = account.dry_run or is_there(account, name)
    jobs = stop_batches(account, name)
    scaling = remove_scaling(account, name) is not None
    if there:
        settled(account, name, say=say, patience=patience, every=every)
        remove_endpoint(account, name, say=say, patience=patience, every=every)
    behind = sorted(
        {*belongings(account, "EndpointConfig", name), *belongings(account, "Model", name)}
    )
    if account.dry_run:
        behind = [stamped(name)]
    for called in behind:
        remove_behind(account, name, called)
    alarms = alarms_of(account, name)
    remove_alarms(account, alarms)
    if not (there or jobs or behind or alarms or scaling):
        raise CloudError(
            f"there is no endpoint and no batch {name} of ours in {account.where()}; "
            "`lapel cloud sagemaker endpoints` shows what there is"
        )
    return Removed(
        endpoints=int(there), jobs=jobs, models=len(behind), alarms=len(alarms), scaling=scaling
    )


def stop_batches(account: Account, name: str) -> int:
    """Stop what runs of a batch; what it answered already stays.

    Returns:
        How many jobs were told to stop.

    Raises:
        CloudError: AWS refuses.
    """
    asked = {"NameContains": name, "StatusEquals": "InProgress"}
    running = []
    for one in pages(account, "sagemaker", "ListTransformJobs", "TransformJobSummaries", **asked):
        stamp = STAMPED.fullmatch(one["TransformJobName"])
        if stamp is None or stamp["name"] != name:
            continue
        # Others name jobs so, too; what is not tagged as ours is not ours.
        if owner_of(account, one["TransformJobArn"]) == name:
            running.append(one["TransformJobName"])
    for called in running:
        account.do("sagemaker", "StopTransformJob", {}, TransformJobName=called)
    return len(running)


def remove_endpoint(
    account: Account,
    name: str,
    *,
    say: Callable[[str], None],
    patience: float = PATIENCE,
    every: float = EVERY,
) -> None:
    """Take an endpoint away, and wait until it is: until then its configuration is in use.

    Raises:
        CloudError: AWS refuses, or it takes too long.
    """
    account.do("sagemaker", "DeleteEndpoint", {}, EndpointName=name)
    say(f"{name}: Deleting")
    until = time.monotonic() + patience
    while not account.dry_run and _listed(account, name):
        if time.monotonic() > until:
            raise CloudError(f"the endpoint {name} is still being taken down; delete it again")
        time.sleep(every)


def remove_behind(account: Account, name: str, called: str, *, archive: str | None = None) -> None:
    """Take away a configuration, its model, and the archive that we put to S3 for it.

    Args:
        account: that pays.
        name: of the endpoint.
        called: the name of the configuration and of the model.
        archive: its place; None: as the model says.

    Raises:
        CloudError: AWS refuses.
    """
    archive = archive or _archive_of(account, called)
    remove_model(account, called)
    if archive is not None:
        remove_archive(account, name, archive)


def remove_model(account: Account, called: str) -> None:
    """Take away a configuration and its model, where they are there.

    Raises:
        CloudError: AWS refuses.
    """
    for operation, key in (
        ("DeleteEndpointConfig", "EndpointConfigName"),
        ("DeleteModel", "ModelName"),
    ):
        try:
            account.do("sagemaker", operation, {}, **{key: called})
        except RefusedError as error:
            if not is_missing(error):  # a batch has no configuration; a failed start, no model
                raise


def remove_archive(account: Account, name: str, archive: str) -> bool:
    """Take away an archive that we put to S3 for an endpoint, unless a model is made of it.

    Returns:
        Whether it was taken away.

    Raises:
        CloudError: AWS refuses.
    """
    if not ours(archive, name) or _in_use(account, name, archive):
        return False
    place = S3Location.parse(archive)
    account.do("s3", "DeleteObject", {}, Bucket=place.bucket, Key=place.key)
    return True


def is_missing(error: RefusedError) -> bool:
    """Whether AWS says that something is not there."""
    return error.code in {"ValidationException", "ResourceNotFound"} and (
        "could not find" in str(error).lower() or "not found" in str(error).lower()
    )


def _listed(account: Account, name: str) -> bool:
    found = pages(account, "sagemaker", "ListEndpoints", "Endpoints", NameContains=name)
    return any(one["EndpointName"] == name for one in found)


def _archive_of(account: Account, model: str) -> str | None:
    try:
        found = account.ask("sagemaker", "DescribeModel", {}, ModelName=model)
    except RefusedError as error:
        if is_missing(error):
            return None
        raise
    place = (found.get("PrimaryContainer") or {}).get("ModelDataUrl")
    return None if place is None else str(place)


def _in_use(account: Account, name: str, archive: str) -> bool:
    """Whether another model of the endpoint is made of the same archive."""
    return any(
        _archive_of(account, model) == archive for model in belongings(account, "Model", name)
    )
