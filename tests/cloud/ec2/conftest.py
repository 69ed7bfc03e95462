"""What tests of rented machines share."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from emulated_account import REGION, begin, client, know_image, what_is_rented

from lapel.cloud.aws import Account
from lapel.cloud.ec2.offer import Offer, look
from lapel.cloud.ec2.plan import Plan

Plans = Callable[..., Plan]

#: The one bucket that is there for machines to use.
BUCKET = "my-lapel-bucket"


@pytest.fixture(scope="module")
def lasting_account(aws_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An account for a whole file, whose tests leave it as they found it; gives LAPEL_STATE."""
    folder = tmp_path_factory.mktemp("account")
    with pytest.MonkeyPatch.context() as patch:
        begin(patch, aws_server, folder)
        know_image()
        where = {"LocationConstraint": REGION}
        client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        yield folder / "state"


@pytest.fixture(scope="module")
def offer(lasting_account: Path) -> Offer:
    """What AWS has for the usual plan, as spot; looked up once."""
    assert lasting_account.parent.is_dir()
    return look(Account(), usual_plan(spot=True))


@pytest.fixture
def plans() -> Plans:
    """Makes a plan; words of it may be others."""
    return usual_plan


@pytest.fixture
def belongings() -> Callable[[], dict[str, list[str]]]:
    """What stands in the emulated account, whoever made it; what moto brings is left out."""
    return what_is_rented


def usual_plan(**words: Any) -> Plan:
    """A plan; words of it may be others."""
    usual = {
        "name": "trainer",
        "kind": "g6.xlarge",
        "region": "eu-central-1",
        "open_to": "203.0.113.7/32",
        "bucket": BUCKET,
    }
    return Plan(**{**usual, **words})


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has somebody sit at the terminal and type."""
    return lambda text: monkeypatch.setattr(sys, "stdin", Terminal(text))
