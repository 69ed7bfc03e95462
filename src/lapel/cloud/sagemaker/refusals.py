"""What SageMaker would refuse in a request, found before it is sent.

botocore compares types and required members alone; patterns, lengths and lists of words stand in
the same description of the service, and are compared here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from lapel.cloud.aws import service_model
from lapel.schema.errors import UsageError


def refuse_faults(service: str, operation: str, request: Mapping[str, Any]) -> None:
    """Compare a request with AWS's whole description of an operation.

    Raises:
        UsageError: values that AWS would refuse; all of them are listed.
    """
    shape = service_model(service).operation_model(operation).input_shape
    faults = [] if shape is None else list(_faults(shape, request, ""))
    if faults:
        raise UsageError(f"{service} {operation} would be refused:\n" + "\n".join(faults))


def _faults(shape: Shape, value: Any, place: str) -> Iterator[str]:  # noqa: ANN401 - any of AWS's
    if isinstance(shape, StructureShape):
        for name, inner in value.items():
            if name in shape.members:
                yield from _faults(shape.members[name], inner, f"{place}.{name}".lstrip("."))
    elif isinstance(shape, ListShape):
        yield from _lengths(shape, len(value), place, "entries")
        for number, inner in enumerate(value):
            yield from _faults(shape.member, inner, f"{place}[{number}]")
    elif isinstance(shape, MapShape):
        yield from _lengths(shape, len(value), place, "entries")
        for name, inner in value.items():
            yield from _faults(shape.key, name, f"{place} (key)")
            yield from _faults(shape.value, inner, f"{place}.{name}")
    elif isinstance(shape, StringShape):
        yield from _text(shape, value, place)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from _lengths(shape, value, place, "")


def _text(shape: StringShape, value: str, place: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        close = difflib.get_close_matches(value, shape.enum, n=3, cutoff=0.6)
        known = f"did you mean {', '.join(close)}?" if close else f"one of {len(shape.enum)} words"
        yield f"  {place}: found {value!r}; {known} (as of botocore here; a newer one may know it)"
        return
    yield from _lengths(shape, len(value), place, "characters")
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not _fits(pattern, value):
        yield f"  {place}: found {value!r}, expected what fits {pattern}"


def _fits(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        return True  # such as \p{L}, which Python does not know: AWS will say


def _lengths(shape: Shape, size: int, place: str, unit: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    said = f"{size:,} {unit}".strip()
    if least is not None and size < least:
        yield f"  {place}: found {said}, expected {least:,} or more"
    if most is not None and size > most:
        yield f"  {place}: found {said}, expected {most:,} at most"
