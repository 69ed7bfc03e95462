from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapel.data.cleaning.applying import TaskCleaning, clean_tasks
from lapel.data.cleaning.clean import Cleaning, clean_dataset
from lapel.data.cleaning.rules import TaskRules, read_rules
from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.images import packed_name
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.errors import DatasetError, FormatError, StorageError, UsageError
from lapel.schema.labels import Schema, TaskSpec

STYLES = ("casual", "formal/office", "hill", "no", "office/formal", "sporty", "sproty", "walker")
TAGS = ("bag", "belt", "floral", "floral print", "print", "printed")
ROWS: list[tuple[str | None, Label, str]] = [
    ("sporty", Tags(("printed",)), "train"),
    ("sproty", Tags((), ("print", "printed")), "train"),
    ("sproty", Tags(("bag",), ("printed",)), "validation"),
    ("formal/office", Tags(("print", "printed")), "train"),
    ("office/formal", None, "test"),
    ("hill", Tags(("floral print",)), "train"),
    ("walker", Tags(("belt",)), "test"),
    ("no", Tags(), "train"),
    (None, Tags(("bag",)), "train"),
    ("casual", Tags(("bag", "belt")), "train"),
]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    schema = Schema(
        (
            TaskSpec(name="style", kind="single_label", labels=STYLES),
            TaskSpec(name="tags", kind="multi_label", labels=TAGS),
        )
    )
    rows = [
        Annotation(image=packed_name(row), labels={"style": style, "tags": tags}, split=split)
        for row, (style, tags, split) in enumerate(ROWS)
    ]
    pictures = np.arange(len(rows) * 16, dtype=np.uint8).reshape(-1, 4, 4)
    return create_dataset(
        tmp_path / "d", name="d", schema=schema, annotations=rows, images=pictures
    )


def clean(dataset: Dataset, text: str, out: str | None = "new") -> Cleaning:
    rules = dataset.folder.parent / "rules.yaml"
    rules.write_text(text, encoding="utf-8")
    target = dataset.folder.parent / out if out else None
    return clean_dataset(dataset.folder, rules, out=target)


RULES = """
style:
  merge:
    sporty: [sproty]            # misspelt
    office/formal: [formal/office]
  rename: {hill: heel}
  drop: [walker]
tags:
  merge: {print: [printed]}
  imply: {floral print: [floral, print]}
"""


def clean_one(
    task: TaskSpec, rules: TaskRules, labels: list[Label]
) -> tuple[TaskCleaning, list[Label]]:
    """The labels of one task alone, all of them to train on."""
    splits = ["train"] * len(labels)
    (done,), after = clean_tasks(Schema((task,)), {task.name: rules}, {task.name: labels}, splits)
    return done, after[task.name]


def test_labels_are_joined_renamed_and_dropped(dataset: Dataset) -> None:
    done = clean(dataset, RULES)
    now = done.dataset
    assert now.schema["style"].labels == ("casual", "heel", "no", "office/formal", "sporty")
    assert now.labels("style") == [
        *["sporty"] * 3,
        *["office/formal"] * 2,
        "heel",
        None,
        "no",
        None,
        "casual",
    ]
    # Yes above unknown above no; the label that stays is there.
    assert now.schema["tags"].labels == ("bag", "belt", "floral", "floral print", "print")
    assert now.labels("tags")[:6] == [
        Tags(("print",)),
        Tags((), ("print",)),
        Tags(("bag",), ("print",)),
        Tags(("print",)),
        None,
        Tags(("floral", "floral print", "print")),
    ]
    assert now.names() == dataset.names()
    assert now.splits() == dataset.splits()
    style, tags = done.tasks
    assert (style.changed, style.emptied) == (5, 1)
    assert tags.changed == 5


