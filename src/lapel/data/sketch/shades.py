"""Forty-four shades of cloth, in thirteen families."""

from __future__ import annotations

#: A colour, RGB 0 to 255.
Colour = tuple[float, float, float]

#: Shade to its family and colour. Shades of a family lie together, and apart from others.
SHADES: dict[str, tuple[str, Colour]] = {
    "Black": ("black", (30, 30, 33)),
    "White": ("white", (244, 244, 242)),
    "Navy Blue": ("blue", (30, 42, 92)),
    "Grey": ("grey", (134, 136, 140)),
    "Blue": ("blue", (44, 92, 190)),
    "Red": ("red", (196, 30, 40)),
    "Brown": ("brown", (112, 70, 42)),
    "Pink": ("pink", (240, 150, 182)),
    "Green": ("green", (46, 138, 72)),
    "Beige": ("beige", (218, 198, 164)),
    "Purple": ("purple", (112, 56, 158)),
    "Yellow": ("yellow", (244, 206, 52)),
    "Orange": ("orange", (240, 124, 32)),
    "Teal": ("turquoise", (22, 128, 132)),
    "Maroon": ("red", (122, 20, 40)),
    "Off White": ("white", (240, 236, 224)),
    "Charcoal": ("black", (52, 54, 58)),
    "Olive": ("green", (102, 110, 46)),
    "Lavender": ("purple", (180, 158, 222)),
    "Grey Melange": ("grey", (164, 166, 170)),
    "Cream": ("beige", (236, 222, 190)),
    "Burgundy": ("red", (108, 24, 50)),
    "Turquoise Blue": ("turquoise", (48, 190, 196)),
    "Khaki": ("beige", (188, 168, 122)),
    "Peach": ("orange", (248, 172, 128)),
    "Sea Green": ("green", (58, 160, 116)),
    "Tan": ("brown", (168, 118, 74)),
    "Rust": ("orange", (186, 84, 34)),
    "Mustard": ("yellow", (210, 164, 36)),
    "Magenta": ("pink", (206, 40, 130)),
    "Lime Green": ("green", (150, 200, 54)),
    "Sky Blue": ("blue", (134, 184, 232)),
    "Rose": ("pink", (222, 98, 138)),
    "Coffee Brown": ("brown", (78, 52, 38)),
    "Mauve": ("purple", (150, 106, 150)),
    "Silver": ("grey", (192, 194, 198)),
    "Nude": ("beige", (226, 190, 164)),
    "Mint": ("turquoise", (150, 222, 204)),
    "Steel": ("grey", (104, 112, 124)),
    "Bronze": ("brown", (138, 96, 48)),
    "Lemon": ("yellow", (246, 234, 120)),
    "Fluorescent Green": ("green", (110, 232, 60)),
    "Coral": ("orange", (250, 120, 92)),
    "Indigo": ("purple", (70, 48, 140)),
}

FAMILIES = (
    "black",
    "white",
    "grey",
    "beige",
    "brown",
    "red",
    "orange",
    "yellow",
    "green",
    "turquoise",
    "blue",
    "purple",
    "pink",
)


def brightness(colour: Colour) -> float:
    """How bright a colour looks, 0 to 255 (the luma of ITU-R BT.601)."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def toned(colour: Colour, factor: float) -> Colour:
    """A colour made darker (below 1) or brighter."""
    red, green, blue = (min(255.0, channel * factor) for channel in colour)
    return red, green, blue


def blended(first: Colour, second: Colour, share: float) -> Colour:
    """A colour between two: ``share`` of the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue
