"""Every error that Lapel raises on purpose, drawn as one tree.

    LapelError
    ├── UsageError (ValueError)         the command or call was wrong; exit code 2
    ├── MissingExtraError (ImportError) an optional part is not installed
    ├── StorageError (OSError)          bytes could not be read or written
    │   ├── AbsentError                 nothing lies there: storage.s3.client
    │   ├── ChangedError                something else lies there: storage.s3.client
    │   ├── TakenError                  another process owns the place: storage.s3.owner
    │   └── TornError                   other bytes arrived: storage.s3.retrying
    ├── ImageError (ValueError)         bytes that are no picture we accept
    │   └── ImageTooLargeError          a picture above a ceiling
    ├── SchemaError (ValueError)        tasks or label names that do not fit
    ├── FormatError (ValueError)        a file that does not keep its layout
    ├── DatasetError (ValueError)       a dataset folder that cannot be used
    ├── BundleError (ValueError)        a bundle that cannot be trusted or used
    ├── RecipeError (ValueError)        a recipe with faults, all of them listed
    ├── CheckpointError (ValueError)    a checkpoint that cannot be trusted
    ├── TrainingError (RuntimeError)    a run that cannot start or go on
    │   ├── ProcessLostError            another process of it is gone: training.processes.group
    │   └── RunInterruptedError         it was asked to end, and is saved: training.stopping
    ├── ConflictError (RuntimeError)    somebody answered meanwhile: review.records
    ├── ServerError (RuntimeError)      a server that refuses, or that cannot be reached
    └── CloudError (RuntimeError)       AWS refuses, or what was asked of it did not come about
        ├── ConnectionLostError         to a machine; what runs there goes on: cloud.ec2.remote
        └── RefusedError                AWS answered a call with an error: cloud.aws

Those that name a module are defined there, the others here. Each message says what was found, what
was expected and what to do. The leaves are built-ins too, so that a caller may catch by meaning or
by habit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FAULTS_SHOWN = 20


class LapelError(Exception):
    """Root of all errors that Lapel raises on purpose."""


class UsageError(LapelError, ValueError):
    """The command or the call itself was wrong; nothing was tried."""


class MissingExtraError(LapelError, ImportError):
    """A part of Lapel is needed that this environment does not have.

    Attributes:
        extra: name of the extra that brings it, as in ``pip install 'lapel[extra]'``.

    Args:
        need: what was asked for, as the message begins with it.
        module: that was looked for in vain, where it is known.
    """

    def __init__(self, *, extra: str, need: str, module: str | None = None) -> None:
        self.extra = extra
        missing = f"; {module!r} is not installed" if module else ""
        super().__init__(
            f"{need} needs the extra '{extra}': pip install 'lapel[{extra}]' (in a checkout of it: "
            f"'.[{extra}]'){missing}"
        )


class StorageError(LapelError, OSError):
    """Bytes could not be read or written; names the path and the cause."""


class ImageError(LapelError, ValueError):
    """Bytes that are no picture we accept.

    Attributes:
        image: name of the picture as the caller knows it.
        fault: what is wrong with it.
    """

    def __init__(self, image: str, fault: str) -> None:
        self.image = image
        self.fault = fault
        super().__init__(f"{image}: {fault}")

    def __reduce__(self) -> tuple[type[ImageError], tuple[str, str]]:
        """How it travels from the process that met it."""
        return type(self), (self.image, self.fault)


class ImageTooLargeError(ImageError):
    """A picture of more bytes, pixels or metadata than are taken."""


class SchemaError(LapelError, ValueError):
    """Tasks or label names that do not fit each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong in one file.

    Attributes:
        file: the file, as the user named it.
        found: what stands there; where ``expected`` is empty, a whole sentence that says all.
        expected: what should stand there.
        line: 1-based line or row, where the file has lines.
    """

    file: str
    found: str
    expected: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        if not self.expected:
            return f"{where}: {self.found}"
        return f"{where}: found {self.found}, expected {self.expected}"


class FormatError(LapelError, ValueError):
    """A file that does not keep its layout; all its faults together, up to a limit.

    Attributes:
        faults: every fault found.
    """

    def __init__(self, faults: Sequence[Fault], *, remedy: str = "") -> None:
        self.faults = tuple(faults)
        lines = [str(fault) for fault in self.faults[:FAULTS_SHOWN]]
        if len(self.faults) > FAULTS_SHOWN:
            lines.append(f"... and {len(self.faults) - FAULTS_SHOWN} more")
        if remedy:
            lines.append(remedy)
        super().__init__("\n".join(lines))


class DatasetError(LapelError, ValueError):
    """A dataset folder that cannot be used as asked."""


class BundleError(LapelError, ValueError):
    """A bundle that cannot be trusted or used."""


class RecipeError(LapelError, ValueError):
    """A recipe with faults; the message lists all of them."""


class CheckpointError(LapelError, ValueError):
    """A checkpoint that cannot be trusted."""


class TrainingError(LapelError, RuntimeError):
    """A run that cannot start or go on; names the step and what was kept."""


class ServerError(LapelError, RuntimeError):
    """A server that refuses, or that cannot be reached.

    Attributes:
        status: of HTTP; None where no answer came.
        code: the server's word for what is wrong; empty where it has none.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class CloudError(LapelError, RuntimeError):
    """AWS refused a call, or what was asked of it did not come about."""


def first_line(error: Exception) -> str:
    """The first line of what an error says, of a library's too; its type where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)
