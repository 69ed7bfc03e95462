"""A missing optional part is named by the command that needs it."""

from __future__ import annotations

from contextlib import AbstractContextManager

from lapel.schema.extras import naming_extra


def needs_extra(extra: str, need: str) -> AbstractContextManager[None]:
    """Imports of an extra's modules; one that is missing becomes advice.

    Raises:
        MissingExtraError: a module of the extra is not installed.
    """
    return naming_extra(need, extra=extra)
