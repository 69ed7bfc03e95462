"""What ``lapel cloud s3`` says when it has moved or compared something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lapel.cli.console import complain, shown
from lapel.schema.counting import counted
from lapel.schema.counting import size as in_words

if TYPE_CHECKING:
    from lapel.storage.s3.options import Transferred
    from lapel.storage.s3.verifying import Verified

#: Names of files in no manifest that are printed; a bucket may hold a million of them.
SHOWN = 20


def say_moved(done: Transferred, doing: str, did: str, where: str) -> None:
    """Say what a push or a pull came to.

    Args:
        done: that.
        doing: what a dry run would do with each file, such as ``send``.
        did: the same when it is done, such as ``sent``.
        where: such as ``to s3://bucket/run``.
    """
    if done.dry_run:
        for name in done.moved:
            print(f"{doing}    {shown(name)}")
        for name in done.deleted:
            print(f"delete  {shown(name)}")
    moved = f"{counted(len(done.moved), 'file')} ({in_words(done.size)})"
    deleted = f", {len(done.deleted):,} deleted" if done.deleted else ""
    would = "would be " if done.dry_run else ""
    print(f"{moved} {would}{did} {where}; {len(done.unchanged):,} there already{deleted}")


def say_verified(found: Verified, place: str, *, read: bool) -> None:
    """Say what a comparison found, and what it did not look at."""
    for kind, names in (
        ("missing", found.missing),
        ("changed", found.changed),
        ("differs here", found.differing),
    ):
        for name in names:
            print(f"{kind}: {shown(name)}")
    _say_uncompared(found, place.rstrip("/"))
    if found.unfinished:
        print("a push has not ended: push again")
    if found.cut_uploads:
        complain(
            f"note: {counted(found.cut_uploads, 'upload')} never ended: `lapel cloud s3 abort`"
        )
    how = "read and hashed" if read else "by S3's tags"
    compared = f"{counted(found.files, 'file')}, {in_words(found.size)}, {how}"
    whole = "whole" if found.whole else "NOT whole"
    if found.unlisted or found.elsewhere:
        whole = f"what its manifest names is {whole}"
    print(f"{place}: {whole} ({compared}){_in_none(found)}")


def _say_uncompared(found: Verified, place: str) -> None:
    for name in found.unlisted[:SHOWN]:
        print(f"in no manifest: {shown(name)}")
    if len(found.unlisted) > SHOWN:
        print(f"in no manifest: {len(found.unlisted) - SHOWN:,} more")
    for folder, files in sorted(found.elsewhere.items()):
        print(
            f"has a manifest of its own, not compared: {shown(folder)} ({counted(files, 'file')}); "
            f"lapel cloud s3 verify {shown(f'{place}/{folder}')}"
        )


def _in_none(found: Verified) -> str:
    """Of how many files nothing is known."""
    count = len(found.unlisted)
    return f"; {counted(count, 'other file')} in no manifest, not compared" if count else ""
