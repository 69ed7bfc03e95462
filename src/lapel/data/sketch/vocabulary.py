"""The words of drawn garments: thirteen kinds, two sets of attribute groups, tags.

The kinds are those of DeepFashion2 (Ge et al., CVPR 2019, table 2), in its order. The attribute
groups ``fine`` are the 26 labels in six groups of DeepFashion's fine annotations, which the
CE7454 challenge asks for; ``plain`` are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lapel.data.sketch.shades import FAMILIES
from lapel.schema.labels import Schema, TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One of the thirteen kinds.

    Attributes:
        name: as DeepFashion2 writes it.
        form: ``top``, ``outwear``, ``dress``, ``skirt``, ``shorts`` or ``trousers``.
        arms: what covers the arms: ``short``, ``long``, ``vest``, ``sling``, or ``none``.
    """

    name: str
    form: str
    arms: str = "none"

    @property
    def upper(self) -> bool:
        """Whether it hangs from the shoulders."""
        return self.arms != "none"


KINDS = (
    Kind(name="short sleeve top", form="top", arms="short"),
    Kind(name="long sleeve top", form="top", arms="long"),
    Kind(name="short sleeve outwear", form="outwear", arms="short"),
    Kind(name="long sleeve outwear", form="outwear", arms="long"),
    Kind(name="vest", form="top", arms="vest"),
    Kind(name="sling", form="top", arms="sling"),
    Kind(name="shorts", form="shorts"),
    Kind(name="trousers", form="trousers"),
    Kind(name="skirt", form="skirt"),
    Kind(name="short sleeve dress", form="dress", arms="short"),
    Kind(name="long sleeve dress", form="dress", arms="long"),
    Kind(name="vest dress", form="dress", arms="vest"),
    Kind(name="sling dress", form="dress", arms="sling"),
)

KIND = {kind.name: kind for kind in KINDS}

#: The classes of a pixel: nothing of these, who wears the garments (with the plain things that they
#: have on beside), and the garments' forms.
WEARER_CLASS = "wearer"
CLASSES = ("background", WEARER_CLASS, "top", "outwear", "dress", "skirt", "shorts", "trousers")

#: The sleeves that a kind may have.
SLEEVES = {
    "short": ("short",),
    "long": ("long", "three-quarter"),
    "vest": ("sleeveless",),
    "sling": ("straps",),
    "none": ("none",),
}

#: The necklines that a kind may have, by its arms; outwear has no square one.
NECKLINES = {
    "short": ("crew", "v", "collar", "square", "high"),
    "long": ("crew", "collar", "high", "v", "square"),
    "vest": ("crew", "v", "square", "high", "collar"),
    "sling": ("v", "square", "crew"),
    "none": ("none",),
}

LENGTHS = ("medium", "short", "long")
FITS = ("regular", "loose", "tight")
TEXTURES = ("solid", "striped", "checked", "floral", "dotted", "graphic", "lattice", "camouflage")
FABRICS = ("cotton", "knit", "denim", "chiffon", "leather", "fur")

#: What a garment may have beside; the last five are its fabric, where it is not cotton.
TAGS = (
    "belt",
    "buttons",
    "drawstring",
    "hood",
    "pleats",
    "pockets",
    "ruffle",
    "slit",
    "trim",
    "zip",
    "denim",
    "fur",
    "knit",
    "leather",
    "sheer",
)

#: The tag of a fabric.
FABRIC_TAGS = {
    "denim": "denim",
    "fur": "fur",
    "knit": "knit",
    "leather": "leather",
    "chiffon": "sheer",
}

PLAIN_GROUPS: dict[str, tuple[str, ...]] = {
    "colour": FAMILIES,
    "texture": TEXTURES,
    "sleeve": ("long", "three-quarter", "short", "sleeveless", "straps", "none"),
    "neckline": ("crew", "v", "square", "collar", "high", "none"),
    "length": ("short", "medium", "long"),
    "fit": ("tight", "regular", "loose"),
}

FINE_GROUPS: dict[str, tuple[str, ...]] = {
    "texture": ("floral", "graphic", "striped", "embroidered", "pleated", "solid", "lattice"),
    "sleeve": ("long_sleeve", "short_sleeve", "sleeveless"),
    "length": ("maxi_length", "mini_length", "no_dress"),
    "neckline": ("crew_neckline", "v_neckline", "square_neckline", "no_neckline"),
    "fabric": ("denim", "chiffon", "cotton", "leather", "faux", "knit"),
    "fit": ("tight", "loose", "conventional"),
}

#: Set of attribute groups to its groups.
ATTRIBUTES = {"plain": PLAIN_GROUPS, "fine": FINE_GROUPS}


def sketch_schema(
    attributes: str, *, several: bool, kinds_task: str = "garments", places: Sequence[TaskSpec] = ()
) -> Schema:
    """The tasks of drawn garments.

    Args:
        attributes: a name in ``ATTRIBUTES``.
        several: whether a picture may hold more than one garment; then a task says which kinds it
            holds, and all other words speak of the main one.
        kinds_task: what that task is called.
        places: further tasks.
    """
    names = tuple(kind.name for kind in KINDS)
    tasks = [TaskSpec(name="category", kind="single_label", labels=names)]
    tasks += [
        TaskSpec(name=group, kind="single_label", labels=labels)
        for group, labels in ATTRIBUTES[attributes].items()
    ]
    tasks.append(TaskSpec(name="tags", kind="multi_label", labels=TAGS))
    if several:
        tasks.append(TaskSpec(name=kinds_task, kind="multi_label", labels=names))
    return Schema((*tasks, *places))
