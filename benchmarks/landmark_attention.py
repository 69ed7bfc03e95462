"""A training step of Liu & Lu's network: Lapel's beside the released code's formulation.

Both take the same pictures and targets at 224 px, from random weights, and take turns, so that a
busy moment of the machine meets both. A step is forward, loss, backward and the move of the weights
(AdamW without decay is Adam). Lapel's is measured in float32 too, so that what the formulation is
worth and what bfloat16 is worth are told apart.

    python -m benchmarks.landmark_attention --out runs/landmark-attention

On an accelerator: ``--device cuda --batch 128 --backbones vgg16,resnet50 --peak-tflops 989``.

With ``--data DATASET`` it is also measured how fast pictures come from the disk. With
``--peak-tflops`` the share of the chip's peak is given: operations of a step, as counted by
torch, by its seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.contestants.released_attention import (
    ATTRIBUTES,
    CATEGORIES,
    LANDMARKS,
    SIDE,
    ReleasedAttention,
    ReleasedLoss,
    truth_of,
)
from benchmarks.measuring import markdown_table, median, surroundings, write_results
from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Preprocess
from lapel.models.losses import MultiTaskLoss, label_counts
from lapel.models.multitask import Architecture
from lapel.models.networks import build_network
from lapel.schema.labels import Schema, TaskSpec
from lapel.training.input.examples import load_examples
from lapel.training.recipe import Recipe, load_recipe
from lapel.training.recipe_parts import DataPart
from lapel.training.resolve import resolve

#: Attributes of each type among DeepFashion's thousand.
TYPES = {"texture": 156, "fabric": 218, "shape": 180, "part": 216, "style": 230}

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Step = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch, in the form of both.

    Attributes:
        pixels: uint8 (N, 3, 224, 224).
        targets: of each task of Lapel's schema.
        weights: likewise.
        truth: in the released code's form.
    """

    pixels: Tensor
    targets: dict[str, Tensor]
    weights: dict[str, Tensor]
    truth: dict[str, Tensor]


def main() -> None:
    """Measure in turns and write the table."""
    options = parse_options()
    torch.manual_seed(0)
    batch = batch_of(options.batch, options.device)
    steps = contestants(options, batch)
    operations = {name: operations_of(step) for name, step in steps.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(options.rounds):
        for name, step in steps.items():
            seconds[name].append(timed(step, options))
            print(f"turn {turn + 1}, {name}: {seconds[name][-1]:.3f} s a step", flush=True)
    loading = {} if options.data is None else loader_rates(options)
    settings = {key: str(value) for key, value in vars(options).items()}
    device = torch.cuda.get_device_name() if options.device == "cuda" else "processor"
    content = {
        "surroundings": surroundings() | {"device": device},
        "settings": settings,
        "seconds_a_step": seconds,
        "operations_a_step": operations,
        "loader_images_a_second": loading,
    }
    table = table_of(seconds, operations, options)
    table += "".join(f"\n{what}: {rate:,.0f} images/s" for what, rate in loading.items()) + "\n"
    write_results(options.out, name="landmark_attention", content=content, table=table)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each, in turns")
    parser.add_argument("--steps", type=int, default=1, help="of one measurement")
    parser.add_argument("--backbones", default="vgg16", help="of Lapel's, as vgg16,resnet50")
    parser.add_argument("--data", type=Path, help="a dataset: how fast its pictures come, too")
    parser.add_argument(
        "--peak-tflops", type=float, default=0.0, help="of the chip, dense bfloat16"
    )
    return parser.parse_args()


def schema() -> Schema:
    """Category, a thousand attributes of five types, eight landmarks."""
    counts = {"category": CATEGORIES, **TYPES, "landmarks": LANDMARKS}
    kinds = {"category": "single_label", "landmarks": "landmarks"}
    return Schema(
        tuple(
            TaskSpec(
                name=name,
                kind=kinds.get(name, "multi_label"),
                labels=tuple(f"{name} {number}" for number in range(count)),
            )
            for name, count in counts.items()
        )
    )


def batch_of(count: int, device: str) -> Batch:
    """Noise with as many attributes an image as DeepFashion has."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, SIDE, SIDE), dtype=torch.uint8, generator=generator)
    category = torch.randint(CATEGORIES, (count,), generator=generator)
    attributes = (torch.rand(count, ATTRIBUTES, generator=generator) < 0.0033).float()
    places = 0.1 + 0.8 * torch.rand(count, LANDMARKS, 2, generator=generator)
    visible = (torch.rand(count, LANDMARKS, generator=generator) < 0.8).float()
    parts = dict(zip(TYPES, torch.split(attributes, list(TYPES.values()), 1), strict=True))
    box = torch.ones(count, LANDMARKS, 2)
    targets = {
        "category": category,
        **parts,
        "landmarks": torch.cat([places, box, visible[..., None]], 2),
    }
    weights = {
        "category": torch.ones(count),
        **{name: torch.ones_like(part) for name, part in parts.items()},
        "landmarks": torch.stack([visible, torch.ones_like(visible)], 2),
    }
    truth = truth_of(category, attributes, places, visible)
    return Batch(
        pixels=pixels.to(device),
        targets={name: value.to(device) for name, value in targets.items()},
        weights={name: value.to(device) for name, value in weights.items()},
        truth={name: value.to(device) for name, value in truth.items()},
    )


def contestants(options: argparse.Namespace, batch: Batch) -> dict[str, Step]:
    """Who takes part: a step of each, by the name that the table has for it."""
    steps = {"released formulation, VGG16, float32": released_step(batch, options.device)}
    for backbone in options.backbones.split(","):
        for precision in (torch.float32, torch.bfloat16):
            name = f"Lapel, {backbone}, {str(precision).removeprefix('torch.')}"
            steps[name] = lapel_step(batch, options.device, backbone, precision)
    return steps


def released_step(batch: Batch, device: str) -> Step:
    """A step of the released formulation; pictures are normalised before, as its loader does."""
    network, loss = ReleasedAttention().to(device), ReleasedLoss().to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    mean, std = (torch.tensor(value, device=device).view(1, 3, 1, 1) for value in (MEAN, STD))
    pictures = (batch.pixels.float() / 255 - mean) / std

    def step() -> None:
        optimiser.zero_grad()
        loss(network(pictures), batch.truth).backward()
        optimiser.step()

    return step


def lapel_step(batch: Batch, device: str, backbone: str, precision: torch.dtype) -> Step:
    """A step of the recipe's network and loss."""
    changes: dict[str, object] = {"model.backbone": backbone}
    if backbone != "vgg16":
        changes["model.grid"] = 1  # 7x7 places of 2,048 channels would be 200 million weights
    recipe = load_recipe("deepfashion-landmark-attention", changes)
    network = build_network(schema(), architecture_of(recipe)).to(device).train()
    counts = label_counts(schema(), batch.targets, batch.weights)
    loss = MultiTaskLoss(schema(), counts, recipe.loss.model_dump()).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.0)

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=precision is torch.bfloat16):
            value = loss(network.raw(batch.pixels), batch.targets, batch.weights)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()

    return step


