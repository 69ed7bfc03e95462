"""Beside the real Label Studio: a project made, predicted, annotated in the browser, learned on."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from lapel.data.dataset import Dataset
from lapel.review.label_studio.brush import decode_brush, encode_brush
from lapel.schema.annotation import Label
from lapel.schema.errors import ServerError
from lapel.schema.garments import Garments
from lapel.serving.label_studio.connecting import connect
from lapel.serving.label_studio.service import LabelStudio

TOKEN = "0123456789abcdef0123456789abcdef01234567"
PERSON, PASSWORD = "annotator@example.org", "a-word-for-tests"

#: Of the server whose model is asked.
MODEL_TOKEN = "a-token-of-the-model-for-tests"

#: Label Studio makes its database first, on a busy machine.
STARTS_WITHIN = 600.0

#: Milliseconds that a page may take on a busy machine.
PATIENCE = 90_000

#: What lets it call a model on this machine, and keeps it from calling home.
UNBLOCKED = {"ML_BLOCK_LOCAL_IP": "false", "SSRF_PROTECTION_ENABLED": "false"}
QUIET = {"COLLECT_ANALYTICS": "0", "LATEST_VERSION_CHECK": "0", "SENTRY_DSN": ""}

Lapel = Callable[..., str]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(programs: Path, folder: Path, **environment: str) -> Iterator[str]:
    """A Label Studio with its data in a folder; gives its address."""
    port = free_port()
    said = folder / f"said-{port}.txt"
    with said.open("wb") as file:
        process = subprocess.Popen(
            [
                programs / "label-studio", "start", "--no-browser", "-p", str(port),
                "--internal-host", "127.0.0.1", "--username", PERSON, "--password", PASSWORD,
                "--user-token", TOKEN, "--data-dir", folder / "data",
                "--enable-legacy-api-token",
            ],
            env=os.environ | QUIET | environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/health", process, said)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(address: str, process: subprocess.Popen[bytes], said: Path) -> None:
    latest = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < latest and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"Label Studio did not start; it said:\n{said.read_text('utf-8', 'replace')}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A running Label Studio."""

    url: str
    token_file: Path

    @property
    def token(self) -> tuple[str, Path]:
        return "--token-file", self.token_file


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("label-studio")


@pytest.fixture(scope="module")
def studio(peer: Callable[[str], Path], home: Path) -> Iterator[Started]:
    with running(peer("label-studio"), home, **UNBLOCKED) as url:
        token = home / "token"
        token.write_text(TOKEN + "\n", encoding="utf-8")
        yield Started(url=url, token_file=token)


@pytest.fixture(scope="module")
def service(studio: Started) -> Iterator[LabelStudio]:
    with LabelStudio(studio.url, TOKEN) as opened:
        yield opened


@pytest.fixture(scope="module")
def model(serve: Lapel, tagger: Path, studio: Started, home: Path) -> str:
    """The tagger behind Label Studio; it asks for a token of its own."""
    (home / "model-token").write_text(MODEL_TOKEN, encoding="utf-8")
    return serve(
        tagger, "--token-file", home / "model-token", "--label-studio",
        "--label-studio-url", studio.url, "--label-studio-token-file", studio.token_file,
        "--label-studio-events", home / "events.jsonl",
    )  # fmt: skip


@pytest.fixture(scope="module")
def project(lapel: Lapel, drawn: Path, studio: Started, home: Path) -> int:
    """A project of the drawn garments of one split, asked what the model answers."""
    lapel(
        "data", "export", "label-studio", drawn, home / "out", "--split", "test",
        "--task", "category,sleeve,tags,landmarks", "--labels", "nothing",
    )  # fmt: skip
    said = lapel(
        "label-studio", "push", studio.url, home / "out", "--title", "Drawn garments",
        *studio.token,
    )  # fmt: skip
    found = re.match(r"project (\d+) with 24 tasks", said)
    assert found, said
    return int(found[1])


@pytest.fixture(scope="module")
def connected(
    lapel: Lapel, service: LabelStudio, studio: Started, model: str, project: int, home: Path
) -> str:
    """What is said when the model is tied to the project; before, it is without predictions."""
    command = [
        "label-studio", "connect", studio.url, "--project", str(project), "--model", model,
        "--model-token-file", home / "model-token", *studio.token,
    ]  # fmt: skip
    assert "predicted" not in lapel(*command, "--no-retrieve")
    # Until then annotators begin with what the model says when they open a task.
    assert service.get(f"/api/projects/{project}")["model_version"] == "lapel"
    return lapel(*command)


