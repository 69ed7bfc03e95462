"""Liu & Lu's network as its authors' released code formulates it, written anew from its facts.

What sets it apart from ours, though both compute the same landmarks, attention and labels:

- all of VGG16 runs, conv5 too, whose features nobody asks for; a copy of conv5 runs above the
  attention;
- an attribute is a softmax of two numbers, a thousand of them side by side;
- maps of the truth and a mask of the same size stand for every landmark at full resolution, and
  the loss is taken over all their pixels;
- maps lie channel by channel (NCHW), in float32; the loss is read back a number a part.

Given more than it takes: maps and masks are there before the clock starts, while its loader draws
them with numpy; and nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import vgg16

from lapel.models.attention_branch import AttentionBranch
from lapel.models.heads.heatmaps import drawn
from lapel.models.landmark_branch import LandmarkBranch

CATEGORIES, ATTRIBUTES, LANDMARKS = 48, 1000, 8
SIDE = 224

#: Where conv4_3 ends in torchvision's VGG16, and where each conv5 stands.
CONV4_3 = 22
CONV5 = (24, 26, 28)

#: Of the released code: of a no and of a yes; and of the three losses.
ATTRIBUTE_WEIGHTS = (0.1, 1.0)
CATEGORY_SHARE, ATTRIBUTES_SHARE, LANDMARKS_SHARE = 1.0, 20.0, 10.0


class ReleasedAttention(nn.Module):
    """Normalised float32 pictures (N, 3, 224, 224) to the losses' inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.vgg = vgg16(weights=None).features
        self.landmark_branch = LandmarkBranch(512, LANDMARKS, magnified=8, normed=False)
        self.attention = AttentionBranch(512)
        self.conv5 = nn.ModuleList(nn.Conv2d(512, 512, 3, padding=1) for _ in CONV5)
        for copied, number in zip(self.conv5, CONV5, strict=True):
            copied.load_state_dict(self.vgg[number].state_dict())
        self.category = nn.Sequential(
            nn.Linear(512 * 7 * 7, 1024), nn.ReLU(), nn.Linear(1024, CATEGORIES)
        )
        self.attributes = nn.Sequential(
            nn.Linear(512 * 7 * 7, 1024), nn.ReLU(), nn.Linear(1024, 2 * ATTRIBUTES)
        )

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Logits (N, 48), two numbers an attribute (N, 2, 1000), maps (N, 8, 224, 224)."""
        kept: dict[int, Tensor] = {}
        maps = pictures
        for number, layer in enumerate(self.vgg):
            maps = layer(maps)
            kept[number] = maps  # all are kept, as in the original, until the step ends
        level = kept[CONV4_3]
        heatmaps = self.landmark_branch(level)
        # Its places are read in every forward pass, and brought to the processor.
        torch.argmax(heatmaps.flatten(2), 2).cpu()
        features = functional.max_pool2d((1 + self.attention(heatmaps, level)) * level, 2)
        for convolution in self.conv5:
            features = functional.relu(convolution(features))
        vector = functional.max_pool2d(features, 2).flatten(1)
        attributes = self.attributes(vector).reshape(len(vector), 2, ATTRIBUTES)
        return {"category": self.category(vector), "attributes": attributes, "maps": heatmaps}


class ReleasedLoss(nn.Module):
    """The three losses with the weights of the released code."""

    def __init__(self) -> None:
        super().__init__()
        self.category = nn.CrossEntropyLoss()
        self.attributes = nn.CrossEntropyLoss(weight=torch.tensor(ATTRIBUTE_WEIGHTS))

    def forward(self, outputs: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> Tensor:
        """What the network gives, and the truth, to a scalar."""
        category = self.category(outputs["category"], truth["category"])
        attributes = self.attributes(outputs["attributes"], truth["attributes"])
        count, pixels = len(truth["visible"]) * LANDMARKS, SIDE * SIDE
        mask = torch.cat([truth["visible"].reshape(count, 1)] * pixels, 1).float()
        missed = outputs["maps"].reshape(count, -1) - truth["maps"].reshape(count, -1)
        landmarks = torch.pow(mask * missed, 2).mean()
        for part in (category, attributes, landmarks):
            part.item()  # as it logs them
        total: Tensor = (
            CATEGORY_SHARE * category + ATTRIBUTES_SHARE * attributes + LANDMARKS_SHARE * landmarks
        )
        return total


def truth_of(
    category: Tensor, attributes: Tensor, places: Tensor, visible: Tensor
) -> dict[str, Tensor]:
    """Targets in its form: categories (N,), attributes (N, 1000) of 0 and 1, maps drawn.

    Args:
        category: int64 (N,).
        attributes: 0 and 1, (N, 1000).
        places: shares of the picture, float32 (N, 8, 2).
        visible: 0 and 1, (N, 8).
    """
    return {
        "category": category,
        "attributes": attributes.long(),
        "maps": drawn(places, SIDE, SIDE),
        "visible": visible,
    }
