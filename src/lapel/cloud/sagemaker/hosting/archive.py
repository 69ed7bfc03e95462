"""A bundle as ``model.tar.gz`` in S3, under a name that its content gives it."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError

from lapel.cloud.archives import pack
from lapel.cloud.aws import Account, RefusedError
from lapel.inference.bundle import BUNDLE_OF_RUN, MANIFEST, Bundle
from lapel.schema.errors import BundleError, CloudError, UsageError
from lapel.storage.local import sha256_of
from lapel.storage.s3.location import S3Location

ARCHIVE = "model.tar.gz"

#: Digits of an archive's SHA-256 in its place.
DIGITS = 16

#: What one request to S3 may carry.
MOST_BYTES = 5 * 2**30

#: Bytes of an archive in S3 that are looked through for a bundle's manifest. SageMaker packs in an
#: order of its own: one that has not come by then is taken to come later.
LOOKED_THROUGH = 64 * 2**20

#: Where a manifest may lie in an archive: of a bundle, or of a run that holds one.
MANIFESTS = frozenset({MANIFEST, f"{BUNDLE_OF_RUN}/{MANIFEST}"})

#: What S3 says when something lies at a place already.
TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


def is_archive(bundle: str | Path) -> bool:
    """Whether a model is named by its archive in S3, such as a training job leaves."""
    return str(bundle).startswith("s3:/") and str(bundle).endswith(".tar.gz")


def look_at_model(account: Account, bundle: str | Path) -> Bundle | S3Location:
    """What a model is that is to be put onto SageMaker, for :func:`archived`.

    Args:
        account: whose S3 it is.
        bundle: a bundle or a run, here or in S3; or an archive in S3, which is looked into.

    Raises:
        BundleError: no bundle, or one that is not whole: every file's hash is compared.
        CloudError: S3 refuses.
        UsageError: there is no such archive.
    """
    if not is_archive(bundle):
        return Bundle.load(Path(bundle))
    place = S3Location.parse(bundle)
    _refuse_no_bundle(account, place)
    return place


def archived(
    account: Account,
    model: Bundle | S3Location,
    name: str,
    *,
    models: str | None,
    say: Callable[[str], None],
) -> str:
    """The place of a model's archive, which is put there if it does not lie there yet.

    Args:
        account: whose S3 it is.
        model: as :func:`look_at_model` found it; an archive is taken as it is.
        name: of the endpoint or batch, part of the place.
        models: place in S3 below which archives lie; needed unless there is one already.
        say: told what is put where.

    Returns:
        Such as ``s3://bucket/models/NAME/0123456789abcdef/model.tar.gz``.

    Raises:
        CloudError: S3 refuses.
        UsageError: no place was given.
    """
    if isinstance(model, S3Location):
        return str(model)
    if models is None:
        raise UsageError("say by --models s3://BUCKET/models where the model's archive is put")
    below = S3Location.parse(models)
    with tempfile.TemporaryDirectory(prefix="lapel-") as folder:
        archive = Path(folder) / ARCHIVE
        pack(model.folder, archive)
        place = below / f"{name}/{sha256_of(archive)[:DIGITS]}/{ARCHIVE}"
        say(f"{model.name}: {archive.stat().st_size / 1e6:.1f} MB at {place}")
        try:
            _put(account, archive, place)
        except KeyboardInterrupt:
            say(
                f"{place} may lie there by now; unless {name} ran on this very model before, "
                f"`lapel cloud s3 remove {place}` takes it away"
            )
            raise
    return str(place)


def _refuse_no_bundle(account: Account, place: S3Location) -> None:
    """Look into an archive in S3: a container would find out after minutes of starting."""
    where = {"Bucket": place.bucket, "Key": place.key}
    try:
        size = account.ask("s3", "HeadObject", {}, **where).get("ContentLength", 0)
    except RefusedError as error:
        if error.code not in {"404", "NoSuchKey"}:
            raise
        raise UsageError(
            f"there is no archive {place}; `lapel cloud s3 list s3://{place.bucket}` shows what "
            "lies there, and `lapel cloud sagemaker status JOB` where a training job left its model"
        ) from error
    begin = {"Range": f"bytes=0-{LOOKED_THROUGH - 1}"} if size > LOOKED_THROUGH else {}
    found = account.ask("s3", "GetObject", {}, **where, **begin)
    if account.dry_run:
        return
    with closing(found["Body"]) as body:
        names = _names_until_manifest(body, place)
    if size <= LOOKED_THROUGH and not MANIFESTS & set(names):
        holds = f"it holds {', '.join(sorted(names)[:5])}" if names else "it is no whole tar.gz"
        raise BundleError(
            f"{place} holds no bundle ({holds}); expected {MANIFEST} in it: name the model.tar.gz "
            "of a training job of Lapel, or a bundle or run"
        )


def _names_until_manifest(body: Any, place: S3Location) -> list[str]:  # noqa: ANN401 - botocore has no types
    """Names of files in an archive, up to a bundle's manifest; no more of it is fetched."""
    names: list[str] = []
    try:
        with tarfile.open(fileobj=body, mode="r|gz") as tar:
            for entry in tar:
                names.append(entry.name.removeprefix("./"))
                if names[-1] in MANIFESTS:
                    break
    except BotoCoreError as error:
        raise CloudError(f"{place} could not be read: {error}; do it again") from error
    except tarfile.TarError:
        pass  # cut at its limit, or no archive: the names that came say which
    return names


def ours(archive: str, name: str) -> bool:
    """Whether an archive was put there by :func:`archived` for this endpoint or batch."""
    parts = archive.split("/")
    digits = set(parts[-2]) <= set("0123456789abcdef") and len(parts[-2]) == DIGITS
    return len(parts) > 5 and digits and parts[-3:] == [name, parts[-2], ARCHIVE]


class _Shown(io.FileIO):
    """A file that a dry run shows by name and size."""

    def __str__(self) -> str:
        size = Path(str(self.name)).stat().st_size
        return f"({ARCHIVE}, {size:,} bytes)"


def _put(account: Account, archive: Path, place: S3Location) -> None:
    if archive.stat().st_size > MOST_BYTES:
        raise UsageError(
            f"the model's archive is larger than {MOST_BYTES / 2**30:.0f} GiB; put it to S3 by "
            "`lapel cloud s3 push` and give its place"
        )
    try:
        with _Shown(archive) as file:
            account.do(
                "s3",
                "PutObject",
                {},
                Bucket=place.bucket,
                Key=place.key,
                Body=file,
                IfNoneMatch="*",
            )
    except RefusedError as error:
        if error.code not in TAKEN:  # its place is made of its content: it lies there
            raise