@pytest.fixture
def annotator(browser: Browser, studio: Started) -> Iterator[Page]:
    """Label Studio's pages, logged in; they may ask no other host."""

    def keep_in(route: Route) -> None:
        inside = route.request.url.startswith((studio.url, "blob:", "data:"))
        if inside:
            route.continue_()
        else:
            route.abort()

    context = browser.new_context(viewport={"width": 1360, "height": 860})
    context.route("**/*", keep_in)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{studio.url}/user/login/")
    page.fill("input[name=email]", PERSON)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(re.compile("projects|/$"))
    yield page
    context.close()


def opened(page: Page, studio: Started, project: int, task: int) -> Page:
    """A task as an annotator sees it, with its picture there."""
    # By way of the list, as people do. A link straight to a task of a project that nobody has
    # opened yet shows no proposals on a slow machine: Label Studio asks for the task and for the
    # list at once, and the list, which holds none, may take the task's place.
    page.goto(f"{studio.url}/projects/{project}/data")
    row = page.locator("[class*=row-wrapper]").filter(
        has=page.get_by_label(f"Select Task {task}", exact=True)
    )
    row.get_by_text(str(task), exact=True).first.click()
    expect(page.get_by_test_id("bottombar-submit-button")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("canvas").first).to_be_visible(timeout=PATIENCE)
    # What the model says is there as a draft to begin from.
    expect(page.locator("input:checked[name]").first).to_be_visible(timeout=PATIENCE)
    return page


def ticked(page: Page) -> set[str]:
    boxes = page.locator("input.ant-checkbox-input:checked, input.ant-radio-input:checked")
    return {box.get_attribute("name") or "" for box in boxes.all()}


CATEGORIES = ("vest", "sling", "shorts")


def submitted(service: LabelStudio, task: int) -> dict[str, Any]:
    """The annotation of a task, as soon as there is one."""
    latest = time.monotonic() + 30
    while time.monotonic() < latest:
        found = service.get(f"/api/tasks/{task}/annotations/")
        if found:
            value: dict[str, Any] = found[0]
            return value
        time.sleep(0.5)
    pytest.fail("the annotation was not kept")


def told_of(home: Path) -> int:
    """Annotations that the webhook told of."""
    latest = time.monotonic() + 20
    count = 0
    while time.monotonic() < latest and count < 2:
        lines = (home / "events.jsonl").read_text(encoding="utf-8").splitlines()
        events = [json.loads(line) for line in lines]
        count = sum(event["action"] == "ANNOTATION_CREATED" for event in events)
        time.sleep(0.5)
    return count


def tasks_of(service: LabelStudio, project: int) -> list[dict[str, Any]]:
    found = service.get("/api/tasks", project=project, page_size=100, fields="all")
    return sorted(found["tasks"], key=lambda task: int(task["id"]))


def proposals(service: LabelStudio, project: int) -> dict[int, dict[str, Any]]:
    found = service.get("/api/predictions/", project=project)
    return {one["task"]: one for one in found}


def test_every_task_gets_a_prediction(
    connected: str, service: LabelStudio, project: int, lapel: Lapel, tagger: Path, home: Path
) -> None:
    assert "predicted: 24 of 24 tasks" in connected
    found = proposals(service, project)
    tasks = tasks_of(service, project)
    # The same answers as on the command line, task by task.
    rows = home / "answers.jsonl"
    lapel("predict", tagger, home / "out" / "images", "--out", rows)
    answers = {}
    for line in rows.read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        answers[Path(value["image"]).name] = value["answers"]
    for task in tasks:
        said = {item["from_name"]: item for item in found[task["id"]]["result"]}
        expected = answers[task["data"]["name"]]
        assert said["category"]["value"]["choices"] == [expected["category"]["label"]]
        tags = [one["label"] for one in expected["tags"]["labels"]]
        assert ("tags" in said) == bool(tags)
        if tags:
            assert said["tags"]["value"]["choices"] == tags
        seen = [point for point in expected["landmarks"]["points"] if point["visible"] >= 0.5]
        marked = [item for item in found[task["id"]]["result"] if item["type"] == "keypointlabels"]
        assert [one["value"]["keypointlabels"] for one in marked] == [[p["name"]] for p in seen]