def test_what_labels_were_is_kept(dataset: Dataset) -> None:
    done = clean(dataset, RULES)
    former = pl.read_parquet(done.former)
    assert former.equals(dataset.table.select("image", "style", "tags"))
    with (done.dataset.folder / "label_mapping.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["task", "label", "becomes", "images"]
    assert ["style", "sproty", "sporty", "2"] in rows
    assert ["style", "walker", "", "1"] in rows
    assert len(rows) == 1 + len(STYLES) + len(TAGS)


def test_the_old_dataset_stays_and_pictures_go_along(dataset: Dataset) -> None:
    before = dataset.fingerprint
    now = clean(dataset, RULES).dataset
    assert Dataset.open(dataset.folder).fingerprint == before
    assert np.array_equal(now.pixels(packed_name(3)), dataset.pixels(packed_name(3)))


def test_files_stay_where_they_are_and_what_lies_beside_the_table_goes_along(
    own_dataset: Path, tmp_path: Path
) -> None:
    (own_dataset / "garments.jsonl").write_text("{}\n")
    (own_dataset / "masks").mkdir()
    (own_dataset / "masks" / "1.png").write_bytes(b"mask")
    rules = tmp_path / "rules.yaml"
    rules.write_text("category: {rename: {hat: cap}}\n")
    now = clean_dataset(own_dataset, rules, out=tmp_path / "deep" / "below").dataset
    assert now.schema["category"].labels == ("dress", "cap", "shoes")
    assert now.pixels(now.names()[0]).shape == (64, 60, 3)
    assert (now.folder / "masks" / "1.png").read_bytes() == b"mask"
    assert (now.folder / "garments.jsonl").is_file()


def test_pictures_inside_the_dataset_are_not_copied(own_dataset: Path, tmp_path: Path) -> None:
    root = Dataset.open(own_dataset).description.root
    shutil.copytree(own_dataset / root, own_dataset / "images")
    description = json.loads((own_dataset / "dataset.json").read_text())
    (own_dataset / "dataset.json").write_text(json.dumps(description | {"root": "images"}))
    rules = tmp_path / "rules.yaml"
    rules.write_text("category: {drop: [hat]}\n")
    now = clean_dataset(own_dataset, rules, out=tmp_path / "new").dataset
    assert not (tmp_path / "new" / "images").exists()
    assert now.pixels(now.names()[0]).shape == (64, 60, 3)


def test_in_place_once_and_again(dataset: Dataset) -> None:
    clean(dataset, "style: {merge: {sporty: [sproty]}}", out=None)
    done = clean(dataset, "style: {rename: {sporty: sports}}", out=None)
    assert done.dataset.labels("style")[:2] == ["sports", "sports"]
    assert done.former.name == "former_labels-2.parquet"
    first = pl.read_parquet(dataset.folder / "former_labels.parquet")
    assert first["style"].to_list() == [style for style, _, _ in ROWS]
    assert (dataset.folder / "label_mapping-2.csv").is_file()


def test_killed_between_two_files_the_same_command_finishes(dataset: Dataset) -> None:
    description = (dataset.folder / "dataset.json").read_bytes()
    clean(dataset, RULES, out=None)
    (dataset.folder / "dataset.json").write_bytes(description)
    again = clean(dataset, RULES, out=None).dataset
    assert again.schema["style"].labels == ("casual", "heel", "no", "office/formal", "sporty")
    assert again.labels("style")[5] == "heel"


def test_rare_labels_are_told_by_train_alone(dataset: Dataset) -> None:
    done = clean(dataset, "tags:\n  merge: {print: [printed]}\n  at_least: 2\n")
    assert done.dataset.schema["tags"].labels == ("bag", "print")
    with pytest.raises(DatasetError, match="no label of 'tags' is on 99 training pictures"):
        clean(dataset, "tags: {at_least: 99}", out="other")


def test_a_name_that_yaml_takes_for_something_else_is_a_name(dataset: Dataset) -> None:
    done = clean(dataset, "style: {rename: {no: 1}}")
    assert done.dataset.labels("style")[7] == "1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("styel: {}", "line 1: found task 'styel', expected one of style, tags"),
        ("style: {}\nstyle: {}", "line 2: found task 'style' again, expected each task once"),
        ("style: {merg: {a: [b]}}", "line 1: found rule 'merg', expected merge?"),
        ("style:\n  drop: [wlaker]", "line 2: found label 'wlaker', expected 'walker'?"),
        ("style: {drop: [xyz]}", "found label 'xyz', expected a label of 'style'"),
        ("style:\n  drop: [hill]\n  merge: {no: [hill]}", "line 2: found label 'hill' again"),
        (
            "style: {merge: {sporty: [sproty], casual: [sporty]}}",
            "found label 'sporty' both as one that stays and as one that goes",
        ),
        ("style: {rename: {hill: no}}", "found name 'no', which a label has, expected a new name"),
        ("style: {rename: {hill: [a, b]}}", "found 2 names for 'hill', expected one"),
        ("style: {imply: {no: [hill]}}", "found 'imply' for the single_label task"),
        ("tags: {imply: {bag: [style: no]}}", "found 'imply' for the single_label task"),
        ("tags: {imply: {bag: [colour: red]}}", "found task 'colour', expected one of style, tags"),
        ("tags: {imply: {bag: [[belt]]}}", "found a list, expected the labels that hold too"),
        ("tags: {drop: [bag], imply: {bag: [belt]}}", "label 'bag', expected a label that is"),
        ("style: {at_least: many}", "line 1: found many, expected a number of pictures"),
        ("style: {merge: [a]}", "found a list, expected the labels that become it"),
        ("style: {drop: {a: b}}", "found a mapping, expected labels"),
        ("- style", "line 1: found a list, expected tasks with their rules"),
        ("style: [", "found text that is no YAML (expected the node content"),
        ("style: {merge: {'': [no]}}", "found an empty name, expected a name"),
        (f"style: {{drop: [{', '.join(STYLES)}]}}", "found rules that leave no label of 'style'"),
    ],
)
def test_rules_that_do_not_fit_are_refused(dataset: Dataset, text: str, says: str) -> None:
    with pytest.raises(FormatError) as caught:
        clean(dataset, text)
    assert says in str(caught.value)
    assert not (dataset.folder.parent / "new").exists()


