"""From maps of several strides to a number a class at each place: the decoders of segmentation.

The layers are those of kept libraries, over whatever backbone: segmentation-models-pytorch's
decoders of DeepLabV3+, FPN and U-Net, and torchvision's head of DeepLabV3. What stands here says
which maps each of them takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from lapel.schema.errors import RecipeError

#: Pixels of the canvas a step of what is answered.
ANSWER_STRIDE = 4

#: How far the three atrous filters of DeepLab look, in steps of a map of stride 16, where they
#: reach as far as in the papers (Chen et al. 2018, arXiv 1802.02611, section 3.1).
RATES, RATES_STRIDE = (6, 12, 18), 16

#: Layers of U-Net are no narrower.
LEAST_CHANNELS = 16

#: The groups in which FPN's decoder normalises, of which its channels are a multiple.
GROUPS = 32


@dataclass(frozen=True, slots=True)
class MapShape:
    """What a decoder has to know of a map before it sees one.

    Attributes:
        stride: pixels of the canvas that a step is wide.
        width: channels.
    """

    stride: int
    width: int


class Decoder(nn.Module):
    """Maps, the finest first, to logits (N, labels, h, w).

    Attributes:
        stride: pixels of the canvas that a step of the logits is wide.
    """

    stride: int


class DeepLabV3(Decoder):
    """Atrous filters of several reaches on the coarsest map (Chen et al. 2017, arXiv 1706.05587,
    section 3.3): torchvision's, 256 channels wide.
    """

    def __init__(self, shapes: Sequence[MapShape], labels: int, channels: int) -> None:
        super().__init__()
        # Loaded where it is asked for: it takes seconds.
        from torchvision.models.segmentation.deeplabv3 import DeepLabHead  # noqa: PLC0415

        del channels  # torchvision's has its own
        self.stride = shapes[-1].stride
        self.layers = DeepLabHead(shapes[-1].width, labels, rates_at(self.stride))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Logits at the stride of the coarsest map."""
        logits: Tensor = self.layers(maps[-1])
        return logits


