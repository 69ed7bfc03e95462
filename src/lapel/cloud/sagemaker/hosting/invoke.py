"""Photos to an endpoint, answers back: at once, or through its queue.

Source: InvokeEndpoint and InvokeEndpointAsync, Amazon SageMaker Runtime API reference.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.cloud.aws import Account, RefusedError
from lapel.cloud.sagemaker.hosting.listing import endpoints
from lapel.imaging.decode import DEFAULT_LIMITS
from lapel.inference.pictures import file_or_pixels
from lapel.schema.errors import CloudError, ImageError, StorageError
from lapel.storage.s3.client import s3_client
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.store import S3Store

#: What is said of a photo's bytes; the container looks at them itself.
PHOTO, ANSWER = "application/octet-stream", "application/json"

#: Photos on their way at a time.
AT_A_TIME = 8

#: Seconds between two looks for an answer out of a queue, and that a photo may take there.
LOOK_EVERY, QUEUE_SECONDS = 2.0, 900.0

#: AWS's words for too many requests at a time, and for a container that answered with an error.
BUSY, BROKEN = frozenset({"ThrottlingException", "ServiceUnavailable"}), "ModelError"

#: Times that a request is sent again where AWS is busy, besides boto3's own.
ATTEMPTS = 4

#: Seconds before the second attempt; each further one waits twice as long.
PAUSE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of each photo.

    Attributes:
        top: how many of the best labels; None: as the container does.
        threshold: score from which garments are told; None: the model's own.
    """

    top: int | None = None
    threshold: float | None = None

    @property
    def attributes(self) -> str:
        """As ``CustomAttributes``, such as ``top=3``."""
        given = {"top": self.top, "threshold": self.threshold}
        return "&".join(f"{key}={value}" for key, value in given.items() if value is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back for a photo.

    Attributes:
        image: the photo, as the user named it.
        value: as of ``lapel predict --out FILE.jsonl``; without ``answers`` where it failed.
        fault: why there is no answer; empty: there is.
    """

    image: str
    value: Mapping[str, Any]
    fault: str = ""


def invoke(
    account: Account, name: str, photos: Sequence[str | Path], asked: Asked
) -> Iterator[Answered]:
    """Ask an endpoint about photos, some at a time.

    Args:
        account: that pays.
        name: of an endpoint of ours.
        photos: files, or addresses in S3.
        asked: of each.

    Yields:
        An answer a photo, in their order; one that failed does not end the others.

    Raises:
        CloudError: there is no such endpoint.
    """
    queue = _queue_of(account, name)
    # Made before threads share it.
    if not account.dry_run:
        account.client("sagemaker-runtime")
    store = None if queue is None else S3Store(queue, client=_s3(account))

    def one(photo: str | Path) -> Answered:
        try:
            if queue is None:
                answer = _at_once(account, name, photo, asked)
            else:
                answer = _queued(account, name, photo, asked, queue, store)
        except (CloudError, StorageError, OSError) as error:
            return Answered(image=str(photo), value={"image": str(photo)}, fault=str(error))
        except ImageError as error:
            return Answered(image=str(photo), value={"image": str(photo)}, fault=error.fault)
        return _answered(str(photo), answer)

    with ThreadPoolExecutor(1 if account.dry_run else AT_A_TIME) as pool:
        yield from pool.map(one, photos)


def _queue_of(account: Account, name: str) -> S3Location | None:
    """Where an asynchronous endpoint's photos and answers lie; None: it answers at once."""
    if account.dry_run:
        return None
    found = endpoints(account, name)
    if not found:
        raise CloudError(
            f"there is no endpoint {name} of ours in {account.where()}; "
            "`lapel cloud sagemaker endpoints` shows what there is"
        )
    if not found[0].queue:
        return None
    answers = S3Location.parse(found[0].queue)
    return S3Location(answers.bucket, answers.key.rpartition("/")[0])


def _bytes_of(photo: str | Path) -> bytes:
    found = file_or_pixels(photo, name=str(photo), limits=DEFAULT_LIMITS)
    return bytes(found)  # a file's: no pixels were given


def _at_once(account: Account, name: str, photo: str | Path, asked: Asked) -> bytes:
    request: dict[str, Any] = {
        "EndpointName": name,
        "Body": _bytes_of(photo),
        "ContentType": PHOTO,
        "Accept": ANSWER,
    }
    if asked.attributes:
        request["CustomAttributes"] = asked.attributes
    send = account.do if account.dry_run else account.ask
    for attempt in range(ATTEMPTS):
        try:
            answer = send("sagemaker-runtime", "InvokeEndpoint", {}, **request)
            break
        except RefusedError as error:
            if not _is_busy(error) or attempt == ATTEMPTS - 1:
                raise
            time.sleep(PAUSE * 2**attempt)
    body = answer.get("Body")
    return b'{"predictions": []}' if body is None else bytes(body.read())


def _is_busy(error: RefusedError) -> bool:
    """Whether it is worth to come again: AWS or the container has too much to do."""
    return error.code in BUSY or (error.code == BROKEN and "(503)" in str(error))


def _queued(
    account: Account,
    name: str,
    photo: str | Path,
    asked: Asked,
    queue: S3Location,
    store: S3Store | None,
) -> bytes:
    if store is None:
        return b'{"predictions": []}'
    key = f"photos/{secrets.token_hex(8)}{Path(photo).suffix.lower()}"
    store.write(key, _bytes_of(photo))
    request: dict[str, Any] = {
        "EndpointName": name,
        "InputLocation": str(queue / key),
        "ContentType": PHOTO,
        "Accept": ANSWER,
    }
    if asked.attributes:
        request["CustomAttributes"] = asked.attributes
    try:
        sent = account.ask("sagemaker-runtime", "InvokeEndpointAsync", {}, **request)
        answer = _taken(account, sent)
    except _LateError:
        raise  # the photo is still to be read: an answer was promised
    except BaseException:
        store.delete(key)
        raise
    store.delete(key)
    return answer


class _LateError(CloudError):
    """A photo still waits in the queue."""


def _taken(account: Account, sent: Mapping[str, Any]) -> bytes:
    """Wait for an answer out of the queue."""
    place = S3Location.parse(sent["OutputLocation"])
    failure = S3Location.parse(sent["FailureLocation"]) if sent.get("FailureLocation") else None
    until = time.monotonic() + QUEUE_SECONDS
    while time.monotonic() < until:
        found = _read(account, place)
        if found is not None:
            return found
        said = None if failure is None else _read(account, failure)
        if said is not None:
            raise CloudError(f"the container refused it: {said[:500].decode(errors='replace')}")
        time.sleep(LOOK_EVERY)
    raise _LateError(f"no answer within {QUEUE_SECONDS:.0f} s; it will lie at {place}")


def _read(account: Account, place: S3Location) -> bytes | None:
    store = S3Store(S3Location(place.bucket), client=_s3(account))
    return store.read(place.key) if store.exists(place.key) else None


def _s3(account: Account) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return s3_client(profile=account.profile, region=account.region)


def _answered(image: str, data: bytes) -> Answered:
    try:
        value = json.loads(data)
        first = value["predictions"][0] if value["predictions"] else {}
    except (ValueError, KeyError, TypeError):
        fault = f"found {data[:80]!r}, expected an answer of Lapel's container"
        return Answered(image=image, value={"image": image}, fault=fault)
    if "error" in first:
        fault = str(first["error"].get("message", first["error"]))
        return Answered(image=image, value={**first, "image": image}, fault=fault)
    return Answered(image=image, value={**first, "image": image})
