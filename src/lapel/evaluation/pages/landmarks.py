"""The part of a report that tells of one task of kind ``landmarks``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lapel.evaluation.judged import Scene, Section
from lapel.evaluation.kinds.landmarks import LandmarksEvaluation
from lapel.evaluation.pages.charts import Axes, svg
from lapel.evaluation.pages.mosaic import Drawing, drawn_mosaic
from lapel.evaluation.pages.numbers import percent
from lapel.evaluation.pages.page import bar, escaped, figure, table
from lapel.evaluation.pages.shown_pictures import worst_and_middle
from lapel.evaluation.pages.task_page import numbers_section, where
from lapel.imaging.draw import Mark, colours, draw_heat, draw_marks, strongest
from lapel.inference.drawing import attention_heat, attention_words
from lapel.metrics.landmarks import shares_found
from lapel.schema.errors import ImageError, StorageError
from lapel.schema.outputs import ATTENTION, heatmaps_of
from lapel.schema.prediction import SEEN

#: Pictures shown: the worst, those of median error, and those with maps over them.
WORST, MIDDLE, WITH_MAPS = 18, 12, 6

#: Longest side of a drawing, in pixels.
SIDE = 320

#: Pairs named that are taken for one another.
PAIRS = 8

#: Curves are drawn up to this distance, in boxes; a line each for no more landmarks than these.
FARTHEST, LINES = 0.3, 12


def landmarks_sections(judged: LandmarksEvaluation, scene: Scene) -> list[Section]:
    """(anchor, heading, HTML) of each section.

    Args:
        judged: the task.
        scene: what was looked at, for the pictures.
    """
    order = _by_error(judged)
    sections = [
        ("numbers", "All numbers", _numbers(judged)),
        ("landmarks", "Each landmark", _each(judged)),
        ("found", "Share found by distance", _curves(judged)),
    ]
    if order:
        about = ("the farthest from the truth", "of median error: what to expect of it")
        parts = worst_and_middle(order, worst=WORST, middle=MIDDLE)
        drawn = _drawings(judged, scene, parts[0], about[0])
        sections.append(("worst", "Worst pictures", drawn))
        if parts[1]:
            usual = _drawings(judged, scene, parts[1], about[1])
            sections.append(("middle", "Pictures in the middle", usual))
        maps = _maps(judged, scene, [*order[: WITH_MAPS // 2], *parts[1][: WITH_MAPS // 2]])
        sections += [("looked", "Where it looked", maps)] if maps else []
    return sections


def _by_error(judged: LandmarksEvaluation) -> list[int]:
    """Images with a measured point, the worst first; by their position in ``rows``."""
    error = judged.located.error
    there = np.flatnonzero(np.isfinite(error))
    order: list[int] = there[np.argsort(-error[there], kind="stable")].tolist()
    return order


def _numbers(judged: LandmarksEvaluation) -> str:
    about = (
        f"{len(judged.rows):,} images with {int(judged.each.points.sum()):,} visible landmarks. "
        "Distances are measured in boxes: across by the width of the garment's box, down by its "
        "height (of the picture, where nobody knows the box); 0 is best. Means are first over the "
        "points of each landmark, then plainly over landmarks. Points that are hidden, cut off, "
        "unknown or outside what the network sees take no part in them. Beside it stands the "
        "answer that never looks: the mean place of each landmark in the box, counted on "
        f"{where(judged.majority.counted_on)}; it knows the box."
    )
    return numbers_section(judged, about)


def _each(judged: LandmarksEvaluation) -> str:
    rows = [
        [
            f"{_swatch(colour)} {escaped(row['label'])}",
            f"{row['points']:,}",
            _distance(row["ne"]),
            _distance(row["usual_ne"]),
            f"{percent(row['pck10'], 1)}{bar(row['pck10']) if row['points'] else ''}",
            *(percent(row[name], 1) for name in ("pck20", "precision", "recall")),
        ]
        for row, colour in zip(judged.per_label(), colours(len(judged.spec.labels)), strict=True)
    ]
    header = [
        "landmark",
        "visible",
        "NE",
        "never looking",
        "within 0.1",
        "within 0.2",
        "seen: precision",
        "recall",
    ]
    about = (
        "NE: mean distance of the visible points, less is better; beside it that of the answer "
        "that never looks. Precision and recall are of telling that a landmark can be seen."
    )
    return f"<p>{about}</p>{table(header, rows)}{_taken_for(judged)}"


def _taken_for(judged: LandmarksEvaluation) -> str:
    points = {row["label"]: row["points"] for row in judged.per_label()}
    wrong = [pair for pair in judged.confusions() if pair[0] != pair[1]]
    if not wrong:
        return "<p>No answer lies nearer to another visible landmark than to its own.</p>"
    rows = [
        [
            escaped(true),
            f'<span class="wrong">{escaped(answered)}</span>',
            f"{count:,}",
            percent(count / points[true], 1),
        ]
        for true, answered, count in sorted(wrong, key=lambda pair: -pair[2])[:PAIRS]
    ]
    header = ["landmark", "its answer lies nearest to", "images", "of its points"]
    return f"<h3>Taken for another landmark</h3>{table(header, rows, style='words')}"


def _distance(value: float) -> str:
    return "\N{EN DASH}" if np.isnan(value) else f"{value:.4f}"


def _curves(judged: LandmarksEvaluation) -> str:
    distances = np.linspace(0, FARTHEST, 61)
    shares = shares_found(judged.located, distances)
    axes = Axes(width=640, height=400, x_range=(0.0, FARTHEST), y_range=(0.0, 1.0))
    parts = [
        axes.frame(
            title="Share of the points found",
            x_name="within this distance, in boxes",
            x_format=lambda value: f"{value:g}",
            y_format=percent,
        )
    ]
    if len(shares) <= LINES:
        parts += [
            axes.line(list(zip(distances, line, strict=True)), _css(colour))
            for line, colour in zip(shares, colours(len(shares)), strict=True)
            if np.isfinite(line).all()
        ]
    usual = _mean_curve(shares_found(judged.usual, distances))
    for line, colour, dashed in (
        (_mean_curve(shares), "var(--ink)", False),
        (usual, "var(--soft)", True),
    ):
        if len(line):
            parts.append(axes.line(list(zip(distances, line, strict=True)), colour, dashed=dashed))
    drawing = svg(axes.width, axes.height, "".join(parts), description="Share found by distance")
    caption = (
        "Each landmark in its colour, the mean of all in ink; dashed the mean place in the box, "
        "which never looks."
    )
    return f'<div class="panel">{figure(drawing, caption)}</div>{_legend(judged)}'


def _mean_curve(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over landmarks that have points; empty if none has."""
    known = shares[np.isfinite(shares).all(axis=1)]
    return known.mean(axis=0) if len(known) else np.empty(0)


