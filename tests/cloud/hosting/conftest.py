"""What tests of endpoints and batches share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hosting_account import BUCKET, IMAGE, ROLE, HostingAccount, hosting
from PIL import Image

from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.hosting.plan import EndpointPlan
from lapel.cloud.sagemaker.hosting.rehearse import Rehearsal, rehearsed

__all__ = ["hosting"]

Plans = Callable[..., EndpointPlan]

_CLIENTS: dict[str, Any] = {}


@pytest.fixture
def account(hosting: HostingAccount) -> Account:  # noqa: ARG001 - it empties the account
    """An empty account; its clients are kept from test to test."""
    return Account(_clients=_CLIENTS)


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
def photos(tmp_path: Path) -> Path:
    """Three photos of one colour each."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in {"a": (220, 20, 20), "b": (20, 220, 20), "c": (20, 20, 220)}.items():
        Image.new("RGB", (40, 30), colour).save(folder / f"{name}.png")
    return folder
