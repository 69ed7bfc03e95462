"""The rules that come for DeepFashion's attributes: what they say, and what they do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from lapel.data.cleaning.clean import Cleaning, clean_dataset
from lapel.data.cleaning.mapping import read_mappings
from lapel.data.cleaning.shipped import choose_rules, shipped_rules
from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.deepfashion.names import official_attributes, official_categories
from lapel.data.deepfashion.schema import coarse_schema
from lapel.data.images import packed_name
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.errors import DatasetError, UsageError
from lapel.schema.labels import Schema, TaskSpec

SCHEMA = coarse_schema(official_categories(), official_attributes())

TEXTURE = (
    "abstract",
    "abstract print",
    "floral",
    "floral print",
    "print",
    "stripe",
    "striped",
    "stripes",
)
PART = ("belted", "belted floral print", "hem", "striped v-neck", "v-neck")


def tagged(
    folder: Path,
    words: Mapping[str, Sequence[str]],
    rows: Sequence[Mapping[str, Tags | None]],
    splits: Sequence[str] | None = None,
    *,
    benchmark: str = "",
) -> Dataset:
    """A packed dataset of tags: task to its labels, and a row's tags by task."""
    schema = Schema(
        tuple(
            TaskSpec(name=name, kind="multi_label", labels=tuple(labels))
            for name, labels in words.items()
        )
    )
    annotations = [
        Annotation(image=packed_name(row), labels=labels, split=splits[row] if splits else "train")
        for row, labels in enumerate(rows)
    ]
    return create_dataset(
        folder,
        name="d",
        schema=schema,
        annotations=annotations,
        images=np.zeros((len(rows), 4, 4), np.uint8),
        benchmark=benchmark,
    )


def test_every_rule_is_about_names_of_deepfashion_and_merges_stay_inside_one_type() -> None:
    known = {
        (task.name, label) for task in SCHEMA if task.kind == "multi_label" for label in task.labels
    }
    assert len(known) == 1000
    rules = shipped_rules("deepfashion")
    for row in rules:
        assert row.label in known
        assert row.other in known
        assert row.label != row.other
        assert row.reason
        assert row.rule == "implies" or row.label[0] == row.other[0]
    lines = Counter((row.rule, row.label, row.other) for row in rules)
    assert max(lines.values()) == 1
    # A label is merged by one rule at most, so that there is one answer to what it becomes.
    merged = Counter(row.label for row in rules if row.rule != "implies")
    assert max(merged.values()) == 1
    # What a print is, is a matter of textures.
    assert {row.label[0] for row in rules if row.rule == "B"} == {"texture"}


def test_tier_a_leaves_923_labels_and_canonical_columns_are_alive() -> None:
    rules = choose_rules("deepfashion", SCHEMA).rules
    groups = [members for one in rules.values() for members in one.merge.values()]
    assert len(groups) == 71
    assert sum(map(len, groups)) == 1000 - 923
    left = 0
    for task in SCHEMA:
        if task.kind == "multi_label":
            now = rules[task.name].mapping(task.labels)
            left += len(set(now.values()))
            assert set(rules[task.name].merge) <= set(now.values())
    assert left == 923


def test_tier_b_follows_names_to_the_end() -> None:
    rules = choose_rules("deepfashion", SCHEMA, tier="AB").rules["texture"]
    now = rules.mapping(SCHEMA["texture"].labels)
    assert now["abstract printed"] == now["abstract print"] == "abstract"
    assert now["floral pattern"] == now["floral print"] == "floral"
    assert now["floral"] == "floral"
    assert now["stripes"] == "stripe"
    assert not rules.imply


def test_what_is_no_part_of_a_garment_is_not_implied_by_a_name() -> None:
    implied = {(row.label[1], row.other[1]) for row in shipped_rules("deepfashion")}
    assert ("belted floral print", "floral") in implied
    for wrong in (
        ("faux leather", "leather"),
        ("faux leather mini", "leather mini"),
        ("lace-up", "lace"),
        ("brooklyn nets", "nets"),
        ("lace print", "lace"),
    ):
        assert wrong not in implied


