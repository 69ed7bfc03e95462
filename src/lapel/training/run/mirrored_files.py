"""Which files of a run are kept in S3, and in which order they are put there."""

from __future__ import annotations

from pathlib import Path

from lapel.evaluation.run_files import LOG
from lapel.storage.local import PARTIAL_SUFFIX
from lapel.storage.places import SMALL
from lapel.training.run.checkpoint import KEPT
from lapel.training.run.folder import BUNDLE, CHECKPOINTS, LOCK, RECIPE, RUN

#: What is put first; files that are not named come between the log and the bundle, and what grows
#: large comes last.
_ORDER = (RECIPE, RUN, CHECKPOINTS, LOG)

#: Size and time (ns) of a file when it was put.
Facts = tuple[int, int]


def is_of_run(name: str) -> bool:
    """Whether a file is kept with a run: none that only this process, or this machine, needs."""
    from lapel.storage.s3.owner import OWNER  # noqa: PLC0415 - stands on boto3

    parts = name.split("/")
    private = any(part.startswith(".") for part in parts) or name.endswith(PARTIAL_SUFFIX)
    return name not in {OWNER, LOCK} and not private


def files_of(folder: Path) -> dict[str, Facts]:
    """The files of a run by name, with their size and time."""
    found: dict[str, Facts] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        try:
            facts = path.stat()
        except OSError:  # gone since: a checkpoint that another took the place of
            continue
        if path.is_file() and is_of_run(name):
            found[name] = (facts.st_size, facts.st_mtime_ns)
    return found


def in_order(here: dict[str, Facts]) -> list[str]:
    """What is to be there, in the order in which it is put: of checkpoints the newest alone.

    The older one was put when it was the newest; the bundle's description comes after its other
    files, since it makes a bundle of them; and what :func:`grows_large` keeps nothing waiting.
    """
    checkpoints = sorted(name for name in here if name.startswith(f"{CHECKPOINTS}/"))
    names = [name for name in here if name not in checkpoints[:-1]]

    def place(name: str) -> tuple[bool, int, bool, str]:
        top = name.split("/", maxsplit=1)[0]
        rank = _ORDER.index(top) if top in _ORDER else len(_ORDER) + (top == BUNDLE)
        return grows_large(name, here[name]), rank, name.endswith("lapel.json"), name

    return sorted(names, key=place)


def grows_large(name: str, facts: Facts) -> bool:
    """Whether a file is more than one request, and none that going on or answering needs: a log."""
    needed = {RECIPE, RUN, CHECKPOINTS, BUNDLE}
    return facts[0] > SMALL and name.split("/", maxsplit=1)[0] not in needed


def surplus(there: dict[str, Facts], here: dict[str, Facts]) -> set[str]:
    """What is to be removed there: what is gone here, and all checkpoints but the newest."""
    checkpoints = sorted(name for name in there if name.startswith(f"{CHECKPOINTS}/"))
    gone = {name for name in there if name not in here and name not in checkpoints}
    return gone | set(checkpoints[:-KEPT])
