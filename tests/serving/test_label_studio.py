"""Label Studio's protocol on our server: payloads as Label Studio 1.23 sends them, over sockets."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lapel.schema.errors import ImageError, ServerError, UsageError
from lapel.serving.label_studio.events import MOST_ACTIONS, Events
from lapel.serving.label_studio.pictures import Pictures
from lapel.serving.label_studio.routes import Options, label_studio_routes
from lapel.serving.label_studio.service import LabelStudio
from lapel.serving.models import Models
from lapel.serving.run import running
from lapel.serving.settings import Settings
from lapel.serving.sources import Source

LEGACY = "0123456789abcdef0123456789abcdef01234567"
PERSONAL = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl"

CONFIG = """<View><Image name="photo" value="$image"/>
<Choices name="colour" toName="photo"><Choice value="Red"/><Choice value="green"/></Choices>
<TextArea name="note" toName="photo"/></View>"""


@dataclass
class Stage:
    """A stand-in for Label Studio's paths of pictures and tokens: what it gives, what it was asked.

    The real one is in tests/peers; it cannot be made to misbehave.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    exchanged: int = 0


@contextmanager
def staged() -> Iterator[Stage]:
    stage = Stage()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown = self.headers.get("Authorization", "")
            stage.asked.append((self.path, shown))
            path = self.path.split("?", maxsplit=1)[0]
            if path in stage.moved:
                self.send_response(303)
                self.send_header("Location", stage.moved[path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            allowed = shown in (f"Token {LEGACY}", f"Bearer access-{stage.exchanged}", "")
            data = stage.files.get(path) if allowed else None
            self.send_response(200 if data else 401 if not allowed else 404)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stage.exchanged += 1
            data = json.dumps({"access": f"access-{stage.exchanged}"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stage.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield stage
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as found:
        yield found


@pytest.fixture
def pictures(stage: Stage) -> Iterator[Pictures]:
    with LabelStudio(stage.url, LEGACY) as service:
        yield Pictures(service, limit=10_000)


def drip(server: socket.socket, ended: threading.Event) -> None:
    """Answer one request with a byte at a time, for ever."""
    connection, _ = server.accept()
    with connection, suppress(OSError):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not ended.wait(0.05):
            connection.sendall(b"x")


class TestPictures:
    def test_uploads_and_local_files_are_fetched_with_the_token(
        self, stage: Stage, pictures: Pictures
    ) -> None:
        stage.files = {"/data/upload/1/a.png": b"one", "/data/local-files/": b"two"}
        assert pictures.fetch("/data/upload/1/a.png", task=1) == b"one"
        assert pictures.fetch("/data/local-files/?d=shoes/b.png", task=2) == b"two"
        assert pictures.fetch(f"{stage.url}/data/upload/1/a.png", task=3) == b"one"
        assert [shown for _, shown in stage.asked] == [f"Token {LEGACY}"] * 3
        assert stage.asked[1][0] == "/data/local-files/?d=shoes/b.png"

    def test_buckets_are_resolved_by_label_studio(self, stage: Stage, pictures: Pictures) -> None:
        stage.files["/tasks/7/resolve/"] = b"from a bucket"
        assert pictures.fetch("s3://shop/new/1.jpg", task=7) == b"from a bucket"
        query = stage.asked[0][0].partition("fileuri=")[2]
        assert base64.urlsafe_b64decode(query) == b"s3://shop/new/1.jpg"

    @pytest.mark.parametrize(
        "address",
        [
            "http://169.254.169.254/latest/meta-data/",
            "https://example.org/a.png",
            "http://127.0.0.1:1/data/upload/1/a.png",
            "//example.org/data/upload/a.png",
            "/\\example.org/data/upload/a.png",
            "file:///etc/passwd",
            "ftp://127.0.0.1/data/a.png",
            "data:image/png;base64,AAAA",
            "/api/current-user/token",
            "/data/upload/../../api/projects",
            "/data/%2e%2e/api/projects",
            "/user/login/",
            "http://user:word@127.0.0.1/data/upload/1/a.png",
            "http://[::1",
            "",
            "a.png",
            None,
            7,
            ["/data/upload/1/a.png"],
        ],
    )
    def test_nowhere_else_is_gone_to(
        self, address: object, stage: Stage, pictures: Pictures
    ) -> None:
        with pytest.raises(ImageError, match="task 5"):
            pictures.fetch(address, task=5)
        assert stage.asked == []

    def test_sent_on_to_another_host(self, stage: Stage, pictures: Pictures) -> None:
        with staged() as bucket:
            bucket.files["/shop/1.jpg"] = b"signed"
            stage.moved["/tasks/7/resolve/"] = f"{bucket.url}/shop/1.jpg?signature=x"
            with pytest.raises(ImageError, match=f"--label-studio-storage {bucket.url}"):
                pictures.fetch("s3://shop/1.jpg", task=7)
            assert bucket.asked == []
            with LabelStudio(stage.url, LEGACY) as service:
                allowed = Pictures(service, storage=[bucket.url])
                assert allowed.fetch("s3://shop/1.jpg", task=7) == b"signed"
            # Our token is nobody else's business.
            assert bucket.asked == [("/shop/1.jpg?signature=x", "")]

    def test_sent_on_in_a_ring(self, stage: Stage, pictures: Pictures) -> None:
        stage.moved["/data/upload/1/a.png"] = "/data/upload/1/a.png"
        with pytest.raises(ImageError, match="without end"):
            pictures.fetch("/data/upload/1/a.png", task=1)

    def test_more_than_a_picture_may_have(self, stage: Stage, pictures: Pictures) -> None:
        stage.files["/data/upload/1/a.png"] = bytes(20_000)
        with pytest.raises(ImageError, match="more than"):
            pictures.fetch("/data/upload/1/a.png", task=1)

    def test_a_picture_that_drips_is_given_up_however_steadily_it_comes(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as slow:
            ended = threading.Event()
            threading.Thread(target=drip, args=(slow, ended)).start()
            url = f"http://127.0.0.1:{slow.getsockname()[1]}"
            with LabelStudio(url, LEGACY) as service:
                fetching = Pictures(service, within=0.5)
                with pytest.raises(ImageError, match=r"was not here within 0\.5 s"):
                    fetching.fetch("/data/upload/1/a.png", task=1)
            ended.set()

    def test_refused_and_missing(self, stage: Stage, pictures: Pictures) -> None:
        with pytest.raises(ImageError, match="answers 404"):
            pictures.fetch("/data/upload/1/none.png", task=1)
        with (
            LabelStudio(stage.url, "another") as service,
            pytest.raises(ImageError, match="--label-studio-token-file"),
        ):
            Pictures(service).fetch("/data/upload/1/a.png", task=1)

    def test_a_personal_token_is_exchanged_and_again_when_it_has_ended(self, stage: Stage) -> None:
        stage.files["/data/upload/1/a.png"] = b"one"
        with LabelStudio(stage.url, PERSONAL) as service:
            fetching = Pictures(service)
            assert fetching.fetch("/data/upload/1/a.png", task=1) == b"one"
            assert fetching.fetch("/data/upload/1/a.png", task=1) == b"one"
            assert stage.exchanged == 1
            stage.exchanged += 1  # what was given is worth nothing any more
            with pytest.raises(ServerError, match=r"401|404|JSON"):
                service.get("/nothing")
            assert stage.exchanged == 3

    @pytest.mark.parametrize("url", ["", "label-studio", "ftp://a", "http://u:p@a", "http://a?b=c"])
    def test_addresses_that_are_none(self, url: str) -> None:
        with pytest.raises(UsageError, match="expected an address"):
            LabelStudio(url, LEGACY)


def test_one_that_is_at_work_for_long_is_not_said_to_be_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            LabelStudio(url, LEGACY, timeout=0.2) as service,
            pytest.raises(ServerError, match="gave no answer in time; it may still be at work"),
        ):
            service.get("/api/version")


class TestEvents:
    def test_lines_are_kept_and_a_torn_one_spoils_no_other(self, tmp_path: Path) -> None:
        file = tmp_path / "new" / "events.jsonl"
        events = Events(file)
        created = {
            "action": "ANNOTATION_CREATED",
            "project": {"id": 2, "title": "Garments"},
            "task": {"id": 31, "data": {"image": "x"}},
            "annotation": {"id": 7, "completed_by": 1, "result": [{"value": {}}]},
        }
        events.take(created, model="colours")
        with file.open("ab") as torn:
            torn.write(b'{"when": "2026-')
        events.take(
            {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 7}, {"id": 8}]}, model=""
        )
        events.take({"strange": True}, model="")
        first, _, second, third = file.read_text(encoding="utf-8").splitlines()
        value = json.loads(first)
        assert value.pop("when").startswith("20")
        assert value == {
            "model": "colours",
            "action": "ANNOTATION_CREATED",
            "project": 2,
            "tasks": [31],
            "annotations": [7],
            "by": 1,
        }
        assert json.loads(second)["annotations"] == [7, 8]
        assert json.loads(third)["action"] == "UNKNOWN"
        assert events.counts == {"ANNOTATIONS_DELETED": 1, "ANNOTATION_CREATED": 1, "UNKNOWN": 1}

    def test_whoever_invents_names_fills_no_memory(self) -> None:
        events = Events()
        for number in range(MOST_ACTIONS + 7):
            events.take({"action": f"made up {number}"}, model="")
        assert len(events.counts) == MOST_ACTIONS + 1
        assert events.counts["OTHERS"] == 7


@pytest.fixture(scope="module")
def place() -> Iterator[Stage]:
    with staged() as found:
        yield found


@pytest.fixture(scope="module")
def backend(
    place: Stage, colour_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx2.Client]:
    settings = Settings(port=0, access_log=False)
    events = tmp_path_factory.mktemp("events") / "events.jsonl"
    options = Options(url=place.url, token=LEGACY, events=events)
    sources = [Source(bundle=colour_bundle), Source(bundle=colour_bundle, name="second")]
    with (
        Models(sources, settings) as models,
        running(models, settings, [label_studio_routes(models, options)]) as url,
        httpx2.Client(base_url=url, trust_env=False, timeout=20) as client,
    ):
        yield client


def predicting(*addresses: Any, context: object = None, config: str = CONFIG) -> dict[str, Any]:
    """What Label Studio sends to have tasks predicted."""
    tasks = [
        {"id": number, "data": {"image": address}, "annotations": [], "predictions": [], "meta": {}}
        for number, address in enumerate(addresses, start=1)
    ]
    params = {"login": None, "password": None, "context": context}
    return {
        "tasks": tasks,
        "project": "2.1795310220",
        "label_config": config,
        "params": params,
    }


class TestProtocol:
    @pytest.mark.parametrize("prefix", ["/label-studio", "/label-studio/second"])
    def test_health(self, backend: httpx2.Client, prefix: str) -> None:
        answer = backend.get(f"{prefix}/health")
        assert answer.status_code == 200
        assert answer.json()["status"] == "UP"
        assert backend.get("/health").status_code == 200

    def test_setup_tells_the_version_and_what_is_not_answered(self, backend: httpx2.Client) -> None:
        sent = {
            "project": "2.1795310220",
            "schema": CONFIG,
            "hostname": "http://localhost:5808",
            "access_token": LEGACY,
            "extra_params": None,
        }
        value = backend.post("/setup", json=sent).json()
        assert value["notes"] == [
            "note (TextArea) is not answered",
            "colour: the control has no blue",
        ]
        versions = backend.get("/versions").json()["versions"]
        assert versions == [value["model_version"]]
        second = backend.post("/label-studio/second/setup", json=sent).json()["model_version"]
        assert second.startswith("second ")

    def test_predictions_stand_in_the_order_of_the_tasks(
        self, backend: httpx2.Client, place: Stage, picture_file: Callable[..., bytes]
    ) -> None:
        place.files |= {
            "/data/upload/1/red.png": picture_file((220, 20, 20)),
            "/data/upload/1/green.png": picture_file((20, 220, 20)),
            "/data/upload/1/blue.png": picture_file((20, 20, 220)),
            "/data/upload/1/torn.png": b"\x89PNG\r\n\x1a\n torn",
        }
        names = ["green.png", "torn.png", "red.png", "blue.png", "none.png"]
        sent = predicting(*(f"/data/upload/1/{name}" for name in names), "http://10.0.0.1/a.png")
        answer = backend.post("/predict", json=sent)
        assert answer.status_code == 200
        green, torn, red, blue, none, elsewhere = answer.json()["results"]
        (item,) = green["result"]
        assert item["from_name"], item["to_name"] == ("colour", "photo")
        assert item["value"] == {"choices": ["green"]}
        assert 0 < green["score"] <= 1
        # The configuration's own spelling; a colour that it does not ask for is not told.
        assert red["result"][0]["value"] == {"choices": ["Red"]}
        assert blue["result"] == []
        assert blue["model_version"] == red["model_version"]
        # No prediction at all, so that Label Studio asks again another time.
        assert [torn, none, elsewhere] == [[], [], []]
        errors = "\n".join(answer.json()["errors"])
        assert "task 2: " in errors
        assert "task 5: Label Studio answers 404" in errors
        assert "task 6: its picture is at another place" in errors

    def test_many_tasks_at_once_are_answered_all(
        self, backend: httpx2.Client, place: Stage, picture_file: Callable[..., bytes]
    ) -> None:
        place.files["/data/upload/1/red.png"] = picture_file((220, 20, 20))
        sent = predicting(*["/data/upload/1/red.png"] * 100)
        results = backend.post("/predict", json=sent).json()["results"]
        assert len(results) == 100
        assert all(one["result"] for one in results)

    def test_tasks_that_no_time_is_left_for_are_left_for_another_call(
        self,
        backend: httpx2.Client,
        place: Stage,
        picture_file: Callable[..., bytes],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        place.files["/data/upload/1/red.png"] = picture_file((220, 20, 20))
        monkeypatch.setattr("lapel.serving.label_studio.backend.PATIENCE", -1.0)
        answer = backend.post("/predict", json=predicting("/data/upload/1/red.png")).json()
        assert answer["results"] == [[]]
        assert "no time was left" in answer["errors"][0]

    def test_a_click_is_answered_by_one_entry(
        self, backend: httpx2.Client, place: Stage, picture_file: Callable[..., bytes]
    ) -> None:
        place.files["/data/upload/1/red.png"] = picture_file((220, 20, 20))
        context = {"result": [{"type": "keypointlabels", "value": {"x": 50, "y": 50}}]}
        sent = predicting("/data/upload/1/red.png", context=context)
        (entry,) = backend.post("/predict", json=sent).json()["results"]
        assert entry["result"] == []  # colours lie nowhere
        (entry,) = backend.post("/predict", json=predicting("x", context=context)).json()["results"]
        assert entry["result"] == []

    def test_events_are_counted(self, backend: httpx2.Client) -> None:
        before = backend.get("/label-studio/events").json()["events"].get("START_TRAINING", 0)
        sent = {"action": "START_TRAINING", "project": {"id": 2}}
        assert backend.post("/webhook", json=sent).status_code == 200
        assert backend.post("/train", json={"project": "2.17"}).status_code == 200
        after = backend.get("/label-studio/events").json()["events"]["START_TRAINING"]
        assert after == before + 2

    def test_the_rest_of_the_protocol(self, backend: httpx2.Client) -> None:
        assert backend.post("/validate", json={"config": CONFIG}).json()["status"] == "ok"
        # What Label Studio takes for "there is no such job any more".
        assert backend.post("/job_status", json={"job": "7"}).status_code == 410
        assert backend.post("/duplicate_model", json={"project_src": "1.2"}).status_code == 200
        assert backend.post("/delete", json={"project": "1.2"}).status_code == 200

    @pytest.mark.parametrize(
        ("path", "sent", "status"),
        [
            ("/predict", b"{", 400),
            ("/predict", b"[" * 100_000, 400),
            ("/predict", b"[]", 400),
            ("/predict", {}, 422),
            ("/predict", {"tasks": [], "label_config": CONFIG}, 422),
            ("/predict", {"tasks": [7], "label_config": CONFIG}, 422),
            ("/predict", {"tasks": [{}] * 1001, "label_config": CONFIG}, 422),
            ("/predict", {"tasks": [{"id": 1}]}, 422),
            ("/predict", {"tasks": [{"id": 1}], "label_config": "<View"}, 422),
            ("/setup", {"schema": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}, 422),
            ("/setup", {"schema": 7}, 422),
            ("/setup", {"schema": "<View>\ud800</View>"}, 400),
            ("/webhook", {"action": "\ud800"}, 400),
            ("/validate", {}, 422),
            ("/label-studio/nobody/setup", {"schema": CONFIG}, 404),
        ],
    )
    def test_wrong_requests_are_explained(
        self, backend: httpx2.Client, path: str, sent: object, status: int
    ) -> None:
        content = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        answer = backend.post(path, content=content)
        assert answer.status_code == status
        assert answer.json()["error"]["message"]

    def test_data_of_any_kind_is_no_fault_of_the_server(self, backend: httpx2.Client) -> None:
        strange = [
            "\0",
            "/data/" + "x" * 5000,
            "/data/a\0b.png",
            "/data/" + "x" * 70_000,
            "http://[",
        ]
        sent = predicting(None, 7, {"a": 1}, *strange)
        sent["tasks"].append({"id": {"odd": 1}, "data": []})
        answer = backend.post("/predict", json=sent)
        assert answer.status_code == 200
        assert answer.json()["results"] == [[]] * 9

    def test_people_of_any_kind_are_no_fault_of_the_server(self, backend: httpx2.Client) -> None:
        for people in ({"id": 3}, [3], "3"):
            sent = {"action": "ANNOTATION_UPDATED", "annotation": {"id": 1, "completed_by": people}}
            assert backend.post("/webhook", json=sent).status_code == 200
        assert backend.get("/label-studio/events").status_code == 200


def test_without_an_address_of_label_studio_every_task_says_so(colour_bundle: Path) -> None:
    settings = Settings(port=0, access_log=False)
    with (
        Models([Source(bundle=colour_bundle)], settings) as models,
        running(models, settings, [label_studio_routes(models, Options())]) as url,
        httpx2.Client(base_url=url, trust_env=False) as client,
    ):
        value = client.post("/predict", json=predicting("/data/upload/1/a.png")).json()
        assert value["results"] == [[]]
        assert "--label-studio-url" in value["errors"][0]


def test_basic_authentication_lets_label_studio_in(colour_bundle: Path) -> None:
    token = "a-token-that-is-long-enough"
    settings = Settings(port=0, access_log=False, token=token)
    with (
        Models([Source(bundle=colour_bundle)], settings) as models,
        running(models, settings, [label_studio_routes(models, Options())]) as url,
        httpx2.Client(base_url=url, trust_env=False) as client,
    ):
        sent = {"schema": CONFIG}
        assert client.post("/setup", json=sent).status_code == 401
        assert client.post("/setup", json=sent, auth=("lapel", "another")).status_code == 401
        assert client.post("/setup", json=sent, auth=("lapel", token)).status_code == 200
        assert client.get("/label-studio/health").status_code == 401
