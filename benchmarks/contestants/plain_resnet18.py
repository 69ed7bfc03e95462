"""torchvision's ResNet18 in the loop that one would write first.

Given more than a first loop has: the pictures lie in memory as tensors. 28 pixels, gray made
three channels, the ImageNet stem, batches of 128, flips. ``--schedule adam`` is Adam at 1e-3
until the end of time; a number is AdamW on one cycle with its peak at 3e-3, over so many passes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from benchmarks.contestants.points import Order, read_order

BATCH = 128
TEST_BATCH = 500
TEST_EVERY_STEPS = 100
ENDLESS_PASSES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Images float32 (N, 3, 28, 28), labels int64 (N,)."""

    images: Tensor
    labels: Tensor


def load(order: Order, split: str) -> Pictures:
    """A split, normalised with the training set's mean and deviation."""
    arrays = np.load(order.data / "arrays.npz")
    gray = torch.from_numpy(arrays[f"{split}_pixels"]).float() / 255
    images = ((gray - 0.2860) / 0.3530)[:, None].expand(-1, 3, -1, -1)
    labels = torch.from_numpy(arrays[f"{split}_labels"])
    return Pictures(images=images.to(order.device), labels=labels.to(order.device))


def batches(train: Pictures, passes: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches, each picture mirrored with probability one half."""
    for _ in range(passes):
        shuffled = torch.randperm(len(train.labels), device=train.labels.device)
        for rows in torch.split(shuffled, BATCH):
            images = train.images[rows]
            mirrored = torch.rand(len(rows), device=images.device) < 0.5
            yield (
                torch.where(mirrored[:, None, None, None], images.flip(3), images),
                train.labels[rows],
            )


@torch.no_grad()
def accuracy(network: nn.Module, test: Pictures) -> float:
    """Percent of the test pictures that are right."""
    network.eval()
    right = 0
    for start in range(0, len(test.labels), TEST_BATCH):
        part = slice(start, start + TEST_BATCH)
        answers = network(test.images[part]).argmax(1)
        right += int(torch.count_nonzero(answers == test.labels[part]))
    network.train()
    return 100 * right / len(test.labels)


def main() -> None:
    """Train and look at the test set after each pass and every so many steps."""
    order = read_order()
    torch.set_num_threads(order.threads)
    torch.manual_seed(order.seed)
    train, test = load(order, "train"), load(order, "test")
    network = resnet18(num_classes=10).to(order.device)
    one_cycle = order.schedule != "adam"
    passes = int(order.schedule) if one_cycle else ENDLESS_PASSES
    steps_a_pass = -(-len(train.labels) // BATCH)
    optimiser: torch.optim.Optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None
    if one_cycle:
        optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=3e-3, total_steps=passes * steps_a_pass
        )

    trained = tested = 0.0
    resumed = now(order)
    for step, (images, labels) in enumerate(batches(train, passes), start=1):
        loss = nn.functional.cross_entropy(network(images), labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        optimiser.step()
        if scheduler is not None:
            scheduler.step()
        if step % TEST_EVERY_STEPS and step % steps_a_pass:
            continue
        paused = now(order)
        trained += paused - resumed
        score = accuracy(network, test)
        resumed = now(order)
        tested += resumed - paused
        if order.say(train=trained, test=tested, accuracy=score, passes=step / steps_a_pass):
            break


def now(order: Order) -> float:
    """Seconds, once the device has done what it was given."""
    if order.device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
