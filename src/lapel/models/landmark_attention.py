"""The network of Liu & Lu 2018: landmarks are found first, and say where to look.

::

    pixels -> lower part -> F -+--------------------> (1 + A) * F -> upper part -> labels
                               |                           ^
                               +-> landmark branch -> H    | A
                               |                      |    |
                               +----> attention branch ----+

Source: J. Liu and H. Lu, "Deep Fashion Analysis with Feature Map Upsampling and Landmark-driven
Attention", ECCV 2018 Workshops (doi 10.1007/978-3-030-11015-4_4), with VGG16 cut behind conv4_3;
layer for layer as in the code that its authors released. The equations that docstrings here give a
number are listed in ``docs/landmark-attention.md``, with what is ours: visibility, and that any
backbone of filters may take VGG16's place. Where landmarks truly lie is nowhere an input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from lapel.models.attention_branch import AttentionBranch
from lapel.models.heads.base import LandmarkMaps, Raw
from lapel.models.landmark_branch import LandmarkBranch, Visibility
from lapel.models.landmark_features import LandmarkFeatures
from lapel.models.levels import changing, level_at, trial_of
from lapel.models.multitask import Architecture, Network
from lapel.schema.errors import RecipeError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.outputs import ATTENTION, EMBEDDING

#: Kinds of task that are answered from the features above the attention, a number a label.
LABEL_KINDS = ("single_label", "multi_label")

#: Pixels of a picture a step on the map that VGG16 is cut at, conv4_3.
PAPERS_STRIDE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a forward pass comes by.

    Attributes:
        features: of the whole backbone, above the attention, (N, width, h, w).
        landmarks: the maps H, and logits of visibility.
        attention: A, of the shape of the map that the backbone was cut at; None without.
        local: what is read at the landmarks, (N, numbers); None without.
    """

    features: Tensor
    landmarks: LandmarkMaps
    attention: Tensor | None
    local: Tensor | None


