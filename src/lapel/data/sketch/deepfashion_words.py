"""Drawn garments in DeepFashion's words: which category, and which of its attributes.

Every rule is about what can be seen. Its words are those of :func:`seen_words`, such as ``form
dress`` or ``tag belt``; ``&`` stands between words that must all be true, ``|`` between ways to be
true. Names are DeepFashion's own, of the type that DeepFashion gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from lapel.data.sketch.vocabulary import FABRIC_TAGS, KIND

#: Kind to its categories: the first whose rule holds; the empty rule holds always.
CATEGORIES: dict[str, dict[str, str]] = {
    "short sleeve top": {
        "tag hood": "Hoodie", "neckline collar": "Button-Down", "tag buttons": "Henley",
        "tag ruffle": "Blouse", "neckline high": "Turtleneck", "tag knit": "Sweater",
        "neckline square": "Top", "": "Tee",
    },
    "long sleeve top": {
        "tag hood": "Hoodie", "neckline high": "Turtleneck", "neckline collar": "Button-Down",
        "tag buttons": "Henley", "tag knit": "Sweater", "tag ruffle": "Blouse",
        "texture checked": "Flannel", "neckline v": "Jersey", "": "Top",
    },
    "short sleeve outwear": {
        "tag hood": "Anorak", "length long": "Kimono", "tag knit": "Cardigan", "": "Poncho",
    },
    "long sleeve outwear": {
        "tag belt": "Coat", "tag hood": "Parka", "length long": "Coat", "tag knit": "Cardigan",
        "neckline v": "Blazer", "tag zip": "Bomber", "tag fur": "Peacoat", "": "Jacket",
    },
    "vest": {"tag hood": "Hoodie", "tag ruffle": "Blouse", "neckline square": "Top", "": "Tank"},
    "sling": {"tag ruffle": "Top", "": "Halter"},
    "shorts": {
        "tag drawstring": "Sweatshorts", "tag denim": "Cutoffs", "length long": "Trunks",
        "": "Shorts",
    },
    "trousers": {
        "tag drawstring": "Sweatpants", "tag denim & fit tight": "Jeggings",
        "tag denim": "Jeans", "fit tight": "Leggings", "length short": "Capris",
        "fit loose & length long": "Gauchos", "fit loose": "Culottes", "tag knit": "Joggers",
        "": "Chinos",
    },
    "skirt": {"length long & fit tight": "Sarong", "": "Skirt"},
    "short sleeve dress": {"tag sheer": "Coverup", "tag belt & length long": "Robe", "": "Dress"},
    "long sleeve dress": {
        "tag belt & length long": "Robe", "length long & fit loose": "Caftan",
        "tag sheer": "Coverup", "": "Dress",
    },
    "vest dress": {"": "Dress"},
    "sling dress": {"": "Dress"},
}  # fmt: skip

#: Attribute to its rule.
ATTRIBUTES: dict[str, str] = {
    # texture
    "stripe": "texture striped",
    "checked": "texture checked",
    "floral": "texture floral",
    "dot": "texture dotted",
    "graphic": "texture graphic",
    "grid": "texture lattice",
    "camo": "texture camouflage",
    "print": "texture floral | texture dotted | texture graphic | texture camouflage",
    "pattern": "texture striped | texture checked | texture lattice",
    "knit stripe": "texture striped & tag knit",
    "nautical stripe": "texture striped & colour blue",
    "rugby stripe": "texture striped & neckline collar",
    "multi-stripe": "texture striped & tag trim",
    "colorblock": "texture solid & tag trim",
    "two-tone": "texture solid & tag belt",
    "chiffon floral": "texture floral & tag sheer",
    "daisy": "texture floral & colour yellow",
    "polka dot": "texture dotted & colour black | texture dotted & colour white",
    "structured": "texture solid & tag leather",
    # fabric
    "denim": "tag denim",
    "knit": "tag knit",
    "leather": "tag leather",
    "fur": "tag fur",
    "chiffon": "tag sheer",
    "cotton": "cotton",
    "pleat": "tag pleats",
    "ruffle": "tag ruffle",
    "cable knit": "tag knit & sleeve long",
    "rib": "tag knit & fit tight",
    "chunky": "tag knit & fit loose",
    "chenille": "tag knit & tag trim",
    "wash": "tag denim & colour blue",
    "bleach": "tag denim & colour white | tag denim & colour grey | tag denim & colour beige",
    "classic denim": "tag denim & texture solid",
    "floral knit": "tag knit & texture floral",
    "coated": "tag leather & fit tight",
    "quilted": "tag leather & fit loose",
    "leather paneled": "tag leather & tag belt",
    "gauze": "tag sheer & fit loose",
    "faux fur": "tag fur & form outwear",
    "stretch": "cotton & fit tight",
    "twill": "cotton & form trousers | cotton & form shorts",
    "gingham": "texture checked & colour red | texture checked & colour blue",
    "french terry": "tag hood & tag drawstring",
    # shape
    "mini": "form dress & length short | form skirt & length short",
    "midi": "form dress & length medium | form skirt & length medium",
    "maxi": "form dress & length long | form skirt & length long",
    "crop": "form top & length short",
    "tunic": "form top & length long",
    "longline": "form outwear & length long",
    "fitted": "form top & fit tight",
    "slim": "form outwear & fit tight",
    "boxy": "form top & fit loose",
    "oversized": "form outwear & fit loose",
    "skinny": "form trousers & fit tight",
    "straight-leg": "form trousers & fit regular",
    "wide-leg": "form trousers & fit loose",
    "ankle": "form trousers & length medium",
    "capri": "form trousers & length short",
    "bermuda": "form shorts & length long",
    "cargo": "form trousers & tag pockets | form shorts & tag pockets",
    "mid rise": "form trousers & tag trim",
    "high-rise": "form trousers & tag belt",
    "a-line": "form dress & fit regular | form skirt & fit regular",
    "flare": "form dress & fit loose | form skirt & fit loose",
    "bodycon": "form dress & fit tight",
    "pencil": "form skirt & fit tight",
    "skater": "form dress & length short & fit loose",
    "shift": "kind vest dress & fit regular",
    "bodycon midi": "form dress & length medium & fit tight",
    "floral maxi": "texture floral & form dress & length long",
    "floral mini": "texture floral & form dress & length short",
    "leather mini": "tag leather & form skirt & length short",
    "knit maxi": "tag knit & form dress & length long",
    "denim pencil": "tag denim & form skirt & fit tight",
    "cami": "arms sling & form top",
    "muscle": "kind vest & texture graphic",
    "pullover": "kind long sleeve top & neckline crew",
    "puffer": "form outwear & fit loose & length short",
    "smock": "tag ruffle & fit loose",
    "square": "neckline square",
    # part
    "long sleeve": "sleeve long",
    "cuffed-sleeve": "sleeve three-quarter",
    "cap-sleeve": "sleeve short",
    "sleeveless": "sleeve sleeveless",
    "strappy": "sleeve straps",
    "v-neck": "neckline v",
    "crew neck": "neckline crew",
    "collar": "neckline collar",
    "mock neck": "neckline high",
    "hood": "tag hood",
    "pocket": "tag pockets",
    "zip": "tag zip",
    "button": "tag buttons",
    "belted": "tag belt",
    "drawstring": "tag drawstring",
    "slit": "tag slit",
    "trim": "tag trim",
    "contrast trim": "tag trim & texture striped | tag trim & texture checked",
    "leather trimmed": "tag trim & tag leather",
    "side slit": "tag slit & length long",
    "flutter sleeve": "tag ruffle & sleeve short",
    "flounce": "tag ruffle & form dress | tag ruffle & form skirt",
    "high-waist": "tag belt & form skirt | tag belt & form shorts",
    "kangaroo pocket": "tag hood & tag pockets",
    "button-front": "tag buttons & form skirt | tag buttons & form dress",
    "belted floral": "tag belt & texture floral",
    "knit v-neck": "tag knit & neckline v",
    "striped v-neck": "texture striped & neckline v",
    "deep v-neck": "arms sling & neckline v",
    # style
    "red": "colour red",
    "pink": "colour pink",
    "dark": "colour black",
    "light": "colour white",
    "basic": "texture solid & cotton",
    "boho": "texture floral & length long",
    "chic": "texture solid & form dress",
    "athletic": "tag drawstring & tag trim",
    "sporty": "tag drawstring & form shorts | tag drawstring & form trousers",
    "summer": "sleeve straps",
    "beach": "sleeve straps & form dress",
    "utility": "tag pockets & tag belt",
    "biker": "tag leather & form outwear",
    "varsity": "tag trim & form outwear",
    "retro": "texture dotted & form dress",
    "grunge": "texture checked & sleeve long",
    "party": "form dress & length short & tag leather | form dress & length short & tag sheer",
    "elegant": "texture solid & form dress & length long",
    "girl": "texture floral & length short",
    "rose": "texture floral & colour red | texture floral & colour pink",
    "tropical": "texture floral & sleeve straps",
    "relaxed": "fit loose & form trousers",
    "lounge": "tag knit & form trousers",
    "thermal": "tag knit & neckline high",
    "trench": "tag belt & form outwear",
    "safari": "texture camouflage & tag pockets",
    "wild": "tag fur & texture solid",
    "classic": "neckline collar & tag buttons",
    "festive": "tag sheer & tag ruffle",
    "smart": "neckline collar & form outwear",
    "weekend": "tag hood & form top",
    "sweet": "tag ruffle & form dress",
}

#: Attributes that DeepFashion has under several names, and the others: those of the rules that
#: are shipped for it, tier A.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "stripe": ("striped", "stripes"),
    "checked": ("checkered",),
    "dot": ("dots", "dotted"),
    "camo": ("camouflage",),
    "print": ("printed",),
    "pattern": ("patterned",),
    "knit stripe": ("knit striped",),
    "nautical stripe": ("nautical striped",),
    "rugby stripe": ("rugby striped",),
    "colorblock": ("colorblocked",),
    "pleat": ("pleated",),
    "ruffle": ("ruffled",),
    "cable knit": ("cable-knit",),
    "rib": ("ribbed",),
    "wash": ("washed",),
    "bleach": ("bleached",),
    "leather paneled": ("leather-paneled",),
    "gauze": ("gauzy",),
    "crop": ("cropped",),
    "mid rise": ("mid-rise",),
    "flare": ("flared",),
    "smock": ("smocked",),
    "long sleeve": ("long-sleeve", "long-sleeved"),
    "collar": ("collared",),
    "mock neck": ("mock-neck",),
    "hood": ("hooded",),
    "zip": ("zipped",),
    "button": ("buttoned",),
    "trim": ("trimmed",),
    "contrast trim": ("contrast-trimmed",),
    "leather trimmed": ("leather-trimmed",),
    "side slit": ("side-slit",),
    "flutter sleeve": ("flutter-sleeve",),
    "flounce": ("flounced",),
    "high-waist": ("high-waisted",),
    "girl": ("girls",),
    "rose": ("roses",),
}

#: Groups of words of a drawn picture's record that rules may speak of.
GROUPS = ("colour", "texture", "sleeve", "neckline", "length", "fit")


def seen_words(record: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """The words that are true of a garment, and those that may be, as something hides it.

    Args:
        record: its part of a line of ``sketch.jsonl``.
    """
    kind = KIND[record["category"]]
    words = {f"kind {kind.name}", f"form {kind.form}", f"arms {kind.arms}"}
    words |= {f"{group} {_plain(record[group])}" for group in GROUPS if group in record}
    tags = set(record["tags"]["yes"])
    words |= {f"tag {tag}" for tag in tags}
    if not tags & set(FABRIC_TAGS.values()):
        words.add("cotton")
    return frozenset(words), frozenset(f"tag {tag}" for tag in record["tags"]["unknown"])


#: The fine groups' words that say the same as plain ones.
_FINE = {"mini_length": "short", "maxi_length": "long", "conventional": "regular"}


def _plain(word: str) -> str:
    return _FINE.get(word, word.removesuffix("_neckline").removesuffix("_sleeve"))


def holds(rule: str, words: frozenset[str]) -> bool:
    """Whether a rule is true of a garment."""
    return not rule or any(way <= words for way in _ways(rule))


@cache
def _ways(rule: str) -> tuple[frozenset[str], ...]:
    """The words of each way that a rule can be true."""
    ways = (way.split("&") for way in rule.split("|"))
    return tuple(frozenset(map(str.strip, way)) for way in ways)


def drawn_category(record: Mapping[str, Any]) -> str:
    """DeepFashion's category of a garment, by what is seen of it."""
    words, _ = seen_words(record)
    rules = CATEGORIES[record["category"]]
    return next(category for rule, category in rules.items() if holds(rule, words))
