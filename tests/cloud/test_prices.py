"""What AWS asks for things is told with its origin, and never guessed."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from lapel.cloud import prices


def test_a_price_says_where_it_comes_from() -> None:
    price = prices.hourly("ec2", "g6.xlarge", "us-east-1")
    assert price is not None
    assert 0.1 < price.amount < 5
    assert str(price).endswith(")")
    assert "check at aws.amazon.com" in str(price)


@pytest.mark.parametrize(
    ("kind", "region"),
    [("g6.enormous", "us-east-1"), ("g6.xlarge", "mars-north-1"), ("g6.xlarge", None)],
)
def test_what_the_table_does_not_hold_is_unknown(kind: str, region: str | None) -> None:
    assert prices.hourly("ec2", kind, region) is None
    lines = prices.estimate(f"{kind} in {region}", None, units=8)
    assert "the price is not in the shipped table" in lines[0]
    assert "--price" in lines[1]


def test_a_price_of_one_unit_is_not_taken_for_another() -> None:
    assert prices.hourly("s3", "STANDARD", "us-east-1") is None
    assert prices.stored("s3", "STANDARD", "us-east-1") is not None
    second = prices.computed("2048", "us-east-1")
    assert second is not None
    assert second.unit == "second"


def test_an_estimate_counts_things_and_hours() -> None:
    (line,) = prices.estimate("g6.xlarge", prices.own(2.5), units=4, count=2)
    assert line == "2 x g6.xlarge: 2.50 USD an hour (as given by --price); up to 4 hours: 20.00 USD"


def test_small_numbers_are_written_out() -> None:
    second = prices.computed("1024", "us-east-1")
    assert second is not None
    assert str(second).startswith("0.00002 USD a second (")
    assert prices.dollars(0.0004) == "less than 0.01 USD"
    assert prices.dollars(0.126) == "0.13 USD"
    (line,) = prices.estimate("g6.xlarge", prices.own(0.99999), units=1)
    assert line.endswith("1.00 USD an hour (as given by --price); up to 1 hour: 1.00 USD")


def test_the_usual_machines_are_known_in_frankfurt_and_what_is_not_is_said() -> None:
    for kind in ("c7i.large", "c7i.xlarge", "g4dn.xlarge", "g5.xlarge", "g6.xlarge", "g6e.xlarge"):
        assert prices.hourly("ec2", kind, "eu-central-1") is not None
    assert prices.hourly("sagemaker-training", "ml.g5.xlarge", "eu-central-1") is None
    said = prices.estimate("ml.g5.xlarge in eu-central-1", None, units=8)
    assert "SageMaker's in the last three alone (as known in 2025)" in said[2]


def test_what_the_table_says_that_it_holds_it_holds() -> None:
    table = json.loads(files("lapel.cloud").joinpath("prices.json").read_text(encoding="utf-8"))
    regions: dict[str, set[str]] = {}
    for service, part in table["prices"].items():
        for by_region in part["amounts"].values():
            regions.setdefault(service, set()).update(by_region)
    assert {one for one in regions["ec2"] if one not in table["holds"]} == set()
    of_sagemaker = {
        one for service in regions if "sagemaker" in service for one in regions[service]
    }
    assert of_sagemaker == {"us-east-1", "us-east-2", "us-west-2"}


def test_every_price_is_a_number_above_nothing_with_an_origin() -> None:
    table = json.loads(files("lapel.cloud").joinpath("prices.json").read_text(encoding="utf-8"))
    for service, part in table["prices"].items():
        assert part["unit"] in {"hour", "GB-month", "second"}, service
        assert part["origin"], service
        for kind, by_region in part["amounts"].items():
            assert all(amount > 0 for amount in by_region.values()), (service, kind)
