"""A picture of Label Studio for the documentation: a task with a model's answers, in real Chromium.

Needs Playwright and Chromium, and a running Label Studio whose project of drawn garments asks a
model already (`docs/label-studio.md` has the commands).
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from playwright.sync_api import Page, Route, ViewportSize, sync_playwright

#: What a desk shows.
DESK: ViewportSize = {"width": 1500, "height": 800}

#: What lies beside the photo and tells a reader nothing.
_ASIDE = """
.lsf-main-view__infobar, [class*=toaster], [class*=toast] { display: none !important }
"""


def main() -> None:
    """Take the picture."""
    options = parsed()
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(viewport=DESK, device_scale_factor=1.25)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.route("**/*", lambda route: keep_in(route, options.url))
        log_in(page, options)
        page.goto(f"{options.url}/projects/{options.project}/data?task={options.task}")
        page.wait_for_selector("input:checked[name]")
        page.add_style_tag(content=_ASIDE)
        page.wait_for_timeout(2500)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=options.out)
        browser.close()
    print(f"written: {options.out}")


def log_in(page: Page, options: argparse.Namespace) -> None:
    """As a person does."""
    page.goto(f"{options.url}/user/login/")
    page.fill("input[name=email]", options.user)
    page.fill("input[name=password]", os.environ["LABEL_STUDIO_PASSWORD"])
    page.click("button[type=submit]")
    page.wait_for_load_state("networkidle")


def keep_in(route: Route, url: str) -> None:
    """No other host is asked."""
    if route.request.url.startswith((url, "blob:", "data:")):
        route.continue_()
    else:
        route.abort()


def parsed() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="Label Studio")
    parser.add_argument("--project", type=int, required=True)
    parser.add_argument("--task", type=int, required=True)
    parser.add_argument("--user", required=True, help="who logs in; LABEL_STUDIO_PASSWORD is set")
    parser.add_argument("--out", type=Path, default=Path("docs/images/label-studio.png"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
