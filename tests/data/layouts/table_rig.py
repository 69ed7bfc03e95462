"""A table with a row an image, and the ways to spoil it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from layout_writers import write_photo
from reader_rig import Damage, Rig, link_out


def write_table(root: Path) -> None:
    for number in range(3):
        write_photo(root / "photos" / f"{number}.png", number)
    lines = ["image,kind,split,item", "0.png,b,train,x", "1.png,a,val,y", "2.png,,test,"]
    (root / "labels.csv").write_text("\n".join(lines) + "\n")


def csv_with(*lines: str, encoding: str = "utf-8") -> Callable[[Path], object]:
    text = "\n".join(["image,kind,split,item", "0.png,b,train,x", *lines, ""])
    return lambda root: (root / "labels.csv").write_bytes(text.encode(encoding))


TABLE = Rig(
    write=write_table,
    source="labels.csv",
    options=lambda root: {
        "images": root / "photos",
        "single": ["kind"],
        "split_column": "split",
        "group_column": "item",
    },
    damages={
        "ragged": Damage(
            spoil=csv_with("1.png,a,val", "2.png,a,test,y,z"),
            says="labels.csv, line 3: found 3 cells (1.png, a, val), expected 4, as in the "
            "header\n",
        ),
        "all ragged rows at once": Damage(
            spoil=csv_with("1.png,a,val", "2.png,a,test,y,z"), says="line 4: found 5 cells"
        ),
        "open quote": Damage(
            spoil=csv_with('1.png,"a,val,y'),
            says="labels.csv, line 3: found text that is no CSV",
        ),
        "column twice": Damage(
            spoil=lambda root: (root / "labels.csv").write_text("image,kind,kind\n"),
            says="line 1: found column 'kind' twice",
        ),
        "no text": Damage(
            spoil=lambda root: (root / "labels.csv").write_text(""),
            says="found no text, expected a line of column names",
        ),
        "missing image": Damage(
            spoil=csv_with("none.png,a,val,y"), says="labels.csv, line 3: found 'none.png'"
        ),
        "image twice": Damage(
            spoil=csv_with("0.png,a,val,y"), says="line 3: found '0.png' again (line 2)"
        ),
        "image twice, in two splits": Damage(
            spoil=csv_with("0.png,b,val,x"),
            says="line 3: found '0.png' again (line 2) with another split ('train', here 'val'), "
            "expected each image once",
        ),
        "image twice, labelled otherwise": Damage(
            spoil=csv_with("0.png,other,val,y"),
            says="line 3: found '0.png' again (line 2) with another label (kind 'b', here "
            "'other'): the labels conflict, expected each image once",
        ),
        "path that leaves": Damage(
            spoil=csv_with("../labels.csv,a,val,y"),
            says="line 3: '../labels.csv' is not a name under its root",
        ),
        "absolute path": Damage(
            spoil=csv_with("/etc/passwd,a,val,y"),
            says="line 3: '/etc/passwd' is not a name under its root",
        ),
        "url": Damage(
            spoil=csv_with("http://example.org/1.png,a,val,y"),
            says="'http://example.org/1.png' is not a name under its root",
        ),
        "link that leaves": Damage(
            spoil=lambda root: (
                link_out("photos/link.png")(root),
                csv_with("link.png,a,val,y")(root),
            ),
            says="line 3: 'link.png' leads out of",
        ),
        "split that is none": Damage(
            spoil=csv_with("1.png,a,holdout,y"), says="line 3: found split 'holdout'"
        ),
        "unreadable encoding": Damage(
            spoil=lambda root: (root / "labels.csv").write_bytes(b"image,kind\n\x81\x8d,a\n"),
            says="found bytes that are no text, expected text in utf-8 or cp1252",
        ),
        "spreadsheet": Damage(
            spoil=lambda root: (root / "labels.csv").write_bytes(
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
            ),
            says="labels.csv: this is an Excel file; save it as CSV",
        ),
        "bytes of zero": Damage(
            spoil=lambda root: (root / "labels.csv").write_bytes(b"image,kind\n\0\0,a\n"),
            says="found bytes that are no text, expected text in utf-8 or cp1252",
        ),
        "backslash": Damage(
            spoil=csv_with("a\\1.png,a,val,y"), says="is not a name under its root"
        ),
        "name too long": Damage(
            spoil=csv_with(f"{'x' * 5000},a,val,y"), says="labels.csv, line 3: "
        ),
        "column without a name": Damage(
            spoil=lambda root: (root / "labels.csv").write_text("image,,,kind\n0.png,,,b\n"),
            says="labels.csv, line 1: found columns without a name, expected names that differ",
        ),
        "no such parquet": Damage(
            spoil=lambda root: (root / "labels.csv").write_bytes(b"PAR1 torn"),
            says="expected a Parquet table",
        ),
    },
)
