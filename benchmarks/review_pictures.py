"""Pictures of the review page for the documentation, of drawn garments, in real Chromium.

Needs Playwright and Chromium, and:

- ``--model`` and ``--data``: a run that names, tags and sets landmarks, and drawn garments that
  nobody showed it (``benchmarks/four_in_one.py`` makes both);
- ``--detector`` and ``--scenes``: a run that finds garments, and drawn scenes of several
  (``benchmarks/drawn_scenes.py``).
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.page_pictures import DESK, shoot
from lapel.data.dataset import Dataset
from lapel.evaluation.review_round import begin_review
from lapel.inference.predictor import Predictor
from lapel.review.store import ReviewStore
from lapel.serving.review_app import review_app
from lapel.serving.reviewing import Reviewing
from lapel.serving.run import running_app
from lapel.serving.settings import Settings

#: Photos of a round.
COUNT = 40


def main() -> None:
    """Take all pictures."""
    options = parsed()
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    dark = {"color_scheme": "dark"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with reviewed(options.data, options.model, options.tasks.split(",")) as url:
            take(browser, url, options.out / "review.png", skips(options.first), "mina")
            take(browser, url, options.out / "review-people.png", how_it_goes, "jun", part="dialog")
        with reviewed(options.scenes, options.detector, ["garments"]) as url:
            garments = skips(options.scene, "2")
            take(browser, url, options.out / "review-garments.png", garments, "mina", context=dark)
        browser.close()


def parsed() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name in ("model", "data", "detector", "scenes"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--tasks", default="category,tags,landmarks")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--first", type=int, default=0, help="photos answered before the one shown")
    parser.add_argument("--scene", type=int, default=0, help="likewise, of the scenes")
    return parser.parse_args()


@contextmanager
def reviewed(folder: Path, model: Path, tasks: Sequence[str]) -> Iterator[str]:
    """A review of a dataset's test photos, with its answers kept elsewhere."""
    dataset = Dataset.open(folder)
    settings = Settings(port=0, access_log=False)
    with TemporaryDirectory() as kept, ReviewStore(Path(kept) / "review.sqlite") as store:
        predictor = Predictor.load(model)
        begin_review(
            dataset, store, predictor=predictor, tasks=tasks, split="test", count=COUNT, overlap=2
        )
        reviewing = Reviewing(store=store, read=dataset.read, dataset="garments")
        with running_app(review_app(reviewing, settings), settings) as url:
            yield url


def skips(count: int, *keys: str) -> Callable[[Page], None]:
    """Confirm so many photos, then press keys."""

    def work(page: Page) -> None:
        for _ in range(count):
            name = page.locator("#name").inner_text()
            page.keyboard.press("Enter")
            expect(page.locator("#name")).not_to_have_text(name)
        for key in keys:
            page.keyboard.press(key)

    return work


def how_it_goes(page: Page) -> None:
    """Answer some photos, now and then otherwise, and look at how far people agree."""
    for number in range(12):
        name = page.locator("#name").inner_text()
        if number % 5 == 1:
            page.keyboard.press("3")
            page.keyboard.press("1")
        page.keyboard.press("Enter")
        expect(page.locator("#name")).not_to_have_text(name)
    page.wait_for_timeout(500)
    page.locator("#people").click()
    page.wait_for_timeout(300)


def take(
    browser: Browser,
    url: str,
    picture: Path,
    work: Callable[[Page], None],
    annotator: str,
    *,
    part: str | None = None,
    context: dict[str, Any] | None = None,
) -> None:
    """Do some work as somebody, and take a picture of the page, or of a part of it."""
    window = browser.new_context(**{"reduced_motion": "reduce", **DESK, **(context or {})})
    page = window.new_page()
    page.goto(url)
    page.get_by_label("Your name").fill(annotator)
    page.keyboard.press("Enter")
    expect(page.locator("#name")).not_to_be_empty()
    work(page)
    page.wait_for_timeout(800)
    shoot(page, picture, part)
    window.close()
    print(f"{picture}: {picture.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
