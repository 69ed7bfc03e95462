"""Drawing parts of a dataset that look like the whole.

The draw depends on a seed and the images' names alone, through SHA-256: it is the same on
every machine and with every version of every library, and does not move when rows do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence


def hold_out(
    names: Sequence[str],
    strata: Sequence[tuple[Hashable, ...]],
    fractions: Mapping[str, float],
    *,
    seed: int,
    groups: Sequence[str | None] | None = None,
) -> list[str | None]:
    """Draw parts of given sizes, each with the strata in the proportions of the whole.

    Groups are laid end to end, stratum by stratum, in an order drawn by the seed. Walking
    along, each part is owed its fraction of every image passed; when it is owed half a group
    or more, it takes that group, and owes what it took too much. So every stratum, and every
    run of small ones, gives its share, without rounding each stratum by itself.

    Args:
        names: of the images, (N,).
        strata: what is to stay in proportion, such as each image's labels, (N,).
        fractions: name of a part to its fraction of all images; together below 1.
        seed: another seed gives another draw.
        groups: what images show, (N,), if images of one thing must stay together; an image
            whose group is None stands alone.

    Returns:
        For each image the part that it is drawn for, or None, (N,).
    """
    units = _units(names, groups)

    def place(rows: Sequence[int]) -> tuple[tuple[str, ...], bytes]:
        group = groups[rows[0]] if groups else None
        key = names[rows[0]] if group is None else group
        # Labels may be None beside texts: compare how they are written.
        return tuple(map(repr, strata[rows[0]])), _draw(seed, key)

    drawn: list[str | None] = [None] * len(names)
    if not fractions:
        return drawn
    owed = dict.fromkeys(fractions, 0.0)
    for rows in sorted(units, key=place):
        for part, fraction in fractions.items():
            owed[part] += fraction * len(rows)
        part = max(owed, key=lambda name: owed[name])
        # The small allowance takes up the rounding of sums such as twelve times 1/12.
        if owed[part] >= len(rows) / 2 - 1e-6:
            owed[part] -= len(rows)
            for row in rows:
                drawn[row] = part
    return drawn


def _units(names: Sequence[str], groups: Sequence[str | None] | None) -> list[list[int]]:
    """Rows that stay together."""
    if groups is None:
        return [[row] for row in range(len(names))]
    together: dict[tuple[str, str], list[int]] = {}
    for row, (name, group) in enumerate(zip(names, groups, strict=True)):
        key = ("image", name) if group is None else ("group", group)
        together.setdefault(key, []).append(row)
    return list(together.values())


def _draw(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{key}".encode("utf-8", "surrogateescape")).digest()
