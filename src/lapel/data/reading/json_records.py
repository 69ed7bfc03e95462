"""Careful looks at JSON files that others wrote."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from lapel.schema.errors import Fault

_SHOWN = 60

#: What is done to an object when it has been read.
Hook = Callable[[dict[str, Any]], dict[str, Any]]


class RecordError(ValueError):
    """A file that is no record at all.

    Attributes:
        expected: what it should have been.
        line: where it ends to be one, if that is known.
    """

    def __init__(self, found: str, expected: str, line: int | None = None) -> None:
        self.expected = expected
        self.line = line
        super().__init__(found)

    def fault(self, path: Path) -> Fault:
        """What is wrong with the file."""
        return Fault(file=str(path), line=self.line, found=str(self), expected=self.expected)


def loaded_object(data: bytes, *, unique: bool = True, hook: Hook | None = None) -> dict[str, Any]:
    """The object that a file's bytes hold, as JSON in UTF-8.

    Args:
        data: the bytes.
        unique: whether a key that stands twice in an object is refused; else the last one counts.
        hook: changes each object as soon as it is read; for files whose objects are large. Keys
            are not compared then.

    Raises:
        RecordError: no JSON, another value, NaN, or keys twice.
    """
    value = loaded_value(data, unique=unique, hook=hook)
    if not isinstance(value, dict):
        raise RecordError(shown_value(value), "an object")
    return value


def loaded_value(data: bytes, *, unique: bool = True, hook: Hook | None = None) -> Any:  # noqa: ANN401 - what JSON holds
    """What a file's bytes hold, as :func:`loaded_object`; of any type.

    Raises:
        RecordError: no JSON, NaN, or keys twice.
    """
    try:
        return json.loads(
            data.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique if unique and hook is None else None,
            object_hook=hook,
        )
    except UnicodeDecodeError as error:
        raise RecordError(f"bytes that are no text ({error})", "text in UTF-8") from error
    except json.JSONDecodeError as error:
        raise RecordError(f"text that is no JSON ({error.msg})", "JSON", error.lineno) from error
    except RecursionError as error:
        raise RecordError("text nested without end", "JSON") from error


def _refuse_constant(name: str) -> NoReturn:
    raise RecordError(name, "numbers")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RecordError(f"the key {twice!r} twice in one object", "each once")
    return value


def is_whole(value: object) -> bool:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value is a number with an end."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def shown_value(value: object) -> str:
    """A value as messages show it: as JSON, and not too long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
