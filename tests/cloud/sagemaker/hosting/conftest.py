"""What tests of endpoints and batches share."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hosting_account import BUCKET, IMAGE, ROLE, HostingAccount, client, hosting
from PIL import Image

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.hosting import batch as batching
from lapel.cloud.sagemaker.hosting import deploy as deploying
from lapel.cloud.sagemaker.hosting.plan import EndpointPlan
from lapel.cloud.sagemaker.hosting.rehearse import Rehearsal, rehearsed

__all__ = ["hosting"]

Plans = Callable[..., EndpointPlan]
Ending = Callable[[signal.Signals], Callable[[], None]]


@pytest.fixture
def account(hosting: HostingAccount) -> Account:  # noqa: ARG001 - it empties the account
    """An empty account."""
    return Account()


@pytest.fixture(autouse=True)
def numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deployments of one second have names of their own."""
    numbers = iter(range(1000))
    monkeypatch.setattr(deploying, "stamped", lambda name: f"{name}-261122-{next(numbers):06d}")


@pytest.fixture
def plans() -> Plans:
    """Makes the plan of an endpoint; words of it may be others."""

    def plans(**words: Any) -> EndpointPlan:
        usual = {
            "name": "shoes",
            "image": IMAGE,
            "role": ROLE,
            "archive": f"s3://{BUCKET}/models/shoes/0123456789abcdef/model.tar.gz",
        }
        return EndpointPlan(**{**usual, **words})

    return plans


@pytest.fixture
def named() -> list[str]:
    """What every deployment by command names."""
    return ["--image", IMAGE, "--role", ROLE, "--models", f"s3://{BUCKET}/models", "--yes"]


@pytest.fixture(scope="session")
def container(colour_bundle: Path) -> Iterator[Rehearsal]:
    """The container's program, which answers as an endpoint's would."""
    with rehearsed(colour_bundle) as rehearsal:
        yield rehearsal


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands look again after some milliseconds, where a user waits for seconds."""
    monkeypatch.setattr(deploying, "deploy", partial(deploying.deploy, every=0.01))
    monkeypatch.setattr(batching, "finish_batch", partial(batching.finish_batch, every=0.01))


@pytest.fixture
def ending() -> Iterator[Ending]:
    """Makes what sends this process a signal; one that nobody handles fails the test alone."""

    def unhandled(number: int, _frame: object) -> None:
        pytest.fail(f"nobody handled {signal.Signals(number).name}")  # no mere Exception, as Ctrl-C

    numbers = (signal.SIGTERM, signal.SIGHUP)
    former = {number: signal.signal(number, unhandled) for number in numbers}
    main = threading.main_thread().ident
    assert main is not None
    yield lambda number: partial(signal.pthread_kill, main, number)
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three photos of one colour each."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in {"a": (220, 20, 20), "b": (20, 220, 20), "c": (20, 20, 220)}.items():
        Image.new("RGB", (40, 30), colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def stored(hosting: HostingAccount, photos: Path) -> None:  # noqa: ARG001 - it makes the bucket
    """Three photos and one file that is none, below a place in S3."""
    store = client("s3")
    (photos / "d.png").write_bytes(b"no picture")
    for path in photos.iterdir():
        store.put_object(Bucket=BUCKET, Key=f"photos/new/{path.name}", Body=path.read_bytes())
    store.put_object(Bucket=BUCKET, Key="photos-old/e.png", Body=b"of another place")
