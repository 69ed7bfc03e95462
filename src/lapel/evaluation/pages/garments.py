"""The part of a report that tells of one task of kind ``garments``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.judged import Scene, Section
from lapel.evaluation.kinds.garments import CALLED, GarmentsEvaluation
from lapel.evaluation.kinds.garments_seen import SeenPicture
from lapel.evaluation.pages.mosaic import Drawing, drawn_mosaic
from lapel.evaluation.pages.numbers import percent
from lapel.evaluation.pages.page import bar, escaped, table
from lapel.evaluation.pages.shown_pictures import worst_and_middle
from lapel.evaluation.pages.task_page import numbers_section, where
from lapel.imaging.draw import colours
from lapel.imaging.draw_garments import Shape, beside, draw_disagreement, draw_garments
from lapel.schema.errors import ImageError, StorageError
from lapel.schema.geometry import Box
from lapel.schema.prediction import SEEN
from lapel.schema.run_lengths import RunLengths
from lapel.tasks.placed_garments import mask_of_box

#: Pictures shown: the worst, and those of median quality.
WORST, MIDDLE = 18, 8

#: Longest side of each of three drawings of a picture, in pixels.
SIDE = 240

#: Pairs named that are taken for one another.
PAIRS = 12


def garments_sections(judged: GarmentsEvaluation, scene: Scene) -> list[Section]:
    """(anchor, heading, HTML) of each section.

    Args:
        judged: the task.
        scene: what was looked at, for the pictures.
    """
    sections = [
        ("numbers", "All numbers", _numbers(judged)),
        ("categories", "Each category", _each(judged)),
    ]
    subsets = judged.subsets()
    if subsets:
        sections.append(("subsets", "By scale, occlusion, zoom and viewpoint", _subsets(subsets)))
    order = np.argsort([one.quality for one in judged.pictures], kind="stable").tolist()
    worst, middle = worst_and_middle(order, worst=WORST, middle=MIDDLE)
    drawn = _drawings(judged, scene, worst, "of least quality")
    sections.append(("worst", "Worst pictures", drawn))
    if middle:
        usual = _drawings(judged, scene, middle, "of median quality: what to expect")
        sections.append(("middle", "Pictures in the middle", usual))
    return sections


def _numbers(judged: GarmentsEvaluation) -> str:
    about = (
        f"{len(judged.rows):,} images, {judged.there:,} garments. AP is COCO's average precision, "
        "over overlaps from 0.5 to 0.95, then over the categories that occur; AP50 and AP75 are of "
        "one overlap. Told are answers whose score reaches "
        f"{judged.least:g}; they are right if they overlap a garment of their category by half. "
        f"Beside it stands the answer that never looks: {judged.majority.answer}, counted on "
        f"{where(judged.majority.counted_on)}."
    )
    return numbers_section(judged, about)


def _each(judged: GarmentsEvaluation) -> str:
    measures = [measure for measure in CALLED if measure in judged.counts.measured]
    rows = [
        [
            f"{_swatch(colour)} {escaped(row['label'])}",
            f"{row['support']:,}",
            *(_shown(row, f"{measure}_{number}") for measure in measures for number in _SHOWN),
            *(percent(row[name], 1) if row["support"] else _DASH for name in _TOLD),
        ]
        for row, colour in zip(judged.per_label(), colours(len(judged.spec.labels)), strict=True)
    ]
    header = [
        "category",
        "garments",
        *(f"{CALLED[one].lower()} {number.upper()}" for one in measures for number in _SHOWN),
        "told right",
        "found",
    ]
    return f"{table(header, rows)}{_taken_for(judged)}"


_SHOWN = ("ap", "ap50")
_TOLD = ("precision", "recall")
_DASH = "\N{EN DASH}"


def _shown(row: dict[str, Any], name: str) -> str:
    value = row[name]
    return _DASH if np.isnan(value) else f"{percent(value, 1)}{bar(value)}"


def _taken_for(judged: GarmentsEvaluation) -> str:
    wrong = [pair for pair in judged.confusions() if pair[0] != pair[1]]
    if not wrong:
        return "<p>No garment that was found was told to be of another category.</p>"
    rows = [
        [escaped(true), f'<span class="wrong">{escaped(told)}</span>', f"{count:,}"]
        for true, told, count in sorted(wrong, key=lambda pair: -pair[2])[:PAIRS]
    ]
    header = ["garment", "told to be", "times"]
    return f"<h3>Taken for another category</h3>{table(header, rows, style='words')}"


def _subsets(subsets: Sequence[dict[str, Any]]) -> str:
    measures = [measure for measure in CALLED if f"{measure}_ap" in subsets[0]]
    rows = [
        [
            escaped(f"{row['fact'].replace('_', ' ')}: {row['level']}"),
            f"{row['garments']:,}",
            *(_shown(row, f"{measure}_ap") for measure in measures),
        ]
        for row in subsets
    ]
    header = ["garments of", "number", *(f"{CALLED[measure].lower()} AP" for measure in measures)]
    about = (
        "Only garments of that level are to be found: answers that match others take no part, and "
        "answers that match none count as wrong in every row."
    )
    return f"<p>{about}</p>{table(header, rows)}"


def _drawings(judged: GarmentsEvaluation, scene: Scene, places: Sequence[int], about: str) -> str:
    text = (
        f"Those {about}. Left the truth, in the middle what is told, at the right where they "
        "differ: blue belongs to a garment and was not found, red was found and belongs to none. "
        "Quality is the overlap of right answers by half the garments and half the answers "
        "(panoptic quality)."
    )
    drawn = [_drawing(judged, scene, judged.pictures[place]) for place in places]
    return f"<p>{escaped(text)}</p>{_legend(judged)}{drawn_mosaic(drawn, wide=True)}"


def _drawing(judged: GarmentsEvaluation, scene: Scene, seen: SeenPicture) -> Drawing:
    image = scene.images[seen.read]
    missed = int((~seen.true.crowd).sum()) - len(seen.right)
    caption = (
        f"<b>{seen.quality:.2f}</b> <span class='soft'>{len(seen.right)} right, {missed} missed, "
        f"{seen.wrong} wrong</span>"
    )
    pixels = _pixels(scene, image)
    if pixels is None:
        return Drawing(image=image, picture=None, caption=caption)
    palette = colours(len(judged.spec.labels))
    truth = [
        Shape(
            colour=palette[label],
            box=Box(*seen.true.boxes[place].tolist()),
            mask=seen.true.masks[place] if seen.true.masked[place] else None,
            text=judged.spec.labels[label],
            points=tuple((x, y, state > 1) for x, y, state in seen.points[place].tolist() if state),
        )
        for place, label in enumerate(seen.true.labels.tolist())
    ]
    told = [
        Shape(
            colour=palette[judged.spec.index(one.label)],
            box=one.box,
            mask=one.mask,
            text=f"{one.label} {100 * one.score:.0f} %",
            points=tuple((point.x, point.y, point.visible >= SEEN) for point in one.points),
        )
        for one in list(seen.found.garments(judged.spec))[: seen.told]
    ]
    panels = [draw_garments(pixels, shapes, side=SIDE) for shapes in (truth, told)]
    true, said = _areas(seen)
    panels.append(draw_disagreement(pixels, true, said, side=SIDE))
    return Drawing(image=image, picture=beside(panels), caption=caption)


def _pixels(scene: Scene, image: str) -> NDArray[np.uint8] | None:
    try:
        return scene.part.pixels(image)
    except (ImageError, StorageError):
        return None


def _legend(judged: GarmentsEvaluation) -> str:
    pairs = zip(judged.spec.labels, colours(len(judged.spec.labels)), strict=True)
    names = (
        f'<span class="whole">{_swatch(colour)} {escaped(label)}</span>' for label, colour in pairs
    )
    return f'<p class="soft">{" &nbsp; ".join(names)}</p>'


def _swatch(colour: tuple[int, int, int]) -> str:
    shown = f"rgb{colour}".replace(" ", "")
    return f'<span style="color:{shown}">&#9679;</span>'


def _areas(seen: SeenPicture) -> tuple[Sequence[RunLengths], Sequence[RunLengths]]:
    """The pixels of what is there and of what is told; boxes, where no pixels were told."""
    told = seen.found.masks[: seen.told]
    masks = [mask for mask in told if mask is not None]
    if len(masks) == len(told) and (masks or not seen.told):
        return seen.true.masks, masks
    both = (
        [mask_of_box(Box(*box), *seen.size) for box in boxes.tolist()]
        for boxes in (seen.true.boxes, seen.found.boxes[: seen.told])
    )
    true, said = both
    return true, said
