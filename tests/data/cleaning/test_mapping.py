"""What became of each label, over several cleanings: told by the labels themselves."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from lapel.data.cleaning.clean import clean_dataset
from lapel.data.cleaning.mapping import MAPPING_JSON, LabelMapping, read_mappings
from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.images import packed_name
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema, TaskSpec

KINDS = ("blue", "green", "red")
TAGS = ("green", "red", "scarlet", "warm scarf")
MORE = ("dim", "glowing")
SCHEMA = Schema(
    (
        TaskSpec(name="kind", kind="single_label", labels=KINDS),
        TaskSpec(name="tags", kind="multi_label", labels=TAGS),
        TaskSpec(name="more", kind="multi_label", labels=MORE),
    )
)

#: One after another: joined and renamed, then what came of it renamed, implied and forgotten.
ROUNDS = (
    """
kind: {merge: {cool: [blue, green]}}
tags: {merge: {red: [scarlet]}, rename: {warm scarf: warm}}
more: {imply: {glowing: [tags: red]}}
""",
    """
kind: {rename: {cool: cold}}
tags: {rename: {red: reddish}, imply: {warm: [green]}}
more: {rename: {glowing: bright}}
""",
    """
tags: {imply: {reddish: [more: bright]}}
more: {drop: [dim]}
""",
)


def every_row(folder: Path) -> Dataset:
    """A row for each combination of tags."""
    annotations = []
    for number, held in enumerate(product((False, True), repeat=len(TAGS) + len(MORE))):
        tags = [word for word, holds in zip(TAGS + MORE, held, strict=True) if holds]
        labels: dict[str, Label] = {
            "kind": KINDS[number % 3],
            "tags": Tags(tuple(word for word in tags if word in TAGS)),
            "more": Tags(tuple(word for word in tags if word in MORE)),
        }
        annotations.append(Annotation(image=packed_name(number), labels=labels))
    pictures = np.arange(len(annotations) * 4, dtype=np.int64).astype(np.uint8).reshape(-1, 2, 2)
    return create_dataset(folder, name="d", schema=SCHEMA, annotations=annotations, images=pictures)


def rounds(folder: Path) -> list[Dataset]:
    """The dataset, and what it is after each cleaning."""
    found = [every_row(folder / "0")]
    for number, rules in enumerate(ROUNDS, start=1):
        (folder / "rules.yaml").write_text(rules)
        done = clean_dataset(found[-1].folder, folder / "rules.yaml", out=folder / str(number))
        found.append(done.dataset)
    return found


def held(dataset: Dataset, row: int) -> set[tuple[str, str]]:
    """Task and name of all labels that hold of a row."""
    found: set[tuple[str, str]] = set()
    for task in dataset.schema:
        label = dataset.labels(task.name)[row]
        words = label.yes if isinstance(label, Tags) else [label] if isinstance(label, str) else []
        found |= {(task.name, word) for word in words}
    return found


def mapped(mapping: LabelMapping, before: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {
        (one.after.name, label)
        for one in mapping.tasks
        for label, sources in mapping.sources(one.after.name).items()
        if before & set(sources)
    }


def test_a_chain_says_of_every_row_what_the_cleanings_made_of_it(tmp_path: Path) -> None:
    datasets = rounds(tmp_path)
    chains = read_mappings(datasets[-1].folder)
    assert len(chains) == len(ROUNDS)
    for before, chain in zip(datasets[:-1], chains, strict=True):
        after = datasets[-1]
        for one in chain.tasks:
            assert one.before == before.schema[one.before.name]
            assert one.after == after.schema[one.after.name]
        names = {one.before.name for one in chain.tasks}
        for row in range(len(after)):
            expected = {place for place in held(after, row) if place[0] in names}
            assert mapped(chain, held(before, row)) == expected
    assert chains[0].rules.count("; then ") == len(ROUNDS) - 1


def test_a_file_alone_is_one_cleaning(tmp_path: Path) -> None:
    last = rounds(tmp_path)[-1]
    (first,) = read_mappings(last.folder / MAPPING_JSON)
    assert {one.before.name: one.becomes for one in first.tasks}["tags"] == {
        "scarlet": "red",
        "warm scarf": "warm",
    }
    (second,) = read_mappings(last.folder / "label_mapping-2.json")
    assert second == read_mappings(tmp_path / "2")[1]


def test_cleanings_that_do_not_follow_each_other_are_left_out(tmp_path: Path) -> None:
    folder = rounds(tmp_path)[-1].folder
    (folder / "label_mapping-2.json").unlink()
    (chain,) = read_mappings(folder)
    assert chain == read_mappings(folder / "label_mapping-3.json")[0]
    with pytest.raises(UsageError, match=r"label_mapping\.json: found nothing, expected a file"):
        read_mappings(tmp_path / "0")
