"""What a resting backbone makes of pictures: computed once, and kept for the next run.

Features depend on the picture, the backbone with its weights, the preprocessing and the view: the
picture as it is, its mirror image, or an augmented copy. All four are in the key under which they
are kept. On a CPU the exported graph computes them: that is two to three times faster than torch.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.models.export import graph_of
from lapel.models.multitask import Network
from lapel.models.upper import Lower
from lapel.training.input.augment import augment
from lapel.training.input.examples import Examples
from lapel.training.input.row_cache import RowCache, Rows, make_missing
from lapel.training.loop.judging import Pausing, as_array
from lapel.training.loop.plan import seed_of
from lapel.training.recipe import Recipe
from lapel.training.recorder import Reporter

#: Pictures that go through the backbone together.
FEATURE_BATCH = 32

#: The largest number of half precision, in which features are kept: they are many, and rounded
#: less than bfloat16 rounds at every step.
LARGEST = 65504.0

#: A batch of uint8 pixels to what the lower part of a network makes of it.
Compute = Callable[[Tensor], Sequence[NDArray[np.float32]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What was made of N pictures in V views: all pictures of the first view, then of the next.

    Attributes:
        pooled: float32 (V * N, width, 1, 1), for which heads answer.
        maps: float16 (V * N, c, h, w), from where the upper part of the network goes on; None
            where the network was not cut.
    """

    pooled: Tensor
    maps: Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extractor:
    """Makes features, or takes them from the cache.

    Attributes:
        compute: the lower part of a network.
        shapes: of what it makes of a picture: pooled features, and maps where it was cut.
        key: of the cache, all that features depend on but picture and view.
        recipe: as resolved.
    """

    compute: Compute
    shapes: tuple[tuple[int, ...], ...]
    key: Mapping[str, Any]
    recipe: Recipe

    @property
    def row_length(self) -> int:
        """Numbers that are kept of a picture."""
        return sum(math.prod(shape) for shape in self.shapes)


def extractor_of(network: Network, lower: Lower, recipe: Recipe, pixels: Tensor) -> Extractor:
    """What makes features of a network's pictures.

    Args:
        network: in the state that features are wanted of.
        lower: its part that is computed once.
        recipe: as resolved.
        pixels: a few pictures, uint8 (n, C, H, W), for the shapes.
    """
    compute = _by_engine(lower, pixels) if pixels.device.type == "cpu" else _by_torch(lower)
    shapes = tuple(part.shape[1:] for part in compute(pixels[:1]))
    key = {
        "backbone": recipe.model.backbone,
        "weights": weights_hash(network.backbone),
        "preprocess": recipe.preprocess.model_dump(mode="json"),
        "pool": recipe.model.pool,
        "shapes": shapes,
    }
    return Extractor(compute=compute, shapes=shapes, key=key, recipe=recipe)


def weights_hash(module: nn.Module) -> str:
    """SHA-256 of the weights and statistics of a module, in hexadecimal."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(name.encode())
        digest.update(as_array(value).tobytes())
    return digest.hexdigest()


def _by_torch(lower: Lower) -> Compute:
    lower.eval()

    @torch.no_grad()
    def compute(batch: Tensor) -> list[NDArray[np.float32]]:
        return [as_array(part.float()) for part in lower(batch)]

    return compute


def _by_engine(lower: Lower, pixels: Tensor) -> Compute:
    names = ["pooled", "maps"] if lower.first is not None else ["pooled"]
    engine = OnnxRuntimeEngine(graph_of(lower, pixels[:2], names))

    def compute(batch: Tensor) -> list[NDArray[np.float32]]:
        outputs = engine.run(as_array(batch))
        return [outputs[name] for name in names]

    return compute


def extract(
    extractor: Extractor,
    examples: Examples,
    *,
    views: int,
    reporter: Reporter,
    watcher: Pausing,
) -> Features:
    """Features of all pictures in so many views.

    Args:
        extractor: of the network.
        examples: the pictures.
        views: 1 is the pictures as they are; 2 adds their mirror images, where the recipe's
            augmentation mirrors at all; every further one is a copy augmented as the recipe asks.
        reporter: shown how far the work is.
        watcher: may end it between two batches.
    """
    count = len(examples)
    kept = np.empty((views * count, extractor.row_length), np.float16)
    for view in range(views):
        for number, row in _view(extractor, examples, view, reporter, watcher):
            kept[view * count + number] = row
    rows = torch.from_numpy(kept)
    pooled, *maps = (
        part.view(-1, *shape)
        for part, shape in zip(
            torch.split(rows, [math.prod(shape) for shape in extractor.shapes], 1),
            extractor.shapes,
            strict=True,
        )
    )
    return Features(pooled=pooled.float(), maps=maps[0] if maps else None)


def _view(
    extractor: Extractor, examples: Examples, view: int, reporter: Reporter, watcher: Pausing
) -> Iterator[tuple[int, Rows]]:
    """The number and the row of each picture in one view; from the cache what is there."""
    recipe = extractor.recipe
    facts: dict[str, Any] = {**extractor.key, "view": view}
    if view:
        changes = recipe.augment.model_dump(mode="json", exclude={"mixup", "cutmix"})
        facts |= {"augment": changes, "seed": recipe.seed}
    cache = None
    if recipe.data.cache and examples.digests:
        cache = RowCache.of("features", facts, (extractor.row_length,), np.float16)
    digests = list(examples.digests) or [""] * len(examples)

    def make(numbers: Sequence[int]) -> Iterator[Rows]:
        batches = [torch.tensor(numbers[place]) for place in _slices(len(numbers))]
        what = "Computing features" + (f", view {view + 1}" if view else "")
        ticks = iter(reporter.track(range(len(numbers)), len(numbers), what))
        for rows, pixels in examples.batches(batches):
            changed = _as_seen(pixels, view, recipe, [digests[int(row)] for row in rows])
            parts = [part.reshape(len(rows), -1) for part in extractor.compute(changed)]
            yield from np.concatenate(parts, 1).clip(-LARGEST, LARGEST).astype(np.float16)
            deque(islice(ticks, len(rows)), maxlen=0)
            watcher.pause()
        deque(ticks, maxlen=0)  # lets the reporter close what it opened

    return make_missing(cache, digests, make, say=reporter.say)


def _slices(count: int) -> Iterator[slice]:
    return (slice(start, start + FEATURE_BATCH) for start in range(0, count, FEATURE_BATCH))


def _as_seen(pixels: Tensor, view: int, recipe: Recipe, digests: Sequence[str]) -> Tensor:
    """Pictures in one view. An augmented copy depends on nothing but picture, view and seed."""
    if view == 0:
        return pixels
    if view == 1 and recipe.augment.flip:
        return pixels.flip(3)
    copies = []
    for picture, digest in zip(torch.split(pixels, 1), digests, strict=True):
        number = int(digest[:12] or "0", 16) % 2**32
        generator = torch.Generator(pixels.device)
        generator.manual_seed(seed_of(recipe.seed + number, "view", view))
        copies.append(augment(picture, recipe.augment, generator).pixels)
    return torch.cat(copies)