def _drawings(judged: LandmarksEvaluation, scene: Scene, places: Sequence[int], about: str) -> str:
    text = (
        f"Those {about}. Dots are answers (hollow: told to be hidden), squares the truth, and a "
        "line joins the two. Below each its mean error, and the landmark that is farthest off."
    )
    drawn = [_drawing(judged, scene, place) for place in places]
    return f"<p>{escaped(text)}</p>{_legend(judged)}{drawn_mosaic(drawn)}"


def _drawing(judged: LandmarksEvaluation, scene: Scene, place: int) -> Drawing:
    image = scene.images[judged.rows[place]]
    distance = judged.located.distance[place]
    worst = int(np.nanargmax(distance))
    caption = (
        f"<b>{judged.located.error[place]:.3f}</b> <span class='soft'>"
        f"{escaped(judged.spec.labels[worst])} {distance[worst]:.3f}</span>"
    )
    pixels = _pixels(scene, image)
    picture = None
    if pixels is not None:
        box = judged.frames[place].box
        whole = box[2:] == (pixels.shape[1], pixels.shape[0])
        marks = _marks(judged, place)
        picture = draw_marks(pixels, marks, box=None if whole else box, side=SIDE)
    return Drawing(image=image, picture=picture, caption=caption)


def _marks(judged: LandmarksEvaluation, place: int) -> list[Mark]:
    """What was found of the landmarks whose place is known, joined to that place."""
    known = judged.labels[place].points
    found = zip(judged.found(place).points, colours(len(judged.spec.labels)), strict=True)
    return [
        Mark(
            x=point.x,
            y=point.y,
            colour=colour,
            visible=point.visible >= SEEN,
            truth=known[point.name][:2],
        )
        for point, colour in found
        if point.name in known
    ]


def _pixels(scene: Scene, image: str) -> NDArray[np.uint8] | None:
    try:
        return scene.part.pixels(image)
    except (ImageError, StorageError):
        return None


def _maps(judged: LandmarksEvaluation, scene: Scene, places: Sequence[int]) -> str:
    """Heatmaps and attention over some pictures; empty where the network shows none."""
    if scene.looker is None:
        return ""
    called = (heatmaps_of(judged.spec.name), ATTENTION)
    if not any(name in scene.looker.maps for name in called):
        return ""
    text = (
        "Heatmaps: where it expects a landmark, the strongest of all. Attention: what it "
        "strengthens most (yellow) and least (gray) on the way to the labels, from one factor to "
        "the other. First the worst pictures, then those in the middle."
    )
    drawn = [
        drawing
        for place in places
        for drawing in _map_drawings(scene, scene.images[judged.rows[place]], called)
    ]
    return f"<p>{escaped(text)}</p>{drawn_mosaic(drawn)}"


def _map_drawings(scene: Scene, image: str, called: Collection[str]) -> Iterator[Drawing]:
    pixels = _pixels(scene, image)
    if pixels is None or scene.looker is None:
        return
    frame, maps = scene.looker.look(image)
    for name, found in maps.items():
        if name in called:
            attends = name == ATTENTION
            heat = attention_heat(found) if attends else strongest(found)
            picture = draw_heat(pixels, heat, frame, side=SIDE)
            caption = attention_words(found) if attends else "heatmaps"
            yield Drawing(image=image, picture=picture, caption=escaped(caption))


def _legend(judged: LandmarksEvaluation) -> str:
    pairs = zip(judged.spec.labels, colours(len(judged.spec.labels)), strict=True)
    names = (
        f'<span class="whole">{_swatch(colour)} {escaped(label)}</span>' for label, colour in pairs
    )
    return f'<p class="soft">{" &nbsp; ".join(names)}</p>'


def _swatch(colour: tuple[int, int, int]) -> str:
    return f'<span style="color:{_css(colour)}">&#9679;</span>'


def _css(colour: tuple[int, int, int]) -> str:
    return f"rgb{colour}".replace(" ", "")
