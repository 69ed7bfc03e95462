"""One network: pixels, normalisation, one backbone, one head a task.

The first layer takes pixels as they are (uint8) and normalises them, in training, in the
exported graph and everywhere else: there is no second place where it could be done otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn

from lapel.models.backbones import build_backbone
from lapel.models.heads.table import HEADS
from lapel.schema.labels import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """All that a network's shape depends on, beside the schema; kept in the bundle.

    Attributes:
        backbone: name in the table of backbones, or one of timm's.
        options: of the backbone.
        head: options of the heads.
        mean: of each channel, of pixels scaled to 0..1.
        std: likewise.
    """

    backbone: str
    options: Mapping[str, Any] = field(default_factory=dict)
    head: Mapping[str, Any] = field(default_factory=dict)
    mean: Sequence[float]
    std: Sequence[float]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "backbone": self.backbone,
            "options": dict(self.options),
            "head": dict(self.head),
            "mean": list(self.mean),
            "std": list(self.std),
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


class Network(nn.Module):
    """The whole network: uint8 pixels in, one output a task.

    Raises:
        RecipeError: a backbone or options that do not exist.
    """

    def __init__(self, schema: Schema, architecture: Architecture) -> None:
        super().__init__()
        self.normalise = Normalise(architecture.mean, architecture.std)
        self.backbone = build_backbone(
            architecture.backbone, architecture.options, channels=len(architecture.mean)
        )
        width: int = self.backbone.width  # type: ignore[assignment] # a module's attributes are untyped
        # Keyed by position: task names may hold dots, which module names may not.
        self.heads = nn.ModuleList(
            HEADS[spec.kind].head(spec, width, architecture.head) for spec in schema
        )
        self.task_names = tuple(spec.name for spec in schema)
        self.to(memory_format=torch.channels_last)

    def fit_to(self, pixels: Tensor) -> None:
        """Fit the layers that are fitted rather than learned, on uint8 pixels (N, C, H, W)."""
        fit = getattr(self.backbone, "fit_to", None)
        if fit is not None:
            fit(self.normalise(pixels))

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """uint8 pixels (N, C, H, W) to task name -> output (N, ...)."""
        images = self.normalise(pixels).contiguous(memory_format=torch.channels_last)
        features = self.backbone(images)
        return {
            name: head(features) for name, head in zip(self.task_names, self.heads, strict=True)
        }

    @property
    def parameter_count(self) -> int:
        """Parameters, the frozen ones included."""
        return sum(parameter.numel() for parameter in self.parameters())
