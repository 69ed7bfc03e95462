"""What stands at each landmark, as numbers beside those of the whole picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lapel.models.landmark_branch import read_at


class LandmarkFeatures(nn.Module):
    """A map of features, read where each landmark is: attention that weighs places, none twice.

    - Equation 6: g_l = v_l * sum over places p of s_l(p) * relu(W F'(p)), where s_l are the shares
      of landmark l's heat map, which add up to 1, and v_l is how likely the landmark can be seen.

    After the local features of FashionNet: Z. Liu et al., "DeepFashion: Powering Robust Clothes
    Recognition and Retrieval with Rich Annotations", CVPR 2016, section 3.2, which pools around
    each landmark, takes out those that are hidden and sets them beside the features of the whole.
    Labels do not move where landmarks are found: no gradient passes through s and v.

    Args:
        width: channels of the map F'.
        landmarks: how many.
        channels: numbers read at each landmark.
    """

    def __init__(self, width: int, landmarks: int, channels: int) -> None:
        super().__init__()
        self.width = landmarks * channels
        self.narrow = nn.Sequential(
            nn.Conv2d(width, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, features: Tensor, heatmaps: Tensor, visible: Tensor) -> Tensor:
        """What is read at the landmarks.

        Args:
            features: F', (N, width, h, w).
            heatmaps: high, and above 0, where a landmark is, (N, landmarks, H, W).
            visible: logits of visibility, (N, landmarks).

        Returns:
            float32 (N, landmarks x channels).
        """
        found = read_at(self.narrow(features), heatmaps)
        with torch.autocast(found.device.type, enabled=False):
            seen = visible.detach().float().sigmoid().unsqueeze(2) * found
        return seen.flatten(1)
