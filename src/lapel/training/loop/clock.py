"""Where the time of a step goes: a clock that the loop tells what begins now."""

from __future__ import annotations

import time
from typing import Any, Literal

import torch

#: What a step is made of. ``input``: waiting for pictures; ``change``: augmentation; ``forward``:
#: the network and its loss; ``backward``: gradients; ``step``: the optimiser; ``rest``: what is
#: no learning, such as saving.
Phase = Literal["input", "change", "forward", "backward", "step", "rest"]

PHASES: tuple[Phase, ...] = ("input", "change", "forward", "backward", "step")


class StepClock:
    """Seconds of each phase; runs only where somebody asked for it.

    Attributes:
        seconds: of each phase since :meth:`reset`.
        running: whether anything is measured.
        named: whether phases are named in the trace of torch.profiler too.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.running = False
        self.named = False
        self.seconds: dict[Phase, float] = dict.fromkeys(PHASES, 0.0)
        self._phase: Phase = "rest"
        self._since = 0.0
        self._range: Any = None

    def reset(self) -> None:
        """Forget what was measured, as at the beginning of an epoch."""
        self.seconds = dict.fromkeys(PHASES, 0.0)

    def begin(self, phase: Phase) -> None:
        """Another phase begins now."""
        if not self.running:
            return
        if self._device.type == "cuda":
            # An accelerator goes on while the program is further already.
            torch.cuda.synchronize(self._device)
        now = time.perf_counter()
        if self._phase != "rest":
            self.seconds[self._phase] += now - self._since
        self._phase, self._since = phase, now
        self._name(phase)

    def _name(self, phase: Phase) -> None:
        if self._range is not None:
            self._range.__exit__(None, None, None)
            self._range = None
        if self.named and phase != "rest":
            self._range = torch.profiler.record_function(f"lapel.{phase}")
            self._range.__enter__()