def test_tags_are_joined_and_implied_across_tasks(tmp_path: Path) -> None:
    rows: list[Mapping[str, Tags | None]] = [
        {"texture": Tags(("striped",), ("stripe",)), "part": Tags()},
        {"texture": Tags((), ("stripes",)), "part": Tags(("hem",))},
        {"texture": Tags((), ("print", "floral")), "part": Tags(("belted floral print",))},
        {"texture": Tags(("floral print",)), "part": Tags(("striped v-neck",))},
        {"texture": None, "part": Tags(("striped v-neck",))},
    ]
    dataset = tagged(tmp_path / "d", {"texture": TEXTURE, "part": PART}, rows)
    done = clean_dataset(
        dataset.folder, "deepfashion", out=tmp_path / "new", tier="AB", implications=True
    )
    now = done.dataset
    assert now.schema["texture"].labels == ("abstract", "floral", "print", "stripe")
    assert now.labels("texture") == [
        Tags(("stripe",)),
        Tags((), ("stripe",)),
        Tags(("floral", "print")),
        # A floral print becomes floral, and stays a print; the neckline says it is striped.
        Tags(("floral", "print", "stripe")),
        # Nothing was known but this.
        Tags(("stripe",), ("abstract", "floral", "print")),
    ]
    assert now.labels("part") == [
        Tags(),
        Tags(("hem",)),
        Tags(("belted", "belted floral print")),
        Tags(("striped v-neck", "v-neck")),
        Tags(("striped v-neck", "v-neck")),
    ]
    sources = read_mappings(done.mapping)[0].sources("texture")
    assert set(sources["stripe"]) == {
        ("texture", "stripe"),
        ("texture", "striped"),
        ("texture", "stripes"),
        ("part", "striped v-neck"),
    }
    assert ("texture", "floral print") in sources["print"]
    assert done.skipped > 700


def test_without_implications_only_names_change(tmp_path: Path) -> None:
    rows = [{"texture": Tags(("floral print", "striped")), "part": Tags(("striped v-neck",))}]
    dataset = tagged(tmp_path / "d", {"texture": TEXTURE, "part": PART}, rows)
    done = clean_dataset(dataset.folder, "deepfashion", out=tmp_path / "new")
    assert [one.before.name for one in done.tasks] == ["texture"]
    assert done.dataset.labels("texture") == [Tags(("floral print", "stripe"))]
    assert done.dataset.labels("part") == [Tags(("striped v-neck",))]


def deleting_script(
    rows: Sequence[set[str]], groups: Sequence[Sequence[str]]
) -> list[set[str] | None]:
    """What the script of a published cleaning does, by its effect: the "or" of a group goes into
    its first column, and then every column of the group, the first one too, becomes 0. Images
    with one label or none are left out, of any split.
    """
    after: list[set[str] | None] = []
    for row in rows:
        left = set(row)
        for group in groups:
            left |= {group[0]} if left & set(group) else set()
            for member in group:
                left.discard(member)
        after.append(left if len(left) > 1 else None)
    return after


def test_a_merge_keeps_what_a_published_script_deletes(tmp_path: Path) -> None:
    held = [{"stripe"}, {"striped", "floral"}, {"stripes", "striped"}, {"floral", "print"}, set()]
    groups = [["stripe", "striped", "stripes"]]
    deleted = deleting_script(held, groups)
    assert not any(row and row & set(groups[0]) for row in deleted)
    assert deleted.count(None) == 4
    rows = [{"texture": Tags(tuple(sorted(row)))} for row in held]
    splits = ["train", "train", "validation", "test", "test"]
    dataset = tagged(tmp_path / "d", {"texture": TEXTURE}, rows, splits)
    now = clean_dataset(dataset.folder, "deepfashion", out=tmp_path / "new").dataset
    assert now.labels("texture") == [
        Tags(("stripe",)),
        Tags(("floral", "stripe")),
        Tags(("stripe",)),
        Tags(("floral", "print")),
        Tags(),
    ]
    assert now.names() == dataset.names()


def counted_dataset(folder: Path) -> Dataset:
    """Tags that 3, 2 and 1 training pictures hold, and pictures with few of them."""
    held = ["floral print stripe", "floral", "floral stripe", "", "print", ""]
    splits = ["train", "train", "train", "train", "validation", "test"]
    words = ("floral", "print", "stripe", "striped")
    rows = [{"texture": Tags(tuple(row.split()))} for row in held]
    return tagged(folder, {"texture": words}, rows, splits, benchmark="deepfashion-coarse")


def test_rare_tags_are_forgotten_and_counted(tmp_path: Path) -> None:
    dataset = counted_dataset(tmp_path / "d")
    done = clean_dataset(dataset.folder, out=tmp_path / "new", at_least=2)
    assert done.dataset.schema["texture"].labels == ("floral", "stripe")
    assert done.tasks[0].rare == {"print": 1, "striped": 0}
    assert done.tasks[0].mapping["print"] is None


