"""What the overview shows of numbers that could not be measured."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import many_tasks as many
import numpy as np

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.kinds.multi_label import MultiLabelEvaluation
from lapel.evaluation.pages.numbers import task_comparisons, warnings
from lapel.metrics.bootstrap import Interval
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.labels import Schema

SCHEMA = Schema((many.COLOUR, many.TAGGED))

DASH = "\N{EN DASH}"


def untagged(folder: Path) -> Dataset:
    """Pictures of one colour each; tags hold of those to learn from alone."""
    drawn = [many.picture(row) for row in range(24)]
    annotations = [
        Annotation(
            image=f"images.npy#{row}",
            labels={
                many.COLOUR.name: many.COLOURS[int(colour.argmax())],
                many.TAGGED.name: Tags(many.TAGS[:2] if row < 8 else ()),
            },
            split="train" if row < 8 else "test",
        )
        for row, (_, colour) in enumerate(drawn)
    ]
    pictures = np.stack([pixels for pixels, _ in drawn])
    return create_dataset(
        folder, name="untagged", schema=SCHEMA, annotations=annotations, images=pictures
    )


def test_what_was_not_measured_is_a_dash_without_a_colour(tmp_path: Path) -> None:
    bundle = many.write_many_bundle(tmp_path / "bundle", SCHEMA)
    found = evaluate(bundle, untagged(tmp_path / "data"), out=tmp_path / "out", resamples=10)
    judged = found.tasks[many.TAGGED.name]
    _, average = task_comparisons(many.TAGGED.name, judged)
    assert average.cells() == (many.TAGGED.name, "Mean average precision", *[DASH] * 4)
    text = (tmp_path / "out" / "report.html").read_text("utf-8")
    (row,) = re.findall(r"<tr>(?:(?!</tr>).)*Mean average precision.*?</tr>", text, re.DOTALL)
    assert row.count(DASH) == 4
    assert not re.search('class="(right|wrong)"', row)
    # Where nothing at all was measured, nobody can say whether it is better.
    assert isinstance(judged, MultiLabelEvaluation)
    nothing = Interval(value=math.nan, low=math.nan, high=math.nan)
    blind = replace(judged, numbers=dict.fromkeys(judged.numbers, nothing))
    assert not any("no better than" in said for said in warnings(many.TAGGED.name, blind))
