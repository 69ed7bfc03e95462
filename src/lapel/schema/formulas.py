"""Cells that a spreadsheet would run.

A cell of a CSV file that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return is
a formula to a spreadsheet, which may fetch and run things. Such cells get a leading ``'``
when written, which spreadsheets do not show, unless they are plain numbers; when read, one
such ``'`` is taken off again. Both ways together change nothing.
https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")


def escape_formula(cell: str) -> str:
    """A cell as it may be written into a CSV file."""
    if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def unescape_formula(cell: str) -> str:
    """A cell as it was before :func:`escape_formula`."""
    return cell[1:] if _ESCAPED.match(cell) else cell
