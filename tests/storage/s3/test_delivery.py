"""A result on its way to its place: cut at any moment, the next call puts it right."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from faulty_proxy import Answer, Fault, FaultyProxy, Handler, Request

from lapel.schema.errors import StorageError
from lapel.storage.places import fetched, written
from lapel.storage.s3 import owner as owning
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.manifest import DELIVERY, MANIFEST
from lapel.storage.s3.owner import Owner, TakenError
from lapel.storage.s3.store import S3Store
from lapel.storage.s3.transfer import push

#: Writes ``a`` and ``b`` anew, and takes ``old`` away.
WORK = """
import sys
from lapel.storage.places import written
with written(sys.argv[1]) as folder:
    (folder / "old").unlink()
    for name in "ab":
        (folder / name).write_text("new")
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has fetched nothing yet, and whose patience is that of tests."""
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "one"))
    monkeypatch.setattr(owning, "BEAT", 0.05)
    monkeypatch.setattr(owning, "LEASE", 0.6)


def put(place: S3Location, *, even_if_cut: bool = False, **files: str) -> None:
    """Write a result of these files in the place of what lies there."""
    with written(str(place), even_if_cut=even_if_cut) as folder:
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for name, text in files.items():
            (folder / name).write_text(text)


def there(place: S3Location) -> dict[str, str]:
    """All that lies there but the manifest, which says that it is whole."""
    fetched(str(place))
    store = S3Store(place)
    return {name: store.read(name).decode() for name in store.names() if name != MANIFEST}


def seen(place: S3Location) -> list[str] | None:
    """Names that work begins with which then fails; None: no folder."""
    found: list[str] | None = None
    with suppress(RuntimeError), written(str(place)) as folder:
        if folder.exists():
            found = sorted(path.name for path in folder.iterdir())
        raise RuntimeError
    return found


def of_b(request: Request) -> bool:
    return request.method == "PUT" and request.path.endswith("/b")


def refused(handler: Handler, _: Answer) -> bool:
    handler.reply(
        403, [("Content-Type", "application/xml")], b"<Error><Code>AccessDenied</Code></Error>"
    )
    return True


def test_killed_on_its_way_a_result_is_ended_by_the_next_call(
    place: S3Location, proxy: FaultyProxy
) -> None:
    put(place, a="old", b="old", old="old")
    killed = threading.Event()

    def never(handler: Handler, _: Answer) -> bool:
        killed.wait(60)
        handler.close_connection = True
        return True

    proxy.rule = lambda request: never if of_b(request) else None
    process = subprocess.Popen([sys.executable, "-c", WORK, str(place)])
    store = S3Store(place)
    while not (any(map(of_b, proxy.seen("PUT"))) and store.read("a") == b"new"):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    killed.set()
    proxy.rule = lambda _: None
    assert store.read("b") == b"old"
    with pytest.raises(StorageError, match="is not whole: a push there goes on, or was cut"):
        fetched(str(place))

    assert seen(place) == ["a", "b"]
    assert there(place) == {"a": "new", "b": "new"}


def test_cut_on_another_machine_a_result_is_written_anew(
    place: S3Location, proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(place, a="old", old="old", kept="always")
    proxy.rule = lambda request: refused if of_b(request) else None
    with pytest.raises(StorageError, match="you may not do that"):
        put(place, a="new", b="new", kept="always")
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "two"))
    assert seen(place) == ["kept"], "not half of each"
    with pytest.raises(StorageError, match="is not whole"):
        fetched(str(place))
    proxy.rule = lambda _: None
    put(place, c="third")
    assert there(place) == {"c": "third"}

    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "one"))
    assert seen(place) == ["c"], "what was cut is out of date"


def test_cut_on_another_machine_work_that_goes_on_takes_what_has_arrived(
    place: S3Location, proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begins_with(machine: str) -> list[str] | None:
        monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / machine))
        with written(str(place), even_if_cut=True) as folder:
            return sorted(path.name for path in folder.iterdir()) if folder.exists() else None

    def cut(**files: str) -> None:
        proxy.rule = lambda request: refused if of_b(request) else None
        with pytest.raises(StorageError):
            put(place, even_if_cut=True, **files)
        proxy.rule = lambda _: None

    cut(a="1", b="1")
    assert begins_with("two") is None, "parts without what tells of them are nothing to go on with"
    put(place, even_if_cut=True, a="1", told="1")
    cut(a="1", b="1", told="1")
    assert begins_with("three") == ["a", "told"]


def test_while_one_brings_its_result_no_other_does(
    place: S3Location, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(owning, "_gone_from_here", lambda _: False)
    monkeypatch.setattr(logging.getLogger("lapel"), "propagate", True)  # a server keeps it apart
    put(place, a="old")
    other = Owner.take(place, name=DELIVERY)
    with pytest.raises(TakenError, match=rf"another process writes to {place}: process \d+ on"):
        put(place, a="new")
    assert f"{place} belongs to process" in caplog.text, "why it takes a while is said"
    assert "waiting up to 1 s to see whether it still lives" in caplog.text
    other.release(forget=True)
    put(place, a="new")
    assert there(place) == {"a": "new"}


def test_whoever_was_taken_over_on_the_way_brings_no_more(
    place: S3Location, proxy: FaultyProxy
) -> None:
    store = S3Store(place)

    def taken_over(_: Handler, __: Answer) -> bool:
        store.write(DELIVERY, b'{"process": 1, "machine": "two"}')
        time.sleep(0.5)  # some beats
        return False

    def rule(request: Request) -> Fault | None:
        return taken_over if of_b(request) else None

    proxy.rule = rule
    with pytest.raises(TakenError, match="taken over by process 1 on two"):
        put(place, b="mine")
    assert store.read(DELIVERY) == b'{"process": 1, "machine": "two"}'
    assert b'"finished": false' in store.read(MANIFEST)


def test_what_was_made_before_a_kill_is_gone_on_with(
    place: S3Location, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(name: str) -> None:
        """As by Ctrl-C, of which nobody hears: nothing is put there."""
        with suppress(KeyboardInterrupt), written(str(place), even_if_cut=True) as folder:
            folder.mkdir(exist_ok=True)
            (folder / name).write_text("part")
            raise KeyboardInterrupt

    cut("one")
    cut("two")
    assert list(S3Store(place).names()) == []
    with written(str(place), even_if_cut=True) as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["one", "two"]
    assert there(place) == {"one": "part", "two": "part"}

    cut("three")
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "two"))
    put(place, other="whole")
    monkeypatch.setenv("LAPEL_CACHE", str(tmp_path / "one"))
    with written(str(place), even_if_cut=True) as folder:
        assert [path.name for path in folder.iterdir()] == ["other"], "another's came meanwhile"


def test_a_push_by_hand_that_was_cut_is_not_taken_for_ones_own(
    place: S3Location, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_text("by hand")
    push(tmp_path / "a", place)
    store = S3Store(place)
    store.write(MANIFEST, store.read(MANIFEST).replace(b'"finished": true', b'"finished": false'))
    with pytest.raises(StorageError, match="is not whole"):
        put(place, c="mine")
    assert store.read("b") == b"by hand"


def test_what_others_put_there_while_a_result_was_worked_on_stays(place: S3Location) -> None:
    put(place, former="1")
    with written(str(place)) as folder:
        (folder / "former").unlink()
        (folder / "a").write_text("new")
        S3Store(place).write("other", b"o")
    assert there(place) == {"a": "new", "other": "o"}