def test_the_doctor_finds_nothing_in_the_way(
    connected: str, lapel: Lapel, studio: Started, model: str, project: int, home: Path
) -> None:
    assert connected
    said = lapel(
        "label-studio", "doctor", studio.url, "--project", str(project), "--model", model,
        "--model-token-file", home / "model-token", *studio.token,
    )  # fmt: skip
    assert "BAD" not in said
    assert "can be fetched" in said
    assert "Label Studio tells the model of annotations" in said


def test_annotators_submit_what_they_see_and_it_is_learned_from(
    connected: str, annotator: Page, studio: Started, service: LabelStudio, project: int,
    home: Path, lapel: Lapel, tagger: Path,
) -> None:  # fmt: skip
    assert connected
    first, second, *_ = tasks_of(service, project)
    proposed = proposals(service, project)[first["id"]]["result"]
    words = {
        word for item in proposed if item["type"] == "choices" for word in item["value"]["choices"]
    }
    page = opened(annotator, studio, project, first["id"])
    assert ticked(page) == words
    page.get_by_test_id("bottombar-submit-button").click()
    annotation = submitted(service, first["id"])
    assert {item["from_name"] for item in annotation["result"]} >= {"category"}

    # On the second the category is changed: the first that is not ticked.
    page = opened(annotator, studio, project, second["id"])
    before = ticked(page)
    other = next(word for word in CATEGORIES if word not in before)
    page.locator(f'label:has(input[name="{other}"])').first.click()
    expect(page.locator(f'input[name="{other}"]').first).to_be_checked(timeout=PATIENCE)
    page.get_by_test_id("bottombar-submit-button").click()
    changed = {item["from_name"]: item for item in submitted(service, second["id"])["result"]}
    assert changed["category"]["value"]["choices"] == [other]
    assert told_of(home) >= 2

    # Another person confirms ten more as they are.
    for task in tasks_of(service, project)[2:12]:
        result = proposals(service, project)[task["id"]]["result"]
        service.post(f"/api/tasks/{task['id']}/annotations/", {"result": result})
    said = lapel("label-studio", "accepted", studio.url, "--project", str(project), *studio.token)
    assert "12 annotations, 12 of them begun from a prediction: 11 of 12 (92%) left unch" in said
    said = lapel(
        "data", "import", "label-studio", home / "fetched", home / "labelled",
        "--url", studio.url, "--project", str(project), *studio.token,
    )  # fmt: skip
    assert "annotated: 12 of 24 tasks" in said
    dataset = Dataset.open(home / "labelled")
    kinds = {task.name: task.kind for task in dataset.schema}
    assert kinds == {
        "category": "single_label",
        "sleeve": "single_label",
        "tags": "multi_label",
        "landmarks": "landmarks",
    }
    known = [label for label in dataset.labels("category") if label is not None]
    assert len(known) == 12
    assert dataset.splits() == {"test": 24}
    # To learn on, labels are parted anew.
    lapel("data", "split", home / "labelled", "--validation", "0.2", "--test", "0", "--redraw-test")
    lapel(
        "train", "--from", tagger, "--data", home / "labelled", "--out", home / "next",
        "--set", "schedule.epochs=1", "--set", "batch=8",
    )  # fmt: skip
    assert (home / "next" / "bundle" / "lapel.json").is_file()


