"""Pages as they are served: their own files alone, with a policy that lets nothing else in."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from lapel.serving.pages import CONTENT_SECURITY_POLICY, PAGE, page_routes

#: Where pages of Lapel lie.
PAGES = sorted(path.parent for path in PAGE.parent.glob("*/index.html"))


def ask(
    path: str, *, app: FastAPI | None = None, headers: dict[str, str] | None = None
) -> httpx2.Response:
    """What a page answers, without a network between."""
    if app is None:
        app = FastAPI()
        app.include_router(page_routes())

    async def answer() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://page") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(answer())


def test_the_page_lets_nothing_of_another_host_in_and_nothing_inline() -> None:
    page = ask("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("style.css", "text/css; charset=utf-8"),
        ("main.js", "text/javascript; charset=utf-8"),
        ("words.json", "application/json"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_what_the_page_links_comes_with_its_type(name: str, media_type: str) -> None:
    file = ask(f"/assets/{name}")
    assert file.status_code == 200
    assert file.content == (PAGE / name).read_bytes()
    assert file.headers["content-type"] == media_type
    assert file.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/assets/../pages.py", "/assets/..%2fpages.py", "/assets/%2e%2e/pages.py", "/assets/",
     "/assets/main.js%00", "/assets//etc/passwd", "/assets/index.html", "/assets/MAIN.JS"],
)  # fmt: skip
def test_nothing_else_comes_out_of_the_folder(path: str) -> None:
    assert ask(path).status_code == 404


def test_a_browser_that_has_a_file_is_not_sent_it_again() -> None:
    first = ask("/assets/main.js")
    again = ask("/assets/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_another_page_has_its_own_files_and_shares_the_look(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("another", encoding="utf-8")
    (tmp_path / "own.js").write_text("// own", encoding="utf-8")
    app = FastAPI()
    app.include_router(page_routes(tmp_path, at="/other/"))
    assert ask("/other/", app=app).text == "another"
    assert ask("/other/assets/own.js", app=app).text == "// own"
    assert ask("/other/assets/style.css", app=app).content == (PAGE / "style.css").read_bytes()


@pytest.mark.parametrize("folder", PAGES, ids=lambda folder: folder.name)
def test_nothing_of_a_page_is_inline_or_from_another_host(folder: Path) -> None:
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", html) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", html) == []
    for path in folder.iterdir():
        if path.suffix in {".html", ".js", ".css"}:
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert re.findall(r"(?:https?:)?//[\w-]+\.\w", text) == [], path.name
            assert "innerHTML" not in text, f"{path.name} reads texts as HTML"


def words_of(folder: Path) -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = {"en": {}, "ko": {}}
    for path in folder.glob("*words*.json"):
        for language, texts in json.loads(path.read_text(encoding="utf-8")).items():
            words[language].update(texts)
    return words


@pytest.mark.parametrize("folder", PAGES, ids=lambda folder: folder.name)
def test_every_text_of_a_page_is_there_in_both_languages(folder: Path) -> None:
    words = words_of(folder)
    # Korean counts without a singular.
    english = {key.removesuffix(".one").removesuffix(".other") for key in words["en"]}
    korean = {key.removesuffix(".other") for key in words["ko"]}
    assert english == korean
    for key, text in words["ko"].items():
        fields = re.findall(r"\{\w+\}", text)
        assert sorted(fields) == sorted(re.findall(r"\{\w+\}", words["en"][key])), key


def test_every_text_that_the_page_shows_is_among_its_words() -> None:
    words = words_of(PAGE)["en"]
    known = {key.removesuffix(".one").removesuffix(".other") for key in words}
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    used = set(re.findall(r'data-word(?:-label)?="(\w+)"', html))
    for path in PAGE.glob("*.js"):
        used |= set(re.findall(r'\bword\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
    assert used - known == set()
    # What stands in the page before its words are read is the English text.
    for key, text in re.findall(r'data-word="(\w+)"[^>]*>\s*([^<]*?)\s*<', html):
        assert words[key] == text, key
