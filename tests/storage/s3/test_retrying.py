"""Another attempt: soon, then later, never all at once, and not for what will not pass."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lapel.storage.s3.retrying import ATTEMPTS, LONGEST_WAIT, TornError, retried


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that would have been waited."""
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def refusal(code: str, status: int) -> ClientError:
    said = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "PutObject")


@pytest.mark.parametrize(
    "error",
    [
        refusal("SlowDown", 503),
        refusal("InternalError", 500),
        refusal("RequestTimeout", 400),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:9"),
        TornError("half of it"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again_with_growing_waits(
    error: Exception, waits: list[float]
) -> None:
    attempts = []

    def work() -> None:
        attempts.append(1)
        raise error

    for _ in range(30):
        with pytest.raises(type(error)):
            retried(work)
    assert len(attempts) == 30 * ATTEMPTS
    assert min(waits) >= 0
    assert max(waits) <= LONGEST_WAIT
    later, first = sum(waits[ATTEMPTS - 2 :: ATTEMPTS - 1]), sum(waits[:: ATTEMPTS - 1])
    assert later > 4 * first
    assert len(set(waits)) == len(waits)  # drawn, so that many do not come back together


@pytest.mark.parametrize(
    "error", [refusal("AccessDenied", 403), refusal("NoSuchKey", 404), refusal("Unknown", 400)]
)
def test_what_will_not_pass_is_said_at_once(error: ClientError, waits: list[float]) -> None:
    def work() -> None:
        raise error

    with pytest.raises(ClientError):
        retried(work)
    assert waits == []


def test_what_passed_counts(waits: list[float]) -> None:
    left = [refusal("SlowDown", 503), refusal("SlowDown", 503)]

    def work() -> str:
        if left:
            raise left.pop()
        return "done"

    assert retried(work) == "done"
    assert len(waits) == 2
