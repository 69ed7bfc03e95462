"""Where a task of Label Studio says that its picture is, and what its file is called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

#: What Label Studio puts before the name of a file that somebody uploaded.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")

#: Paths of Label Studio's own pictures: uploads, and files of a folder of its machine.
UPLOADS, LOCAL_FILES = "/data/upload/", "/data/local-files/"

#: ... and uploads that it keeps in a storage of a cloud.
STORED = "/storage-data/uploaded/"


def file_names(address: str) -> Iterator[str]:
    """What the file of a picture may be called below a folder, the likeliest first.

    Of an upload: the path below ``/data/upload/``, then its last name, then that without the
    letters that Label Studio put before it. Of a local file, a bucket or another address: the
    path, then what is left of it without its first folder, and so on. Of what is no address: none.

    Args:
        address: as the data of a task has it.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    path = unquote(parts.path)
    if LOCAL_FILES.rstrip("/") in path:
        path = (parse_qs(parts.query).get("d") or [""])[-1]
    elif STORED.rstrip("/") in path:
        path = (parse_qs(parts.query).get("filepath") or [""])[-1]
    elif UPLOADS in path:
        path = path.split(UPLOADS, 1)[1]
    elif parts.scheme and parts.netloc:
        path = f"{parts.netloc}/{path.lstrip('/')}"
    names = [piece for piece in path.split("/") if piece not in ("", ".", "..")]
    for first in range(len(names)):
        yield "/".join(names[first:])
    if names and _UPLOADED.match(names[-1]):
        yield _UPLOADED.sub("", names[-1], count=1)