def architecture_of(recipe: Recipe) -> Architecture:
    """The recipe's, from random weights: speed does not depend on them."""
    head = recipe.model.model_dump(exclude={"network", "backbone", "options"})
    return Architecture(
        network=recipe.model.network,
        backbone=recipe.model.backbone,
        head=head,
        mean=MEAN,
        std=STD,
    )


def loader_rates(options: argparse.Namespace) -> dict[str, float]:
    """Images a second that come from a dataset: when they are first read, and in later passes."""
    changes = {"model.options.weights": "none"}
    recipe = resolve(load_recipe("deepfashion-landmark-attention", changes))
    dataset = Dataset.open(options.data).split("train")
    started = time.perf_counter()
    examples = load_examples(
        dataset,
        dataset.schema,
        Preprocess.from_json(recipe.preprocess.model_dump(mode="json")),
        device=torch.device(options.device),
        options=DataPart(resident="never"),
    )
    rates = {"reading them first": len(dataset) / (time.perf_counter() - started)}
    for name in ("a pass", "another pass"):
        started = time.perf_counter()
        rows = torch.split(torch.randperm(len(dataset)), options.batch)
        for _ in examples.batches(rows):
            wait(options.device)
        rates[name] = len(dataset) / (time.perf_counter() - started)
    return rates


def timed(step: Step, options: argparse.Namespace) -> float:
    """Seconds a step, once the device has done what it was given."""
    wait(options.device)
    count: int = options.steps
    started = time.perf_counter()
    for _ in range(count):
        step()
    wait(options.device)
    return (time.perf_counter() - started) / count


def wait(device: str) -> None:
    """Until the device has done all of it."""
    if device == "cuda":
        torch.cuda.synchronize()


def operations_of(step: Step) -> int:
    """Operations of a step, multiplications and additions counted each; it warms up, too."""
    with FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


def table_of(
    seconds: dict[str, list[float]], operations: dict[str, int], options: argparse.Namespace
) -> str:
    """Medians, images a second, and how many times as fast as the released formulation."""
    medians = {name: median(values) for name, values in seconds.items()}
    first = next(iter(medians.values()))
    header = ["a step", "seconds", "images/s", "times as fast", "TFLOP a step", "TFLOP/s"]
    rows = []
    for name, value in medians.items():
        rate = operations[name] / value / 1e12
        share = f" ({rate / options.peak_tflops:.0%} of peak)" if options.peak_tflops else ""
        rows.append(
            [
                name,
                f"{value:.3f} ({min(seconds[name]):.3f} to {max(seconds[name]):.3f})",
                f"{options.batch / value:.1f}",
                f"{first / value:.2f}",
                f"{operations[name] / 1e12:.2f}",
                f"{rate:.2f}{share}",
            ]
        )
    return markdown_table(header, rows)


if __name__ == "__main__":
    main()
