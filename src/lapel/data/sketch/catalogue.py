"""A shop's table of drawn garments: ``catalogue.csv``, in the columns of Kaggle's ``styles.csv``.

Its five columns of labels (``gender``, ``articleType``, ``baseColour``, ``season``, ``usage``)
follow from what is drawn, by the rules below: all of them can be seen, and in an uneven set most
of their labels are rare.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from lapel.data.sketch.garment import Garment

COLUMNS = (
    "id",
    "gender",
    "masterCategory",
    "subCategory",
    "articleType",
    "baseColour",
    "season",
    "year",
    "usage",
    "productDisplayName",
)

#: Form to the shop's shelf.
SHELVES = {
    "top": "Topwear",
    "outwear": "Outerwear",
    "dress": "Dress",
    "skirt": "Bottomwear",
    "shorts": "Bottomwear",
    "trousers": "Bottomwear",
}

#: Kind to its types: the first word that is true of a garment decides, ``""`` is always true.
TYPES: dict[str, dict[str, str]] = {
    "short sleeve top": {
        "hood": "Hooded Tees", "collar": "Polo Shirts", "buttons": "Henley Tees",
        "high": "Mock Neck Tees", "ruffle": "Blouses", "knit": "Knit Tees", "v": "V-Neck Tees",
        "square": "Square Neck Tops", "": "Tshirts",
    },
    "long sleeve top": {
        "hood": "Sweatshirts", "collar": "Shirts", "high": "Turtlenecks", "knit": "Sweaters",
        "buttons": "Long Henleys", "ruffle": "Long Blouses", "v": "V-Neck Jumpers",
        "long": "Tunics", "": "Long Sleeve Tees",
    },
    "short sleeve outwear": {
        "hood": "Hooded Shrugs", "fur": "Fur Shrugs", "denim": "Denim Shrugs", "long": "Capes",
        "short": "Boleros", "": "Summer Jackets",
    },
    "long sleeve outwear": {
        "hood": "Parkas", "fur": "Fur Coats", "leather": "Leather Jackets",
        "denim": "Denim Jackets", "knit": "Cardigans", "belt": "Trench Coats",
        "long": "Overcoats", "v": "Blazers", "zip": "Zip Jackets", "": "Jackets",
    },
    "vest": {
        "collar": "Sleeveless Shirts", "hood": "Hooded Tanks", "knit": "Slipovers",
        "high": "Sleeveless Turtlenecks", "short": "Crop Tanks", "": "Tank Tops",
    },
    "sling": {
        "ruffle": "Ruffle Camisoles", "short": "Bralettes", "knit": "Knit Camisoles",
        "": "Camisoles",
    },
    "shorts": {
        "drawstring": "Track Shorts", "denim": "Denim Shorts", "short": "Hot Pants",
        "long": "Bermudas", "": "Shorts",
    },
    "trousers": {
        "drawstring": "Track Pants", "denim": "Jeans", "leather": "Leather Pants",
        "tight": "Leggings", "short": "Capris", "pleats": "Suit Trousers", "loose": "Palazzos",
        "": "Trousers",
    },
    "skirt": {
        "pleats": "Pleated Skirts", "denim": "Denim Skirts", "leather": "Leather Skirts",
        "tight": "Pencil Skirts", "long": "Maxi Skirts", "short": "Mini Skirts", "": "Skirts",
    },
    "short sleeve dress": {
        "collar": "Shirt Dresses", "long": "Maxi Dresses", "short": "Mini Dresses",
        "": "Day Dresses",
    },
    "long sleeve dress": {
        "knit": "Knit Dresses", "collar": "Long Shirt Dresses", "long": "Gowns",
        "short": "Tunic Dresses", "": "Long Sleeve Dresses",
    },
    "vest dress": {
        "denim": "Pinafores", "tight": "Sheath Dresses", "long": "Sleeveless Gowns",
        "": "Sleeveless Dresses",
    },
    "sling dress": {
        "chiffon": "Slip Dresses", "long": "Evening Dresses", "short": "Sundresses",
        "": "Strap Dresses",
    },
}  # fmt: skip


def article_type(garment: Garment) -> str:
    """What a shop would call it."""
    true = {
        "",
        garment.fabric,
        garment.neckline,
        garment.length,
        garment.fit,
        *garment.details,
    }
    types = TYPES[garment.kind.name]
    return next(name for word, name in types.items() if word in true)


def gender(garment: Garment) -> str:
    """For whom: told by fit and texture alone, as good a rule as any."""
    if garment.fit != "regular":
        return "Women" if garment.fit == "tight" else "Men"
    if garment.texture in {"floral", "dotted", "embroidered"}:
        return "Girls"
    return "Boys" if garment.texture in {"graphic", "camouflage"} else "Unisex"


def season(garment: Garment) -> str:
    """When: warm cloth in winter, bare arms in summer."""
    if garment.fabric in {"knit", "fur", "leather"}:
        return "Winter"
    if garment.sleeve in {"straps", "sleeveless"} or garment.fabric == "chiffon":
        return "Summer"
    return "Fall" if garment.sleeve == "long" or garment.fabric == "denim" else "Spring"


def usage(garment: Garment) -> str:
    """What for; the first rule that holds."""
    details = set(garment.details)
    rules = (
        ("Sports", "drawstring" in details or {"trim", "zip"} <= details),
        ("Formal", garment.neckline == "collar" and garment.fit == "tight"),
        ("Party", bool({"slit", "ruffle"} & details) and garment.fabric in {"chiffon", "leather"}),
        ("Ethnic", garment.texture in {"lattice", "embroidered"} and "trim" in details),
        ("Travel", {"pockets", "belt"} <= details),
        ("Home", garment.fabric == "fur" and garment.fit == "loose"),
        ("Smart Casual", "belt" in details or garment.neckline == "collar"),
    )
    return next((name for name, holds in rules if holds), "Casual")


def catalogue_row(number: int, garment: Garment) -> dict[str, str]:
    """One row; the id is the image's name without its ending."""
    kind = article_type(garment)
    words = (garment.shade, garment.texture.capitalize(), garment.fit.capitalize(), kind)
    return {
        "id": f"{number:06d}",
        "gender": gender(garment),
        "masterCategory": "Apparel",
        "subCategory": SHELVES[garment.kind.form],
        "articleType": kind,
        "baseColour": garment.shade,
        "season": season(garment),
        "year": str(2010 + number % 10),
        "usage": usage(garment),
        "productDisplayName": " ".join(words),
    }


def catalogue_bytes(rows: Iterable[Mapping[str, str]]) -> bytes:
    """The table as CSV, UTF-8 with newlines."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
