"""Which addresses are this machine's own: a proxy has no business between it and itself."""

from __future__ import annotations

import pytest

from lapel.serving.addresses import is_loopback
from lapel.serving.client import Client
from lapel.serving.label_studio.service import LabelStudio


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.2", "::1", "[::1]"])
def test_addresses_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "10.0.0.1", "0.0.0.0", "localhost.example", "1"])
def test_addresses_of_others(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("host", "by_proxy"),
    [("127.0.0.1", False), ("127.0.0.2", False), ("[::1]", False), ("labels.example", True)],
)
def test_clients_ask_their_own_machine_without_a_proxy(host: str, *, by_proxy: bool) -> None:
    url = f"http://{host}:8080"
    with Client(url) as client, LabelStudio(url, None) as studio:
        assert client._http.trust_env == studio._http.trust_env == by_proxy
