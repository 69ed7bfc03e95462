"""The face of every detector, and the networks that find garments with one.

Another detector takes the place of Mask R-CNN in four steps: a subclass of :class:`Detector`, a
subclass of :class:`DetectorNetwork` that names it, its lines in ``lapel.models.networks``, and
its name among those that a recipe takes (``lapel.training.recipe_parts``). What it is given and
what it gives is fixed here and by the task (``lapel.tasks.garments``); how it finds garments, and
what it says in between, is its own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from lapel.models.heads.base import Detected, MapsHead
from lapel.models.heads.garment_targets import PictureTruth
from lapel.models.multitask import Architecture, Network
from lapel.schema.errors import RecipeError
from lapel.schema.labels import Schema


class Detector(MapsHead):
    """Maps of a backbone to garments; it is made as ``Detector(spec, options)``.

    The options are those of all heads: ``maps``, the stride and width of each map that the
    backbone gives, and ``detector``, what a recipe's ``model.detector`` says.
    """

    def forward(self, maps: Sequence[Tensor]) -> Detected:
        """Maps (N, their width, their h, their w), the finest first, to what is asked further."""
        return Detected(self, self.said(maps))

    @abstractmethod
    def said(self, maps: Sequence[Tensor]) -> Any:  # noqa: ANN401 - each detector has its own
        """What it makes of pictures before garments are told from each other.

        It is kept for one batch, and given back to the two functions below.
        """

    @abstractmethod
    def loss(self, said: Any, rows: Tensor, truths: Sequence[PictureTruth]) -> Tensor:  # noqa: ANN401 - likewise
        """How wrong it is, a scalar; asked for in learning and in judging alike.

        Args:
            said: of N pictures.
            rows: of them, those whose garments are known, int64 (n,); maybe none, then it is 0.
            truths: the garments of these; maybe none, then everything there is background.
        """

    @abstractmethod
    def found(self, said: Any) -> Tensor:  # noqa: ANN401 - likewise
        """The garments of N pictures as outputs of the task, float32 (N, D, 6 + 28 * 28 + 3 P).

        It is exported with the network: it has to be traceable for one picture.
        """


class DetectorNetwork(Network):
    """A network that finds garments, and answers nothing else.

    Attributes:
        detector: how.

    Raises:
        RecipeError: a schema, a backbone or options that it does not go with.
    """

    detector: ClassVar[type[Detector]]

    #: A graph that keeps as many boxes as it finds answers one picture at a time.
    one_by_one = True

    def __init__(self, schema: Schema, architecture: Architecture) -> None:
        if [spec.kind for spec in schema] != ["garments"]:
            found = ", ".join(f"{spec.name} ({spec.kind})" for spec in schema)
            raise RecipeError(
                f"model.network={architecture.network} answers one task of kind garments and "
                f"nothing else, found {found}: --set 'tasks=[TASK]'"
            )
        super().__init__(schema, architecture)

    def heads_of(self, schema: Schema, width: int, options: Mapping[str, Any]) -> nn.Module:
        """The detector."""
        return super().heads_of(schema, width, {**options, "finds": self.detector})

    def trial(self, pixels: Tensor) -> dict[str, Tensor]:
        """The backbone's features: what a detector finds has no gradient where it finds nothing."""
        return {"features": self.features(pixels)}
