"""One network: pixels, normalisation, one backbone, one head a task.

The first layer takes pixels as they are (uint8) and normalises them, in training, in the
exported graph and everywhere else: there is no second place where it could be done otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lapel.models.backbones import build_backbone
from lapel.models.base import Level, Stage, keep_judging, set_learning
from lapel.models.decoders import MapShape
from lapel.models.embedding import EmbeddingHead
from lapel.models.heads.base import MapsHead, Raw
from lapel.models.heads.labels import LabelHead, pooling
from lapel.models.heads.table import HEADS, OF_MAPS, spatial_tasks
from lapel.models.levels import pyramid_of, trial_of, with_maps
from lapel.schema.errors import RecipeError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.outputs import EMBEDDING, heatmaps_of
from lapel.schema.views import flat_slices


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """All that a network's shape depends on, beside the schema; kept in the bundle.

    Attributes:
        backbone: name in the table of backbones, or one of timm's.
        options: of the backbone.
        head: options of the heads: ``heads`` (``separate``, a head a task, or ``joint``, one
            vector of all labels), ``pool``, ``dropout``, ``hidden``; of landmarks ``landmarks``
            (``heatmap`` or ``coordinates``), ``places`` (maps are read by ``peak`` or ``mean``) and
            ``map_channels``; of segmentation ``decoder`` and ``decoder_channels``; and
            ``embedding``, numbers of a vector that is learned beside, 0 for none.
        network: name of the kind of network, as in a recipe's ``model.network``.
        mean: of each channel, of pixels scaled to 0..1.
        std: likewise.
    """

    backbone: str
    options: Mapping[str, Any] = field(default_factory=dict)
    head: Mapping[str, Any] = field(default_factory=dict)
    mean: Sequence[float]
    std: Sequence[float]
    network: str = "plain"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "backbone": self.backbone,
            "options": dict(self.options),
            "head": dict(self.head),
            "mean": list(self.mean),
            "std": list(self.std),
            "network": self.network,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """From plain values, as kept in a bundle."""
        return cls(**value)


class Normalise(nn.Module):
    """uint8 pixels (N, C, H, W) to float32, each channel of mean 0 and deviation 1."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        # Not persistent: they belong to the preprocessing, which the bundle keeps by itself.
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 (N, C, H, W) to float32 of the same shape."""
        return (pixels.float() - self.mean) / self.std


class SeparateHeads(nn.ModuleList):
    """A head a task, each of its own kind."""

    def __init__(self, schema: Iterable[TaskSpec], width: int, options: Mapping[str, Any]) -> None:
        specs = tuple(schema)
        # Keyed by position: task names may hold dots, which module names may not.
        super().__init__(HEADS[spec.kind].head(spec, width, options) for spec in specs)
        self.task_names = tuple(spec.name for spec in specs)

    def forward(self, features: Tensor, maps: Sequence[Tensor] = ()) -> dict[str, Raw]:
        """Features (N, width, h, w) and the maps below them to what the head of each task says."""
        return {
            name: head(maps) if isinstance(head, MapsHead) else head(features)
            for name, head in zip(self.task_names, self, strict=True)
        }


class JointHead(nn.Module):
    """One vector of all labels of all tasks, cut where each task's labels lie in it.

    Places are no labels: tasks that are answered with them have heads of their own beside it.
    """

    def __init__(self, schema: Schema, width: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        spatial = spatial_tasks(schema)
        labelled = tuple(spec for spec in schema if spec.name not in spatial)
        self.slices = flat_slices(Schema(labelled))
        self.vector = LabelHead(width, sum(len(spec.labels) for spec in labelled), options)
        self.beside = SeparateHeads(
            (spec for spec in schema if spec.name in spatial), width, options
        )

    def forward(self, features: Tensor, maps: Sequence[Tensor] = ()) -> dict[str, Raw]:
        """Features (N, width, h, w) to each task's part of the vector, and the places beside."""
        said: dict[str, Raw] = self.beside(features, maps)
        vector = self.vector(features)
        return said | {name: vector[:, part] for name, part in self.slices.items()}


