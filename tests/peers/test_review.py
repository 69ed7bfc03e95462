"""The review page in Chromium: what a person sees and does, and what the store keeps of it."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from contrast import weakest_contrast
from PIL import Image
from playwright.sync_api import Page, Route, expect

from lapel.data.importing import import_dataset
from lapel.review.store import ReviewStore
from lapel.schema.labels import Schema, TaskSpec

Launch = Callable[..., str]
Open = Callable[..., Page]

COLOURS = {"red": (200, 30, 40), "green": (30, 160, 60), "blue": (40, 60, 190)}
SCHEMA = Schema((TaskSpec(name="colour", kind="single_label", labels=tuple(COLOURS)),))


@pytest.fixture
def clothes(drawn: Path, tmp_path: Path) -> Path:
    """A copy of the drawn garments, to be answered."""
    shutil.copytree(drawn, tmp_path / "clothes")
    return tmp_path / "clothes"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Six photos that nobody has labelled, the first of which lies on its side."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, (name, colour) in enumerate([*COLOURS.items(), *COLOURS.items()]):
        exif = Image.Exif()
        exif[0x0112] = 6 if number == 0 else 1  # turned by a quarter
        Image.new("RGB", (90, 60), colour).save(photos / f"{number} {name}.jpg", exif=exif)
    return import_dataset("unlabelled", photos, tmp_path / "plain", schema=SCHEMA).folder


def store_of(dataset: Path) -> ReviewStore:
    return ReviewStore(dataset / "review.sqlite", create=False)


def answers(dataset: Path) -> dict[str, dict[str, Any]]:
    """Image to task to what stands."""
    with store_of(dataset) as store:
        return {
            one.image: {task: given.value for task, given in one.answers.items()}
            for one in store.opinions()
        }


def saved(page: Page, done: int, total: int) -> None:
    expect(page.locator("#far")).to_have_text(f"{done} of {total} done")


def shown(page: Page) -> str:
    """The name of the photo that is there to be seen."""
    expect(page.locator("#stage image")).to_have_attribute("href", re.compile("^blob:"))
    return page.locator("#name").inner_text()


def test_one_key_answers_and_the_next_photo_is_there_already(
    plain: Path, launch: Launch, open_page: Open
) -> None:
    page = open_page(launch("review", plain, "--by", "order", "--annotator", "mina"))
    assert shown(page) == "0 red.jpg"
    saved(page, 0, 6)

    held: list[Route] = []
    page.route("**/v1/review/answers", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
    page.keyboard.press("1")
    expect(page.locator("#name")).to_have_text("1 green.jpg")
    assert shown(page) == "1 green.jpg"
    saved(page, 0, 6)  # nobody waited for the answer to arrive
    held[0].continue_()
    page.unroute("**/v1/review/answers")
    saved(page, 1, 6)
    page.keyboard.press("2")
    page.keyboard.press("s")
    page.locator('[data-label="red"]').click()
    saved(page, 3, 6)
    found = answers(plain)
    assert found["0 red.jpg"] == {"colour": "red"}
    assert found["1 green.jpg"] == {"colour": "green"}
    assert found["2 blue.jpg"] == {}
    assert found["3 red.jpg"] == {"colour": "red"}


def test_undo_brings_the_photo_back_as_it_was_answered(
    plain: Path, launch: Launch, open_page: Open
) -> None:
    page = open_page(launch("review", plain, "--by", "order", "--annotator", "mina"))
    shown(page)
    page.keyboard.press("3")
    expect(page.locator("#name")).to_have_text("1 green.jpg")
    page.keyboard.press("Control+z")
    expect(page.locator("#name")).to_have_text("0 red.jpg")
    expect(page.locator('[data-label="blue"]')).to_have_attribute("aria-pressed", "true")
    saved(page, 0, 6)
    page.keyboard.press("1")
    expect(page.locator("#name")).to_have_text("1 green.jpg")
    saved(page, 1, 6)
    assert answers(plain) == {"0 red.jpg": {"colour": "red"}}
    page.keyboard.press("u")
    page.keyboard.press("u")
    expect(page.locator("#note")).to_have_text("There is nothing to take back.")
    with sqlite3.connect(plain / "review.sqlite") as connection:
        (actions,) = connection.execute("SELECT COUNT(*) FROM submissions").fetchone()
    connection.close()
    assert actions == 4  # two answers, and twice taken back


def test_undo_gives_back_what_was_proposed_for_a_photo_passed_over_by_mistake(
    clothes: Path, tagger: Path, launch: Launch, open_page: Open
) -> None:
    url = launch("review", clothes, "--model", tagger, "--annotator", "mina", "--count", "5")
    page = open_page(url)
    name = shown(page)
    points = page.locator("#stage .point").count()
    assert points > 0
    page.keyboard.press("s")
    expect(page.locator("#name")).not_to_have_text(name)
    page.keyboard.press("u")
    expect(page.locator("#name")).to_have_text(name)
    expect(page.locator("#stage .point")).to_have_count(points)
    expect(page.locator('.labels [aria-pressed="true"]')).to_have_count(1)


def test_undo_keeps_what_was_said_of_the_photo_in_front(
    clothes: Path, tagger: Path, launch: Launch, open_page: Open
) -> None:
    arguments = ("--task", "category", "--task", "tags", "--annotator", "mina", "--count", "4")
    page = open_page(launch("review", clothes, "--model", tagger, *arguments))
    name = shown(page)
    page.keyboard.press("Enter")
    expect(page.locator("#name")).not_to_have_text(name)
    shown(page)
    page.keyboard.press("3")  # of the category; then the tags are asked for
    third = page.locator(".task").nth(0).locator(".short").inner_text()
    page.keyboard.press("u")
    expect(page.locator("#name")).to_have_text(name)
    page.keyboard.press("Enter")
    expect(page.locator("#name")).not_to_have_text(name)
    expect(page.locator(".task").nth(0).locator(".short")).to_have_text(third)


def test_a_key_that_is_held_answers_one_photo(plain: Path, launch: Launch, open_page: Open) -> None:
    page = open_page(launch("review", plain, "--by", "order", "--annotator", "mina"))
    shown(page)
    for _ in range(4):  # the keyboard repeats it
        page.keyboard.down("1")
    page.keyboard.up("1")
    saved(page, 1, 6)
    expect(page.locator("#name")).to_have_text("1 green.jpg")
    page.keyboard.press("2")
    saved(page, 2, 6)


def test_a_photo_that_is_gone_is_said_to_be(plain: Path, launch: Launch, open_page: Open) -> None:
    (plain.parent / "photos" / "0 red.jpg").unlink()
    page = open_page(launch("review", plain, "--by", "order", "--annotator", "mina"))
    expect(page.locator("#trouble")).to_contain_text("This photo cannot be shown")
    page.keyboard.press("s")
    assert shown(page) == "1 green.jpg"


def test_a_label_of_a_long_list_is_looked_for_in_any_script(
    launch: Launch, open_page: Open, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (60, 60), (90, 90, 90)).save(photos / "one.jpg")
    labels = (*(f"label {number}" for number in range(80)), "한복")
    schema = Schema((TaskSpec(name="kind", kind="single_label", labels=labels),))
    dataset = import_dataset("unlabelled", photos, tmp_path / "long", schema=schema).folder
    page = open_page(launch("review", dataset, "--by", "order", "--annotator", "mina"))
    shown(page)
    page.keyboard.press("/")
    keyboard = page.context.new_cdp_session(page)
    # As an input method composes it: each step takes the place of the one before.
    for composed in ("ㅎ", "하", "한"):
        place = {"selectionStart": 1, "selectionEnd": 1}
        keyboard.send("Input.imeSetComposition", {"text": composed, **place})
    keyboard.send("Input.insertText", {"text": "한"})
    expect(page.locator("input[type=search]")).to_have_value("한")
    expect(page.locator(".labels li")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#done-title")).to_have_text("All photos are answered")
    assert answers(dataset) == {"one.jpg": {"kind": "한복"}}


def test_photos_that_were_passed_over_can_be_gone_through_again(
    plain: Path, launch: Launch, open_page: Open
) -> None:
    page = open_page(
        launch("review", plain, "--by", "order", "--annotator", "mina", "--count", "2")
    )
    shown(page)
    page.keyboard.press("Enter")  # nothing is proposed, so there is nothing to confirm
    expect(page.locator("#note")).to_contain_text("Choose an answer first")
    page.keyboard.press("s")
    expect(page.locator("#name")).to_have_text("1 green.jpg")
    page.keyboard.press("2")
    expect(page.locator("#done-title")).to_have_text("Nothing more for you at the moment")
    page.get_by_role("button", name="Go through the one you skipped").click()
    assert shown(page) == "0 red.jpg"
    page.keyboard.press("1")
    expect(page.locator("#done-title")).to_have_text("All photos are answered")
    assert answers(plain) == {"0 red.jpg": {"colour": "red"}, "1 green.jpg": {"colour": "green"}}


def test_a_photo_stands_upright_and_one_can_look_closer(
    plain: Path, launch: Launch, open_page: Open
) -> None:
    page = open_page(launch("review", plain, "--by", "order", "--annotator", "mina"))
    shown(page)
    stage = page.locator("#stage")
    assert stage.get_attribute("viewBox") == "0 0 60 90"
    box = stage.bounding_box()
    assert box is not None
    # All of the upright photo is red, up to its edges, and nothing beside it.
    picture = Image.open(io.BytesIO(stage.screenshot())).convert("RGB")
    width, height = picture.size
    scale = height / 90
    inside = [picture.getpixel((round(width / 2 + dx * scale), round(height / 2 + dy * scale)))
              for dx, dy in ((0, 0), (0, 42), (0, -42), (27, 0), (-27, 0))]  # fmt: skip
    assert all(red > 150 and green < 90 for red, green, _ in inside)  # type: ignore[misc] # RGB
    aside = picture.getpixel((round(width / 2 + 34 * scale), round(height / 2)))
    assert isinstance(aside, tuple)
    assert aside[1] > 90 or aside[0] < 150
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -100)
    page.keyboard.press("+")
    x, _, across, down = map(float, (stage.get_attribute("viewBox") or "").split())
    assert across == pytest.approx(60 / 1.25**2)
    assert down == pytest.approx(90 / 1.25**2)
    assert x == pytest.approx(30 - across / 2, abs=0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 - 60, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert float((stage.get_attribute("viewBox") or "").split()[0]) > x
    page.keyboard.press("Home")
    assert stage.get_attribute("viewBox") == "0 0 60 90"


def test_what_the_machine_says_is_there_already_and_enter_confirms_it(
    clothes: Path, tagger: Path, launch: Launch, open_page: Open
) -> None:
    url = launch("review", clothes, "--model", tagger, "--annotator", "mina", "--count", "5")
    page = open_page(url, viewport={"width": 1280, "height": 800})
    name = shown(page)
    with store_of(clothes) as store:
        item = store.item(1)
    assert item.image == name
    said = item.machine["category"]["label"]
    expect(page.locator(f'[data-label="{said}"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#doubt")).to_contain_text("doubt")
    assert page.locator("#stage .point").count() == len(item.machine["landmarks"]["points"])
    page.keyboard.press("Enter")
    saved(page, 1, 5)
    with store_of(clothes) as store:
        (opinion,) = store.opinions()
    assert {given.verdict for given in opinion.answers.values()} == {"confirmed"}


def test_several_questions_are_answered_one_after_another(
    clothes: Path, tagger: Path, launch: Launch, open_page: Open
) -> None:
    arguments = ("--task", "category", "--task", "tags", "--annotator", "mina", "--count", "4")
    page = open_page(launch("review", clothes, "--model", tagger, *arguments))
    name = shown(page)
    with store_of(clothes) as store:
        category, tags = store.round().tasks
    page.keyboard.press("2")
    expect(page.locator('.task.active[data-task="tags"]')).to_be_visible()
    if page.locator('.labels [aria-pressed="true"]').count():
        page.get_by_role("button", name="None of them holds").click()
    page.keyboard.press("1")
    page.keyboard.press("3")
    page.keyboard.press("3")
    page.keyboard.press("]")
    expect(page.locator('.task.active[data-task="category"]')).to_be_visible()
    page.keyboard.press("Enter")
    saved(page, 1, 4)
    assert answers(clothes)[name] == {
        "category": category.labels[1],
        "tags": {"yes": [tags.labels[0]], "unknown": []},
    }


def test_landmarks_are_dragged_moved_by_keys_and_said_to_be_hidden(
    clothes: Path, tagger: Path, launch: Launch, open_page: Open
) -> None:
    arguments = ("--task", "landmarks", "--annotator", "mina", "--count", "2")
    page = open_page(launch("review", clothes, "--model", tagger, *arguments))
    name = shown(page)
    first, second, third = (
        page.locator(".lines .label").nth(place).get_attribute("data-label") for place in range(3)
    )
    dot = page.locator(f'[data-point="{first}"] .dot')
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    scale = min(stage["width"], stage["height"]) / 128
    left = stage["x"] + (stage["width"] - 128 * scale) / 2
    top = stage["y"] + (stage["height"] - 128 * scale) / 2
    at = dot.bounding_box()
    assert at is not None
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    page.mouse.down()
    page.mouse.move(left + 40 * scale, top + 90 * scale, steps=4)
    page.mouse.up()
    page.keyboard.press("2")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("3")
    page.keyboard.press("x")
    expect(page.locator(f'[data-point="{third}"]')).to_have_count(0)
    page.keyboard.press("Enter")
    saved(page, 1, 2)
    with store_of(clothes) as store:
        (opinion,) = store.opinions()
        item = store.item(opinion.item)
    said = {one["name"]: one for one in opinion.answers["landmarks"].value}
    assert opinion.answers["landmarks"].verdict == "mended"
    assert (opinion.image, item.image) == (name, name)
    assert first is not None
    assert second is not None
    moved = said[first]
    assert (moved["x"], moved["y"]) == (pytest.approx(40, abs=1), pytest.approx(90, abs=1))
    before = next(one for one in item.machine["landmarks"]["points"] if one["name"] == second)
    right = min(max(before["x"], 0) + 10, 128)
    assert said[second]["x"] == pytest.approx(right, abs=0.02)
    assert third not in said


def test_garments_are_removed_and_given_another_category(
    outfits: Path, detector: Path, launch: Launch, open_page: Open, tmp_path: Path
) -> None:
    dataset = tmp_path / "outfits"
    shutil.copytree(outfits, dataset)
    page = open_page(
        launch("review", dataset, "--model", detector, "--annotator", "mina", "--count", "40")
    )
    shown(page)
    for _ in range(40):  # the most doubtful may show none
        if page.locator("#stage .box").count() >= 2:
            break
        name = page.locator("#name").inner_text()
        page.keyboard.press("s")
        expect(page.locator("#name")).not_to_have_text(name)
        shown(page)
    name = shown(page)
    count = page.locator("#stage .box").count()
    parts = [one.input_value() for one in page.locator(".lines select").all()]
    page.keyboard.press("1")
    page.keyboard.press("x")
    expect(page.locator("#stage .box.removed")).to_have_count(1)
    other = "skirt" if parts[1] == "top" else "top"
    page.locator(".lines select").nth(1).select_option(other)
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#name")).not_to_have_text(name)
    expect(page.locator("#bar")).to_have_js_property("value", 1)
    said = answers(dataset)[name]["garments"]
    assert [one["part"] for one in said] == [other, *parts[2:]]
    assert len(said) == count - 1


def test_who_comes_second_is_asked_kindly(plain: Path, launch: Launch, open_page: Open) -> None:
    url = launch("review", plain, "--by", "order", "--annotator", "mina")
    page = open_page(url)
    shown(page)
    with httpx2.Client(base_url=url, trust_env=False) as other:
        for item, label in ((1, "blue"), (2, "blue")):
            said = {"annotator": "jun", "item": item, "revision": 0, "answers": {"colour": label}}
            assert other.post("/v1/review/answers", json=said).status_code == 200
    page.keyboard.press("1")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Enter")  # meant for the next photo: it decides nothing here
    expect(dialog).to_contain_text("jun answered 0 red.jpg while you looked at it.")
    expect(dialog.locator(".lines").nth(0)).to_have_text("jun · colour: blue")
    expect(dialog.locator(".lines").nth(1)).to_have_text("you · colour: red")
    expect(dialog.get_by_role("img", name="0 red.jpg")).to_be_visible()
    dialog.get_by_role("button", name="Keep that answer").click()
    page.keyboard.press("2")
    page.get_by_role("dialog").get_by_role("button", name="Use mine instead").click()
    page.keyboard.press("3")
    saved(page, 3, 6)
    found = answers(plain)
    assert found["0 red.jpg"] == {"colour": "blue"}
    assert found["1 green.jpg"] == {"colour": "green"}
    with store_of(plain) as store:
        by = {one.image: one.annotator for one in store.opinions()}
    assert by["0 red.jpg"] == "jun"
    assert by["1 green.jpg"] == "mina"


def test_two_people_work_side_by_side_and_see_how_far_they_agree(
    plain: Path, launch: Launch, open_page: Open
) -> None:
    url = launch("review", plain, "--by", "order", "--overlap", "2")
    pages = {}
    for who in ("mina", "jun"):
        page = pages[who] = open_page(url)
        page.get_by_label("Your name").fill(who)
        page.keyboard.press("Enter")
        shown(page)
        expect(page.locator("#who")).to_have_text(who)
    for who, keys in {"mina": "123123", "jun": "123122"}.items():
        for number, key in enumerate(keys, start=1):
            pages[who].keyboard.press(key)
            if number < len(keys):
                expect(pages[who].locator("#name")).to_contain_text(f"{number} ")
    expect(pages["jun"].locator("#done-title")).to_have_text("All photos are answered")
    said = "6 of 6 done by 2 people each · 6 answered by you"
    expect(pages["jun"].locator("#far")).to_have_text(said)
    page = pages["mina"]
    page.get_by_role("button", name="How it goes").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cohen's kappa")
    expect(dialog).to_contain_text("0.75")  # 5 of 6 alike, 1/3 by chance
    expect(dialog).to_contain_text("83.3%")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_two_people_without_overlap_get_different_photos(
    plain: Path, launch: Launch, open_page: Open
) -> None:
    url = launch("review", plain, "--by", "order")
    seen = set()
    for who in ("mina", "jun"):
        page = open_page(url)
        page.get_by_label("Your name").fill(who)
        page.keyboard.press("Enter")
        seen.add(shown(page))
    assert len(seen) == 2


def start_review(dataset: Path, port: int) -> tuple[subprocess.Popen[str], str]:
    """A server of its own, to be killed; and its address."""
    program = [sys.executable, "-m", "lapel", "review", str(dataset), "--by", "order"]
    program += ["--annotator", "mina", "--port", str(port)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if address := re.search(r"http://[^ ]+", line):
            return process, address[0]
    pytest.fail("the server ended before it listened")


def test_answers_wait_for_a_server_that_was_killed(plain: Path, open_page: Open) -> None:
    process, url = start_review(plain, 0)
    page = open_page(url)
    shown(page)
    page.keyboard.press("1")
    saved(page, 1, 6)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    page.keyboard.press("2")
    expect(page.locator("#saved")).to_contain_text("1 answer is not saved yet")
    page.keyboard.press("3")
    process, _ = start_review(plain, int(url.rstrip("/").rpartition(":")[2]))
    try:
        expect(page.locator("#saved")).to_have_text("", timeout=20_000)
        saved(page, 3, 6)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert [one["colour"] for one in answers(plain).values()] == ["red", "green", "blue"]


def test_with_a_token_the_page_asks_for_it_once(
    plain: Path, launch: Launch, open_page: Open
) -> None:
    token = "a-token-of-many-signs"
    url = launch("review", plain, "--annotator", "mina", LAPEL_TOKEN=token)
    page = open_page(url)
    page.get_by_label("Token", exact=True).fill(token)
    page.keyboard.press("Enter")
    shown(page)


def test_it_speaks_korean_and_fits_a_phone(plain: Path, launch: Launch, open_page: Open) -> None:
    url = launch("review", plain, "--annotator", "mina")
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True}
    page = open_page(url, locale="ko-KR", color_scheme="dark", **phone)
    shown(page)
    assert page.evaluate("document.documentElement.lang") == "ko"
    expect(page.locator("#confirm")).to_contain_text("확인")
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
    page.locator('[data-label="red"]').tap()
    expect(page.locator("#far")).to_have_text("6장 중 1장 완료")
    assert set(page.evaluate("Object.keys(localStorage)")) <= {"lapel.annotator", "lapel.language"}


def test_everything_can_be_done_without_a_mouse(
    plain: Path, launch: Launch, open_page: Open
) -> None:
    page = open_page(launch("review", plain, "--by", "order", "--annotator", "mina"))
    shown(page)
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.id || document.activeElement.dataset.label")
        )
    assert {"undo", "pass", "confirm", "people", "help", "who", "language", "red", "fit"} <= reached
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("take back the last answer")
    page.keyboard.press("Escape")
    page.locator("#pass").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_text("1 green.jpg")


def test_outlines_are_confirmed_or_left_open(
    parser: Path, launch: Launch, open_page: Open, tmp_path: Path
) -> None:
    dataset = tmp_path / "shapes"
    shutil.copytree(parser.parent, dataset, ignore=shutil.ignore_patterns("run"))
    dataset = dataset / "dataset"
    arguments = ("--task", "parts", "--annotator", "mina", "--count", "3")
    page = open_page(launch("review", dataset, "--model", parser, *arguments))
    first = shown(page)
    assert page.locator("#stage .outline").count() >= 1
    page.keyboard.press("Enter")
    expect(page.locator("#name")).not_to_have_text(first)
    second = shown(page)
    page.keyboard.press("x")
    expect(page.locator("#stage .outline")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator("#note")).to_contain_text("Choose an answer first")
    page.keyboard.press("s")
    expect(page.locator("#bar")).to_have_js_property("value", 1)
    expect(page.locator("#name")).not_to_have_text(second)
    found = answers(dataset)
    assert found[first]["parts"]["size"][0] == 64
    assert {one["label"] for one in found[first]["parts"]["classes"]} <= {
        "background", "disc", "bar", "belt"
    }  # fmt: skip
    assert found[second] == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(
    plain: Path, launch: Launch, open_page: Open, scheme: str
) -> None:
    page = open_page(launch("review", plain, "--by", "order"), color_scheme=scheme)
    assert weakest_contrast(page) >= 4.5
    page.get_by_label("Your name").fill("mina")
    page.keyboard.press("Enter")
    shown(page)
    assert weakest_contrast(page) >= 4.5
    page.keyboard.press("1")
    page.keyboard.press("?")
    assert weakest_contrast(page) >= 4.5
    page.keyboard.press("Escape")
    page.locator("#people").click()
    expect(page.get_by_role("dialog")).to_contain_text("mina")
    assert weakest_contrast(page) >= 4.5
