from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lapel.data.cleaning.lint import lint_labels, lint_task
from lapel.data.cleaning.lint_accuracy import accuracies, accuracy
from lapel.data.cleaning.proposing import propose_rules, quoted
from lapel.data.cleaning.rules import read_rules
from lapel.data.cleaning.shipped import choose_rules, shipped_rules
from lapel.data.cleaning.word_forms import one_edit_apart, stems, words_of
from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.deepfashion.names import official_attributes, official_categories
from lapel.data.deepfashion.schema import coarse_schema
from lapel.data.images import packed_name
from lapel.schema.annotation import Annotation, Label, Tags
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema, TaskSpec


def dataset_of(folder: Path, labels: Sequence[Label], words: Sequence[str], kind: str) -> Dataset:
    schema = Schema((TaskSpec(name="style", kind=kind, labels=tuple(words)),))
    rows = [
        Annotation(image=packed_name(row), labels={"style": label}, split="train")
        for row, label in enumerate(labels)
    ]
    pictures = np.zeros((len(rows), 4, 4), np.uint8)
    return create_dataset(folder, name="d", schema=schema, annotations=rows, images=pictures)


def single(folder: Path, counts: Mapping[str, int]) -> Dataset:
    labels = [label for label, count in counts.items() for _ in range(count)]
    return dataset_of(folder, labels, sorted(counts), "single_label")


def found(dataset: Dataset) -> list[tuple[str, str, str, bool]]:
    return [(pair.kind, pair.keep, pair.other, pair.sure) for pair in lint_labels(dataset)]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"sporty": 40, "sproty": 3}, [("spelling", "sporty", "sproty", True)]),
        (
            {"office/formal": 9, "formal/office": 3},
            [("order", "office/formal", "formal/office", True)],
        ),
        ({"T-Shirt": 3, "t shirt": 9}, [("case", "t shirt", "T-Shirt", True)]),
        ({"skyblue": 9, "sky": 3}, [("within", "skyblue", "sky", False)]),
        ({"navy": 3, "navy blue": 9}, [("within", "navy blue", "navy", False)]),
        # Only a person can tell whether these are two.
        ({"shirt dress": 9, "dress shirt": 3}, [("order", "shirt dress", "dress shirt", False)]),
        ({"casuel": 30, "casual": 20}, [("spelling", "casuel", "casual", False)]),
        ({"short": 30, "shorts": 20}, [("form", "short", "shorts", False)]),
        ({"striped": 30, "stripes": 20}, [("form", "striped", "stripes", True)]),
        ({"lace": 30, "lacy": 20}, [("form", "lace", "lacy", False)]),
        ({"long sleeve": 9, "Long-Sleeved": 9}, [("form", "Long-Sleeved", "long sleeve", True)]),
        ({"floral": 9, "floral print": 5}, [("print", "floral", "floral print", False)]),
    ],
)
def test_labels_that_may_be_one(
    tmp_path: Path, counts: dict[str, int], expected: list[tuple[str, str, str, bool]]
) -> None:
    assert found(single(tmp_path / "d", counts)) == expected


@pytest.mark.parametrize(
    "counts",
    [
        {"shirt": 900, "skirt": 3},
        {"T-shirt": 90, "shirt": 30},
        {"vest": 9, "vest dress": 5},
        {"shirt": 9, "sweatshirt": 5},
        {"bra": 9, "bracelet": 5},
        {"size 10": 100, "size 11": 3},
        {"red": 9, "rad": 1},
        {"dress": 9, "hat": 9, "shoes": 9},
    ],
)
def test_labels_that_are_two(tmp_path: Path, counts: dict[str, int]) -> None:
    assert found(single(tmp_path / "d", counts)) == []


def test_one_label_in_many_spellings_becomes_the_commonest(tmp_path: Path) -> None:
    dataset = single(tmp_path / "d", {"BLUE": 2, "Blue": 5, "blue": 30, "bleu": 1})
    assert found(dataset) == [
        ("case", "blue", "Blue", True),
        ("case", "blue", "BLUE", True),
        ("spelling", "blue", "bleu", True),
    ]


