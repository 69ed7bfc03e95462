from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest

from lapel.data.label_tables.cells import read_cells
from lapel.schema.errors import FormatError, UsageError


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings_are_found_out(tmp_path: Path, encoding: str, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("image,café\r\n1.jpg,crème\r\n".encode(encoding))
    cells = read_cells(path)
    assert cells.columns == ("image", "café")
    assert cells.rows == (("1.jpg", "crème"),)
    assert cells.encoding == said


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("image,스타일\n1.jpg,로맨틱\n".encode("cp949"))
    assert read_cells(path, encoding="cp949").column("스타일") == ("로맨틱",)
    with pytest.raises(UsageError, match="no encoding is called 'korean-ish'"):
        read_cells(path, encoding="korean-ish")
    with pytest.raises(FormatError, match="expected text in ascii"):
        read_cells(path, encoding="ascii")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
)
def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes('\ufeff"image"\tcafé\n1.jpg\tcrème\n'.encode(encoding.removesuffix("-sig")))
    for named in (None, encoding):
        cells = read_cells(path, encoding=named)
        assert cells.columns == ("image", "café")
        assert cells.rows == (("1.jpg", "crème"),)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("image,스타일\n1.jpg,로맨틱\n2.jpg,스포티 ★\n3.jpg,캐주얼\n", "cp949"),
        ("image,note\n1.jpg,don\u2019t\n2.jpg,girl\u2019s\n", "cp1252"),  # rare syllables in CP949
        ("image,note\n1.jpg,Größe\n2.jpg,été\n", "cp1252"),
    ],
)
def test_korean_is_told_from_latin(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    cells = read_cells(path)
    assert cells.encoding == encoding
    assert ",".join(cells.rows[0]) == text.split("\n")[1]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiters_are_found_out(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f" image {mark} label\n\n1.jpg{mark} red \n2.jpg{mark}\n")
    cells = read_cells(path)
    assert cells.columns == ("image", "label")
    assert cells.rows == (("1.jpg", "red"), ("2.jpg", ""))
    assert cells.lines == (3, 4)


def test_quoted_cells_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('image,label\n"a,b.jpg","two\nlines ""quoted"""\n')
    assert read_cells(path).rows == (("a,b.jpg", 'two\nlines "quoted"'),)


def test_parquet_is_read_as_texts(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"image": ["1.jpg", "2.jpg"], "size": [38, None]}).write_parquet(path)
    assert read_cells(path).rows == (("1.jpg", "38"), ("2.jpg", ""))


def test_all_ragged_rows_are_reported_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("image,label\n" + "1.jpg,a\n2.jpg,a,b\n3.jpg\n" * 15)
    with pytest.raises(FormatError) as caught:
        read_cells(path)
    assert len(caught.value.faults) == 30
    assert [fault.line for fault in caught.value.faults[:3]] == [3, 4, 6]
    assert "... and 10 more" in str(caught.value)


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("image,label\n1.jpg,a\n")
    with pytest.raises(UsageError, match=r"has no column 'colour'\. It has: image, label"):
        read_cells(path).column("colour")


@pytest.mark.parametrize("typed", ["Category", "categroy", "CATEGORIES"])
def test_the_column_that_was_meant_is_named(tmp_path: Path, typed: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("image,category,colour\n1.jpg,a,b\n")
    with pytest.raises(UsageError, match=rf"no column '{typed}'; did you mean 'category'\?"):
        read_cells(path).column(typed)


def test_a_spreadsheet_is_told_from_a_broken_text(tmp_path: Path) -> None:
    path = tmp_path / "labels.xlsx"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(FormatError, match=r"labels\.xlsx: this is an Excel file; save it as CSV"):
        read_cells(path)
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100))
    with pytest.raises(FormatError, match="this is an Excel file"):
        read_cells(tmp_path / "old.xls")
