"""What tests of rented machines share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from emulated_account import what_is_there

from lapel.cloud.aws import Account
from lapel.cloud.ec2.plan import Plan

Plans = Callable[..., Plan]


@pytest.fixture
def account(deep_learning_image: str) -> Account:
    """An empty account in which AWS's image is known."""
    assert deep_learning_image
    return Account()


@pytest.fixture
def plans() -> Plans:
    """Makes a plan; words of it may be others."""

    def plans(**words: Any) -> Plan:
        usual = {
            "name": "trainer",
            "kind": "g6.xlarge",
            "region": "eu-central-1",
            "open_to": "203.0.113.7/32",
            "bucket": "my-lapel-bucket",
        }
        return Plan(**{**usual, **words})

    return plans


@pytest.fixture
def belongings() -> Callable[[], dict[str, list[str]]]:
    """What stands in the emulated account, whoever made it; what moto brings is left out."""
    return what_is_there
