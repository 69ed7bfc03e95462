"""Who may call a server, and by which names."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lapel.schema.errors import UsageError
from lapel.serving.settings import Settings
from lapel.serving.sources import Source

TOKEN = "a-token-that-is-long-enough"
JPEG = {"content-type": "image/jpeg"}


@pytest.fixture(scope="module")
def guarded(serving_models: Any, colour_bundle: Path) -> Iterator[httpx2.Client]:
    with serving_models(Source(bundle=colour_bundle), token=TOKEN) as client:
        yield client


@pytest.fixture(scope="module")
def data(picture_file: Callable[..., bytes]) -> bytes:
    return picture_file((220, 20, 20), "JPEG")


class TestSettings:
    @pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", ""])
    def test_others_are_not_let_in_without_a_token(self, host: str) -> None:
        with pytest.raises(UsageError, match="needs a token there"):
            Settings(host=host)
        assert Settings(host=host, token=TOKEN).host == host

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.1"])
    def test_this_machine_needs_none(self, host: str) -> None:
        assert Settings(host=host).is_local

    @pytest.mark.parametrize("token", ["", "short", "with a blank in the middle", "ünïcödé" * 4])
    def test_tokens_that_are_none(self, token: str) -> None:
        with pytest.raises(UsageError, match="a token has at least 16"):
            Settings(token=token)

    def test_a_token_is_not_shown(self) -> None:
        assert TOKEN not in repr(Settings(token=TOKEN))

    @pytest.mark.parametrize("origin", ["*", "shop.example", "https://shop.example/", "null"])
    def test_origins_that_are_none(self, origin: str) -> None:
        with pytest.raises(UsageError, match="is no origin"):
            Settings(cors=(origin,))

    def test_limits_that_are_none(self) -> None:
        with pytest.raises(UsageError, match="latency is more than 0"):
            Settings(latency=0)
        with pytest.raises(UsageError, match="holds at least one body"):
            Settings(body_bytes=2**30)


@pytest.mark.parametrize(
    "path", ["/v1/model", "/v1/models", "/v1/predict", "/metrics", "/openapi.json", "/invocations",
             "/nothing", "/v1/model/../../health", "//health", "/assets/../v1/model",
             "/assets/..%2f..%2fv1/model", "/health/", "/ping%00"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_route_asks_for_the_token(guarded: httpx2.Client, path: str, method: str) -> None:
    # Not the client that tidies paths up.
    asking = http.client.HTTPConnection(guarded.base_url.host, guarded.base_url.port)
    with closing(asking):
        asking.request(method, path)
        answer = asking.getresponse()
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert json.loads(answer.read())["error"]["code"] == "token_needed"


def test_health_needs_none(guarded: httpx2.Client) -> None:
    for path in ("/health", "/ready", "/ping"):
        assert guarded.get(path).status_code == 200


def test_the_right_token_opens(guarded: httpx2.Client, data: bytes) -> None:
    for shown in (f"Bearer {TOKEN}", f"bearer  {TOKEN}"):
        headers = {**JPEG, "authorization": shown}
        assert guarded.post("/v1/predict", content=data, headers=headers).status_code == 200
    # Labelling tools know names and passwords alone.
    assert guarded.get("/v1/models", auth=("anybody", TOKEN)).status_code == 200


@pytest.mark.parametrize(
    "shown",
    [TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", "Basic !!", "Basic",
     "Bearer \xe9", f"Digest {TOKEN}"],
)  # fmt: skip
def test_another_token_does_not(guarded: httpx2.Client, shown: str) -> None:
    headers = {"authorization": shown.encode("latin-1")}
    answer = guarded.get("/v1/models", headers=headers)  # type: ignore[arg-type] # bytes will do
    assert answer.status_code == 401
    assert TOKEN not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_a_name_that_leads_here_is_not_this_machine(colours: httpx2.Client, host: str) -> None:
    """DNS rebinding: a page of evil.example, whose name now leads to 127.0.0.1."""
    answer = colours.get("/v1/models", headers={"host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (421, "unknown_host")
    for own in ("localhost:1234", "127.0.0.1", "[::1]:80"):
        assert colours.get("/v1/models", headers={"host": own}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[::1"])
def test_pages_of_other_sites_are_not_answered(
    colours: httpx2.Client, data: bytes, origin: str
) -> None:
    headers = {**JPEG, "origin": origin}
    answer = colours.post("/v1/predict", content=data, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_origin")
    own = str(colours.base_url).rstrip("/")
    headers = {**JPEG, "origin": own}
    assert colours.post("/v1/predict", content=data, headers=headers).status_code == 200


def test_a_site_is_let_in_by_name(serving_models: Any, colour_bundle: Path, data: bytes) -> None:
    site = "https://shop.example"
    with serving_models(Source(bundle=colour_bundle), token=TOKEN, cors=(site,)) as client:
        asked = {
            "origin": site,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type",
        }
        before = client.options("/v1/predict", headers=asked)
        assert before.status_code == 200
        assert before.headers["access-control-allow-origin"] == site
        headers = {**JPEG, "origin": site, "authorization": f"Bearer {TOKEN}"}
        answer = client.post("/v1/predict", content=data, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == site
        other = client.options("/v1/predict", headers={**asked, "origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


def test_browsers_are_told_not_to_guess(colours: httpx2.Client) -> None:
    for path in ("/v1/models", "/nothing", "/health"):
        headers = colours.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
