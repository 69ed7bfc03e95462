"""``report.html`` of many runs: the frame that pages about them have, whatever stands inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lapel.evaluation.pages.page import escaped, page, table
from lapel.evaluation.tables import encoded
from lapel.storage.local import write_atomically

REPORT = "report.html"

#: Anchor, heading and HTML of a part of the page.
Section = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What all runs have in common, in words for the page.

    Attributes:
        recipe: name of the recipe.
        dataset: name of the dataset.
        fingerprint: of the dataset.
        settings: changes that all runs share.
        score: what the score is.
    """

    recipe: str
    dataset: str
    fingerprint: str
    settings: Mapping[str, object]
    score: str


def write_page(
    out: Path, basis: Basis, done: str, *, lead: str, sections: Sequence[Section], foot: str
) -> None:
    """Write ``report.html``.

    Args:
        out: the folder.
        basis: what the runs have in common.
        done: what was done with them, such as ``compared``.
        lead: HTML below the title.
        sections: of the page.
        foot: HTML of the last lines.

    Raises:
        StorageError: it cannot be written; a former page is as before.
    """
    title = f"{basis.recipe} on {basis.dataset}, {done}"
    text = page(title=title, lead=lead, sections=sections, foot=f"<p>{foot}</p>")
    write_atomically(out / REPORT, encoded(text))


def lead_of(note: str, cards: Sequence[str], sentence: str = "") -> str:
    """What stands below the title, as HTML.

    Args:
        note: how far the numbers are to be trusted, as plain text.
        cards: numbers to be read from afar, as HTML.
        sentence: stands before it, as plain text.
    """
    first = f'<p class="soft">{escaped(sentence)}.</p>' if sentence else ""
    return f'{first}<p class="note">{escaped(note)}</p><div class="cards">{"".join(cards)}</div>'


def failed_section(kind: str, faults: Sequence[tuple[str, str]], about: str) -> list[Section]:
    """A section about what failed; none where nothing did.

    Args:
        kind: of what, as ``run``.
        faults: name and fault of each.
        about: a sentence about all of them.
    """
    if not faults:
        return []
    rows = [[escaped(name), escaped(fault)] for name, fault in faults]
    shown = f"<p>{escaped(about)}</p>{table([kind, 'fault'], rows, style='words')}"
    return [("failed", f"{kind.capitalize()}s that failed", shown)]


def how_section(heading: str, basis: Basis, *more: tuple[str, str]) -> Section:
    """The section about how it was done.

    Args:
        heading: of the section.
        basis: what the runs have in common.
        more: further facts: what, and how.
    """
    settings = ", ".join(f"{key}={value}" for key, value in basis.settings.items())
    rows = [
        ("recipe", basis.recipe + (f", with {settings}" if settings else "")),
        ("dataset", f"{basis.dataset} (fingerprint {basis.fingerprint})"),
        ("score", basis.score),
        *more,
    ]
    shown = [[escaped(name), escaped(value)] for name, value in rows]
    return ("how", heading, table(["", ""], shown, style="words"))