class LabelBranches(nn.Module):
    """Features to labels: a hidden layer for all tasks of a kind, then a linear layer a task.

    Equation 5: y = W2 relu(W1 f), f being the features at all their places. The paper has one
    such branch for the category and one for all attributes. Its features keep their 7x7 places
    (``grid: 7``), which is most of its weights; ``grid: 1`` pools them. What was read at the
    landmarks, where it was, stands behind f.

    Args:
        specs: of the tasks, all of ``LABEL_KINDS``.
        width: channels of the features.
        options: of the recipe's ``model``: ``grid``, ``pool``, ``hidden``, ``dropout``.
        local: numbers that are read at the landmarks.
    """

    def __init__(
        self, specs: Sequence[TaskSpec], width: int, options: Mapping[str, Any], *, local: int = 0
    ) -> None:
        super().__init__()
        self.grid = int(options.get("grid", 1))
        self.largest = options.get("pool", "average") == "max"
        hidden = int(options.get("hidden", 0))
        kinds = dict.fromkeys(spec.kind for spec in specs) if hidden else ()
        places = width * self.grid**2 + local
        self.hidden = nn.ModuleDict(
            {kind: nn.Sequential(nn.Linear(places, hidden), nn.ReLU()) for kind in kinds}
        )
        self.dropout = nn.Dropout(options.get("dropout", 0.0))
        self.specs = tuple(specs)
        # Keyed by position: task names may hold dots, which module names may not.
        self.answers = nn.ModuleList(
            nn.Linear(hidden or places, len(spec.labels)) for spec in specs
        )

    def forward(self, features: Tensor, local: Sequence[Tensor] = ()) -> dict[str, Tensor]:
        """Features (N, width, h, w), and local (N, numbers), to task name -> logits (N, labels).

        Raises:
            RecipeError: features whose height and width the grid does not divide.
        """
        vector = self._places(features).flatten(1)
        if local:
            vector = torch.cat([vector, *(part.to(vector.dtype) for part in local)], 1)
        vectors = {kind: layer(vector) for kind, layer in self.hidden.items()}
        return {
            spec.name: answer(self.dropout(vectors.get(spec.kind, vector)))
            for spec, answer in zip(self.specs, self.answers, strict=True)
        }

    def _places(self, features: Tensor) -> Tensor:
        height, width = (int(side) for side in features.shape[2:])
        if height % self.grid or width % self.grid:
            raise RecipeError(
                f"model.grid={self.grid} does not divide the {height}x{width} places of the "
                "features; choose one that does (1 pools all of them), or another picture size"
            )
        if (height, width) == (self.grid, self.grid):
            return features
        pool = functional.max_pool2d if self.largest else functional.avg_pool2d
        return pool(features, (height // self.grid, width // self.grid))


class LandmarkAttentionNetwork(Network):
    """Labels and landmarks by one network, the landmarks leading the attention.

    Args:
        schema: one task of kind ``landmarks`` and any of ``LABEL_KINDS``.
        architecture: options of its ``head``, beside those of :class:`LabelBranches`:
            ``attention`` (False: the same network without it), ``landmark_features`` (numbers read
            at each landmark; 0: none), ``attended_stride`` of the map that the backbone is cut
            at, ``heatmap_stride`` of the heat maps, and ``places``.

    Raises:
        RecipeError: a schema, a backbone or options that this network does not go with.
    """

    def __init__(self, schema: Schema, architecture: Architecture) -> None:
        check_fits(schema, architecture.head)
        super().__init__(schema, architecture)
        options = architecture.head
        stride = int(options.get("attended_stride", PAPERS_STRIDE))
        images = trial_of(self.backbone, len(architecture.mean))
        # No module by itself, so that none of the backbone's layers is registered twice.
        self._level = level_at(self.backbone, stride, images)
        count = sum(len(spec.labels) for spec in schema if spec.kind == "landmarks")
        width = self._level.width
        self.landmark_branch = LandmarkBranch(
            width,
            count,
            magnified=stride // int(options.get("heatmap_stride", 1)),
            normed=_is_normed(self.backbone),
        )
        self.visibility = Visibility(width, count)
        self.by_mean = options.get("places", "peak") == "mean"
        self.attention = AttentionBranch(width) if options.get("attention", True) else None
        channels = int(options.get("landmark_features", 0))
        self.local = LandmarkFeatures(width, count, channels) if channels else None
        self.to(memory_format=torch.channels_last)

    def heads_of(self, schema: Schema, width: int, options: Mapping[str, Any]) -> nn.Module:
        """What answers from the features above the attention: all tasks but the landmarks."""
        specs = [spec for spec in schema if spec.kind in LABEL_KINDS]
        landmarks = sum(len(spec.labels) for spec in schema if spec.kind == "landmarks")
        local = landmarks * int(options.get("landmark_features", 0))
        return LabelBranches(specs, width, options, local=local)

    def features(self, pixels: Tensor) -> Tensor:
        """uint8 pixels (N, C, H, W) to the features above the attention (N, width, h, w)."""
        return self._look(pixels).features

    def raw(self, pixels: Tensor) -> dict[str, Raw]:
        """uint8 pixels (N, C, H, W) to what the losses take: logits, and maps of landmarks."""
        return self._raw(self._look(pixels))

    def exported(self, pixels: Tensor) -> dict[str, Tensor]:
        """All that the exported graph gives; the attention is its mean over channels, plus 1."""
        seen = self._look(pixels)
        raw = self._raw(seen)
        beside = {**self.shown(raw), EMBEDDING: self.embedding(seen.features)}
        if seen.attention is not None:
            beside[ATTENTION] = 1 + seen.attention.float().mean(1, keepdim=True)
        return {**beside, **self.outputs(raw)}

    def _look(self, pixels: Tensor) -> Seen:
        images = self.normalise(pixels).contiguous(memory_format=torch.channels_last)
        found: list[tuple[LandmarkMaps, Tensor | None, Tensor | None]] = []

        def attend(level: Tensor) -> Tensor | None:
            """Equation 4, where the backbone is cut: F' = (1 + A) * F, place by place."""
            heatmaps = self.landmark_branch(level)
            likely = relative(heatmaps) if self.by_mean else heatmaps
            visible = self.visibility(level, likely)
            attention = None if self.attention is None else self.attention(likely, level)
            attended = level if attention is None else (1 + attention) * level
            local = None if self.local is None else self.local(attended, likely, visible)
            maps = LandmarkMaps(heatmaps=heatmaps, visible=visible, by_mean=self.by_mean)
            found.append((maps, attention, local))
            return None if attention is None else attended

        with changing(self._level.module, attend):
            features: Tensor = self.backbone(images)
        landmarks, attention, local = found[0]
        return Seen(features=features, landmarks=landmarks, attention=attention, local=local)

    def _raw(self, seen: Seen) -> dict[str, Raw]:
        labels = self.answers(seen.features, () if seen.local is None else (seen.local,))
        return labels | {name: seen.landmarks for name in self.task_names if name not in labels}


def relative(heatmaps: Tensor) -> Tensor:
    """Maps (N, L, h, w) of logits as maps of likelihoods whose peaks are 1."""
    return (heatmaps - heatmaps.amax((2, 3), keepdim=True)).exp()


def check_fits(schema: Schema, options: Mapping[str, Any]) -> None:
    """See that a schema and the options of a recipe's ``model`` go with this network.

    Raises:
        RecipeError: they do not; all faults are named.
    """
    kinds = [spec.kind for spec in schema]
    faults = []
    if kinds.count("landmarks") != 1:
        faults.append(
            f"it takes one task of kind landmarks, found {kinds.count('landmarks')}: choose the "
            "tasks with --set 'tasks=[...]', or --set model.network=plain"
        )
    others = sorted({kind for kind in kinds if kind not in {*LABEL_KINDS, "landmarks"}})
    if others:
        faults.append(f"it does not answer tasks of kind {', '.join(others)}")
    if options.get("heads", "separate") == "joint":
        faults.append("its heads are separate: --set model.heads=separate")
    if options.get("landmarks", "heatmap") != "heatmap":
        faults.append("its landmarks are maps: --set model.landmarks=heatmap")
    stride = int(options.get("attended_stride", PAPERS_STRIDE))
    finer = int(options.get("heatmap_stride", 1))
    if stride % finer:
        faults.append(
            f"model.heatmap_stride={finer} does not divide model.attended_stride={stride}"
        )
    if faults:
        raise RecipeError(f"model.network=landmark-attention: {'; '.join(faults)}")


def _is_normed(backbone: nn.Module) -> bool:
    """Whether a backbone normalises its maps; VGG16, the paper's, does not."""
    norms = (_BatchNorm, nn.LayerNorm, nn.GroupNorm)
    return any(isinstance(module, norms) for module in backbone.modules())
