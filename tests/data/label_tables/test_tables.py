"""Tables as people keep them: tags, guesses, stray commas, names without endings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lapel.data.importing import import_dataset
from lapel.data.label_tables.cells import read_cells
from lapel.data.label_tables.guessing import recurs, separator_of
from lapel.data.label_tables.tag_cells import read_tags, separator_for, write_tags
from lapel.data.readers.table import read_table
from lapel.data.reading.base import Reading
from lapel.schema.annotation import Label, Tags
from lapel.schema.errors import FormatError, UsageError


def source(root: Path, *lines: str, names: tuple[str, ...] = ()) -> Path:
    """A table below ``root``, and its pictures: those of the first column, or others."""
    (root / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for number, line in enumerate(lines[1:]):
        name = names[number] if names else line.split(",")[0]
        Image.fromarray(np.full((5, 4, 3), number, np.uint8)).save(root / name)
    return root / "t.csv"


def labels(reading: Reading, task: str) -> list[Label]:
    return [row.labels[task] for row in reading.annotations]


def test_tags_yes_none_and_unknown(tmp_path: Path) -> None:
    path = source(tmp_path, "image,tags", "1.png,hat| bag", "2.png,|", "3.png,", "4.png,hat")
    reading = read_table(path, images=tmp_path, multi=["tags:|"])
    assert labels(reading, "tags") == [Tags(("hat", "bag")), Tags(), None, Tags(("hat",))]
    assert reading.schema["tags"].kind == "multi_label"
    assert reading.schema["tags"].labels == ("bag", "hat")
    assert reading.notes[1] == "without a 'tags', kept as unknown: 1 row"


def test_unknown_tags_stand_in_a_column_of_their_own(tmp_path: Path) -> None:
    path = source(tmp_path, "image,tags,tags.unknown", "1.png,hat,bag|belt", "2.png,,bag")
    reading = read_table(path, images=tmp_path, multi=["tags:|"])
    assert labels(reading, "tags") == [Tags(("hat",), ("bag", "belt")), Tags((), ("bag",))]
    assert reading.schema["tags"].labels == ("bag", "belt", "hat")


def test_a_tag_both_holding_and_unknown_is_refused_with_its_line(tmp_path: Path) -> None:
    path = source(tmp_path, "image,tags,tags.unknown", "1.png,hat,bag", "2.png,hat|bag,bag")
    with pytest.raises(FormatError, match="line 3: found 'bag' both as holding and as unknown"):
        read_table(path, images=tmp_path, multi=["tags:|"])


def test_rows_that_say_the_same_again_are_taken_once_and_named(tmp_path: Path) -> None:
    rows = ("1.png,hat,a", "2.png,bag,b", "1.png,hat,c", "2.png,bag,d", "3.png,hat,e")
    reading = read_table(
        source(tmp_path, "image,kind,remark", *rows), images=tmp_path, single=["kind"]
    )
    assert [row.image for row in reading.annotations] == ["1.png", "2.png", "3.png"]
    assert labels(reading, "kind") == ["hat", "bag", "hat"]
    said = "2 rows that said the same of the same image again: taken once (lines 4, 5)"
    assert reading.notes[-1] == said


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("tag", r"--multi tag: .* has no column 'tag'; did you mean 'tags'\?"),
        ("tags:", r"lacks its mark; expected COLUMN or COLUMN:MARK"),
    ],
)
def test_a_column_of_tags_that_is_not_there_is_refused(
    tmp_path: Path, entry: str, says: str
) -> None:
    path = source(tmp_path, "image,tags", "1.png,hat|bag")
    with pytest.raises(UsageError, match=says):
        read_table(path, images=tmp_path, multi=[entry])


def test_marks_of_tags_may_be_anything_and_are_found_out(tmp_path: Path) -> None:
    path = source(tmp_path, "image,a:b,c", "1.png,x::y,p;q", "2.png,y,q;p;q")
    reading = read_table(path, images=tmp_path, multi=["a:b:::", "c"])
    assert labels(reading, "a:b") == [Tags(("x", "y")), Tags(("y",))]
    assert labels(reading, "c") == [Tags(("p", "q")), Tags(("q", "p"))]
    with pytest.raises(UsageError, match="column 'c' is named by --single and --multi"):
        read_table(path, images=tmp_path, multi=["c:;"], single=["c"])


CATALOGUE = (
    "id,colour,year,tags,split,group,title",
    "1,blue,2011,hat;bag,train,x,Blue Shirt of Nike",
    "2,red,2012,hat,val,x,Red Shirt, with, commas",
    "3,blue,2011,,test,,Long Dress",
    "4,red,2011,bag;hat,,z,Round Hat",
)


def test_label_columns_are_guessed_and_shown(tmp_path: Path) -> None:
    path = source(tmp_path, *CATALOGUE, names=("1.jpg", "2.jpg", "3.jpg", "4.jpg"))
    reading = read_table(path, images=tmp_path)
    assert [(task.name, task.kind) for task in reading.schema] == [
        ("colour", "single_label"),
        ("tags", "multi_label"),
    ]
    assert [row.split for row in reading.annotations] == ["train", "validation", "test", None]
    assert [row.group for row in reading.annotations] == ["x", "x", None, "z"]
    assert reading.annotations[1].image == "2.jpg"
    choose = "to choose yourself, name --single and --multi"
    assert reading.notes == (
        "4 rows; images are named by column 'id', with .jpg added",
        "1 row with more cells than columns: joined in 'title' (line 3)",
        "column 'split' says the split",
        "column 'group' says what is shown",
        "taken as one label each (--single): colour",
        "taken as tags with ';' between them (--multi): tags",
        f"passed over: year (numbers), title (texts that hardly recur); {choose}",
        "without a 'tags', kept as unknown: 1 row",
    )


def test_what_is_the_same_everywhere_is_no_label(tmp_path: Path) -> None:
    path = source(tmp_path, "image,shop,kind", "1.png,a,x", "2.png,a,y", "3.png,a,x")
    reading = read_table(path, images=tmp_path)
    assert [task.name for task in reading.schema] == ["kind"]
    assert "passed over: shop (the same in every row)" in reading.notes[2]


def test_what_is_named_is_not_guessed(tmp_path: Path) -> None:
    path = source(tmp_path, *CATALOGUE, names=("1.jpg", "2.jpg", "3.jpg", "4.jpg"))
    reading = read_table(path, images=tmp_path, single=["year"], image_column="id")
    assert [task.name for task in reading.schema] == ["year"]
    assert reading.schema["year"].labels == ("2011", "2012")
    assert [row.split for row in reading.annotations] == ["train", "validation", "test", None]
    assert [row.group for row in reading.annotations] == ["x", "x", None, "z"]
    assert reading.notes[2:] == (
        "column 'split' says the split",
        "column 'group' says what is shown",
    )


def test_a_column_called_split_or_group_may_be_something_else(tmp_path: Path) -> None:
    rows = ("1.png,hat,a,train,x", "2.png,bag,b,test,y")
    path = source(tmp_path, "image,kind,split,fold,group", *rows)
    reading = read_table(path, images=tmp_path, single=["kind"])
    assert [row.split for row in reading.annotations] == [None, None]
    reading = read_table(path, images=tmp_path, single=["kind", "group"], split_column="fold")
    assert [row.split for row in reading.annotations] == ["train", "test"]
    assert [row.group for row in reading.annotations] == [None, None]
    by_name = read_table(path, images=tmp_path, single=["kind"])
    assert [row.group for row in by_name.annotations] == ["x", "y"]
    reading = read_table(path, images=tmp_path, single=["kind"], group_column="")
    assert [row.group for row in reading.annotations] == [None, None]


def test_a_column_with_a_comma_in_its_name_can_be_named(tmp_path: Path) -> None:
    path = source(tmp_path, 'image,"Colour, main",Fit,Length', "1.png,red,slim,long")
    reading = read_table(path, images=tmp_path, single=["Colour, main", "Fit, Length"])
    assert [task.name for task in reading.schema] == ["Colour, main", "Fit", "Length"]
    with pytest.raises(UsageError, match="has no column 'Colour'"):
        read_table(path, images=tmp_path, single=["Colour, Fit"])


def test_extra_cells_are_joined_where_they_are_asked_to_be(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("image,title,colour\n1.jpg,Red,  long ,dress,red\n2.jpg,Hat,blue\n")
    cells = read_cells(path, join_extra="title")
    assert cells.rows == (("1.jpg", "Red,  long ,dress", "red"), ("2.jpg", "Hat", "blue"))
    assert (cells.joined_into, cells.joined_lines) == ("title", (2,))
    with pytest.raises(UsageError, match=r"--join-extra: .* has no column 'titel'; did you mean"):
        read_cells(path, join_extra="titel")


def test_extra_cells_are_not_joined_on_a_guess_into_labels(tmp_path: Path) -> None:
    path = source(tmp_path, "image,colour", "1.png,red", "2.png,blue,green")
    with pytest.raises(FormatError) as caught:
        read_table(path, images=tmp_path)
    assert str(caught.value) == (
        f"{path}, line 3: found 3 cells (2.png, blue, green), expected 2, as in the header\n"
        "Mend these lines; nothing was imported. If the cells too many are parts of one text with "
        "commas in it, name its column with --join-extra."
    )
    path = source(tmp_path, "image,text", "1.png,red shoe", "2.png,blue hat, new", "3.png,a bag")
    with pytest.raises(FormatError, match="line 3: found 3 cells"):
        read_table(path, images=tmp_path, single=["text"])
    reading = read_table(path, images=tmp_path, single=["text"], join_extra="text")
    assert labels(reading, "text") == ["red shoe", "blue hat, new", "a bag"]


def test_rows_with_too_few_cells_are_refused_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("image,colour,title\n1.jpg,red\n2.jpg,red,a b,c\n3.jpg,red,d e\n")
    with pytest.raises(FormatError) as caught:
        read_cells(path, guess_join=True)
    assert [fault.line for fault in caught.value.faults] == [2]


def test_pictures_that_are_missing_are_left_out_when_asked(tmp_path: Path) -> None:
    path = source(tmp_path, "image,colour", "1.png,red", "2.png,red", "3.png,blue")
    (tmp_path / "2.png").unlink()
    says = r"line 3: found '2\.png', expected a file in .*; .* with --skip-unreadable"
    with pytest.raises(FormatError, match=says):
        read_table(path, images=tmp_path, single=["colour"])
    left: list[str] = []
    dataset = import_dataset(
        "table",
        path,
        tmp_path / "d",
        images=tmp_path,
        single=["colour"],
        skip_missing=True,
        on_unreadable=lambda faults: left.extend(fault.file for fault in faults),
    )
    assert dataset.names() == ["1.png", "3.png"]
    assert left == ["2.png"]


def test_a_name_that_leaves_the_folder_is_refused_even_so(tmp_path: Path) -> None:
    path = source(tmp_path, "image,colour", "1.png,red")
    path.write_text("image,colour\n../1.png,red\n")
    with pytest.raises(FormatError, match=r"'\.\./1\.png' is not a name under its root"):
        read_table(path, images=tmp_path, single=["colour"], skip_missing=True)


def test_lists_of_parquet_are_tags(tmp_path: Path) -> None:
    source(tmp_path, "image,x", "1.png,", "2.png,", "3.png,")
    table = pl.DataFrame(
        {"image": ["1.png", "2.png", "3.png"], "tags": [["a|b", None, "c"], [], None]},
        schema={"image": pl.String, "tags": pl.List(pl.String)},
    )
    table.write_parquet(tmp_path / "t.parquet")
    reading = read_table(tmp_path / "t.parquet", images=tmp_path, multi=["tags:;"])
    assert labels(reading, "tags") == [Tags(("a|b", "c")), Tags(), None]


def test_equal_cells_are_one_object(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,colour\n1.jpg,dark red\n2.jpg,dark red\n")
    first, second = read_cells(tmp_path / "t.csv").column("colour")
    assert first is second


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["a|b", "a", "b|a"], "|"),
        (["a, b", "b", "a,c", "c"], ","),
        (["red", "blue", "red"], None),
        (["office/formal", "formal/office", "office/formal"], None),
        (["one thing, said at length", "another one, said so", "and this, too"], None),
    ],
)
def test_the_mark_between_tags_is_found(cells: list[str], mark: str | None) -> None:
    assert separator_of(cells) == mark


def test_labels_recur() -> None:
    assert recurs(2, 4)
    assert recurs(3, 4)
    assert not recurs(4, 4)
    assert not recurs(60, 100)


WORDS = st.text(alphabet="ab |;,/\u00e9\ud55c'=", min_size=1, max_size=4).map(str.strip)
WORD_LISTS = st.lists(WORDS.filter(bool), unique=True, max_size=4)


@given(st.none() | st.tuples(WORD_LISTS, WORD_LISTS))
def test_tags_survive_their_cells(words: tuple[list[str], list[str]] | None) -> None:
    tags: Label = None
    if words is not None:
        yes, unknown = words
        tags = Tags(tuple(yes), tuple(word for word in unknown if word not in yes))
    names = [*tags.yes, *tags.unknown] if isinstance(tags, Tags) else []
    mark = separator_for(names)
    assert read_tags(*write_tags(tags, mark), mark) == tags


def test_tags_that_nothing_can_part_are_refused() -> None:
    with pytest.raises(UsageError, match="expected one that can stand between them"):
        separator_for(["|;,", "/~^"])