def test_pictures_with_few_tags_leave_train_alone(tmp_path: Path) -> None:
    dataset = counted_dataset(tmp_path / "d")
    done = clean_dataset(dataset.folder, "deepfashion", out=tmp_path / "new", min_tags=2)
    assert done.dataset.splits() == {"train": 2, "validation": 1, "test": 1}
    assert done.left_out == 2
    packed = done.dataset.packed()
    assert packed is not None
    assert len(packed) == 4
    with pytest.raises(UsageError, match="no training picture has 9 tags; ask for fewer"):
        clean_dataset(dataset.folder, out=tmp_path / "other", min_tags=9)
    assert not (tmp_path / "other").exists()


def test_cleaned_labels_are_no_longer_the_benchmarks_own(tmp_path: Path) -> None:
    dataset = counted_dataset(tmp_path / "d")
    once = clean_dataset(dataset.folder, "deepfashion", out=tmp_path / "new").dataset
    assert once.description.benchmark == "deepfashion-coarse-cleaned"
    assert once.description.origin == "labels cleaned by deepfashion, tier A"
    again = clean_dataset(once.folder, at_least=2).dataset
    assert again.description.benchmark == "deepfashion-coarse-cleaned"
    (tmp_path / "nothing.yaml").write_text("# nothing\n")
    same = clean_dataset(dataset.folder, tmp_path / "nothing.yaml", out=tmp_path / "same").dataset
    assert same.description.benchmark == "deepfashion-coarse"


def cleaned(folder: Path) -> Cleaning:
    return clean_dataset(counted_dataset(folder / "d").folder, "deepfashion", out=folder / "new")


def test_a_mapping_comes_back_as_it_was(tmp_path: Path) -> None:
    done = cleaned(tmp_path)
    mapping = read_mappings(tmp_path / "new")[0]
    assert mapping == read_mappings(done.mapping)[0]
    assert mapping.rules == "deepfashion, tier A"
    (task,) = mapping.tasks
    assert (task.before, task.after) == (done.tasks[0].before, done.tasks[0].after)
    assert dict(task.becomes) == {"striped": "stripe"}


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        '{"lapel_label_mapping": 2}',
        '{"lapel_label_mapping": 1, "rules": "", "tasks": [{"name": "a"}]}',
        '{"lapel_label_mapping": 1, "rules": "", "tasks": [7]}',
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, damage: str) -> None:
    (tmp_path / "m.json").write_text(damage)
    with pytest.raises(DatasetError, match=r"m\.json is no mapping of labels"):
        read_mappings(tmp_path / "m.json")


def test_a_mapping_to_labels_that_are_not_there_is_refused(tmp_path: Path) -> None:
    done = cleaned(tmp_path)
    value = json.loads(done.mapping.read_text("utf-8"))
    value["tasks"][0]["becomes"]["stripe"] = "plaid"
    done.mapping.write_text(json.dumps(value))
    with pytest.raises(DatasetError, match="task 'texture' has no label 'plaid'"):
        read_mappings(done.mapping)


def test_wrong_wishes_are_refused(tmp_path: Path) -> None:
    dataset = counted_dataset(tmp_path / "d")
    with pytest.raises(UsageError, match="no tier 'C'; choose one of: A, AB"):
        clean_dataset(dataset.folder, "deepfashion", tier="C")
    with pytest.raises(UsageError, match="nothing to do: name rules"):
        clean_dataset(dataset.folder)
    with pytest.raises(UsageError, match="found neither a file 'deepfashoin' nor shipped rules"):
        clean_dataset(dataset.folder, "deepfashoin")
    (tmp_path / "rules.yaml").write_text("texture: {drop: [print]}\n")
    with pytest.raises(UsageError, match=r"tiers and implications are of shipped rules"):
        clean_dataset(dataset.folder, tmp_path / "rules.yaml", tier="A")
    other = tagged(tmp_path / "o", {"tags": ("bag", "belt")}, [{"tags": Tags(("bag",))}])
    with pytest.raises(UsageError, match="is about a label of this dataset; its tasks: tags"):
        clean_dataset(other.folder, "deepfashion")


def test_a_second_time_there_is_nothing_left_to_join(tmp_path: Path) -> None:
    done = cleaned(tmp_path)
    again = clean_dataset(done.dataset.folder, "deepfashion", out=tmp_path / "again")
    assert again.tasks == ()
    assert again.dataset.fingerprint == done.dataset.fingerprint
