"""Drawing parts of a dataset that look like the whole.

The draw depends on a seed and the images' names alone, through SHA-256: it is the same on
every machine and with every version of every library, and does not move when rows do.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence


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
        # Labels may be None beside texts: compare how they are written.
        return tuple(map(repr, strata[rows[0]])), _draw(seed, _key(names, groups, rows[0]))

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


def hold_out_evenly(
    names: Sequence[str],
    labels: Sequence[Sequence[Hashable]],
    fractions: Mapping[str, float],
    *,
    seed: int,
    groups: Sequence[str | None] | None = None,
) -> list[str | None]:
    """Draw parts of given sizes, each with every label in proportion, where images have several.

    Combinations of labels would be strata too small to share out. So the rarest label is shared
    out first, image by image; then the rarest of the labels that are left: "iterative
    stratification" (K. Sechidis, G. Tsoumakas, I. Vlahavas, On the stratification of multi-label
    data, ECML PKDD 2011, algorithm 1). There an image goes to the part that lacks most of the
    rarest label; here to the one that lacks most of all its labels, each against what the part
    is owed, which comes closer where an image has many. A label of which no part is owed half
    an image cannot be shared out: a part gets one such image at most, by chance.

    Args:
        names: of the images, (N,).
        labels: those of each image, (N,).
        fractions: name of a part to its fraction of all images; together below 1.
        seed: another seed gives another draw.
        groups: as in :func:`hold_out`.

    Returns:
        For each image the part that it is drawn for, or None, (N,).
    """
    drawn: list[str | None] = [None] * len(names)
    if not fractions:
        return drawn
    units = sorted(
        _units(names, groups),
        key=lambda rows: _draw(seed, _key(names, groups, rows[0])),
    )
    sharing = _Sharing(units, labels, fractions)
    for unit, part in sharing.shared():
        for row in units[unit]:
            drawn[row] = part
    return drawn


class _Sharing:
    """What each part still lacks; the last part (None) is the rest."""

    def __init__(
        self,
        units: Sequence[Sequence[int]],
        labels: Sequence[Sequence[Hashable]],
        fractions: Mapping[str, float],
    ) -> None:
        self.sizes = [len(rows) for rows in units]
        self.holds = [Counter(label for row in rows for label in labels[row]) for rows in units]
        self.parts: list[str | None] = [*fractions, None]
        self.shares = [*fractions.values(), 1 - sum(fractions.values())]
        counts: Counter[Hashable] = Counter()
        for holds in self.holds:
            counts.update(holds)
        largest = max(fractions.values())
        # A Counter: 0 for labels too rare to be shared out.
        self.total = Counter({label: n for label, n in counts.items() if n * largest >= 0.5})
        self.rare_in: set[tuple[Hashable, int]] = set()
        self.lacks = {
            label: [share * count for share in self.shares] for label, count in self.total.items()
        }
        self.rows = sum(self.sizes)
        self.room = [share * self.rows for share in self.shares]

    def shared(self) -> Iterator[tuple[int, str | None]]:
        """Every unit and its part."""
        waiting: dict[Hashable, list[int]] = defaultdict(list)
        for unit, holds in enumerate(self.holds):
            for label in holds:
                waiting[label].append(unit)
        placed = [False] * len(self.sizes)
        # Labels in the order in which they were met: equal counts are told apart by that.
        left = dict(self.total)
        while left:
            rarest = min(left, key=lambda label: left[label])
            for unit in waiting[rarest]:
                if not placed[unit]:
                    placed[unit] = True
                    yield unit, self._take(unit)
                    for label, count in self.holds[unit].items():
                        if label in left:
                            left[label] -= count
            del left[rarest]
        for unit, done in enumerate(placed):
            if not done:
                yield unit, self._take(unit)

    def _take(self, unit: int) -> str | None:
        # A part that is full takes no more, so that sizes are as asked for.
        places = range(len(self.parts))
        open_places = [part for part in places if self.room[part] >= self.sizes[unit] / 2 - 1e-6]
        place = max(open_places or places, key=lambda part: self._need(unit, part))
        self.room[place] -= self.sizes[unit]
        for label, count in self.holds[unit].items():
            if label in self.lacks:
                self.lacks[label][place] -= count
            elif self.parts[place] is not None:
                self.rare_in.add((label, place))
        return self.parts[place]

    def _need(self, unit: int, part: int) -> float:
        """How much a part lacks of a unit's labels, each against what it is owed of it."""
        if any((label, part) in self.rare_in for label in self.holds[unit]):
            return -math.inf  # one of so rare a label is enough
        share = self.shares[part]
        owed = [(label, share * self.total[label]) for label in self.holds[unit]]
        need = sum(self.lacks[label][part] / whole for label, whole in owed if whole)
        return need + self.room[part] / (share * self.rows)


def _key(names: Sequence[str], groups: Sequence[str | None] | None, row: int) -> str:
    group = groups[row] if groups else None
    return names[row] if group is None else group


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
