from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.exploring.explore import explore_dataset
from lapel.data.exploring.labels import together
from lapel.data.exploring.sampling import distribution_distance
from lapel.data.images import packed_name
from lapel.data.label_counts import count_together
from lapel.schema.annotation import Annotation
from lapel.schema.errors import StorageError
from lapel.schema.labels import Schema, TaskSpec


class Tags(HTMLParser):
    """The tags, addresses and words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def look(folder: Path, out: Path) -> Tags:
    return Tags(explore_dataset(folder, out).read_text())


def test_one_file_shows_classes_sizes_and_splits(photo_dataset: Path, tmp_path: Path) -> None:
    page = look(photo_dataset, tmp_path / "page.html")
    text = " ".join(page.words)
    for words in ("dress", "shoes", "Sizes", "Train against validation", "brightness", "12"):
        assert words in text
    assert "48 to 60 pixels wide" in text
    # Nothing is fetched: pictures are in the page, references stay within it.
    assert all(re.match(r"data:image/png;base64,|#", address) for address in page.addresses)
    assert not {"script", "link", "iframe"} & set(page.tags)
    # Three classes: mean and mosaic each, then train, validation and difference each.
    assert page.tags.count("img") == 3 * 2 + 3 * 3


def test_small_pictures_and_an_official_test(small_dataset: Path, tmp_path: Path) -> None:
    text = " ".join(look(small_dataset, tmp_path / "page.html").words)
    assert "Every picture is 28 x 28 pixels." in text
    assert "Train against test" in text
    assert "T-shirt/top" in text


def test_labels_and_names_are_escaped_and_unknown_ones_shown(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    schema = Schema((TaskSpec(name='"><img src=x>', kind="single_label", labels=(evil, "none")),))
    rows = [
        Annotation(image=packed_name(0), labels={'"><img src=x>': evil}),
        Annotation(image=packed_name(1), labels={}),
    ]
    pictures = np.zeros((2, 5, 5), np.uint8)
    folder = create_dataset(
        tmp_path / "d", name=evil, schema=schema, annotations=rows, images=pictures, origin=evil
    ).folder
    page = look(folder, tmp_path / "page.html")
    assert "script" not in page.tags
    assert page.addresses.count("x") == 0
    text = " ".join(page.words)
    assert evil in text
    assert "unknown" in text


def test_the_page_is_the_same_each_time(photo_dataset: Path, tmp_path: Path) -> None:
    pages = [explore_dataset(photo_dataset, tmp_path / f"{n}.html").read_bytes() for n in (1, 2)]
    assert pages[0] == pages[1]


def test_the_distance_of_distributions() -> None:
    low, high = np.arange(10.0), np.arange(10.0) + 100
    assert distribution_distance(low, low) == 0
    assert distribution_distance(low, high) == 1
    assert distribution_distance(low, np.arange(20.0)) == 0.5


def test_tags_and_several_tasks_are_shown(tagged_dataset: Path, tmp_path: Path) -> None:
    page = look(tagged_dataset, tmp_path / "page.html")
    text = " ".join(page.words)
    for words in ("How many of each tags", "Any of them may hold", "Which labels hold together"):
        assert words in text
    assert "바지" in text
    # Of 100 pictures with a hat, so many have the others; every picture with tags has skin.
    html = (tmp_path / "page.html").read_text()
    assert 'title="30 of 30">100</td>' in html
    assert "pictures of hat" in html


def test_labels_that_are_not_shown_are_counted(
    tagged_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = Dataset.open(tagged_dataset).schema
    labels = sum(len(task.labels) for task in schema.tasks)
    for rest, says in ((1, "The rarest label is not shown."), (2, "The 2 rarest labels are not")):
        monkeypatch.setattr("lapel.data.exploring.labels.PAIRS_SHOWN", labels - rest)
        assert says in " ".join(look(tagged_dataset, tmp_path / "page.html").words)


def test_pairs_are_counted_of_the_labels_that_are_shown_alone(
    tagged_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The square of the number of all labels may not fit the memory."""
    asked: list[tuple[str, str]] = []

    def counted(dataset: Dataset, labels: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
        asked.extend(labels)
        return count_together(dataset, labels)

    monkeypatch.setattr("lapel.data.exploring.labels.count_together", counted)
    monkeypatch.setattr("lapel.data.exploring.labels.PAIRS_SHOWN", 2)
    assert 'title="30 of 30">100</td>' in together(Dataset.open(tagged_dataset))
    assert asked == [("tags", "hat"), ("tags", "skin")]


def test_one_task_of_single_labels_has_no_pairs(photo_dataset: Path, tmp_path: Path) -> None:
    assert "hold together" not in " ".join(look(photo_dataset, tmp_path / "page.html").words)


def test_a_place_that_cannot_be_written_is_said_before_the_work(
    photo_dataset: Path, tmp_path: Path
) -> None:
    with pytest.raises(StorageError, match="could not be written: Is a directory"):
        explore_dataset(tmp_path / "no dataset", tmp_path)
    assert explore_dataset(photo_dataset, tmp_path / "page.html").is_file()
