"""The gradients of all processes as one: what each found for its own pictures, added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lapel.training.processes.group import Group

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

#: Bytes of gradients from which they travel as one message: few messages cost least, and the
#: smaller they are, the sooner the first is full.
PIECE_BYTES = 4 << 20


class Gradients:
    """The gradients of a network, which travel while others are still being found.

    They lie one behind another in a few pieces of memory, those of the last layers first: a
    backward pass finds these first, and each piece travels as soon as it is full (Li et al. 2020,
    "PyTorch Distributed", arXiv 2006.15704, section 3.2).

    Args:
        group: the processes.
        parameters: the same in each, in the same order.
    """

    def __init__(self, group: Group, parameters: Iterable[nn.Parameter]) -> None:
        self._group = group
        learned = [parameter for parameter in parameters if parameter.requires_grad]
        self._pieces = [_Piece(some) for some in _shared_out(learned[::-1])]
        self._under_way: list[Callable[[], None]] = []

    @contextmanager
    def added_up(self, *, uneven: bool = False) -> Iterator[None]:
        """What is found in the block is added up over all processes at the end of it.

        Args:
            uneven: which parameters have a gradient may differ between processes, as where a
                detector found nothing to learn from. One that has none anywhere keeps none, so
                that no optimiser moves it.
        """
        self._under_way = []
        for piece in self._pieces:
            piece.begin()
        # None can say when the others have theirs, where all find something else.
        hooks = [] if uneven else list(self._hooks())
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
        if uneven:
            _fill_gaps(self._group, [one for piece in self._pieces for one in piece.parameters])
        for piece in self._pieces[len(self._under_way) :]:
            self._send(piece)
        for wait in self._under_way:
            wait()

    def _hooks(self) -> Iterator[RemovableHandle]:
        for piece in self._pieces:
            for parameter in piece.parameters:
                hook = _taking(piece, self._send_full)
                yield parameter.register_post_accumulate_grad_hook(hook)  # type: ignore[no-untyped-call] # torch leaves it untyped

    def _send_full(self) -> None:
        """Send what is full; in one order, which is the same in all processes."""
        for piece in self._pieces[len(self._under_way) :]:
            if piece.missing:
                return
            self._send(piece)

    def _send(self, piece: _Piece) -> None:
        piece.fill()
        self._under_way.append(self._group.begin_adding_up(piece.values))


def _taking(piece: _Piece, then: Callable[[], None]) -> Callable[[Tensor], None]:
    def take(parameter: Tensor) -> None:
        piece.take(parameter)
        then()

    return take


class _Piece:
    """Gradients that lie one behind another and travel together.

    Attributes:
        parameters: whose gradients they are.
        values: all of them, (n,).
        missing: numbers of the parameters that have none yet.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        first, self.parameters = parameters[0], parameters
        self.values = torch.zeros(
            sum(map(torch.numel, parameters)),
            dtype=first.dtype,
            device=first.device,
        )
        parts = torch.split(self.values, list(map(torch.numel, parameters)))
        self._places = {
            id(parameter): _like(part, parameter)
            for parameter, part in zip(parameters, parts, strict=True)
        }
        self.missing: set[int] = set()

    def begin(self) -> None:
        """Nothing of the next step has been found."""
        self.missing = set(self._places)

    @torch.no_grad()
    def take(self, parameter: Tensor) -> None:
        """Take a gradient in; from now on the parameter has the one that lies here."""
        place = self._places[id(parameter)]
        if parameter.grad is not None:
            parameter.grad = place.copy_(parameter.grad)
            self.missing.discard(id(parameter))

    def fill(self) -> None:
        """Take in what was not yet; who has no gradient adds nothing, and keeps none."""
        for parameter in self.parameters:
            if id(parameter) in self.missing:
                self.take(parameter)
        for number in self.missing:
            self._places[number].zero_()


def _like(part: Tensor, parameter: Tensor) -> Tensor:
    """Numbers in the order in which those of a parameter lie, so that both are gone through alike.

    Convolutions may have their channels last.
    """
    if parameter.ndim == 4 and parameter.is_contiguous(memory_format=torch.channels_last):
        return part.as_strided(parameter.shape, parameter.stride(), part.storage_offset())
    return part.view(parameter.shape)


def _shared_out(parameters: Sequence[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """In their order, as many at a time as are a message, of one type and in one place."""
    some: list[nn.Parameter] = []
    for parameter in parameters:
        if some and (_size(some) >= PIECE_BYTES or _kind(parameter) != _kind(some[0])):
            yield some
            some = []
        some.append(parameter)
    if some:
        yield some


def _size(parameters: Iterable[Tensor]) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in parameters)


def _kind(parameter: Tensor) -> tuple[torch.dtype, torch.device]:
    return parameter.dtype, parameter.device


@torch.no_grad()
def _fill_gaps(group: Group, parameters: Sequence[nn.Parameter]) -> None:
    """A gradient of 0 where another process has one."""
    has = torch.tensor([float(parameter.grad is not None) for parameter in parameters])
    for parameter, anywhere in zip(parameters, group.add_up(has).tolist(), strict=True):
        if anywhere and parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)


@torch.no_grad()
def take_mean(group: Group, parameters: Iterable[nn.Parameter]) -> None:
    """The mean of gradients that every process has of the whole batch, as those of a loss's own
    parameters: equal but for rounding, and then equal to the bit.
    """
    for parameter in parameters:
        if parameter.grad is not None and not group.alone:
            group.add_up(parameter.grad).div_(group.count)


def mean_of(group: Group, value: Tensor) -> Tensor:
    """The mean of a number that each process has, without gradient."""
    if group.alone:
        return value.detach()
    return group.add_up(value.detach().clone()) / group.count
