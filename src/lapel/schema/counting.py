"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number and what is counted: ``1 fault``, ``1,200 faults``, ``0 faults``.

    Args:
        number: how many.
        one: what a single one is called.
        many: what several are called; by default ``one`` with an s.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def duration(seconds: float) -> str:
    """Seconds as people say them: ``42 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


#: Units of sizes. As disks and AWS's bills have them: a MB is 1,000,000 bytes, a MiB 2**20.
_UNITS = {
    "": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40,
}  # fmt: skip


def bytes_of(text: str) -> int:
    """A size as people write it, in bytes: ``256MB``, ``1.5 GiB``, ``4096``.

    Raises:
        ValueError: it is none, or below 1.
    """
    number = text.strip().rstrip("BbKkMmGgTtIi ")
    unit = text.strip()[len(number) :].strip().upper()
    try:
        found = int(float(number) * _UNITS[unit])
    except (KeyError, ValueError, OverflowError):
        found = 0
    if found < 1:
        raise ValueError(f"found {text!r}, expected a size such as 256MB or 2GiB")
    return found


def size(count: int) -> str:
    """Bytes as people say them: ``812 B``, ``4.2 MB``, ``1.3 TB``."""
    value, unit = float(count), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
