"""Tests beside programs that Lapel works with: Chromium, Label Studio, S3, ... (`make test-peers`).

All run in the project's own environment, with nothing stood in for: servers are processes of
`lapel`, the browser is Chromium, and other programs run from environments of their own below
`.peers/`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cloud_account import ObjectStore, seaweedfs
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

ROOT = Path(__file__).parents[2]

#: Chromium without a screen, a sandbox of its own (tests run in one) or calls to its makers.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: Seconds that a server may take to load its models on a busy machine.
STARTS_WITHIN = 90.0

#: Seconds in which a server that was told to end has drained and ended.
ENDS_WITHIN = 40.0

#: Starts a command of `lapel` that serves; gives the address at which it answers.
Launch = Callable[..., str]

#: Opens an address in a browser window of its own; options as Playwright's ``new_context``.
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, once for all tests."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    if program is None:
        pytest.skip("no Chromium here: install it (Debian: apt install chromium), or set CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield started
        started.close()


@dataclass
class Watched:
    """What a window did that no page of ours may do."""

    faults: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        """Write down errors of scripts and breaches of the page's policy; let nothing out."""
        context.route("**/*", self._keep_in)
        context.on("page", self._watch_page)

    def _watch_page(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"script failed: {error}"))
        page.on("console", lambda message: self._hear(message.type, message.text))

    def _hear(self, kind: str, text: str) -> None:
        # A refused request is an answer; what the page makes of it is what tests look at.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.faults.append(f"console {kind}: {text}")

    def _keep_in(self, route: Route) -> None:
        address = route.request.url
        if address.startswith(("http://127.0.0.1:", "http://localhost:", "blob:", "data:")):
            route.continue_()
            return
        self.faults.append(f"asked another host: {address}")
        route.abort()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens addresses; fails the test whose page broke its policy, erred or asked another host."""
    contexts: list[BrowserContext] = []
    watched = Watched()

    def open_address(url: str, **options: Any) -> Page:
        context = browser.new_context(**{"reduced_motion": "reduce", **options})
        contexts.append(context)
        watched.watch(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto(url)
        return page

    yield open_address
    for context in contexts:
        context.close()
    assert watched.faults == []


@pytest.fixture
def page(open_page: Open) -> Page:
    """A window of usual size, with nothing in it."""
    return open_page("about:blank", viewport={"width": 1280, "height": 900})


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Starts ``lapel ARGUMENTS --port FREE``, and waits until it answers at ``ready``."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str | Path, ready: str = "/ready", **environment: str) -> str:
        port = free_port()
        said = tmp_path_factory.mktemp("served") / "said.txt"
        with said.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "lapel", *map(str, arguments), "--port", str(port)],
                env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url + ready, process, said)
        return url

    yield start
    ended = [end(process) for process in started]
    assert all(ended), "a server did not end by itself when it was told to"


def wait_until_ready(address: str, process: subprocess.Popen[bytes], said: Path) -> None:
    """Wait for a server's first answer; fail with what it said if it ends before."""
    latest = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < latest and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    state = "is silent" if process.poll() is None else f"ended with {process.returncode}"
    pytest.fail(f"the server {state}; it said:\n{said.read_text('utf-8', errors='replace')}")


def end(process: subprocess.Popen[bytes]) -> bool:
    """End a server as a machine does that shuts down; whether it ended by itself."""
    if process.poll() is not None:
        return True
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


@pytest.fixture(scope="session")
def serve(launch: Launch) -> Launch:
    """Starts ``lapel serve ARGUMENTS`` on loopback; gives its address."""

    def start(*arguments: str | Path, **environment: str) -> str:
        return launch("serve", *arguments, **environment)

    return start


@pytest.fixture(scope="session")
def lapel() -> Callable[..., str]:
    """Runs a command of `lapel` to its end; gives what it printed."""

    def run(*arguments: str | Path, timeout: float = 600) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "lapel", *map(str, arguments)],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"lapel {arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def peer() -> Callable[[str], Path]:
    """The folder with the programs of another tool's environment; skips where there is none."""

    def programs(name: str) -> Path:
        folder = Path(os.environ.get("LAPEL_PEERS", ROOT / ".peers")) / name / "bin"
        if not folder.is_dir():
            pytest.skip(f"no environment of {name} below .peers: `make test-peers` makes it")
        return folder

    return programs


@pytest.fixture(scope="session")
def object_store(
    peer: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ObjectStore]:
    """A real S3 server; ``environment`` leads there, ``bucket()`` makes a bucket."""
    with seaweedfs(peer("seaweedfs") / "weed", tmp_path_factory.mktemp("seaweedfs")) as store:
        yield store


# Models and pictures, drawn and learned here.


@pytest.fixture(scope="session")
def drawn(lapel: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of drawn garments: category, attributes, tags, landmarks and classes of pixels."""
    folder = tmp_path_factory.mktemp("drawn") / "garments"
    tasks = ("--tasks", "landmarks,parsing")
    lapel("data", "import", "sketch", "240", folder, "--size", "128", "--seed", "3", *tasks)
    return folder


@pytest.fixture(scope="session")
def tagger(
    drawn: Path, lapel: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run of seconds that names category, attributes and tags, sets landmarks, and attends."""
    run = tmp_path_factory.mktemp("runs") / "tagger"
    changes = {
        "tasks": "[category,sleeve,tags,landmarks]",
        "preprocess.height": "96",
        "preprocess.width": "96",
        "model.options.widths": "[16,24,32,48]",
        "model.hidden": "64",
        "model.attention": "true",
        "batch": "16",
        "schedule.epochs": "6",
        "loss.task_weights": "{landmarks: 10}",
        "schedule.stages": "[]",
        "doubtful_labels.folds": "0",
    }
    settings = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    lapel("train", "deepfashion-small", "--data", drawn, "--out", run, *settings)
    return run


@pytest.fixture(scope="session")
def detector(lapel: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of seconds that finds drawn garments: tops and skirts of plain shapes."""
    import yaml
    from drawn_outfits import RECIPE, outfit_dataset

    folder = tmp_path_factory.mktemp("outfits")
    dataset = outfit_dataset(folder / "dataset", {"train": 160, "validation": 32, "test": 16})
    recipe = folder / "outfits.yaml"
    recipe.write_text(yaml.safe_dump(dict(RECIPE)), encoding="utf-8")
    lapel("train", recipe, "--data", dataset.folder, "--out", folder / "run")
    return folder / "run"


@pytest.fixture(scope="session")
def outfits(detector: Path) -> Path:
    """The dataset that the detector learned on."""
    return detector.parent / "dataset"


@pytest.fixture(scope="session")
def parser(lapel: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of seconds that names a class for each pixel: discs and bars; and how light it is."""
    import yaml
    from drawn_shapes import RECIPE, shapes_dataset

    folder = tmp_path_factory.mktemp("shapes")
    dataset = shapes_dataset(folder / "dataset", {"train": 160, "validation": 32, "test": 16})
    recipe = folder / "shapes.yaml"
    recipe.write_text(yaml.safe_dump(dict(RECIPE)), encoding="utf-8")
    lapel("train", recipe, "--data", dataset.folder, "--out", folder / "run")
    return folder / "run"
