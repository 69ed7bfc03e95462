"""A contact sheet says which picture is which, and shows what was searched by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from lapel.imaging.lettering import nearest_font
from lapel.retrieval.sheet import (
    BOX,
    CAPTION_TEXT,
    SIDE,
    SheetLine,
    SheetPicture,
    _fitting,
    short_name,
    write_sheet,
)
from lapel.schema.geometry import Box


def test_captions_keep_what_tells_pictures_apart() -> None:
    names = [
        f"img/{folder}/img_0000000{number}.jpg"
        for folder in ("Sheer_Pleated-Front_Blouse", "Re-Issue_Striped_Blouse")
        for number in (1, 2)
    ]
    font = nearest_font(names[0], CAPTION_TEXT)
    captions = [_fitting(short_name(name), font) for name in names]
    assert len({*captions}) == 4
    assert all(font.getlength(caption) <= SIDE for caption in captions)
    assert captions[0].startswith("Sheer")
    assert captions[0].endswith("001")
    assert short_name("03_0.png") == "03_0"


def test_the_box_that_was_searched_by_is_drawn(tmp_path: Path) -> None:
    pixels = np.zeros((64, 128, 3), np.uint8)

    def drawn(box: Box | None) -> int:
        query = SheetPicture(pixels=pixels, caption="a", box=box)
        found = SheetPicture(pixels=pixels, caption="0.998\nb")
        write_sheet(tmp_path / "sheet.png", [SheetLine(query=query, found=[found])])
        with Image.open(tmp_path / "sheet.png") as sheet:
            return int((np.asarray(sheet) == BOX).all(axis=-1).sum())

    assert drawn(None) == 0
    # Two pixels all around 40 x 30.
    assert drawn(Box(20, 10, 40, 30)) == 2 * 2 * (40 + 30) - 4 * 4
    assert drawn(Box(-50, -50, 500, 500)) > 0
