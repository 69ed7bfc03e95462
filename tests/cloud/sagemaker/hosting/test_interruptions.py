"""A deployment that is ended from outside leaves nothing that costs money, or says what is left."""

from __future__ import annotations

import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from _pytest.capture import CaptureIO
from hosting_account import HostingAccount, what_is_there

from lapel.cloud.aws import Account, Call
from lapel.cloud.container.layout import ROOT_VARIABLE
from lapel.cloud.container.serving import HOST, PORT, ping
from lapel.cloud.interruptions import interrupted_when_ended
from lapel.cloud.sagemaker.hosting import deploy as deploying
from lapel.cloud.sagemaker.hosting.archive import archived
from lapel.cloud.sagemaker.hosting.listing import endpoints, is_there
from lapel.cloud.sagemaker.hosting.plan import EndpointPlan
from lapel.inference.bundle import Bundle
from lapel.schema.errors import CloudError

Run = Callable[..., tuple[int, str, str]]
Plans = Callable[..., EndpointPlan]
Ending = Callable[[signal.Signals], Callable[[], None]]


@pytest.mark.parametrize(
    ("operation", "number"),
    [("create_endpoint", signal.SIGHUP), ("describe_endpoint", signal.SIGTERM)],
)
@pytest.mark.usefixtures("quick")
def test_a_deployment_that_is_ended_on_the_way_leaves_nothing(
    run: Run,
    hosting: HostingAccount,
    colour_bundle: Path,
    named: list[str],
    ending: Ending,
    operation: str,
    number: signal.Signals,
) -> None:
    """AWS takes no endpoint down that it is still making: that is waited for."""
    hosting.looks = 3
    hosting.when[operation] = ending(number)
    code, said, told = run("cloud", "sagemaker", "deploy", colour_bundle, "shoes", *named)
    assert (code, said) == (128 + number, "")
    assert "shoes is taken away as soon as AWS has done with making it" in told
    archive = r"s3://lapel-hosting-tests/models/shoes/\w{16}/model.tar.gz"
    for gone in ("shoes", r"shoes-261122-\d{6}", archive):
        assert re.search(rf"^{gone}: taken away again$", told, re.MULTILINE), gone
    assert f"ended by {number.name}" in told
    assert what_is_there() == {}


@pytest.mark.usefixtures("quick")
def test_an_endpoint_that_is_to_be_seen_late_is_taken_away_too(
    run: Run,
    hosting: HostingAccount,
    colour_bundle: Path,
    named: list[str],
    ending: Ending,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer to its making was cut, and AWS lists it a moment after."""
    looks: list[str] = []

    def late(account: Account, name: str) -> bool:
        looks.append(name)
        return len(looks) not in (2, 3) and is_there(account, name)

    monkeypatch.setattr(deploying, "is_there", late)
    hosting.when["create_endpoint"] = ending(signal.SIGTERM)
    code, _, _ = run("cloud", "sagemaker", "deploy", colour_bundle, "shoes", *named)
    assert code == 143
    assert len(looks) >= 4
    assert what_is_there() == {}


def test_an_endpoint_that_cannot_be_taken_away_in_time_is_named_with_what_does_it(
    account: Account,
    plans: Plans,
    hosting: HostingAccount,
    ending: Ending,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosting.looks = 1000
    monkeypatch.setattr(deploying, "UNDO_SECONDS", 0.0)
    hosting.when["describe_endpoint"] = ending(signal.SIGTERM)
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt), interrupted_when_ended():
        deploying.deploy(account, plans(), say=said.append, every=0.01)
    told = "\n".join(said)
    assert "shoes could not be taken away (the endpoint shoes is Creating after 0 s" in told
    assert "costs money from when it is ready" in told
    assert "`lapel cloud sagemaker delete shoes`" in told
    # It still starts by its configuration, which is not taken from under it.
    assert set(what_is_there()) == {"endpoints", "configs", "models"}


def test_alarms_that_are_left_are_not_taken_for_an_endpoint_that_is_left(
    account: Account, plans: Plans, hosting: HostingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Account, names: list[str]) -> None:
        raise CloudError(f"not allowed: {names}")

    hosting.fails = True
    monkeypatch.setattr(deploying, "remove_alarms", refuse)
    said: list[str] = []
    with pytest.raises(CloudError, match="did not become ready"):
        deploying.deploy(account, plans(), say=said.append, every=0.01)
    told = "\n".join(said)
    assert "shoes: taken away again" in told
    assert "alarms on shoes could not be taken away (not allowed: []); `lapel" in told
    assert "costs money" not in told


def test_an_archive_may_be_one_that_an_endpoint_runs_on_already(colour_bundle: Path) -> None:
    def interrupt(_: Call) -> None:
        raise KeyboardInterrupt

    account, said = Account(dry_run=True, show=interrupt), list[str]()
    with pytest.raises(KeyboardInterrupt):
        archived(
            account, Bundle.load(colour_bundle), "shoes", models="s3://models", say=said.append
        )
    assert "may lie there by now; unless shoes ran on this very model before, `lapel" in said[-1]


def test_a_change_that_is_ended_on_the_way_goes_on_at_aws_which_is_said(
    account: Account, plans: Plans, hosting: HostingAccount, ending: Ending
) -> None:
    deploying.deploy(account, plans(), say=lambda _: None, every=0.01)
    said: list[str] = []

    def stop_at_updating(line: str) -> None:
        said.append(line)
        if line == "shoes: Updating":
            ending(signal.SIGHUP)()

    hosting.looks = 4
    with pytest.raises(KeyboardInterrupt), interrupted_when_ended():
        deploying.deploy(account, plans(), say=stop_at_updating, every=0.01)
    assert any("AWS goes on by itself with shoes" in line for line in said)
    for _ in range(4):
        (found,) = endpoints(account, "shoes")
    assert found.status == "InService"


def test_who_ends_a_deletion_is_told_that_something_is_left(
    run: Run, account: Account, plans: Plans, hosting: HostingAccount, ending: Ending
) -> None:
    hosting.looks = 0
    deploying.deploy(account, plans(), say=lambda _: None)
    hosting.when["describe_endpoint"] = ending(signal.SIGTERM)
    code, _, told = run("cloud", "sagemaker", "delete", "shoes")
    assert code == 143
    assert "not all of shoes is down yet: `lapel cloud sagemaker delete shoes` goes on" in told


def test_a_rehearsal_serves_until_it_is_ended_and_leaves_no_server(
    run: Run, colour_bundle: Path, ending: Ending
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    variables = {HOST: "127.0.0.1", PORT: port, ROOT_VARIABLE: "/nonexistent"}
    answered: list[bool] = []
    spoken = sys.stdout
    assert isinstance(spoken, CaptureIO)

    def end_when_it_answers() -> None:
        until = time.monotonic() + 60
        try:
            while "Ctrl+C ends" not in spoken.getvalue() and time.monotonic() < until:
                time.sleep(0.05)
            answered.append(ping(variables))
        finally:
            ending(signal.SIGTERM)()

    watcher = threading.Thread(target=end_when_it_answers)
    watcher.start()
    code, said, _ = run("cloud", "sagemaker", "local", "--serve", colour_bundle, "--port", port)
    watcher.join()
    assert answered == [True]
    assert code == 0
    assert (
        f"curl --data-binary @PHOTO -H 'Content-Type: image/jpeg' http://127.0.0.1:{port}" in said
    )
    assert not ping(variables)
