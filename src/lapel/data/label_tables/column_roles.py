"""Which column of a table plays which part: the images' names, labels, splits, groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lapel.data.label_tables.cells import Cells, no_column
from lapel.data.label_tables.guessing import Guess, guess_labels, holds_splits, separator_of
from lapel.data.label_tables.tag_cells import SEPARATORS
from lapel.data.reading.image_names import Listing
from lapel.schema.errors import UsageError

#: What an image column is taken to be called, whatever the case and the marks between words.
IMAGE_COLUMNS = frozenset(
    {"image", "imagename", "imagefile", "imagefilename", "imagepath", "file", "filename"}
    | {"filepath", "path", "photo", "picture"}
)
#: And these, where none of those is there and its cells are names of files without an ending.
NUMBER_COLUMNS = frozenset({"id", "imageid", "photoid", "productid"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Which column plays which part.

    Attributes:
        image: the images' names.
        single: one label each.
        multi: tags, to the mark between them.
        split: train, validation or test.
        group: what is shown.
        guess: how the label columns were found, if nobody named them.
    """

    image: str
    single: tuple[str, ...]
    multi: Mapping[str, str]
    split: str | None
    group: str | None
    guess: Guess | None

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns of both kinds."""
        return (*self.single, *self.multi)


def image_column_of(table: Cells, listing: Listing) -> str:
    """The column of the images' names, by its own name and its cells.

    Raises:
        UsageError: none, or several.
    """
    plain = {column: re.sub(r"[^a-z]", "", column.lower()) for column in table.columns}
    usual = [column for column in table.columns if plain[column] in IMAGE_COLUMNS]
    if not usual:
        usual = [
            column
            for column in table.columns
            if plain[column] in NUMBER_COLUMNS and listing.missing_ending(table.column(column))
        ]
    if len(usual) != 1:
        found = f"several columns ({', '.join(usual)})" if usual else "no column"
        raise UsageError(
            f"{table.file}: {found} named like images; name it with --image-column. "
            f"Columns: {', '.join(table.columns)}"
        )
    return usual[0]


def choose_roles(
    table: Cells,
    image: str,
    single: Sequence[str],
    multi: Sequence[str],
    split: str | None,
    group: str | None,
) -> Roles:
    """The parts of all columns; labels are guessed where neither kind is named.

    Columns called ``split`` and ``group`` are taken as such in either case.

    Raises:
        UsageError: a column of tags that is not there, one that is named twice, or no labels.
    """
    one_each = tuple(single_columns(table, single))
    tags = dict(_with_mark(table, entry) for entry in multi)
    twice = [column for column in one_each if column in tags]
    if twice:
        raise UsageError(f"column {twice[0]!r} is named by --single and --multi; choose one")
    split, group = _splits_and_items(table, split, group, taken=(image, *one_each, *tags))
    guess = None
    if not one_each and not tags:
        guess = guess_labels(table, taken={image, split or image, group or image})
        if not guess.single and not guess.multi:
            passed = "; ".join(f"{column}: {why}" for column, why in guess.passed.items())
            raise UsageError(
                f"{table.file}: found no column of labels ({passed or 'no other columns'}), "
                "expected at least one; name it with --single or --multi"
            )
        one_each, tags = guess.single, guess.multi
    return Roles(image=image, single=one_each, multi=tags, split=split, group=group, guess=guess)


def _splits_and_items(
    table: Cells, split: str | None, group: str | None, *, taken: Sequence[str]
) -> tuple[str | None, str | None]:
    """The columns of splits and of what is shown: those that are named, else those called so.

    Args:
        table: whose.
        split: the column that is named, if any.
        group: likewise.
        taken: columns that play another part.
    """
    free = [column for column in table.columns if column not in (*taken, split, group)]
    if split is None and "split" in free and holds_splits(table.column("split")):
        split = "split"
    if group is None and "group" in free:
        group = "group"
    return split, group


def single_columns(table: Cells, entries: Sequence[str]) -> list[str]:
    """The columns that entries name: each names one, or several with commas between them."""
    found: list[str] = []
    for entry in entries:
        # A name may hold commas itself.
        whole = entry in table.columns
        found += [entry] if whole else [column.strip() for column in entry.split(",")]
    return found


def _with_mark(table: Cells, entry: str) -> tuple[str, str]:
    """A column of tags and the mark between them, of ``COLUMN`` or ``COLUMN:MARK``."""
    if entry in table.columns:
        return entry, separator_of(table.column(entry)) or SEPARATORS[0]
    for column in table.columns:
        mark = entry.removeprefix(f"{column}:")
        if mark and mark != entry:
            return column, mark
    name = entry.split(":", maxsplit=1)[0]
    expected = 'COLUMN or COLUMN:MARK, such as tags:"|"'
    what = "lacks its mark" if name in table.columns else no_column(name, table.columns)
    raise UsageError(f"--multi {entry}: {table.file} {what}; expected {expected}")


def role_notes(roles: Roles) -> Iterator[str]:
    """What the user should know of the columns' parts, most of all where labels are guessed."""
    if roles.split:
        yield f"column '{roles.split}' says the split"
    if roles.group:
        yield f"column '{roles.group}' says what is shown"
    if roles.guess is None:
        return
    if roles.single:
        yield f"taken as one label each (--single): {', '.join(roles.single)}"
    for column, mark in roles.multi.items():
        yield f"taken as tags with {mark!r} between them (--multi): {column}"
    if roles.guess.passed:
        passed = ", ".join(f"{column} ({why})" for column, why in roles.guess.passed.items())
        yield f"passed over: {passed}; to choose yourself, name --single and --multi"
