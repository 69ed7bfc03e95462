"""Commands as they are typed, run in this process: nothing is started, and loaded but once.

What a process of its own decides (its end by a signal, a terminal, what it may not load) is tested
in one.
"""

from __future__ import annotations

import io
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from lapel.cli.main import main


def lapel(*arguments: str | Path, cwd: Path | None = None) -> CompletedProcess[str]:
    """Run ``lapel ARGUMENTS``, in a folder; its exit code, and all that it said."""
    command = ["lapel", *map(str, arguments)]
    out, err = _written(), _written()
    with (
        pytest.MonkeyPatch.context() as patch,
        chdir(cwd or "."),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
    assert isinstance(ended.value.code, int)
    return CompletedProcess(command, ended.value.code, _text(out), _text(err))


def _written() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(file: io.TextIOWrapper) -> str:
    file.seek(0)
    return file.read()