def test_tags_that_hold_together_may_be_one(tmp_path: Path) -> None:
    both, neither = Tags(("tee", "top")), Tags(("hat",))
    labels: list[Label] = [both] * 19 + [Tags(("tee",))] + [neither] * 60 + [None]
    dataset = dataset_of(tmp_path / "d", labels, ("hat", "tee", "top"), "multi_label")
    assert found(dataset) == [("together", "tee", "top", False)]


def test_tags_that_hold_everywhere_are_not_called_one(tmp_path: Path) -> None:
    labels: list[Label] = [Tags(("hair", "skin"))] * 40
    assert found(dataset_of(tmp_path / "d", labels, ("hair", "skin"), "multi_label")) == []


def test_of_many_tags_the_commonest_are_looked_at_for_holding_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare, common = Tags(("bag", "hat")), Tags(("tee", "top"))
    labels: list[Label] = [*[rare] * 15, *[common] * 20, *[Tags()] * 25]
    dataset = dataset_of(tmp_path / "d", labels, ("bag", "hat", "tee", "top"), "multi_label")
    both = [("together", "bag", "hat", False), ("together", "tee", "top", False)]
    assert found(dataset) == both
    monkeypatch.setattr("lapel.data.cleaning.lint.TOGETHER_TAGS", 2)
    assert found(dataset) == both[1:]


