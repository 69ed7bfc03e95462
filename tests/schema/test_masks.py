"""Masks as answers: their shares, their cells, and their run lengths as COCO's tools read them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pycocotools import mask as coco

from lapel.schema.masks import UNKNOWN_CLASS, ClassMap, class_run_lengths, lookup
from lapel.schema.prediction import SegmentationAnswer

LABELS = ("background", "dress", "hat")
MASK = np.array([[0, 0, 1, 1], [0, 1, 1, UNKNOWN_CLASS]], np.uint8)


@settings(deadline=None)
@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.sampled_from([0, 1, 2, UNKNOWN_CLASS]),
    )
)
def test_run_lengths_are_those_of_pycocotools(mask: NDArray[np.uint8]) -> None:
    found = class_run_lengths(mask)
    assert list(found) == np.unique(mask).tolist()
    for value, lengths in found.items():
        theirs = coco.encode(np.asfortranarray(mask == value, np.uint8))
        assert theirs["size"] == [lengths.height, lengths.width]
        assert theirs["counts"] == str(lengths.counts).encode()


def test_an_answer_knows_its_shares() -> None:
    answer = SegmentationAnswer.of(MASK, LABELS)
    assert list(answer.shares) == [3 / 8, 4 / 8, 0]
    assert answer.lines() == (("dress", 0.5), ("background", 0.375))
    assert answer.cells("parsing") == {
        "parsing": "background|dress",
        "parsing.background": 0.375,
        "parsing.dress": 0.5,
        "parsing.hat": 0.0,
    }


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools
def test_an_answer_is_plain_json_that_leads_back() -> None:
    value = json.loads(json.dumps(SegmentationAnswer.of(MASK, LABELS).to_json()))
    assert value["size"] == [2, 4]
    assert [entry["label"] for entry in value["classes"]] == ["background", "dress"]
    for entry in value["classes"]:
        mask = coco.decode(entry["mask"])
        np.testing.assert_array_equal(mask == 1, LABELS.index(entry["label"]) == MASK)


def test_answers_are_equal_pixel_by_pixel() -> None:
    answer, other = (SegmentationAnswer.of(MASK.copy(), LABELS) for _ in range(2))
    assert answer == other
    other.mask[0, 0] = 2
    assert answer != other
    assert answer != "an answer"


def test_a_label_map_knows_what_it_holds() -> None:
    assert ClassMap(MASK, LABELS).held == ("background", "dress")
    assert lookup([1], [0])[MASK].tolist() == [
        [UNKNOWN_CLASS, UNKNOWN_CLASS, 0, 0],
        [UNKNOWN_CLASS, 0, 0, UNKNOWN_CLASS],
    ]
