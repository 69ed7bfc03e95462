"""Files, folders and patterns lead to the pictures that are meant, each once, in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lapel.inference.finding import find_pictures
from lapel.schema.errors import StorageError, UsageError


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.PNG", "sub/deep/c.webp", ".hidden/d.jpg", ".e.jpg", "[odd].jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[path.suffix[1:].lower()]
        Image.new("RGB", (2, 2)).save(path, kind)
    Image.new("RGB", (2, 2)).save(tmp_path / "no_ending", "PNG")
    (tmp_path / "torn.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "table.csv").write_text("image,label\n")
    return tmp_path


def names(found: list[str], root: Path) -> list[str]:
    return [Path(path).relative_to(root).as_posix() for path in found]


def test_a_folder_at_any_depth(shop: Path) -> None:
    assert names(find_pictures([str(shop)]), shop) == [
        "[odd].jpg", "a.PNG", "b.jpg", "no_ending", "torn.jpg", "sub/deep/c.webp",
    ]  # fmt: skip


def test_pictures_of_formats_that_are_refused_are_meant_too(tmp_path: Path) -> None:
    meant = ["a.heic", "b.GIF", "c.tiff", "d.bmp", "e.avif", "f.jxl", "g.heif", "h.tif"]
    for name in [*meant, "notes.txt", "film.mov"]:
        (tmp_path / name).write_bytes(b"?")
    assert names(find_pictures([str(tmp_path)]), tmp_path) == meant


def test_a_pattern(shop: Path) -> None:
    assert names(find_pictures([f"{shop}/*.jpg"]), shop) == ["[odd].jpg", "b.jpg", "torn.jpg"]
    assert names(find_pictures([f"{shop}/**/*.webp"]), shop) == ["sub/deep/c.webp"]


def test_a_name_that_looks_like_a_pattern(shop: Path) -> None:
    assert names(find_pictures([f"{shop}/[odd].jpg"]), shop) == ["[odd].jpg"]


def test_a_named_file_is_meant_whatever_it_is(shop: Path) -> None:
    asked = [f"{shop}/notes.txt", f"{shop}/missing.jpg"]
    assert find_pictures(asked) == asked


def test_each_once_in_the_order_asked(shop: Path) -> None:
    asked = [f"{shop}/sub", f"{shop}/b.jpg", f"{shop}/b.jpg", f"{shop}/*.PNG"]
    assert names(find_pictures(asked), shop) == ["sub/deep/c.webp", "b.jpg", "a.PNG"]


def test_nothing_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no pictures in .*expected JPEG, PNG or WebP files"):
        find_pictures([str(tmp_path), f"{tmp_path}/*.jpg"])


def test_links_in_a_circle_end(shop: Path) -> None:
    (shop / "sub" / "up").symlink_to(shop)
    assert len(find_pictures([str(shop)])) == 6


def test_a_folder_that_cannot_be_read_is_not_passed_over(
    shop: Path, forbid: Callable[[Path], None]
) -> None:
    forbid(shop / "sub" / "deep")
    with pytest.raises(StorageError, match=r"sub/deep could not be read: .*; make it readable"):
        find_pictures([str(shop)])
