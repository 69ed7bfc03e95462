"""How DeepFashion's benchmarks number types of clothes, their landmarks and how they are shown.

The lists are those of the ``README.txt`` that comes with each benchmark. Its third list of
landmarks is headed "upper-body" again; it is that of full-body clothes.
"""

from __future__ import annotations

CLOTHES_TYPES = ("upper", "lower", "full")
VARIATIONS = ("normal pose", "medium pose", "large pose", "medium zoom-in", "large zoom-in")

#: All eight, in their order.
LANDMARKS = (
    "left collar",
    "right collar",
    "left sleeve",
    "right sleeve",
    "left waist",
    "right waist",
    "left hem",
    "right hem",
)

#: Type of clothes to the landmarks that its rows have, in their order.
LANDMARKS_OF = {
    "upper": LANDMARKS[:4] + LANDMARKS[6:],
    "lower": LANDMARKS[4:],
    "full": LANDMARKS,
}

#: States of a landmark: seen, hidden by something, cut off by the picture's edge.
VISIBLE, HIDDEN, CUT = 0, 1, 2