class Network(nn.Module):
    """The whole network: uint8 pixels in, one output a task.

    What goes through it has three forms: features, what the heads say of them (``Raw``, which
    losses take), and the outputs, which are judged and exported. For labels the last two are one;
    landmarks are learned as maps and answered as places.

    Attributes:
        one_by_one: its graph takes one picture at a time.

    Raises:
        RecipeError: a backbone or options that do not exist.
    """

    one_by_one: bool = False

    def __init__(self, schema: Schema, architecture: Architecture) -> None:
        super().__init__()
        self.normalise = Normalise(architecture.mean, architecture.std)
        self.backbone = build_backbone(
            architecture.backbone, architecture.options, channels=len(architecture.mean)
        )
        #: Maps below the features, the finest first, where heads ask for some. No modules by
        #: themselves, so that none of the backbone's layers is registered twice.
        self._levels: tuple[Level, ...] = ()
        if any(spec.kind in OF_MAPS for spec in schema):
            images = trial_of(self.backbone, len(architecture.mean))
            self._levels = tuple(pyramid_of(self.backbone, images))
        # Where features end, for heads whose answers lie in the picture.
        options = {
            **architecture.head,
            "stride": self.backbone.stride,
            "maps": [MapShape(level.stride, level.width) for level in self._levels],
        }
        self.heads = self.heads_of(schema, self.backbone.width, options)
        self.pool = pooling(architecture.head)
        self.embedding = EmbeddingHead(self.backbone.width, architecture.head)
        self.task_names = tuple(spec.name for spec in schema)
        self.kinds = {spec.name: spec.kind for spec in schema}
        #: Whether the backbone begins with weights that it learned elsewhere.
        self.has_learned = str(architecture.options.get("weights", "none")) != "none"
        self._resting: tuple[nn.Module, ...] = ()
        self.to(memory_format=torch.channels_last)

    def heads_of(self, schema: Schema, width: int, options: Mapping[str, Any]) -> nn.Module:
        """What answers from features of so many channels; asked for once, while it is built."""
        labelled = len(spatial_tasks(schema)) < len(schema.tasks)
        joint = options.get("heads") == "joint" and labelled
        return (JointHead if joint else SeparateHeads)(schema, width, options)

    @property
    def is_to_be_fitted(self) -> bool:
        """Whether :meth:`fit_to` does anything."""
        return self.backbone.has_fitted and not self.has_learned

    def fit_to(self, pixels: Tensor) -> None:
        """Fit the layers that are fitted rather than learned, on uint8 pixels (N, C, H, W).

        Where weights came from elsewhere, those layers came with them and stay.
        """
        if not self.has_learned:
            self.backbone.fit_to(self.normalise(pixels))

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """uint8 pixels (N, C, H, W) to task name -> output (N, ...)."""
        return self.outputs(self.raw(pixels))

    def trial(self, pixels: Tensor) -> dict[str, Tensor]:
        """What the time of a step is measured on: tensors that have a gradient."""
        outputs: dict[str, Tensor] = self(pixels)
        return outputs

    def raw(self, pixels: Tensor) -> dict[str, Raw]:
        """uint8 pixels (N, C, H, W) to task name -> what its head says."""
        return self.answers(*self._seen(pixels))

    def outputs(self, raw: Mapping[str, Raw]) -> dict[str, Tensor]:
        """What heads say to task name -> output (N, ...), in the schema's order."""
        return {name: HEADS[self.kinds[name]].answer(raw[name]) for name in self.task_names}

    def exported(self, pixels: Tensor) -> dict[str, Tensor]:
        """All that the exported graph gives of uint8 pixels (N, C, H, W).

        Beside the outputs, by the names of ``lapel.schema.outputs``: maps that people may look
        at, and the vector of the picture. A task of such a name is not overwritten.
        """
        features, maps = self._seen(pixels)
        raw = self.answers(features, maps)
        outputs = self.outputs(raw)
        beside = {**self.shown(raw), EMBEDDING: self.embedding(features)}
        return outputs | {name: value for name, value in beside.items() if name not in outputs}

    def shown(self, raw: Mapping[str, Raw]) -> dict[str, Tensor]:
        """Maps that people may look at, by the names of ``lapel.schema.outputs``."""
        maps = {name: HEADS[self.kinds[name]].shown(raw[name]) for name in self.task_names}
        return {heatmaps_of(name): shown for name, shown in maps.items() if shown is not None}

    def features(self, pixels: Tensor) -> Tensor:
        """uint8 pixels (N, C, H, W) to the backbone's features (N, width, h, w)."""
        return self._seen(pixels)[0]

    def check_canvas(self, height: int, width: int) -> None:
        """See that maps of all strides cover a canvas exactly, so that they lie upon each other.

        Args:
            height: of the canvas, in pixels.
            width: likewise.

        Raises:
            RecipeError: they do not.
        """
        stride = self._levels[-1].stride if self._levels else 1
        if height % stride or width % stride:
            tall, wide = (max(stride, round(side / stride) * stride) for side in (height, width))
            raise RecipeError(
                "for answers from maps the sides of the canvas are multiples of the backbone's "
                f"stride, {stride} px: --set preprocess.height={tall} --set preprocess.width={wide}"
            )

    def _seen(self, pixels: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Features, and the maps below them that heads ask for."""
        images = self.normalise(pixels).contiguous(memory_format=torch.channels_last)
        if not self._levels:
            return self.backbone(images), ()
        self.check_canvas(int(pixels.shape[2]), int(pixels.shape[3]))
        return with_maps(self.backbone, self._levels, images)

    def pooled(self, pixels: Tensor) -> Tensor:
        """uint8 pixels (N, C, H, W) to features (N, width, 1, 1), for which heads of labels
        answer alike.
        """
        pooled: Tensor = self.pool(self.features(pixels))
        return pooled

    def answers(self, features: Tensor, maps: Sequence[Tensor] = ()) -> dict[str, Raw]:
        """Features (N, width, h, w), and the maps below them, to task name -> what its head says.

        Heads of labels say the same of pooled features (N, width, 1, 1). Where vectors are
        learned, they stand beside, as ``EMBEDDING``.
        """
        said: dict[str, Raw] = self.heads(features, maps) if maps else self.heads(features)
        return {**said, EMBEDDING: self.embedding(features)} if self.embedding.learned else said

    def stages(self) -> list[Stage]:
        """The backbone's stages, from the pixels up."""
        return self.backbone.stages()

    def freeze(self, count: int, *, keep_statistics: bool = False) -> None:
        """Let the lowest `count` stages of the backbone rest and the others learn.

        Stages at rest keep to the mode in which networks are judged, so that no statistic of
        theirs moves while the others learn. Optimisers are to be built after this.

        Args:
            count: of stages that rest.
            keep_statistics: batch normalisation of the learning stages, too, goes on with the
                means and deviations that it has; its scales and shifts learn.
        """
        stages = self.stages()
        set_learning(stages, count)
        resting = [module for stage in stages[:count] for module in stage.modules]
        if keep_statistics:
            resting += [part for part in self.backbone.modules() if isinstance(part, _BatchNorm)]
        self._resting = tuple(resting)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """As torch's, but stages at rest are never put into the mode of learning."""
        super().train(mode)
        keep_judging(self._resting)
        return self

    @property
    def parameter_count(self) -> int:
        """Parameters, the frozen ones included."""
        return sum(parameter.numel() for parameter in self.parameters())
