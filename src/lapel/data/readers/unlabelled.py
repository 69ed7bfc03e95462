"""Photos that nobody has labelled yet, in a folder at any depth, and what they are to be asked."""

from __future__ import annotations

from pathlib import Path

from lapel.data.reading.base import Reading, existing_folder, refuse
from lapel.data.reading.walking import Walk
from lapel.schema.annotation import Annotation
from lapel.schema.errors import Fault
from lapel.schema.labels import Schema


def read_unlabelled(source: str | Path, *, schema: Schema) -> Reading:
    """Photos without labels.

    Args:
        source: the folder; photos may lie in folders below it, whose names mean nothing here.
        schema: what they are to be asked.

    Raises:
        UsageError: no such folder.
        FormatError: no photo in it, names that are no text, or links that lead out of it or
            to a folder; all faults together.
    """
    root = existing_folder(source)
    walk = Walk(root)
    rows = tuple(Annotation(image=name, labels={}) for name in walk.images(root))
    if not rows and not walk.faults:
        found, expected = "no pictures", "photos, in this folder or in folders below it"
        walk.faults.append(Fault(file=str(root), found=found, expected=expected))
    refuse(walk.faults)
    return Reading(
        name=root.resolve().name,
        schema=schema,
        annotations=rows,
        images=root,
        origin=f"photos of '{root.resolve().name}', without labels",
        notes=(*walk.notes(), "no photo has a label yet; give them with `lapel review`"),
    )