def test_all_faults_come_together(dataset: Dataset) -> None:
    with pytest.raises(FormatError) as caught:
        clean(dataset, "style:\n  drop: [x]\n  merge: {no: [y]}\ntags:\n  drop: [z]\n")
    assert [fault.line for fault in caught.value.faults] == [3, 2, 5]
    assert str(caught.value).endswith("Nothing was changed.")


def test_no_rules_and_no_place(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found nothing, expected a file"):
        clean_dataset(dataset.folder, tmp_path / "nowhere.yaml")
    assert clean(dataset, "# nothing\n").tasks == ()
    with pytest.raises(StorageError, match="exists and is not empty"):
        clean(dataset, RULES)


def test_lists_of_one_label_may_be_written_twice(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("style:\n  merge:\n    no: [hill]\n    no: walker\n  drop:\n")
    rules = read_rules(tmp_path / "r.yaml", dataset.schema)
    assert rules["style"].merge == {"no": ("walker", "hill")} or rules["style"].merge == {
        "no": ("hill", "walker")
    }


WORDS = ("a", "b", "c", "d", "e")
ANSWERS = st.lists(st.sampled_from(["yes", "no", "unknown"]), min_size=5, max_size=5)


@given(
    st.lists(st.none() | ANSWERS, min_size=1, max_size=6),
    st.lists(st.sampled_from(WORDS), unique=True, min_size=1, max_size=4),
)
def test_joining_tags_is_or_with_unknown_in_the_middle(
    answers: list[list[str] | None], members: list[str]
) -> None:
    strength = {"no": 0, "unknown": 1, "yes": 2}
    task = TaskSpec(name="t", kind="multi_label", labels=WORDS)
    labels: list[Label] = [
        None
        if row is None
        else Tags(
            tuple(w for w, a in zip(WORDS, row, strict=True) if a == "yes"),
            tuple(w for w, a in zip(WORDS, row, strict=True) if a == "unknown"),
        )
        for row in answers
    ]
    keep, *others = members
    rules = TaskRules(merge={keep: tuple(others)})
    plan, after = clean_one(task, rules, labels)
    assert keep in plan.after.labels
    assert set(plan.after.labels) == set(WORDS) - set(others)
    for row, label in zip(answers, after, strict=True):
        if row is None:
            assert label is None
            continue
        assert isinstance(label, Tags)
        known = dict(zip(WORDS, row, strict=True))
        strongest = max((known[word] for word in members), key=strength.__getitem__)
        found = "yes" if keep in label.yes else "unknown" if keep in label.unknown else "no"
        assert found == strongest


def test_what_holds_too_leads_step_by_step_and_into_other_tasks(tmp_path: Path) -> None:
    schema = Schema(
        (
            TaskSpec(name="part", kind="multi_label", labels=("belted", "belted ditsy", "bow")),
            TaskSpec(name="texture", kind="multi_label", labels=("ditsy", "floral", "flowers")),
        )
    )
    rows = [
        {"part": Tags(("belted ditsy",)), "texture": Tags((), ("floral",))},
        {"part": Tags(("bow",)), "texture": Tags(("flowers",))},
    ]
    dataset = create_dataset(
        tmp_path / "d",
        name="d",
        schema=schema,
        annotations=[
            Annotation(image=packed_name(row), labels=labels, split="train")
            for row, labels in enumerate(rows)
        ],
        images=np.zeros((2, 4, 4), np.uint8),
    )
    rules = """
part:
  at_least: 2
  imply: {belted ditsy: [belted, texture: ditsy]}
texture:
  merge: {floral: [flowers]}
  imply: {ditsy: floral}
"""
    with pytest.raises(DatasetError, match="no label of 'part' is on 2 training pictures"):
        clean(dataset, rules)
    done = clean(dataset, rules.replace("at_least: 2", "drop: [bow]"))
    assert done.dataset.labels("part") == [Tags(("belted", "belted ditsy")), Tags()]
    assert done.dataset.labels("texture") == [Tags(("ditsy", "floral")), Tags(("floral",))]
    part = done.tasks[0]
    assert set(part.imply["belted ditsy"]) == {
        ("part", "belted"),
        ("texture", "ditsy"),
        ("texture", "floral"),
    }


def test_what_a_forgotten_label_implies_stays() -> None:
    task = TaskSpec(name="t", kind="multi_label", labels=("floral", "floral lace", "lace"))
    rules = TaskRules(imply={"floral lace": (("t", "floral"), ("t", "lace"))}, at_least=2)
    labels: list[Label] = [Tags(("floral lace",)), Tags(("lace",)), Tags(("floral",))]
    plan, after = clean_one(task, rules, labels)
    assert after == [Tags(("floral", "lace")), Tags(("lace",)), Tags(("floral",))]
    assert plan.rare == {"floral lace": 1}
