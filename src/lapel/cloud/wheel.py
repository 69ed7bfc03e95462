"""A wheel of the very code that runs here, for machines that shall run the same.

Lapel may run from a checkout or from an installed wheel; either way its files and what pip knows
of it are at hand, which is all that a wheel of plain Python is made of
(https://packaging.python.org/en/latest/specifications/binary-distribution-format/).
"""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.resources import as_file, files
from pathlib import Path

from lapel.schema.errors import CloudError
from lapel.storage.local import atomic_path

#: The same code gives the same bytes: the date is zip's first, for every file.
DATE = (1980, 1, 1, 0, 0, 0)

TAGS = "Wheel-Version: 1.0\nGenerator: lapel\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel_here(folder: Path) -> Path:
    """Write ``lapel-VERSION-py3-none-any.whl`` of the code that runs now.

    Args:
        folder: to write it into; made where it is not there.

    Returns:
        The wheel; its bytes are a function of the code alone.

    Raises:
        CloudError: Lapel runs without having been installed.
        StorageError: the folder cannot be written.
    """
    known = _distribution()
    stem = f"lapel-{known.version}"
    written: dict[str, bytes] = dict(sorted(_package()))
    for name in ("METADATA", "entry_points.txt"):
        text = known.read_text(name)
        if text is not None:
            written[f"{stem}.dist-info/{name}"] = text.encode()
    written[f"{stem}.dist-info/WHEEL"] = TAGS.encode()
    record = f"{stem}.dist-info/RECORD"
    written[record] = _record(written, record).encode()
    wheel = folder / f"{stem}-py3-none-any.whl"
    with atomic_path(wheel) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, data in written.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return wheel


def needs_here(extras: Sequence[str]) -> list[str]:
    """Requirements of the code that runs now, for pip, without Lapel itself.

    Args:
        extras: of Lapel, those that they name in turn included.

    Raises:
        CloudError: Lapel runs without having been installed.
    """
    wanted, found = {"", *extras}, set[str]()
    lines = _distribution().requires or []
    for _ in lines:  # an extra may name another, and that one others
        for line in lines:
            what, _, condition = line.partition(";")
            said = re.search(r"""extra == ['"]([\w-]+)['"]""", condition)
            if (said[1] if said else "") not in wanted:
                continue
            own = re.fullmatch(r"lapel\[(.+)\]", what.strip())
            if own is None:
                found.add(what.replace(" ", ""))
            else:
                wanted.update(own[1].replace(" ", "").split(","))
    return sorted(found)


def _distribution() -> Distribution:
    try:
        return distribution("lapel")
    except PackageNotFoundError as error:
        raise CloudError(
            "Lapel runs here without having been installed, so that no wheel of it can be made; "
            "install it (pip install -e .), or name what to install by --install"
        ) from error


def _package() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file of the package, compiled ones left out."""
    with as_file(files("lapel")) as root:
        for path in root.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"lapel/{path.relative_to(root).as_posix()}", path.read_bytes()


def _record(written: dict[str, bytes], record: str) -> str:
    """The list of files with their hashes, in which it names itself without one."""
    lines = []
    for name, data in written.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join([*lines, f"{record},,\n"])
