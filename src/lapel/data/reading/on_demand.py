"""What layouts know of a great many images, made only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

Value = TypeVar("Value")


class OnDemand(Mapping[str, Value]):
    """From images to values, each made anew whenever it is asked for.

    Label maps, or polygons, of hundreds of thousands of images would take gigabytes as values.
    """

    def __init__(self, images: Iterable[str], make: Callable[[str], Value]) -> None:
        """Take down who has one.

        Args:
            images: the images with a value, in order.
            make: from an image to it.
        """
        self._images = dict.fromkeys(images)
        self._make = make

    def __getitem__(self, image: str) -> Value:
        if image not in self._images:
            raise KeyError(image)
        return self._make(image)

    def __contains__(self, image: object) -> bool:
        return image in self._images

    def __iter__(self) -> Iterator[str]:
        return iter(self._images)

    def __len__(self) -> int:
        return len(self._images)
