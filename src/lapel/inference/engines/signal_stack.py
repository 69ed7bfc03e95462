"""The stack on which a thread takes signals, kept as it was.

OpenVINO 2026.4 gives a thread that works with it an alternate signal stack, and frees that memory
when its networks go. The next signal that Python takes in that thread, a child that ended or
Ctrl-C, then ends the process with a segmentation fault. So whoever calls it puts the former stack
back.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Stack(ctypes.Structure):
    """``stack_t`` of Linux, see sigaltstack(2)."""

    _fields_ = (
        ("pointer", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("size", ctypes.c_size_t),
    )


_LIBRARY = ctypes.CDLL(None) if sys.platform == "linux" else None


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Whatever is done within, this thread takes signals afterwards where it took them before."""
    if _LIBRARY is None:
        yield
        return
    former = _Stack()
    _LIBRARY.sigaltstack(None, ctypes.byref(former))
    try:
        yield
    finally:
        _LIBRARY.sigaltstack(ctypes.byref(former), None)
