"""Who is let in: the one address, asked of a service that may lie or be away."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lapel.cloud.ec2.network import own_network
from lapel.cloud.ec2.plan import Plan, checked_network, minutes_of
from lapel.schema.errors import CloudError, UsageError


@contextmanager
def service_that_says(text: str) -> Iterator[str]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Nothing: the test says what it saw."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_address_one_is_seen_under_is_asked_for() -> None:
    with service_that_says("203.0.113.9\n") as service:
        assert own_network(service) == "203.0.113.9/32"


@pytest.mark.parametrize("said", ["0.0.0.0/0", "2001:db8::1"])
def test_a_service_that_answers_nonsense_is_not_believed(said: str) -> None:
    with (
        service_that_says(said) as service,
        pytest.raises(CloudError, match="no IPv4 address; give your own address by --from"),
    ):
        own_network(service)


def test_a_service_that_is_away_is_named() -> None:
    with pytest.raises(CloudError, match="could not be asked for your address"):
        own_network("http://127.0.0.1:9")


@pytest.mark.parametrize("network", ["0.0.0.0/0", "203.0.0.0/8"])
def test_strangers_are_never_let_in(network: str) -> None:
    with pytest.raises(UsageError, match="open SSH to strangers"):
        checked_network(network)


@pytest.mark.parametrize("network", ["2001:db8::7", "2001:db8::/64", "::/0"])
def test_a_network_that_no_machine_is_reached_from_is_refused(network: str) -> None:
    with pytest.raises(UsageError, match="is of IPv6, and machines have IPv4 addresses alone"):
        checked_network(network)


def test_a_network_is_written_as_aws_writes_it(plans: Callable[..., Plan]) -> None:
    assert checked_network("203.0.113.77/24") == "203.0.113.0/24"
    assert plans(open_to="203.0.113.77").open_to == "203.0.113.77/32", "AWS takes no bare address"


@pytest.mark.parametrize("name", ["", "Trainer", "1st", "a" * 33, "ends-", "a b", "a*"])
def test_a_name_that_aws_would_not_take_is_refused(plans: Callable[..., Plan], name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a machine"):
        plans(name=name)


@pytest.mark.parametrize(("text", "minutes"), [("30m", 30), ("2h", 120), ("90s", 1.5), ("0", 0)])
def test_times_are_read(text: str, minutes: float) -> None:
    assert minutes_of(text) == minutes
