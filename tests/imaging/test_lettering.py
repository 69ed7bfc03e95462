"""Texts are written by a font that has their letters, or it is known that none does."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from lapel.imaging import lettering
from lapel.imaging.draw import Line, sheet
from lapel.imaging.lettering import font_for, nearest_font


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "FONTS", ())


@pytest.mark.usefixtures("no_fonts")
def test_the_own_font_writes_latin_letters_alone() -> None:
    assert font_for("left collar 97 %, a-line_3/4 (x)", 13) is not None
    assert font_for("", 13) is not None
    assert font_for("원피스", 13) is None
    assert font_for("dress 원피스", 13) is None
    assert font_for("连衣裙", 13) is None


def test_another_font_is_taken_where_it_has_the_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    # It comes with matplotlib, and has an Armenian alphabet, which Pillow's own has not.
    font = str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
    monkeypatch.setattr(lettering, "FONTS", ("no such font.ttf", font))
    found = font_for("Ֆա", 13)
    assert found is not None
    assert found.getname()[0] == "DejaVu Sans"  # type: ignore[union-attr] # no font of bitmaps
    assert font_for("원피스", 13) is None
    assert nearest_font("원피스", 13).getlength("x") > 0


@pytest.mark.usefixtures("no_fonts")
def test_a_sheet_is_as_it_was() -> None:
    panel = Image.new("RGB", (200, 100), (9, 9, 9))
    page = np.asarray(sheet([("answers", panel)], [Line(text="category: dress 97 %")]))
    assert (page[:18] < 128).any()  # the title
    assert (page[122:] < 128).any()  # the line
