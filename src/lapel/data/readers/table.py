"""Tables with a row an image: CSV, TSV or Parquet with an image column and label columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lapel.data.label_tables.cells import Cells, read_cells
from lapel.data.label_tables.column_roles import (
    Roles,
    choose_roles,
    image_column_of,
    role_notes,
    single_columns,
)
from lapel.data.label_tables.tag_cells import UNKNOWN_SUFFIX, read_tags
from lapel.data.reading.base import (
    Reading,
    existing_file,
    existing_folder,
    refuse,
    sorted_labels,
)
from lapel.data.reading.image_names import Listing
from lapel.schema.annotation import SPLIT_NAMES, Annotation, Label, mentioned
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, UsageError
from lapel.schema.labels import Schema, TaskSpec

#: Lines of a note that are named.
LINES_SHOWN = 5


def read_table(
    source: str | Path,
    *,
    images: str | Path,
    single: Sequence[str] = (),
    multi: Sequence[str] = (),
    image_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    encoding: str | None = None,
    join_extra: str | None = None,
    skip_missing: bool = False,
) -> Reading:
    """A table file and the folder of its images.

    Args:
        source: the table; see :func:`lapel.data.label_tables.cells.read_cells`.
        images: the folder that the image column's names are relative to. Where all names lack
            an ending (``1163``), the usual ones are tried.
        single: columns that hold one label each, or several of them with commas between their
            names; each becomes a task of its name. An empty cell is an unknown label.
        multi: columns that hold tags, as ``COLUMN`` or ``COLUMN:MARK``, with the mark that
            stands between them. An empty cell is unknown, a mark alone is none of them, and
            the labels in ``COLUMN.unknown`` are unknown. Without ``single`` and ``multi``, both
            are guessed, and the notes say how.
        image_column: the column of the images' names; by default one of a usual name.
        split_column: the column that says train, validation or test (or val, dev, ...); by default
            the one called ``split``, if it says so in every filled cell; empty: none.
        group_column: the column of what is shown, where several images show one item; by default
            the one called ``group``; empty: none.
        encoding: of a text file, where it is not found out.
        join_extra: the column of free text that takes up the cells that a row has too many; by
            default the last one, if it is free text and no label.
        skip_missing: let pictures that are not there pass, to be left out with those that
            cannot be opened.

    Raises:
        UsageError: no such file, folder or column.
        FormatError: faults of the table; images that are missing, outside the folder, or named
            again with something else said of them; splits that are none. All together, each with
            its line.
    """
    file, root = existing_file(source), existing_folder(images)
    table = _read(file, encoding, join_extra, single, multi)
    listing = Listing(root)
    image = image_column or image_column_of(table, listing)
    ending = listing.missing_ending(table.column(image)) or ""
    names = [name + ending for name in table.column(image)]
    roles = choose_roles(table, image, single, multi, split_column, group_column)
    table, names, repeated = _each_once(table, names, roles)
    faults = list(_name_faults(table, names, roles, listing, skip_missing=skip_missing))
    faults += _split_faults(table, roles.split)
    labels: dict[str, list[Label]] = {
        column: [cell or None for cell in table.column(column)] for column in roles.single
    }
    labels |= {column: _tags(table, column, mark, faults) for column, mark in roles.multi.items()}
    refuse(sorted(faults, key=lambda fault: fault.line or 0))
    return Reading(
        name=file.stem,
        schema=_schema(labels, roles),
        annotations=_annotations(table, names, labels, roles),
        images=root,
        origin=f"table '{file.name}'",
        notes=(*_notes(table, roles, ending, labels), *_repeats_note(repeated)),
    )


def _read(
    file: Path,
    encoding: str | None,
    join_extra: str | None,
    single: Sequence[str],
    multi: Sequence[str],
) -> Cells:
    table = read_cells(file, encoding=encoding, join_extra=join_extra, guess_join=True)
    marked = (entry.split(":", maxsplit=1)[0] for entry in multi)
    labels = {*single_columns(table, single), *multi, *marked}
    if table.joined_into in labels and join_extra is None:
        # Labels are no free text: refuse the rows instead, each with its line.
        return read_cells(file, encoding=encoding)
    return table


def _each_once(
    table: Cells, names: list[str], roles: Roles
) -> tuple[Cells, list[str], tuple[int, ...]]:
    """The rows without those that say again what another says of the same image.

    Returns:
        The rows, their images, and the lines of those that were left out. Rows that say something
        else of the same image stay, to be refused.
    """
    columns = [*roles.labels, *(one for one in (roles.split, roles.group) if one)]
    columns += [f"{name}{UNKNOWN_SUFFIX}" for name in roles.multi]
    said = zip(names, *(table.column(one) for one in columns if one in table.columns), strict=True)
    first: dict[tuple[str, ...], int] = {}
    again = {row for row, cells in enumerate(said) if first.setdefault(cells, row) != row}
    if not again:
        return table, names, ()
    kept = [row for row in range(len(table)) if row not in again]
    once = replace(
        table,
        values=tuple(tuple(cells[row] for row in kept) for cells in table.values),
        lines=tuple(table.lines[row] for row in kept),
    )
    lines = tuple(table.lines[row] for row in sorted(again))
    return once, [names[row] for row in kept], lines


def _repeats_note(lines: Sequence[int]) -> Iterator[str]:
    if lines:
        word = "line" if len(lines) == 1 else "lines"
        more = ", ..." if len(lines) > LINES_SHOWN else ""
        named = ", ".join(map(str, lines[:LINES_SHOWN]))
        yield (
            f"{counted(len(lines), 'row')} that said the same of the same image again: taken once "
            f"({word} {named}{more})"
        )


def _tags(table: Cells, column: str, mark: str, faults: list[Fault]) -> list[Label]:
    cells = table.column(column)
    beside = f"{column}{UNKNOWN_SUFFIX}"
    unknown = table.column(beside) if beside in table.columns else [""] * len(cells)
    read: dict[tuple[str, str], Label] = {}
    for line, pair in zip(table.lines, zip(cells, unknown, strict=True), strict=True):
        if pair not in read:
            try:
                read[pair] = read_tags(*pair, mark)
            except ValueError as error:
                read[pair] = None
                expected = "each label in one of the two columns"
                faults.append(
                    Fault(file=str(table.file), line=line, found=str(error), expected=expected)
                )
    return [read[pair] for pair in zip(cells, unknown, strict=True)]


def _schema(labels: Mapping[str, Sequence[Label]], roles: Roles) -> Schema:
    tasks = []
    for name, cells in labels.items():
        words = sorted_labels(word for label in dict.fromkeys(cells) for word in mentioned(label))
        if not words:
            raise UsageError(f"column {name!r} is empty; a task needs at least one label")
        kind = "multi_label" if name in roles.multi else "single_label"
        tasks.append(TaskSpec(name=name, kind=kind, labels=words))
    return Schema(tuple(tasks))


def _annotations(
    table: Cells, names: Sequence[str], labels: Mapping[str, Sequence[Label]], roles: Roles
) -> tuple[Annotation, ...]:
    nothing = [""] * len(names)
    splits = table.column(roles.split) if roles.split else nothing
    groups = table.column(roles.group) if roles.group else nothing
    tasks = tuple(labels)
    answers = zip(*labels.values(), strict=True)
    return tuple(
        Annotation(
            image=name,
            labels=dict(zip(tasks, answer, strict=True)),
            split=SPLIT_NAMES[split.lower()] if split else None,
            group=group or None,
        )
        for name, answer, split, group in zip(names, answers, splits, groups, strict=True)
    )


def _name_faults(
    table: Cells, names: Sequence[str], roles: Roles, listing: Listing, *, skip_missing: bool
) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for row, name in enumerate(names):
        if first.setdefault(name, row) != row:
            conflict = _conflict(table, roles, first[name], row)
            yield Fault(
                file=str(table.file),
                line=table.lines[row],
                found=f"{name!r} again (line {table.lines[first[name]]}){conflict}",
                expected="each image once",
            )
    different, rows = list(first), list(first.values())
    for place, found, expected in listing.faults(different):
        if not (skip_missing and expected):
            line = table.lines[rows[place]]
            remedy = "; leave such rows out with --skip-unreadable" if expected else ""
            yield Fault(file=str(table.file), line=line, found=found, expected=expected + remedy)


def _conflict(table: Cells, roles: Roles, first: int, again: int) -> str:
    """What two rows of one image say differently."""
    for column in [*roles.labels, *(one for one in (roles.split, roles.group) if one)]:
        cells = table.column(column)
        if cells[first] != cells[again]:
            was, now = cells[first], cells[again]
            if column not in roles.labels:
                return f" with another {column} ({was!r}, here {now!r})"
            return f" with another label ({column} {was!r}, here {now!r}): the labels conflict"
    return ""


def _split_faults(table: Cells, column: str | None) -> Iterator[Fault]:
    for line, split in zip(table.lines, table.column(column) if column else (), strict=False):
        if split and split.lower() not in SPLIT_NAMES:
            yield Fault(
                file=str(table.file),
                line=line,
                found=f"split {split!r}",
                expected=f"one of {', '.join(SPLIT_NAMES)}",
            )


def _notes(
    table: Cells, roles: Roles, ending: str, labels: Mapping[str, Sequence[Label]]
) -> Iterator[str]:
    with_ending = f", with {ending} added" if ending else ""
    yield f"{counted(len(table), 'row')}; images are named by column '{roles.image}'{with_ending}"
    if table.encoding in {"cp949", "cp1252"}:
        used = table.encoding.upper()
        yield f"the text is no UTF-8 and was read as {used}; name another with --encoding"
    if table.joined_into is not None:
        lines = ", ".join(map(str, table.joined_lines[:LINES_SHOWN]))
        word = "line" if len(table.joined_lines) == 1 else "lines"
        more = ", ..." if len(table.joined_lines) > LINES_SHOWN else ""
        cells = f"{counted(len(table.joined_lines), 'row')} with more cells than columns"
        yield f"{cells}: joined in '{table.joined_into}' ({word} {lines}{more})"
    yield from role_notes(roles)
    for column, found in labels.items():
        unknown = sum(label is None for label in found)
        if unknown:
            yield f"without a '{column}', kept as unknown: {counted(unknown, 'row')}"
