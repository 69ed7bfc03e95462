"""Pictures of the server's page for the documentation, of drawn garments, in real Chromium.

Needs Playwright and Chromium, three trained models and the drawn photos that they are shown:

- ``--tagger``: labels, landmarks and attention (``benchmarks/drawn_deepfashion.py`` makes one);
- ``--detector`` and ``--reader``: garments found, and each read (``benchmarks/drawn_scenes.py``);
- ``--one`` and ``--several``: datasets of ``lapel data import sketch``, of one garment a photo and
  of several (``--scenes``).
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

#: What a desk and a phone show; twice the pixels, so that letters are sharp in the documentation.
DESK: dict[str, Any] = {"viewport": {"width": 1240, "height": 860}, "device_scale_factor": 1.25}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}


def main() -> None:
    """Take all pictures."""
    options = parsed()
    options.out.mkdir(parents=True, exist_ok=True)
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    one, several = (photos_of(folder) for folder in (options.one, options.several))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with served(options.tagger) as url:
            take(browser, url, one[options.first :][:1], options.out / "page.png")
            take(browser, url, one[:6], options.out / "page-table.png", part="#all")
            take(
                browser,
                url,
                one[options.first :][:1],
                options.out / "page-attention.png",
                part=".seen",
                layer="Where the model looked",
                context={"color_scheme": "dark"},
            )
            take(
                browser,
                url,
                one[options.first :][:1],
                options.out / "page-phone.png",
                context=PHONE,
            )
        with served(options.reader, "--garments", options.detector) as url:
            wanted = several[options.scene :][:1]
            take(
                browser,
                url,
                wanted,
                options.out / "page-garments.png",
                context={"color_scheme": "dark"},
                part="#result",
            )
        browser.close()


def parsed() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name in ("tagger", "detector", "reader", "one", "several"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--first", type=int, default=0, help="which photo of --one stands alone")
    parser.add_argument("--scene", type=int, default=0, help="which photo of --several")
    return parser.parse_args()


def photos_of(dataset: Path) -> list[Path]:
    """The photos that nothing was learned on: of every ten the last tests."""
    return sorted((dataset / "images").glob("*9.jpg"))


@contextmanager
def served(*arguments: str | Path) -> Iterator[str]:
    """A server of these models, while it is needed."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "lapel", "serve", *map(str, arguments), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/ready", timeout=5).close()  # noqa: S310 - ours
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait()


def take(
    browser: Browser,
    url: str,
    photos: Sequence[Path],
    picture: Path,
    *,
    part: str | None = None,
    layer: str | None = None,
    context: dict[str, Any] | None = None,
) -> None:
    """Ask about photos, and take a picture of the page, or of a part of it."""
    window = browser.new_context(**{"reduced_motion": "reduce", **DESK, **(context or {})})
    page = window.new_page()
    page.goto(url)
    page.set_input_files("#files", [str(path) for path in photos])
    expect(page.locator("#all")).to_have_attribute("data-done", str(len(photos)), timeout=60_000)
    if layer is not None:
        page.get_by_label(layer).check()
    page.wait_for_timeout(800)  # thumbnails and cut-outs are painted one after another
    shoot(page, picture, part)
    window.close()
    print(f"{picture}: {picture.stat().st_size // 1024} KB")


def shoot(page: Page, picture: Path, part: str | None) -> None:
    """Write the picture, with a palette: a third of the bytes, and no difference to be seen."""
    from PIL import Image

    if part is None:
        page.screenshot(path=picture)
    else:
        page.locator(part).screenshot(path=picture)
    with Image.open(picture) as shot:
        small = shot.convert("RGB").quantize(256, kmeans=2)
    small.save(picture, optimize=True)


if __name__ == "__main__":
    main()
