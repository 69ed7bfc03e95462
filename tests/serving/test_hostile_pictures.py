"""Corrupt and hostile pictures through the server: refused or answered, within memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from hostile_pictures import HostilePicture, hostile_pictures
from served_process import MEBIBYTE, PHOTO, Served, serving


@pytest.fixture(scope="module")
def served(colour_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(colour_bundle, log=tmp_path_factory.mktemp("served") / "log.txt") as found:
        yield found
    assert "Traceback" not in found.said(), found.said()


@pytest.mark.filterwarnings("ignore:.*image format is deprecated")  # of Pillow, which draws some
def test_each_is_refused_or_answered_and_memory_is_bounded(served: Served) -> None:
    idle = served.resident()
    with httpx2.Client(base_url=served.url, trust_env=False, timeout=30) as client:
        right = client.post("/v1/predict", content=PHOTO).json()["predictions"]
        for number, hostile in enumerate(hostile_pictures()):
            check(client.post("/v1/predict", content=hostile.data), hostile)
            if number % 25 == 0:
                between = client.post("/v1/predict", content=PHOTO).json()["predictions"]
                assert between == right, f"after {hostile.name}"
    assert served.resident("VmHWM") - idle < 500 * MEBIBYTE


def check(found: httpx2.Response, hostile: HostilePicture) -> None:
    if found.status_code == 200:
        assert hostile.verdict != "refused", hostile.name
        (prediction,) = found.json()["predictions"]
        if hostile.size is not None:
            size = (prediction["width"], prediction["height"])
            assert size == hostile.size, hostile.name
        return
    assert hostile.verdict != "answered", (hostile.name, found.text)
    expected = {413} if hostile.too_large else {400, 413, 415}
    assert found.status_code in expected, (hostile.name, found.status_code, found.text)
    error = found.json()["error"]
    assert error["code"]
    assert error["message"], hostile.name


def test_a_bad_one_among_good_ones_is_told_in_its_place(served: Served) -> None:
    files = [("a", ("one.jpg", PHOTO)), ("b", ("two.jpg", PHOTO[:60])), ("c", ("three.jpg", PHOTO))]
    with httpx2.Client(base_url=served.url, trust_env=False) as client:
        found = client.post("/v1/predict", files=files)
    assert found.status_code == 200, found.text
    first, second, third = json.loads(found.text)["predictions"]
    assert (first["image"], third["image"]) == ("one.jpg", "three.jpg")
    assert first["answers"] == third["answers"]
    assert second["image"] == "two.jpg"
    assert second["error"]["message"]
