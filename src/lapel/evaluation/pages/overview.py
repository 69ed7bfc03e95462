"""What is to be seen at once: each task beside the majority answer, and all of them as one."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lapel.evaluation.judged import RAW, JudgedTask
from lapel.evaluation.pages.numbers import (
    Comparison,
    interval,
    percent,
    shown_interval,
    shown_number,
    task_comparisons,
    warnings,
)
from lapel.evaluation.pages.page import card, escaped, table
from lapel.evaluation.result import Evaluation, Throughput
from lapel.evaluation.together import TOGETHER_NAMES, Together
from lapel.schema.counting import counted


def overview_section(evaluation: Evaluation, links: Mapping[str, str]) -> str:
    """A table of all tasks, with what must not be overlooked about them.

    Args:
        evaluation: what was found.
        links: task name to the address of its page.
    """
    rows = [
        row
        for name, judged in evaluation.tasks.items()
        for row in _task_rows(name, judged, links[name])
    ]
    notes = [
        f'<p class="note">{escaped(warning)}</p>'
        for name, judged in evaluation.tasks.items()
        for warning in warnings(name, judged)
    ]
    about = (
        "The majority answer never looks: it says the most frequent label, the best set of tags, "
        "the mean place of each landmark, or each place's most frequent class, for every image. A "
        "model is worth what it is above it, in percentage points (below it, for errors); where "
        "the interval reaches it, nothing was learned that shows. Last, the answer that the model "
        "gives most often, and for how many images."
    )
    header = [
        "task",
        "measure",
        "this model",
        "95 % interval",
        "majority",
        "above it",
        "says most often",
    ]
    return f"<p>{escaped(about)}</p>{''.join(notes)}{table(header, rows, style='words overview')}"


def _task_rows(name: str, judged: JudgedTask, link: str) -> list[list[str]]:
    """A row a main number; what is true of the whole task stands beside the first two."""
    habit, labels = judged.habit, counted(len(judged.spec.labels), "label")
    facts = f"{judged.spec.kind}, {labels}, {counted(len(judged.rows), 'image')}"
    usual = f"{escaped(_short(habit.answer))} <span class='soft'>{percent(habit.share)}</span>"
    rows = [["", *_numbers(compared), ""] for compared in task_comparisons(name, judged)]
    rows[0][0], rows[0][-1] = f'<a href="{escaped(link)}">{escaped(name)}</a>', usual
    rows[1][0] = f'<span class="fact">{escaped(facts)}</span>'
    return rows


def _numbers(compared: Comparison) -> list[str]:
    _, called, value, between, majority, above = map(escaped, compared.cells())
    if not math.isnan(compared.above):
        colour = "right" if compared.beaten else "wrong"
        above = f'<span class="{colour}">{above}</span>'
    return [called, f"<b>{value}</b>", between, majority, above]


def _short(text: str, *, characters: int = 32) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def together_section(together: Together) -> str:
    """All tasks of one label judged as one."""
    about = (
        f"{', '.join(together.tasks)}, judged as one answer on {together.images:,} images. Grouped "
        "accuracy: right answers by known answers, of all tasks in one pot. Exact match: images of "
        "which every known answer is right. The majority answer says the most frequent label of "
        "each."
    )
    rows = [
        [
            escaped(called),
            percent(together.numbers[name].value, 2),
            interval(together.numbers[name], 2),
            percent(together.majority[name], 2),
        ]
        for name, called in TOGETHER_NAMES.items()
    ]
    header = ["", "this model", "95 % interval", "majority answer"]
    return f"<p>{escaped(about)}</p>{table(header, rows)}"


def task_cards(judged: JudgedTask, throughput: Throughput | None = None) -> str:
    """A task's most important numbers, to be read from afar."""
    cards = [
        card(
            called,
            shown_number(name, judged.numbers[name].value),
            f"95 %: {shown_interval(name, judged.numbers[name], 2)}",
            f"majority: {shown_number(name, judged.majority.numbers[name], 1)}",
        )
        for name, called in judged.CARDS.items()
        if name in judged.numbers
    ]
    if "ece" in judged.numbers:
        error = judged.numbers["ece"]
        before = percent(judged.numbers[f"ece{RAW}"].value, 2)
        below = (f"95 %: {interval(error, 2)}", f"{before} uncalibrated")
        cards.append(card("calibration error", percent(error.value, 2), *below))
    if throughput is not None:
        rate = f"{throughput.images_per_second:,.0f}"
        cards.append(card("images a second", rate, throughput.engine))
    return f'<div class="cards">{"".join(cards)}</div>'
