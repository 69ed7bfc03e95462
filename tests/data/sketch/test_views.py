"""The same garment drawn several times: another picture, the same garment, one split."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lapel.data.sketch.picture import Options, draw_picture
from lapel.data.sketch.writing import sketch_dataset
from lapel.schema.errors import UsageError

VIEWS = Options(seed=4, size=64, views=3)


def test_views_show_the_same_garment_otherwise() -> None:
    for item in range(12):
        views = [draw_picture(3 * item + view, VIEWS) for view in range(3)]
        garments = [view.garments[0].garment for view in views]
        assert garments[0] == garments[1] == garments[2]
        assert not np.array_equal(views[0].pixels, views[1].pixels)
    others = {draw_picture(3 * item, VIEWS).garments[0].garment for item in range(12)}
    assert len(others) == 12


def test_views_are_more_alike_than_strangers() -> None:
    """The cloth is the same, so the mean colour of the garment is, but for light and noise."""

    def colour(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        picture = draw_picture(number, VIEWS)
        return np.asarray(picture.pixels[picture.mask == 1].mean(axis=0), np.float64)

    colours = np.stack([colour(number) for number in range(60)]).reshape(20, 3, 3)
    own = np.abs(colours[:, 0] - colours[:, 1]).mean()
    strange = np.abs(colours[:, 0] - np.roll(colours[:, 1], 1, axis=0)).mean()
    assert own < strange / 2


def test_a_garment_is_in_one_split_and_its_first_view_searches(tmp_path: Path) -> None:
    dataset = sketch_dataset(tmp_path / "views", 60, options=VIEWS)
    table = dataset.table
    assert table["group"].n_unique() == 20
    splits = table.group_by("group").agg("split")
    assert all(len(set(split)) == 1 for split in splits["split"].to_list())
    assert dataset.splits() == {"train": 48, "validation": 6, "test": 6}
    roles = Counter(zip(table["split"], table["role"], strict=True))
    assert roles == {
        ("train", None): 48,
        ("validation", "query"): 2,
        ("validation", "gallery"): 4,
        ("test", "query"): 2,
        ("test", "gallery"): 4,
    }


def test_one_view_is_no_group(tmp_path: Path) -> None:
    table = sketch_dataset(tmp_path / "plain", 3, options=Options(size=32)).table
    assert "group" not in table.columns
    assert "role" not in table.columns


def test_views_and_several_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected either"):
        sketch_dataset(tmp_path / "both", 4, options=Options(size=32, views=2, several=2))
