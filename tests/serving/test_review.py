"""The review's server: photos in order, answers kept, conflicts told, nobody let in unasked."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image

from lapel.review.records import Proposed
from lapel.review.store import ReviewStore
from lapel.schema.errors import StorageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import class_run_lengths
from lapel.serving.review_app import review_app
from lapel.serving.reviewing import Reviewing
from lapel.serving.run import running_app
from lapel.serving.settings import Settings

TASKS = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=("dress", "hat", "shoes")),
        TaskSpec(name="parts", kind="segmentation", labels=("background", "cloth")),
    )
)
TOKEN = "a token of sixteen signs".replace(" ", "-")

Start = Callable[..., AbstractContextManager[httpx2.Client]]


def proposed(number: int) -> Proposed:
    pixels = np.zeros((30, 40), np.uint8)
    pixels[10:20, 5:25] = 1
    masks = class_run_lengths(pixels)
    classes = [
        {"label": "background", "share": 0.8, "mask": masks[0].to_json()},
        {"label": "cloth", "share": 0.2, "mask": masks[1].to_json()},
    ]
    top = [{"label": "dress", "probability": 0.6}, {"label": "hat", "probability": 0.3}]
    return Proposed(
        image=f"{number}.png",
        size=(40, 30),
        machine={
            "category": {"label": "dress", "probability": 0.6, "top": top},
            "parts": {"size": [30, 40], "classes": classes},
        },
        standing={"category": "hat"},
        doubt=0.5,
    )


@pytest.fixture
def start(tmp_path: Path) -> Start:
    @contextmanager
    def run(*, token: str | None = None, overlap: int = 1) -> Iterator[httpx2.Client]:
        with ReviewStore(tmp_path / "review.sqlite") as store:
            if not store.rounds():
                store.begin_round(map(proposed, range(5)), tasks=TASKS, overlap=overlap)
            reviewing = Reviewing(store=store, read=read, dataset="clothes", annotator="mina")
            settings = Settings(port=0, token=token)
            with (
                running_app(review_app(reviewing, settings), settings) as url,
                httpx2.Client(base_url=url, trust_env=False, timeout=30) as client,
            ):
                yield client

    return run


def read(name: str) -> bytes:
    if name == "2.png":
        raise StorageError("a folder of this machine/2.png is not there") from FileNotFoundError()
    if name == "4.png":
        raise StorageError("a disk of this machine is away") from OSError(errno.EIO, "I/O error")
    if name == "3.png":
        return b"<svg onload=alert(1)>"
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), (9, 9, 9)).save(buffer, "PNG")
    return buffer.getvalue()


def ask(client: httpx2.Client, what: str, **said: Any) -> httpx2.Response:
    return client.post(f"/v1/review/{what}", json={"annotator": "mina", **said})


def test_a_page_gets_photos_with_what_is_proposed(start: Start) -> None:
    with start() as client:
        about = client.get("/v1/review").json()
        assert [task["name"] for task in about["tasks"]] == ["category", "parts"]
        assert (about["dataset"], about["annotator"], about["overlap"]) == ("clothes", "mina", 1)
        said = ask(client, "next", count=2).json()
        assert [item["image"] for item in said["items"]] == ["0.png", "1.png"]
        item = said["items"][0]
        assert item["proposed"]["category"] == "dress"
        assert item["standing"] == {"category": "hat"}
        assert item["likelihoods"]["category"] == {"dress": 0.6, "hat": 0.3}
        assert item["likelihoods"]["parts"] == {"background": 0.8, "cloth": 0.2}
        (ring,) = item["outlines"]["parts"]["cloth"]
        assert sorted(ring) == [[5, 10], [5, 20], [25, 10], [25, 20]]
        photo = client.get(f"/v1/review/pictures/{item['item']}")
        assert photo.headers["content-type"] == "image/png"
        assert photo.content.startswith(b"\x89PNG")


def test_answers_are_kept_counted_and_taken_back(start: Start) -> None:
    with start() as client:
        first, second = ask(client, "next", count=2).json()["items"]
        kept = ask(client, "answers", item=first["item"], revision=0, answers=first["proposed"])
        assert kept.json()["verdicts"] == {"category": "confirmed", "parts": "confirmed"}
        ask(client, "answers", item=second["item"], revision=0, answers={"category": "shoes"})
        progress = client.get("/v1/review/progress").json()
        assert (progress["done"], progress["total"]) == (2, 5)
        assert progress["tasks"][0]["accepted"] == 0.5
        undone = ask(client, "undo").json()
        assert (undone["item"], undone["answers"]["category"]) == (second["item"], "shoes")
        assert undone["progress"]["done"] == 1
        again = ask(client, "answers", item=second["item"], revision=undone["revision"])
        assert again.status_code == 200
        assert ask(client, "undo").status_code == 200
        assert ask(client, "undo").status_code == 200
        assert ask(client, "undo").json()["error"]["code"] == "nothing_to_undo"


def test_a_photo_that_was_passed_over_by_mistake_comes_back_with_what_is_proposed(
    start: Start,
) -> None:
    with start() as client:
        (item,) = ask(client, "next").json()["items"]
        ask(client, "answers", item=item["item"], revision=0)
        undone = ask(client, "undo").json()
        assert "answers" not in undone
        assert undone["proposed"] == item["proposed"]


def test_a_turn_through_what_was_passed_over_goes_on_behind_the_last_one(start: Start) -> None:
    with start() as client:
        items = ask(client, "next", count=5).json()["items"]
        for item in items:
            ask(client, "answers", item=item["item"], revision=0)
        first, second = ask(client, "next", count=2, again=True).json()["items"]
        assert [first["item"], second["item"]] == [one["item"] for one in items[:2]]
        ask(client, "answers", item=first["item"], revision=1)  # passed over once more
        rest = ask(client, "next", count=8, again=True, behind=second["rank"]).json()["items"]
        assert [one["item"] for one in rest] == [one["item"] for one in items[2:]]


def test_who_passed_over_what_another_one_answered_has_nothing_left_to_go_through(
    start: Start,
) -> None:
    with start() as client:
        (item,) = ask(client, "next").json()["items"]
        ask(client, "answers", item=item["item"], revision=0)
        mina = {"name": "mina", "answered": 0, "skipped": 1}
        assert client.get("/v1/review/progress").json()["people"] == [mina]
        ask(client, "answers", annotator="jun", item=item["item"], revision=1,
            answers={"category": "hat"})  # fmt: skip
        _, told = client.get("/v1/review/progress").json()["people"]
        assert told == {**mina, "skipped": 0}


def test_a_photo_that_is_gone_is_said_to_be(start: Start) -> None:
    with start() as client:
        gone = client.get("/v1/review/pictures/3")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "no_photo_file")
        assert "of this machine" not in gone.text  # where it lies is nobody's business
        away = client.get("/v1/review/pictures/5")
        assert (away.status_code, away.headers["retry-after"]) == (503, "5")  # it may come back


def test_two_people_are_given_different_photos(start: Start) -> None:
    with start() as client:
        mine = ask(client, "next", count=3).json()["items"]
        theirs = ask(client, "next", annotator="jun", count=8).json()["items"]
        assert len(mine) == 3
        assert len(theirs) == 2
        assert not {one["item"] for one in mine} & {one["item"] for one in theirs}


def test_who_comes_second_is_told_what_stands_there(start: Start) -> None:
    with start() as client:
        (item,) = ask(client, "next").json()["items"]
        ask(client, "answers", annotator="jun", item=item["item"], revision=0,
            answers={"category": "shoes"})  # fmt: skip
        refused = ask(client, "answers", item=item["item"], revision=0, answers={"category": "hat"})
        assert refused.status_code == 409
        error = refused.json()["error"]
        assert error["code"] == "conflict"
        assert error["standing"][0]["annotator"] == "jun"
        assert error["standing"][0]["answers"]["category"]["value"] == "shoes"
        mended = ask(client, "answers", item=item["item"], revision=error["revision"],
                     answers={"category": "hat"})  # fmt: skip
        assert mended.status_code == 200


def test_agreement_is_shown_where_several_answer(start: Start) -> None:
    with start(overlap=2) as client:
        for who, labels in {
            "mina": ("hat", "dress", "hat"),
            "jun": ("hat", "dress", "shoes"),
        }.items():
            for label in labels:
                (item,) = ask(client, "next", annotator=who).json()["items"]
                answers = {"category": label}
                ask(
                    client, "answers", annotator=who, item=item["item"], revision=0, answers=answers
                )
        (found,) = client.get("/v1/review/progress").json()["agreement"]
        assert (found["name"], found["items"], found["people"]) == ("Cohen's kappa", 3, 2)
        assert found["observed"] == pytest.approx(2 / 3)
        assert found["kappa"] == pytest.approx((2 / 3 - 1 / 3) / (1 - 1 / 3))


BAD: list[tuple[str, dict[str, Any], int]] = [
    ("next", {"annotator": ""}, 422),
    ("next", {"annotator": "x" * 65}, 422),
    ("next", {"count": 1000}, 422),
    ("next", {"count": "1"}, 422),
    ("next", {"held": list(range(100))}, 422),
    ("next", {"surprise": 1}, 422),
    ("answers", {"item": 10**30, "revision": 0}, 422),
    ("answers", {"item": 999, "revision": 0, "answers": {"category": "hat"}}, 422),
    ("answers", {"item": 1, "revision": -1}, 422),
    ("answers", {"item": 1, "revision": 0, "answers": {"category": "sock"}}, 422),
    ("answers", {"item": 1, "revision": 0, "answers": {"category": ["hat"]}}, 422),
    ("answers", {"item": 1, "revision": 0, "answers": {"size": "L"}}, 422),
    ("answers", {"item": 1, "revision": 0, "answers": {"parts": {"size": [9**9, 9**9]}}}, 422),
    ("answers", {"item": 1, "revision": 7, "answers": {"category": "hat"}}, 409),
]


def test_what_does_not_fit_is_refused_and_changes_nothing(start: Start) -> None:
    with start() as client:
        for what, said, status in BAD:
            refused = ask(client, what, **said)
            assert refused.status_code == status, (what, said, refused.text)
            assert refused.json()["error"]["message"]
            assert "Traceback" not in refused.text
        for path in ("/v1/review/pictures/77", "/v1/review/pictures/x"):
            assert client.get(path).status_code == 422
        # JSON can name half of a letter, which no file and no answer can hold.
        half = {"item": 1, "revision": 0, "answers": {"\ud800": 1}}
        refused = client.post(
            "/v1/review/answers",
            content=json.dumps({"annotator": "mina", **half}),
            headers={"Content-Type": "application/json"},
        )
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_answer")
        assert client.get("/v1/review/pictures/4").status_code == 415  # no picture inside
        assert client.post("/v1/review/next", content=b"{").status_code == 415
        torn = client.post(
            "/v1/review/next", content=b"{", headers={"Content-Type": "application/json"}
        )
        assert torn.status_code == 422
        progress = client.get("/v1/review/progress").json()
        assert (progress["done"], progress["people"]) == (0, [])


def test_a_page_of_another_site_is_not_answered(start: Start) -> None:
    with start() as client:
        plain = {"Content-Type": "text/plain"}
        body = '{"annotator": "mina"}'
        assert client.post("/v1/review/undo", content=body, headers=plain).status_code == 415
        origin = {"Origin": "https://elsewhere.example"}
        refused = client.post("/v1/review/undo", json={"annotator": "mina"}, headers=origin)
        assert refused.status_code == 403
        assert client.get("/v1/review", headers={"Host": "evil.example"}).status_code == 421


def test_with_a_token_only_the_page_itself_is_open(start: Start) -> None:
    with start(token=TOKEN) as client:
        for path in ("/", "/assets/review.js", "/assets/style.css", "/health", "/ready"):
            assert client.get(path).status_code == 200
        for path in ("/v1/review", "/v1/review/progress", "/v1/review/pictures/1"):
            assert client.get(path).status_code == 401
        known = {"Authorization": f"Bearer {TOKEN}"}
        assert client.get("/v1/review", headers=known).status_code == 200
        page = client.get("/")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff"


def test_answers_that_were_acknowledged_survive_a_kill_of_the_server(
    photo_dataset: Path, tmp_path: Path
) -> None:
    """The command as a user starts it, killed in the middle of the day."""
    from lapel.data.reviewed import import_review

    folder = tmp_path / "dataset"
    folder.mkdir()
    for path in photo_dataset.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    description = (folder / "dataset.json").read_text("utf-8")
    root = re.search(r'"root": "([^"]*)"', description)
    assert root is not None
    there = str((photo_dataset / root[1]).resolve())
    (folder / "dataset.json").write_text(description.replace(root[1], there), "utf-8")
    program = [sys.executable, "-m", "lapel", "review", str(folder), "--port", "0"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(match[0] for line in process.stdout if (match := re.search(r"http://\S+", line)))
        with httpx2.Client(base_url=url, trust_env=False, timeout=30) as client:
            items = ask(client, "next", count=8).json()["items"]
            for item in items[:5]:
                said = {"item": item["item"], "revision": 0, "answers": {"category": "hat"}}
                assert ask(client, "answers", **said).status_code == 200
            os.kill(process.pid, signal.SIGKILL)
    merged = import_review(folder)
    assert merged.images == 5
    labels = dict(zip(merged.dataset.names(), merged.dataset.labels("category"), strict=True))
    assert {labels[item["image"]] for item in items[:5]} == {"hat"}
