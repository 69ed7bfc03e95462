"""What a check finds: values, and how they are made."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

EXAMPLES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of thing that was found.

    Attributes:
        kind: its name, for programs.
        severity: ``fault`` or ``warning``; see :mod:`lapel.data.checking.check`.
        message: what was found and what to do, in a sentence.
        count: how often.
        examples: the first or worst few.
    """

    kind: str
    severity: Literal["fault", "warning"]
    message: str
    count: int
    examples: tuple[str, ...] = ()


def finding(
    kind: str, severity: Literal["fault", "warning"], message: str, found: Sequence[str]
) -> Iterator[Finding]:
    """One finding if anything was found."""
    if found:
        yield Finding(
            kind=kind,
            severity=severity,
            message=message,
            count=len(found),
            examples=tuple(found[:EXAMPLES_SHOWN]),
        )


def drawing_anew(splits: Collection[str]) -> str:
    """The command that draws splits anew, test among them only where it has to be."""
    # Without the option a test split is kept, and so is what stands in it.
    options = "--redraw-test --test FRACTION" if "test" in splits else "--redraw"
    return f"`lapel data split {options}`"
