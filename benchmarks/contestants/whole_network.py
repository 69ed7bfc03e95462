"""Fine-tune the whole network from the same weights, in the loop that one would write first.

Given more than a first loop has: the photos are read and resized beforehand, by the preprocessing
that Lapel uses, and lie in memory; layers are channels-last. ``--schedule`` is AdamW's rate.
``rest`` is the dataset's folder.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.contestants.points import Order, read_order
from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Preprocess
from lapel.models.multitask import Architecture, Network
from lapel.schema.labels import TaskSpec
from lapel.tasks.kinds import task_of
from lapel.training.recipe import load_recipe
from lapel.training.resolve import resolve

BATCH = 32
LOOKS_A_PASS = 6


def load(dataset: Dataset, preprocess: Preprocess, spec: TaskSpec) -> tuple[Tensor, Tensor]:
    """Photos uint8 (N, 3, H, W) and labels int64 (N,) of a split."""
    pixels = [dataset.prepared(name, preprocess).pixels for name in dataset.names()]
    target, _ = task_of(spec).encode(dataset.labels(spec.name))
    return torch.from_numpy(np.stack(pixels)), torch.from_numpy(target)


@torch.no_grad()
def accuracy(network: nn.Module, pixels: Tensor, labels: Tensor, task: str) -> float:
    """Percent of the validation photos that are right."""
    network.eval()
    parts = [network(part)[task].argmax(1) for part in torch.split(pixels, BATCH)]
    network.train()
    return 100 * float((torch.cat(parts) == labels).float().mean())


def main() -> None:
    """Train; look at the validation photos some times a pass."""
    order = read_order()
    torch.set_num_threads(order.threads)
    torch.manual_seed(order.seed)
    recipe = resolve(load_recipe("photos"))
    preprocess = Preprocess.from_json(recipe.preprocess.model_dump(mode="json"))
    dataset = Dataset.open(order.rest[0])
    (spec,) = dataset.schema
    train = load(dataset.split("train"), preprocess, spec)
    validation = load(dataset.split("validation"), preprocess, spec)
    architecture = Architecture(
        backbone=recipe.model.backbone,
        options=recipe.model.options,
        mean=preprocess.mean,
        std=preprocess.std,
    )
    learn(order, Network(dataset.schema, architecture), train, validation, spec.name)


def learn(
    order: Order,
    network: Network,
    train: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    task: str,
) -> None:
    """Pass after pass, until the target is reached or time is up."""
    pixels, labels = train
    optimiser = torch.optim.AdamW(network.parameters(), lr=float(order.schedule))
    steps_a_pass = -(-len(labels) // BATCH)
    looks = {round((look + 1) * steps_a_pass / LOOKS_A_PASS) for look in range(LOOKS_A_PASS)}
    trained = tested = 0.0
    passes = 0
    network.train()
    while True:
        resumed = time.perf_counter()
        for step, rows in enumerate(torch.split(torch.randperm(len(labels)), BATCH), start=1):
            mirrored = torch.rand(len(rows)) < 0.5
            photos = torch.where(mirrored[:, None, None, None], pixels[rows].flip(3), pixels[rows])
            loss = nn.functional.cross_entropy(network(photos)[task], labels[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            optimiser.step()
            if step not in looks:
                continue
            paused = time.perf_counter()
            trained += paused - resumed
            score = accuracy(network, *validation, task)
            resumed = time.perf_counter()
            tested += resumed - paused
            done = passes + step / steps_a_pass
            if order.say(train=trained, test=tested, accuracy=score, passes=done):
                return
        passes += 1


if __name__ == "__main__":
    main()
