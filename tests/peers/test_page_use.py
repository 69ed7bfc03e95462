"""The page at `/`, in Chromium: by keyboard, on a phone, in the dark, in Korean, with a token."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from contrast import weakest_contrast
from playwright.sync_api import Page, Route, expect

Open = Callable[..., Page]

TOKEN = "a-token-of-tests-and-nothing-else"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="session")
def server(tagger: Path, serve: Callable[..., str]) -> str:
    return serve(tagger)


@pytest.fixture(scope="session")
def photos(drawn: Path) -> list[Path]:
    return sorted((drawn / "images").glob("*9.jpg"))


def ask_about(page: Page, *files: Path) -> None:
    page.set_input_files("#files", [str(path) for path in files])
    expect(page.locator("#all")).to_have_attribute("data-done", str(len(files)), timeout=30_000)


def test_everything_is_done_by_keyboard(server: str, page: Page, photos: list[Path]) -> None:
    # Listened to from the start: a busy machine opens it before a later listener is heard of.
    page.on("filechooser", lambda chooser: chooser.set_files([str(path) for path in photos[:2]]))
    page.goto(server)
    expect(page.locator("#about")).to_be_visible()
    focus_by_tab(page, "Choose photos")
    page.keyboard.press("Enter")
    expect(page.locator("#table tr[data-state=done]")).to_have_count(2, timeout=30_000)
    focus_by_tab(page, "Names")
    page.keyboard.press("Space")
    expect(page.locator("#overlay text")).to_have_count(0)
    focus_by_tab(page, photos[1].name)
    page.keyboard.press("Enter")
    expect(page.locator("#photo-name")).to_have_text(photos[1].name)
    # Whoever looks through the photos goes on from where they are.
    assert focused(page) == photos[1].name
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"


def focus_by_tab(page: Page, name: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page) == name:
            return
    pytest.fail(f"Tab does not lead to {name!r}")


def focused(page: Page) -> str:
    name: str = page.evaluate(
        """() => {
          const {activeElement: at} = document;
          return (at.closest("label") ?? at).textContent.trim();
        }"""
    )
    return name


def test_an_answer_is_said_to_those_who_do_not_see_it(
    server: str, page: Page, photos: list[Path]
) -> None:
    page.goto(server)
    ask_about(page, photos[0])
    status = page.get_by_role("status")
    expect(status).to_contain_text(f"{photos[0].name}: category")
    drawing = page.locator("#overlay").get_attribute("aria-label")
    assert drawing is not None
    assert drawing.startswith("Landmarks: ")
    assert unnamed(page) == []


def unnamed(page: Page) -> list[str]:
    """Controls and pictures that a screen reader could not name."""
    lines = page.locator("body").aria_snapshot().splitlines()
    return [
        line
        for line in lines
        if re.search(r"- (button|checkbox|combobox|img|textbox|region|table)\s*(\[|:|$)", line)
        and '"' not in line
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(
    server: str, open_page: Open, photos: list[Path], tmp_path: Path, scheme: str
) -> None:
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(photos[0].read_bytes()[:900])
    page = open_page(server, color_scheme=scheme, viewport={"width": 1280, "height": 900})
    assert weakest_contrast(page) >= 4.5
    ask_about(page, photos[0], photos[1], torn)
    page.locator("#about summary").click()
    assert weakest_contrast(page) >= 4.5
    page.get_by_role("button", name="torn.jpg").click()
    expect(page.locator("#answers .notice")).to_be_visible()
    assert weakest_contrast(page) >= 4.5
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3 > 128
    assert light == (scheme == "light")


def test_a_phone_shows_everything_without_moving_sideways(
    server: str, open_page: Open, photos: list[Path]
) -> None:
    page = open_page(server, **PHONE)
    assert not moves_sideways(page)
    expect(page.get_by_role("button", name="Take a photo")).to_be_visible()
    assert page.locator("#camera").get_attribute("capture") == "environment"
    ask_about(page, *photos[:3])
    assert not moves_sideways(page)
    photo = page.locator("#photo").bounding_box()
    assert photo is not None
    assert photo["width"] > 280
    # What is touched is large enough for fingers (WCAG 2.2, 2.5.8).
    for control in page.locator("button:visible, label.check:visible, select:visible").all():
        box = control.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24, control.inner_text()


@pytest.mark.parametrize("height", [430, 620, 900])
def test_the_photo_stays_in_view_beside_long_answers(
    server: str, open_page: Open, photos: list[Path], height: int
) -> None:
    page = open_page(server, viewport={"width": 1366, "height": height})
    ask_about(page, photos[0])
    # Of a model of many tasks: more of the same that is there.
    page.locator("#answers").evaluate(
        "answers => { for (const one of [...answers.children, ...answers.children]) "
        "answers.append(one.cloneNode(true)); }"
    )
    page.locator("#answers").evaluate("answers => answers.scrollIntoView({block: 'end'})")
    seen = page.locator(".seen").bounding_box()
    assert seen is not None
    assert seen["y"] >= 0
    assert seen["y"] + seen["height"] <= height


def test_a_phone_shows_the_photo_above_its_answers(
    server: str, open_page: Open, photos: list[Path]
) -> None:
    page = open_page(server, **PHONE)
    ask_about(page, photos[0])
    seen, answers = (page.locator(part).bounding_box() for part in (".seen", "#answers"))
    assert seen is not None
    assert answers is not None
    assert seen["y"] + seen["height"] <= answers["y"]


def moves_sideways(page: Page) -> bool:
    wide: bool = page.evaluate("document.scrollingElement.scrollWidth > innerWidth")
    return wide


def test_a_desk_is_not_offered_a_camera(server: str, page: Page) -> None:
    page.goto(server)
    expect(page.get_by_role("button", name="Choose photos")).to_be_visible()
    expect(page.get_by_role("button", name="Take a photo")).to_be_hidden()


def test_koreans_are_spoken_to_in_korean(server: str, open_page: Open, photos: list[Path]) -> None:
    page = open_page(server, locale="ko-KR")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.locator("#drop-title")).to_have_text("옷 사진을 여기에 놓으세요")
    ask_about(page, photos[0])
    expect(page.get_by_label("모델이 본 곳")).to_be_visible()
    # Names of labels are the model's own.
    expect(page.locator('.task[data-task="category"] li').first).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_label("Where the model looked")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.reload()
    expect(page.locator("#drop-title")).to_have_text("Drop photos of clothes here")


def test_a_token_is_asked_for_and_kept_until_the_tab_is_closed(
    tagger: Path, serve: Callable[..., str], page: Page, photos: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    page.goto(serve(tagger, "--token-file", tmp_path / "token"))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.locator("#token").fill("not-the-token-of-this-server")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("does not know that token")
    page.locator("#token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    ask_about(page, photos[0])
    expect(page.locator('.task[data-task="category"]')).to_be_visible()
    page.reload()
    expect(page.locator("#about")).to_be_visible()
    assert TOKEN not in page.evaluate("JSON.stringify({...localStorage}) + document.cookie")


def test_a_busy_server_is_asked_again_when_it_says(
    server: str, page: Page, photos: list[Path]
) -> None:
    refused: list[str] = []

    def busy_at_first(route: Route) -> None:
        if len(refused) == 2:
            route.continue_()
            return
        refused.append(route.request.url)
        body = '{"error": {"code": "busy", "message": "too much is waiting; try again in 1 s"}}'
        route.fulfill(status=503, headers={"Retry-After": "1"}, body=body)

    page.route("**/v1/predict?*", busy_at_first)
    page.goto(server)
    ask_about(page, photos[0])
    expect(page.locator('.task[data-task="category"]')).to_be_visible()
    assert len(refused) == 2


def test_a_server_that_is_gone_is_told_and_asked_again_on_request(
    server: str, page: Page, photos: list[Path]
) -> None:
    page.goto(server)
    expect(page.locator("#about")).to_be_visible()
    page.route("**/v1/predict?*", lambda route: route.abort("connectionrefused"))
    ask_about(page, photos[0])
    expect(page.locator("#answers")).to_contain_text("Is it still running?")
    page.unroute("**/v1/predict?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator('.task[data-task="category"]')).to_be_visible()


def test_a_file_that_the_server_would_not_take_is_not_sent(
    server: str, page: Page, tmp_path: Path
) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(65 << 20)
    page.goto(server)
    expect(page.locator("#about")).to_be_visible()
    ask_about(page, large)
    expect(page.locator("#answers")).to_contain_text("68.2 MB, and the server takes up to 67.1 MB")
    assert not [url for url in sent if "predict" in url]
