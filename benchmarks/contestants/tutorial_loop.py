"""Fine-tune the whole network as PyTorch's tutorial on transfer learning does.

SGD with momentum 0.9, random resized crops and mirror images, photos read from their files by
DataLoader's workers, judged at the end of each pass; batches of 32 rather than its 4. Source:
"Transfer Learning for Computer Vision Tutorial" in PyTorch's documentation. ``--schedule`` is the
learning rate, ``rest`` the dataset's folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from benchmarks.contestants.points import Order, read_order
from lapel.data.dataset import Dataset
from lapel.models.backbones import build_backbone, natural_preprocessing
from lapel.tasks.kinds import task_of
from lapel.training.recipe import load_recipe

BATCH = 32
WORKERS = 2


class Photos(TorchDataset[tuple[Tensor, int]]):
    """Photos read from their files, each time anew."""

    def __init__(self, split: Dataset, change: Callable[[Image.Image], Tensor]) -> None:
        (spec,) = split.schema
        root = Path(split.description.root)
        folder = root if root.is_absolute() else split.folder / root
        self.files = [folder / name for name in split.names()]
        self.labels = task_of(spec).encode(split.labels(spec.name))[0].tolist()
        self.change = change

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        with Image.open(self.files[index]) as photo:
            return self.change(photo.convert("RGB")), self.labels[index]


class Classifier(nn.Module):
    """The backbone that the recipe begins with, and a linear layer."""

    def __init__(self, backbone: nn.Module, width: int, labels: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.linear = nn.Linear(width, labels)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (N, 3, H, W) to logits (N, labels)."""
        logits: Tensor = self.linear(self.backbone(images).mean((2, 3)))
        return logits


def main() -> None:
    """Train; look at the validation photos after each pass."""
    order = read_order()
    torch.set_num_threads(order.threads)
    torch.manual_seed(order.seed)
    model = load_recipe("photos").model
    size, mean, std = (
        natural_preprocessing(model.backbone, model.options)[key]
        for key in ("height", "mean", "std")
    )
    end = [transforms.ToTensor(), transforms.Normalize(mean, std)]
    crops = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(), *end]
    whole = [transforms.Resize(round(size * 256 / 224)), transforms.CenterCrop(size), *end]
    dataset = Dataset.open(order.rest[0])
    train = Photos(dataset.split("train"), transforms.Compose(crops))
    validation = Photos(dataset.split("validation"), transforms.Compose(whole))
    backbone = build_backbone(model.backbone, model.options, channels=3)
    (spec,) = dataset.schema
    learn(order, Classifier(backbone, backbone.width, len(spec.labels)), train, validation)


def learn(order: Order, network: nn.Module, train: Photos, validation: Photos) -> None:
    """Pass after pass, until the target is reached or time is up."""
    optimiser = torch.optim.SGD(network.parameters(), lr=float(order.schedule), momentum=0.9)
    loader = DataLoader(train, BATCH, shuffle=True, num_workers=WORKERS)
    trained = tested = 0.0
    passes = 0
    while True:
        started = time.perf_counter()
        network.train()
        for images, labels in loader:
            loss = nn.functional.cross_entropy(network(images), labels)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            optimiser.step()
        passes += 1
        trained += time.perf_counter() - started
        started = time.perf_counter()
        score = accuracy(network, validation)
        tested += time.perf_counter() - started
        if order.say(train=trained, test=tested, accuracy=score, passes=passes):
            return


@torch.no_grad()
def accuracy(network: nn.Module, photos: Photos) -> float:
    """Percent of photos that are right."""
    network.eval()
    right = sum(
        int((network(images).argmax(1) == labels).sum())
        for images, labels in DataLoader(photos, BATCH, num_workers=WORKERS)
    )
    return 100 * right / len(photos)


if __name__ == "__main__":
    main()