class DeepLabV3Plus(Decoder):
    """The same, magnified and joined with a fine map, which knows where edges are (Chen et al.
    2018, arXiv 1802.02611, section 3.1): segmentation-models-pytorch's, by separable filters.
    """

    def __init__(self, shapes: Sequence[MapShape], labels: int, channels: int) -> None:
        super().__init__()
        from segmentation_models_pytorch.decoders.deeplabv3.decoder import (  # noqa: PLC0415 - it takes seconds
            DeepLabV3PlusDecoder,
        )

        self.place = _first_from(shapes, ANSWER_STRIDE)
        fine, coarse = shapes[self.place], shapes[-1]
        if fine.stride >= coarse.stride:
            raise _lacks_maps("deeplabv3plus", "one of stride 4 and a coarser one", shapes)
        self.stride = fine.stride
        self.decoder = DeepLabV3PlusDecoder(
            encoder_channels=(0, 0, fine.width, coarse.width),
            encoder_depth=3,
            out_channels=channels,
            atrous_rates=rates_at(coarse.stride),
            output_stride=RATES_STRIDE,
            aspp_separable=True,
            aspp_dropout=0.5,
        )
        # The library knows encoders of two strides only.
        self.decoder.up = nn.Upsample(
            scale_factor=coarse.stride // fine.stride, mode="bilinear", align_corners=False
        )
        self.classifier = nn.Conv2d(channels, labels, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Logits at the stride of the finest map from stride 4 on."""
        fine, coarse = maps[self.place], maps[-1]
        # The library's lists begin with the picture and a map of stride 2, which it passes over.
        logits: Tensor = self.classifier(self.decoder([fine, fine, fine, coarse]))
        return logits


class FPN(Decoder):
    """Four maps, each added to the magnified one above it (Kirillov et al. 2019, arXiv 1901.02446,
    section 3.1): segmentation-models-pytorch's.
    """

    def __init__(self, shapes: Sequence[MapShape], labels: int, channels: int) -> None:
        super().__init__()
        from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder  # noqa: PLC0415 - it takes seconds

        taken = shapes[-4:]
        strides = [shape.stride for shape in taken]
        if len(taken) < 4 or any(b != 2 * a for a, b in pairwise(strides)):
            raise _lacks_maps("fpn", "four whose strides double", shapes)
        self.stride = strides[0]
        narrow = max(GROUPS, channels // 2 // GROUPS * GROUPS)
        self.decoder = FPNDecoder(
            encoder_channels=[shape.width for shape in taken],
            encoder_depth=4,
            pyramid_channels=channels,
            segmentation_channels=narrow,
        )
        self.classifier = nn.Conv2d(narrow, labels, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Logits at the stride of the fourth map from the top."""
        logits: Tensor = self.classifier(self.decoder(list(maps[-4:])))
        return logits


class UNet(Decoder):
    """The coarsest map, doubled and joined with the next finer one, again and again (Ronneberger
    et al. 2015, arXiv 1505.04597, section 2): segmentation-models-pytorch's, up to stride 4.
    """

    def __init__(self, shapes: Sequence[MapShape], labels: int, channels: int) -> None:
        super().__init__()
        from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder  # noqa: PLC0415 - it takes seconds

        self.place = _first_from(shapes, ANSWER_STRIDE)
        taken = shapes[self.place :]
        if len(taken) < 2:
            raise _lacks_maps("unet", "at least two from stride 4 on", shapes)
        self.stride = taken[0].stride
        blocks = len(taken) - 1
        widths = [max(LEAST_CHANNELS, channels >> number) for number in range(blocks)]
        self.decoder = UnetDecoder(
            # The first is the picture's, which the library leaves out.
            encoder_channels=[0, *(shape.width for shape in taken)],
            decoder_channels=widths,
            n_blocks=blocks,
        )
        self.classifier = nn.Conv2d(widths[-1], labels, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Logits at the stride of the finest map from stride 4 on."""
        taken = maps[self.place :]
        # The first stands for the picture, to whose size nothing is brought here.
        logits: Tensor = self.classifier(self.decoder([taken[0], *taken]))
        return logits


#: By the name that a recipe's ``model.decoder`` has for them.
DECODERS: Mapping[str, Callable[[Sequence[MapShape], int, int], Decoder]] = {
    "deeplabv3plus": DeepLabV3Plus,
    "deeplabv3": DeepLabV3,
    "fpn": FPN,
    "unet": UNet,
}


def build_decoder(options: Mapping[str, Any], labels: int) -> Decoder:
    """The decoder that a recipe asks for.

    Args:
        options: of a recipe's ``model``: ``decoder`` and ``decoder_channels``; and ``maps``, the
            :class:`MapShape` of each map of the backbone, the finest first.
        labels: numbers a place.

    Raises:
        RecipeError: no such decoder, or one that does not go with the backbone's maps.
    """
    name = str(options.get("decoder", "deeplabv3plus"))
    if name not in DECODERS:
        raise RecipeError(f"there is no decoder '{name}'; there are: {', '.join(DECODERS)}")
    return DECODERS[name](options["maps"], labels, int(options.get("decoder_channels", 256)))


def rates_at(stride: int) -> tuple[int, ...]:
    """The reaches of DeepLab's filters, in steps of a map of some stride."""
    return tuple(max(1, rate * RATES_STRIDE // stride) for rate in RATES)


def _first_from(shapes: Sequence[MapShape], stride: int) -> int:
    """The place of the finest map that is no finer than a stride; else that of the last."""
    return next(
        (place for place, shape in enumerate(shapes) if shape.stride >= stride), len(shapes) - 1
    )


def _lacks_maps(name: str, wanted: str, shapes: Sequence[MapShape]) -> RecipeError:
    there = ", ".join(str(shape.stride) for shape in shapes)
    return RecipeError(
        f"model.decoder={name} takes maps of several strides, {wanted}; the backbone has maps of "
        f"strides {there}. Choose another backbone or model.options.output_stride, or --set "
        "model.decoder=deeplabv3, which takes the last map alone"
    )
