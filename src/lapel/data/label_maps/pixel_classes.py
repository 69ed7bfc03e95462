"""From the values of label maps to the labels of a task: groups of classes, and those left out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.data.label_maps.class_list import ListedClass
from lapel.data.label_tables.cells import read_cells
from lapel.data.reading.base import refuse
from lapel.schema.errors import Fault, UsageError
from lapel.schema.masks import BACKGROUND, MOST_CLASSES, UNKNOWN_CLASS, ClassMap, lookup

#: Names of the tables of groups that come with Lapel.
SHIPPED_GROUPS = ("clothing-co-parsing",)

CLASS_COLUMN, GROUP_COLUMN = "class", "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelClasses:
    """What the values of label maps mean.

    Attributes:
        labels: of the task, ``background`` first where it is one.
        codes: int64 (K,), ascending: values that maps may have; of a map of colours red * 65536 +
            green * 256 + blue.
        positions: uint8 (K,): what each becomes.
        coloured: the same two for maps of colours; None where no class has a colour.
    """

    labels: tuple[str, ...]
    codes: NDArray[np.int64]
    positions: NDArray[np.uint8]
    coloured: tuple[NDArray[np.int64], NDArray[np.uint8]] | None

    def strange(self, codes: Sequence[int], *, coloured: bool) -> list[int]:
        """Those values of a map that stand for no class; ``UNKNOWN_CLASS`` stands for none."""
        known = set(self._table(coloured=coloured)[0].tolist())
        void = () if coloured else (UNKNOWN_CLASS,)
        return [code for code in codes if code not in known and code not in void]

    def map_of(self, values: NDArray[np.integer]) -> ClassMap:
        """A label map as a label.

        Args:
            values: (H, W) numbers, or (H, W, 3) colours; what stands for no class is unknown.
        """
        if values.dtype == np.uint8 and values.ndim == 2:
            within = self.codes < 256
            table = lookup(self.codes[within].tolist(), self.positions[within].tolist())
            return ClassMap(table[values], self.labels)
        coded = codes_of(values)
        codes, positions = self._table(coloured=values.ndim == 3)
        places = np.searchsorted(codes, coded).clip(max=len(codes) - 1)
        known = codes[places] == coded
        return ClassMap(np.where(known, positions[places], np.uint8(UNKNOWN_CLASS)), self.labels)

    def _table(self, *, coloured: bool) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        if not coloured:
            return self.codes, self.positions
        return self.coloured or (np.zeros(0, np.int64), np.zeros(0, np.uint8))


def codes_of(values: NDArray[np.integer]) -> NDArray[np.int64]:
    """Values as they are, (H, W); colours (H, W, 3) as one number each."""
    wide = values.astype(np.int64)
    return wide if wide.ndim == 2 else wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def pixel_classes(
    listed: Sequence[ListedClass],
    groups: Mapping[str, str | None] | None = None,
    ignored: Sequence[str] = (),
) -> PixelClasses:
    """What values mean, by a list of classes.

    Args:
        listed: the classes.
        groups: class to the group that becomes its label, or None for unknown; all of them.
        ignored: names of classes, or of groups, whose pixels become unknown.

    Raises:
        UsageError: an ignored name that does not exist, no label left, or too many.
    """
    becomes = {one.name: one.name if groups is None else groups[one.name] for one in listed}
    there = {*becomes, *becomes.values()}
    strange = [name for name in ignored if name not in there]
    if strange:
        known = ", ".join(dict.fromkeys(name for name in becomes.values() if name))
        raise UsageError(f"--ignore: found no class {strange[0]!r}; there are: {known}")
    for name, group in becomes.items():
        if name in ignored or group in ignored:
            becomes[name] = None
    ordered = list(becomes.values()) if groups is None else list(groups.values())
    left = {group for group in becomes.values() if group is not None}
    labels = tuple(dict.fromkeys(group for group in ordered if group in left and group))
    labels = tuple(sorted(labels, key=lambda label: label != BACKGROUND))
    if not 0 < len(labels) <= MOST_CLASSES:
        raise UsageError(f"found {len(labels)} classes, expected 1 to {MOST_CLASSES}; group them")
    place = {label: number for number, label in enumerate(labels)}
    found = [(one, place.get(becomes[one.name] or "", UNKNOWN_CLASS)) for one in listed]
    colours = [(one.colour, at) for one, at in found if one.colour is not None]
    codes, positions = _table([(one.number, at) for one, at in found])
    return PixelClasses(
        labels=labels,
        codes=codes,
        positions=positions,
        coloured=_table(colours) if colours else None,
    )


def _table(pairs: Sequence[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    ordered = sorted(pairs)
    codes = np.asarray([code for code, _ in ordered], np.int64)
    return codes, np.asarray([position for _, position in ordered], np.uint8)


def choose_groups(groups: str | Path, classes: Sequence[str]) -> dict[str, str | None]:
    """The groups that a user names: a shipped table, or a file of their own.

    Args:
        groups: a name of ``SHIPPED_GROUPS``, or the path of a CSV or TSV file with the columns
            ``class`` and ``group``; a class without a group becomes unknown.
        classes: the classes there are.

    Returns:
        Each class to its group, in the order of the table.

    Raises:
        UsageError: no such file or table.
        FormatError: classes that do not exist, that stand twice or that are left out; all faults
            together.
    """
    rows = list(_rows(groups))
    faults = list(_group_faults(str(groups), rows, classes))
    refuse(faults)
    return {name: group or None for _, name, group in rows}


def _rows(groups: str | Path) -> Iterator[tuple[int | None, str, str]]:
    """Line, class and group of each row of a table."""
    shipped = str(groups) in SHIPPED_GROUPS and not Path(str(groups)).is_file()
    if shipped:
        path = resources.files(__package__).joinpath("class_groups", f"{groups}.tsv")
        lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
        for row in csv.DictReader(lines, delimiter="\t"):
            yield None, row[CLASS_COLUMN], row[GROUP_COLUMN]
        return
    if not Path(groups).is_file():
        raise UsageError(
            f"--groups: found neither a file {str(groups)!r} nor shipped groups of that name; "
            f"shipped are: {', '.join(SHIPPED_GROUPS)}"
        )
    table = read_cells(Path(groups))
    columns = (table.column(CLASS_COLUMN), table.column(GROUP_COLUMN))
    yield from zip(table.lines, *columns, strict=True)


def _group_faults(
    file: str, rows: Sequence[tuple[int | None, str, str]], classes: Sequence[str]
) -> Iterator[Fault]:
    seen: set[str] = set()
    for line, name, _ in rows:
        if name not in classes:
            expected = f"one of {', '.join(classes[:12])}{', ...' if len(classes) > 12 else ''}"
            yield Fault(file=file, line=line, found=f"class {name!r}", expected=expected)
        elif name in seen:
            yield Fault(file=file, line=line, found=f"class {name!r} again", expected="each once")
        seen.add(name)
    missing = [name for name in classes if name not in seen]
    if missing:
        found = f"no group for {', '.join(missing[:12])}{', ...' if len(missing) > 12 else ''}"
        expected = "a line for each class; an empty group makes its pixels unknown"
        yield Fault(file=file, found=found, expected=expected)
