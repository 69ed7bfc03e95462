"""What a request asks beside its pictures: parameters in its address, or in a header."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lapel.serving.faults import Refusal

#: Most labels that a request can ask for.
MOST_LABELS = 1000

#: Faults that a refusal names.
MOST_FAULTS = 8


#: What each parameter takes, in words.
EXPECTED = {
    "model": "the name of a model, of at most 200 characters",
    "top": f"a whole number from 1 to {MOST_LABELS:,}",
    "maps": "true or false",
    "outlines": "true or false",
    "threshold": "a number from 0 to 1",
}


class Asked(BaseModel):
    """Parameters of a request; their descriptions are OpenAPI's.

    Read by hand: the framework's own reading takes longer than a small network's answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(
        default=None, max_length=200, description="Which model; left out: the first."
    )
    top: int = Field(
        default=5, ge=1, le=MOST_LABELS, description="How many of the best labels to name."
    )
    maps: bool = Field(
        default=False, description="Show how answers came about, where the model can."
    )
    outlines: bool = Field(default=False, description="Polygons beside each mask.")
    threshold: float | None = Field(
        default=None, ge=0, le=1, description="The score from which garments are told."
    )

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Read parameters as they were sent; of one that stands twice, the last.

        Raises:
            Refusal: 422, all that is wrong with them.
        """
        try:
            return cls.model_validate(dict(pairs))
        except ValidationError as error:
            raise Refusal(422, _faults_of(error)) from None


def _faults_of(error: ValidationError) -> str:
    named = []
    for one in error.errors(include_url=False)[:MOST_FAULTS]:
        name = ".".join(str(part)[:80] for part in one["loc"])
        if name in EXPECTED:
            named.append(f"{name}: found {str(one['input'])[:40]!r}, expected {EXPECTED[name]}")
        else:
            named.append(f"{name}: no such parameter; there are {', '.join(EXPECTED)}")
    return "; ".join(named)


def parameters() -> list[dict[str, Any]]:
    """The same, as OpenAPI describes parameters of an address."""
    described = Asked.model_json_schema()["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.pop("description"),
            "schema": schema,
        }
        for name, schema in described.items()
    ]