def test_a_detector_marks_garments_and_selects_what_is_clicked(
    lapel: Lapel, serve: Lapel, detector: Path, outfits: Path, studio: Started,
    service: LabelStudio, home: Path,
) -> None:  # fmt: skip
    export = home / "outfits"
    lapel("data", "export", "label-studio", outfits, export, "--split", "test")
    said = lapel("label-studio", "push", studio.url, export, "--title", "Outfits", *studio.token)
    number = int(said.split()[1])
    url = serve(
        detector, "--label-studio", "--label-studio-url", studio.url,
        "--label-studio-token-file", studio.token_file,
    )  # fmt: skip
    lapel(
        "label-studio", "connect", studio.url, "--project", str(number), "--model", url,
        *studio.token,
    )  # fmt: skip
    task = tasks_of(service, number)[0]
    result = proposals(service, number)[task["id"]]["result"]
    tops = [item for item in result if item["value"].get("rectanglelabels") == ["top"]]
    assert tops
    box = tops[0]["value"]
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "width": 1}
    (backend,) = service.get("/api/ml", project=number)
    answer = service.post(
        f"/api/ml/{backend['id']}/interactive-annotating",
        {
            "task": task["id"],
            "context": {"result": [{"type": "keypointlabels", "value": place}]},
        },
    )
    items = answer["data"]["result"]
    assert {item["type"] for item in items} >= {"rectanglelabels", "polygonlabels"}
    assert {name for item in items for name in item["value"].get(item["type"], [])} == {"top"}
    # What was pushed as annotated comes home as it was, points and all.
    lapel(
        "data", "import", "label-studio", home / "outfits-back", home / "outfits-again",
        "--url", studio.url, "--project", str(number), "--like", outfits, *studio.token,
    )  # fmt: skip
    again, before = Dataset.open(home / "outfits-again"), Dataset.open(outfits).split("test")
    assert again.schema == before.schema
    assert list(map(rounded, again.labels("garments"))) == [
        rounded(label) for label in before.labels("garments")
    ]


def test_known_labels_may_be_proposed(
    lapel: Lapel, drawn: Path, studio: Started, service: LabelStudio, home: Path
) -> None:
    lapel(
        "data", "export", "label-studio", drawn, home / "proposed", "--split", "validation",
        "--task", "category", "--labels", "predictions",
    )  # fmt: skip
    said = lapel("label-studio", "push", studio.url, home / "proposed", *studio.token)
    number = int(said.split()[1])
    assert len(proposals(service, number)) == 24
    assert service.get(f"/api/projects/{number}")["model_version"] == "labels"


def rounded(label: Label) -> list[dict[str, Any]]:
    """Garments as plain values, to a thousandth of a pixel."""
    assert isinstance(label, Garments)
    text = json.dumps([one.to_json() for one in label.each])
    found = json.loads(text, parse_float=lambda number: round(float(number), 3))
    assert isinstance(found, list)
    return found


def test_a_personal_access_token_does_as_well(studio: Started, service: LabelStudio) -> None:
    personal = service.post("/api/token/", {})["token"]
    with LabelStudio(studio.url, personal) as opened:
        assert opened.is_personal
        assert opened.get("/api/current-user/whoami")["email"] == PERSON
    with (
        LabelStudio(studio.url, personal[:-3] + "abc") as refused,
        pytest.raises(ServerError, match="does not take this personal access token"),
    ):
        refused.get("/api/projects")


def test_its_own_decoder_reads_our_brushes(peer: Callable[[str], Path]) -> None:
    import numpy as np

    mask = np.random.default_rng(3).random((37, 53)) > 0.6
    mask[10:20] = True
    program = (
        "import json, sys\n"
        "from label_studio_sdk.converter.brush import decode_rle, encode_rle\n"
        "value = json.load(sys.stdin)\n"
        "flat = decode_rle(value['rle'])\n"
        "print(json.dumps({'alpha': flat.tolist()[3::4], 'rle': encode_rle(flat)}))\n"
    )
    done = subprocess.run(
        [peer("label-studio") / "python", "-c", program],
        input=json.dumps({"rle": encode_brush(mask)}),
        capture_output=True,
        text=True,
        check=True,
    )
    value = json.loads(done.stdout.splitlines()[-1])
    assert (np.reshape(value["alpha"], mask.shape) > 0).tolist() == mask.tolist()
    assert np.array_equal(decode_brush(value["rle"], *mask.shape), mask)


def test_addresses_of_its_own_network_are_said_to_be_refused(
    peer: Callable[[str], Path], studio: Started, model: str, project: int, home: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    assert studio.url
    shutil.copytree(home / "data", tmp_path / "data")
    with running(peer("label-studio"), tmp_path) as url, LabelStudio(url, TOKEN) as guarded:
        for backend in guarded.get("/api/ml", project=project):
            guarded.call("DELETE", f"/api/ml/{backend['id']}")
        with pytest.raises(ServerError, match="ML_BLOCK_LOCAL_IP=false"):
            connect(guarded, project, model, token=MODEL_TOKEN)
