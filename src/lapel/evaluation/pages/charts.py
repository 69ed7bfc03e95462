"""Axes and lines as SVG whose colours are the page's, so that figures follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from lapel.evaluation.pages.page import escaped

#: Pixels around the axes, for their numbers and names.
LEFT, TOP, RIGHT, BOTTOM = 60, 28, 26, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """A rectangle of an SVG that shows a range of two numbers.

    Attributes:
        width: of the whole figure, in pixels.
        height: of the whole figure, in pixels.
        x_range: least and greatest number along the horizontal axis; not equal.
        y_range: likewise upwards.
    """

    width: int
    height: int
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        """Pixels from the left edge of the figure."""
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Pixels from the top edge of the figure."""
        low, high = self.y_range
        return TOP + (high - value) / (high - low) * (self.height - TOP - BOTTOM)

    def frame(
        self,
        *,
        title: str,
        x_name: str,
        x_format: Callable[[float], str],
        y_format: Callable[[float], str],
    ) -> str:
        """Grid, numbers and names of the axes."""
        parts = [f'<text x="{LEFT}" y="14" font-weight="600">{escaped(title)}</text>']
        for value in round_ticks(*self.y_range):
            y = self.y(value)
            parts.append(
                f'<line class="grid" x1="{LEFT}" x2="{self.width - RIGHT}" y1="{y:.1f}" '
                f'y2="{y:.1f}"/><text class="soft" x="{LEFT - 8}" y="{y + 4:.1f}" '
                f'text-anchor="end">{escaped(y_format(value))}</text>'
            )
        floor = self.height - BOTTOM
        parts += [
            f'<text class="soft" x="{self.x(value):.1f}" y="{floor + 17}" '
            f'text-anchor="middle">{escaped(x_format(value))}</text>'
            for value in round_ticks(*self.x_range)
        ]
        middle = (LEFT + self.width - RIGHT) / 2
        parts.append(
            f'<line class="axis" x1="{LEFT}" x2="{self.width - RIGHT}" y1="{floor}" y2="{floor}"/>'
            f'<text class="soft" x="{middle:.1f}" y="{self.height - 5}" text-anchor="middle">'
            f"{escaped(x_name)}</text>"
        )
        return "".join(parts)

    def line(
        self, points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False
    ) -> str:
        """A line through points; a single one is a dot."""
        if len(points) == 1:
            x, y = points[0]
            return f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3" fill="{colour}"/>'
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        return (
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-linejoin="round"{dashes}/>'
        )

    def box(self, x_span: tuple[float, float], y_span: tuple[float, float], style: str) -> str:
        """A rectangle between numbers; ``style`` is its SVG attributes."""
        left, right = sorted(self.x(value) for value in x_span)
        top, bottom = sorted(self.y(value) for value in y_span)
        return (
            f'<rect x="{left + 0.5:.1f}" y="{top:.1f}" width="{max(right - left - 1, 0.5):.1f}" '
            f'height="{bottom - top:.1f}" {style}/>'
        )

    def legend(self, entries: Sequence[tuple[str, str]]) -> str:
        """(name, colour) of each line, at the right of the title."""
        parts, x = [], self.width - RIGHT
        for name, colour in reversed(entries):
            width = text_width(name)
            parts.append(
                f'<text x="{x}" y="14" text-anchor="end">{escaped(name)}</text>'
                f'<rect x="{x - width - 16}" y="8" width="10" height="4" fill="{colour}"/>'
            )
            x -= width + 30
        return "".join(parts)


def text_width(text: str) -> int:
    """About how wide a text is, in pixels at 12 px: East Asian characters fill a square."""
    return sum(12 if east_asian_width(character) in {"W", "F"} else 7 for character in text)


def shortened(text: str, pixels: int) -> str:
    """A text that takes no more than so many pixels, with … where it was cut."""
    if text_width(text) <= pixels:
        return text
    while text and text_width(text) > pixels - 12:
        text = text[:-1]
    return f"{text}…"


def svg(width: int, height: int, content: str, *, description: str) -> str:
    """A whole figure; the description is read aloud to who cannot see it."""
    return (
        f'<svg role="img" aria-label="{escaped(description)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">{content}</svg>'
    )


def round_ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Round numbers within a range, about as many as asked for."""
    step = 10.0 ** math.floor(math.log10((high - low) / about))
    for factor in (1, 2, 5, 10):
        if (high - low) / (step * factor) <= about:
            step *= factor
            break
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]
