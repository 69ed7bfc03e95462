"""What AWS asks for things: a small dated table, and estimates made from it.

AWS changes its prices without asking. The table (``prices.json``) therefore says of each price
when and where it was read, every estimate repeats it, and what the table does not hold is said
to be unknown, never guessed. A price of one's own comes in by ``--price``.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Service = Literal[
    "ec2",
    "ebs",
    "address",
    "sagemaker-training",
    "sagemaker-hosting",
    "sagemaker-batch",
    "sagemaker-serverless",
    "s3",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one thing costs.

    Attributes:
        amount: US dollars, without tax.
        unit: what they buy, such as ``hour``, ``GB-month`` or ``GB-second``.
        origin: where the price comes from, and of when it is.
    """

    amount: float
    unit: str
    origin: str

    def __str__(self) -> str:
        article = "an" if self.unit[0] in "aeiouh" else "a"
        return f"{_rate(self.amount)} {article} {self.unit} ({self.origin})"


def hourly(service: Service, kind: str, region: str | None) -> Price | None:
    """What an hour of a machine costs on demand.

    Args:
        service: such as ``ec2`` or ``sagemaker-training``.
        kind: such as ``g6.xlarge``; of SageMaker with its ``ml.``.
        region: such as ``eu-central-1``.

    Returns:
        The price, or None where the table does not know it.
    """
    return _price(service, kind, region, "hour")


def stored(service: Literal["s3", "ebs"], kind: str, region: str | None) -> Price | None:
    """What a gigabyte costs a month, by storage class (``STANDARD_IA``) or volume (``gp3``)."""
    return _price(service, kind, region, "GB-month")


def computed(kind: str, region: str | None) -> Price | None:
    """What a serverless endpoint costs a second of answering, by its memory (``2048``, in MB)."""
    return _price("sagemaker-serverless", kind, region, "second")


def own(amount: float, unit: str = "hour") -> Price:
    """A price that the user gave."""
    return Price(amount=amount, unit=unit, origin="as given by --price")


def estimate(
    what: str, price: Price | None, *, units: float, count: int = 1, of: str = "hour"
) -> list[str]:
    """What something will cost, in lines that a person reads before agreeing.

    Args:
        what: such as ``g6.xlarge in eu-central-1``.
        price: of one unit of one of them; None where it is unknown.
        units: how many units at most, such as hours.
        count: of things.
        of: the unit's name, where the price is unknown.

    Returns:
        One line, or three where the price is unknown.
    """
    things = what if count == 1 else f"{count} x {what}"
    if price is None:
        return [
            f"{things}: up to {number_of(units, of)}; the price is not in the shipped table",
            "  look it up at https://aws.amazon.com/pricing/ and give it by --price",
            f"  the table holds {_table()['holds']}",
        ]
    total = price.amount * units * count
    return [f"{things}: {price}; up to {number_of(units, price.unit)}: {dollars(total)}"]


@cache
def _table() -> dict[str, Any]:
    text = files("lapel.cloud").joinpath("prices.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def _price(service: Service, kind: str, region: str | None, unit: str) -> Price | None:
    part = _table()["prices"].get(service)
    if part is None or region is None:
        return None
    amount = part["amounts"].get(kind, {}).get(region)
    if amount is None or part["unit"] != unit:
        return None
    return Price(amount=float(amount), unit=unit, origin=part["origin"])


def number_of(units: float, unit: str) -> str:
    """A number and its unit: ``1 hour``, ``2.5 hours``."""
    plural = "" if units == 1 else "s"
    return f"{units:g} {unit}{plural}"


def dollars(amount: float) -> str:
    """A sum as a person reads it, in whole cents."""
    return "less than 0.01 USD" if 0 < amount < 0.005 else f"{amount:.2f} USD"


def _rate(amount: float) -> str:
    """A price of one unit: cents, or below a dollar the four digits that count."""
    if amount > 0.9999 or amount == 0:
        return f"{amount:.2f} USD"
    digits = 3 - math.floor(math.log10(amount))
    return f"{f'{amount:.{digits}f}'.rstrip('0')} USD"
