"""What a job's channels are to bring is looked at before machines are asked for.

A job that finds a run where it expects a dataset says so itself, but minutes later and paid for.
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from lapel.cloud.aws import Account, RefusedError
from lapel.cloud.container.hyperparameters import FORMAT
from lapel.cloud.sagemaker.checks import refuse_far_image
from lapel.cloud.sagemaker.hosting.archive import ARCHIVE
from lapel.cloud.sagemaker.presence import keys_below, refuse_absent_bucket, refuse_absent_role
from lapel.cloud.sagemaker.requests import DATASET, MODEL, JobPlan
from lapel.data.description import DESCRIPTION_FILE, FORMAT_VERSION
from lapel.inference.bundle import BUNDLE_OF_RUN, MANIFEST
from lapel.schema.errors import UsageError
from lapel.storage.s3.location import S3Location

#: Names of what was found that a message shows.
SHOWN = 6

#: What a dry run goes on with in the place of a dataset's description.
_ASSUMED = json.dumps({"lapel_dataset": FORMAT_VERSION, "root": "."}).encode()


def look_before_a_job(account: Account, plan: JobPlan) -> None:
    """Refuse a job that could not begin, or would fail when it has begun.

    Args:
        account: that is asked; a dry run looks at nothing.
        plan: of the job, or of the jobs of a tuning job.

    Raises:
        UsageError: the image lies in another region; the role or a bucket is not there; or what
            lies at a channel's place is not what the job needs.
        CloudError: AWS refuses to tell.
    """
    refuse_far_image(plan.image, account.region_if_set())
    refuse_absent_role(account, plan.role)
    places = (plan.out, plan.checkpoints, *plan.channels.values())
    for bucket in dict.fromkeys(S3Location.parse(place).bucket for place in places):
        refuse_absent_bucket(account, bucket)
    if FORMAT in plan.hyperparameters:
        _refuse_nothing(account, plan.channels[DATASET])
    else:
        _refuse_no_dataset(account, plan.channels[DATASET])
    if MODEL in plan.channels:
        _refuse_no_model(account, plan.channels[MODEL])


def _refuse_nothing(account: Account, place: str) -> None:
    if not account.dry_run and not keys_below(account, place):
        raise UsageError(_nothing(place))


def _refuse_no_dataset(account: Account, place: str) -> None:
    """Refuse what holds no dataset's description, or one whose pictures lie elsewhere."""
    location = S3Location.parse(place) / DESCRIPTION_FILE
    try:
        said = account.ask(
            "s3", "GetObject", {"Body": BytesIO(_ASSUMED)}, Bucket=location.bucket, Key=location.key
        )
    except RefusedError as error:
        if error.code != "NoSuchKey":
            raise
        raise UsageError(_no_dataset(account, place)) from error
    root = _root(said["Body"].read())
    if root is None:
        raise UsageError(
            f"{location} is no description of a dataset that this Lapel can read; import the "
            "pictures again and push what comes of it"
        )
    if "://" not in root and (root.startswith("/") or root.split("/")[0] == ".."):
        raise UsageError(
            f"the dataset at {place} has its pictures elsewhere ({root}), where no job finds them; "
            f"send both together: lapel data shards DATASET {place}-shards"
        )


def _root(text: bytes) -> str | None:
    """Where a dataset's pictures lie, seen from it; None where the text describes none."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or value.get("lapel_dataset") != FORMAT_VERSION:
        return None
    return str(value.get("root", "."))


def _refuse_no_model(account: Account, place: str) -> None:
    """Refuse what is neither a bundle, nor a run that holds one, nor a job's archive."""
    if account.dry_run:
        return
    location = S3Location.parse(place)
    if place.endswith(".tar.gz"):
        if location.name != ARCHIVE:
            raise UsageError(f"--from {place}: expected a bundle's folder, or {ARCHIVE} of a job")
        folder = S3Location(location.bucket, location.key.removesuffix(ARCHIVE).rstrip("/"))
        needed = {ARCHIVE}
    else:
        folder, needed = location, {MANIFEST, ARCHIVE, f"{BUNDLE_OF_RUN}/{MANIFEST}"}
    names = [key.removeprefix(folder.prefix) for key in keys_below(account, str(folder))]
    if needed.isdisjoint(names):
        raise UsageError(
            f"--from: found no model at {place} ({_listed(names)}); expected a bundle, a run that "
            f"has ended, or the {ARCHIVE} of a job"
        )


def _no_dataset(account: Account, place: str) -> str:
    prefix = S3Location.parse(place).prefix
    names = [key.removeprefix(prefix) for key in keys_below(account, place)]
    if not names:
        return _nothing(place)
    kinds = {"run.json": "a run", MANIFEST: "a bundle"}
    kind = next((kind for mark, kind in kinds.items() if mark in names), "no dataset")
    return (
        f"--data: found {kind} at {place} ({_listed(names)}), expected a dataset "
        f"({DESCRIPTION_FILE}); name its place, or say by --format which public layout lies there"
    )


def _nothing(place: str) -> str:
    return f"nothing lies at {place}; send a dataset there: lapel cloud s3 push DATASET {place}"


def _listed(names: list[str]) -> str:
    """The first files and folders of a place, as a message shows them."""
    tops = list(
        dict.fromkeys(
            f"{top}/" if below else top for top, _, below in (name.partition("/") for name in names)
        )
    )
    more = [f"{len(tops) - SHOWN} more"] if len(tops) > SHOWN else []
    return ", ".join(tops[:SHOWN] + more) or "nothing"
