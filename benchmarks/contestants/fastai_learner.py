"""fastai as its tutorials have it: pictures from class folders, ``vision_learner``, one cycle.

ResNet18 from scratch at 28 pixels, batches of 128, flips; the length in passes is
``--schedule``. Run by an interpreter that has fastai (``--fastai-python``).
"""

from __future__ import annotations

import time

import torch
from fastai.callback.core import Callback, CancelFitException
from fastai.vision.all import (
    Flip,
    ImageDataLoaders,
    accuracy,
    resnet18,
    set_seed,
    vision_learner,
)

from benchmarks.contestants.points import Order, read_order


class Watch(Callback):  # type: ignore[misc] # fastai has no types
    """Times training and testing apart, and ends the run when the order is met."""

    order = 60  # after fastai's own recorder, which has the accuracy

    def __init__(self, what: Order) -> None:
        self.what = what
        self.trained = self.tested = self.since = 0.0
        self.passes = 0

    def before_train(self) -> None:
        """A pass begins."""
        self.since = self.now()

    def after_train(self) -> None:
        """A pass is over; what follows is testing."""
        now = self.now()
        self.trained, self.since = self.trained + now - self.since, now
        self.passes += 1

    def after_epoch(self) -> None:
        """The pass was tested."""
        self.tested += self.now() - self.since
        score = 100 * float(self.learn.final_record[-1])
        if self.what.say(
            train=self.trained, test=self.tested, accuracy=score, passes=float(self.passes)
        ):
            raise CancelFitException

    def now(self) -> float:
        """Seconds, once the device has done what it was given."""
        if self.what.device.startswith("cuda"):
            torch.cuda.synchronize()
        return time.perf_counter()


def main() -> None:
    """Fit one cycle of so many passes, telling the accuracy after each."""
    order = read_order()
    torch.set_num_threads(order.threads)
    set_seed(order.seed, reproducible=False)
    loaders = ImageDataLoaders.from_folder(
        order.data / "pictures",
        train="train",
        valid="test",
        bs=128,
        batch_tfms=[Flip()],
        num_workers=int(order.rest[0]),
        device=torch.device(order.device),
    )
    learner = vision_learner(
        loaders, resnet18, pretrained=False, metrics=accuracy, path=order.scratch
    )
    with learner.no_bar():
        learner.fit_one_cycle(int(order.schedule), 3e-3, cbs=Watch(order))


if __name__ == "__main__":
    main()
