"""What a job needs beside its data, put into S3: code for an image without Lapel, and a recipe."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from lapel.cloud.archives import pack
from lapel.cloud.aws import Account
from lapel.cloud.sagemaker.requests import ENTRY
from lapel.cloud.wheel import wheel_here
from lapel.storage.s3.location import S3Location

#: Writes bytes to a place in S3, or to what stands for it.
Put = Callable[[str, bytes], None]

#: What Lapel needs to learn; torch and torchvision are in AWS's image, and fit.
EXTRA = "train"


class Content(bytes):
    """Bytes that are shown by their number."""

    def __str__(self) -> str:
        return f"<{len(self):,} bytes>"

    __repr__ = __str__


def put(account: Account, place: str, data: bytes) -> None:
    """Write an object.

    Raises:
        CloudError: AWS refuses, or cannot be reached.
    """
    location = S3Location.parse(place)
    account.do(
        "s3",
        "PutObject",
        {},
        Bucket=location.bucket,
        Key=location.key,
        Body=Content(data),
    )


def write_code(folder: Path) -> None:
    """The files that a training job is started by: a script, a wheel, and what to install.

    The same folder is SageMaker's channel ``code``, the ``sourcedir.tar.gz`` of AWS's toolkit, and
    the ``source_dir`` of its SDK.

    Raises:
        CloudError: Lapel runs here without having been installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    script = files("lapel.cloud.container").joinpath("entry.py").read_text("utf-8")
    (folder / ENTRY).write_text(script, encoding="utf-8")
    wheel = wheel_here(folder)
    (folder / "requirements.txt").write_text(f"./{wheel.name}[{EXTRA}]\n", encoding="utf-8")


def send_code(put_at: Put, place: str) -> tuple[str, str]:
    """Put the code below a place in S3.

    Args:
        put_at: writes it.
        place: without a slash at its end.

    Returns:
        Places of the folder, for a channel, and of the same as an archive, for AWS's toolkit.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "code"
        write_code(folder)
        for path in sorted(folder.iterdir()):
            put_at(f"{place}/code/{path.name}", path.read_bytes())
        archive = Path(made) / "sourcedir.tar.gz"
        pack(folder, archive)
        put_at(f"{place}/{archive.name}", archive.read_bytes())
    return f"{place}/code", f"{place}/sourcedir.tar.gz"
