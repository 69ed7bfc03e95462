"""Names of files for tasks, whatever a task is called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import normalize

#: What stays as it is: letters and digits of any script, and these.
_OTHERS = re.compile(r"[^\w-]+")

#: Characters of a name: four bytes each still leave room below the 255 bytes of file systems.
LONGEST = 40

#: Names that Windows keeps for devices.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def page_names(tasks: Iterable[str]) -> dict[str, str]:
    """A name a task that every file system takes, without ending; no two are alike.

    Letters stay, Korean ones too; what else stands in a name becomes ``_``. Names that differ
    only in what was replaced, or in capitals, are numbered.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for task in tasks:
        plain = _OTHERS.sub("_", normalize("NFC", task))[:LONGEST].strip("_") or "task"
        plain = f"{plain}_" if _DEVICES.fullmatch(plain) else plain
        name, number = plain, 2
        while name.casefold() in taken:
            name, number = f"{plain}-{number}", number + 1
        taken.add(name.casefold())
        names[task] = name
    return names