def test_of_tens_of_thousands_of_labels_that_exclude_each_other_no_pairs_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column of brands: the square of their number would fill 20 GB."""
    brands = [chr(0xAC00 + number // 200) + chr(0xAC00 + number % 200) for number in range(30_000)]
    labels = ["t shirt", "t shirt", "T-Shirt", *brands[:5]]
    words = ("T-Shirt", "t shirt", *brands)
    dataset = dataset_of(tmp_path / "d", labels, words, "single_label")
    monkeypatch.setattr(
        "lapel.data.cleaning.lint.count_together", lambda *_: pytest.fail("pairs were counted")
    )
    assert found(dataset) == [("case", "t shirt", "T-Shirt", True)]


def test_words_are_those_of_any_script() -> None:
    assert words_of("Office/Formal_wear") == ("office", "formal", "wear")
    assert words_of("\uff34\u30b7\u30e3\u30c4") == ("t\u30b7\u30e3\u30c4",)
    assert words_of("한복, 바지") == ("한복", "바지")
    assert words_of("***") == ()


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_one_edit_is_what_a_plain_search_finds(one: str, two: str) -> None:
    letters = "abc"
    near = {one[:i] + one[i + 1 :] for i in range(len(one))}
    near |= {one[:i] + letter + one[i:] for i in range(len(one) + 1) for letter in letters}
    near |= {one[:i] + letter + one[i + 1 :] for i in range(len(one)) for letter in letters}
    near |= {one[:i] + one[i + 1] + one[i] + one[i + 2 :] for i in range(len(one) - 1)}
    assert one_edit_apart(one, two) == (two in near - {one})


def test_proposals_are_rules_and_doubtful_ones_are_comments(tmp_path: Path) -> None:
    counts = {"sporty": 40, "sproty": 3, "skyblue": 9, "sky": 3, 'a "b": #c': 20, "A 'b' c": 1}
    dataset = single(tmp_path / "d", counts)
    propose_rules(dataset, tmp_path / "rules.yaml")
    text = (tmp_path / "rules.yaml").read_text()
    assert "    sporty: [sproty]  # are one letter apart: 40 images and 3\n" in text
    assert "    # skyblue: [sky]  # hold another label's name: 9 images and 3\n" in text
    rules = read_rules(tmp_path / "rules.yaml", dataset.schema)
    assert rules["style"].merge == {"sporty": ("sproty",), 'a "b": #c': ("A 'b' c",)}
    with pytest.raises(UsageError, match="exists; remove it, or name a new file"):
        propose_rules(dataset, tmp_path / "rules.yaml")


def test_nothing_to_propose_is_said(tmp_path: Path) -> None:
    dataset = single(tmp_path / "d", {"hat": 3, "dress": 4})
    assert propose_rules(dataset, tmp_path / "rules.yaml") == []
    assert (tmp_path / "rules.yaml").read_text().endswith("# Nothing was found.\n")
    assert read_rules(tmp_path / "rules.yaml", dataset.schema) == {}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_name_survives_its_quotes(name: str) -> None:
    node = yaml.compose(f"# {quoted(name)}\n{quoted(name)}: 1", Loader=yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)
    assert node.value[0][0].value == name


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("cities", "city"),
        ("striped", "stripe"),
        ("dotted", "dot"),
        ("printed", "print"),
        ("lacy", "lace"),
        ("asymmetrical", "asymmetric"),
        ("dresses", "dress"),
        ("dress", "dress"),
    ],
)
def test_a_word_is_a_form_of_another(word: str, found: str) -> None:
    assert found in stems(word)


@pytest.mark.parametrize(("one", "two"), [("cap", "cape"), ("bed", "bad"), ("dress", "dre")])
def test_other_words_share_no_stem(one: str, two: str) -> None:
    assert not stems(one) & stems(two)


def test_names_put_together_of_others_are_proposed_as_implications(tmp_path: Path) -> None:
    labels: list[Label] = [Tags(("floral lace",)), Tags(("lace", "vest dress")), Tags(("vest",))]
    words = ("floral", "floral lace", "lace", "vest", "vest dress")
    dataset = dataset_of(tmp_path / "d", labels, words, "multi_label")
    assert found(dataset) == [
        ("parts", "floral", "floral lace", False),
        ("parts", "lace", "floral lace", False),
    ]
    propose_rules(dataset, tmp_path / "rules.yaml")
    text = (tmp_path / "rules.yaml").read_text()
    assert "    # floral lace: [floral, lace]\n" in text
    # The file is one of rules as it stands, and after taking the # off.
    assert read_rules(tmp_path / "rules.yaml", dataset.schema)["style"].imply == {}
    (tmp_path / "rules.yaml").write_text(text.replace("    # floral lace", "    floral lace"))
    rules = read_rules(tmp_path / "rules.yaml", dataset.schema)
    assert rules["style"].imply == {"floral lace": (("style", "floral"), ("style", "lace"))}


def test_on_deepfashions_names_most_proposals_are_right_and_most_duplicates_found() -> None:
    schema = coarse_schema(official_categories(), official_attributes())
    pairs = [pair for task in schema if task.kind == "multi_label" for pair in lint_task(task)]
    first = accuracies(pairs, choose_rules("deepfashion", schema).rules, schema)["proposed"]
    # As docs/deepfashion-cleaning.md says it.
    assert str(first) == "72 of 74 right (precision 0.973), 72 of 77 joins found (recall 0.935)"
    both = choose_rules("deepfashion", schema, tier="AB").rules
    every = accuracies(pairs, both, schema)["proposed or to be judged"]
    assert str(every) == "113 of 140 right (precision 0.807), 113 of 115 joins found (recall 0.983)"
    implied = {(row.label, row.other) for row in shipped_rules("deepfashion")}
    proposed = [
        ((pair.task, pair.other), (pair.task, pair.keep)) for pair in pairs if not pair.merges
    ]
    assert len(proposed) == 452
    assert len(implied.intersection(proposed)) == 408


def test_proposals_are_counted_against_the_truth() -> None:
    task = TaskSpec(name="t", kind="multi_label", labels=("dot", "dots", "dotted", "star", "stars"))
    pairs = lint_task(task)
    assert [(pair.keep, pair.other) for pair in pairs if pair.sure] == [
        ("dot", "dots"),
        ("dot", "dotted"),
        ("star", "stars"),
    ]
    of = accuracy(pairs, [[("t", "dot"), ("t", "dots"), ("t", "dotted"), ("t", "spots")]])
    assert (of.proposed, of.right, of.joins, of.found) == (3, 2, 3, 2)
    assert str(of) == ("2 of 3 right (precision 0.667), 2 of 3 joins found (recall 0.667)")
