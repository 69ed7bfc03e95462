"""Run a server: bind, listen, answer, and end without losing what was accepted."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from fastapi import APIRouter
from starlette.types import ASGIApp

from lapel.imaging.decode import MEBIBYTE
from lapel.schema.errors import ServerError, UsageError
from lapel.serving.app import create_app
from lapel.serving.models import Models
from lapel.serving.protocol import HEAD_BYTES, protocol_of
from lapel.serving.settings import Settings

#: Connections that wait at the system until they are taken.
BACKLOG = 512

#: Seconds between the word to end and the end of listening: so long `/ready` says that it ends, so
#: that whoever shares out requests turns elsewhere, and those on their way here still get in.
GRACE_SECONDS = 0.5

#: Of glibc's malloc.h; and the size in bytes from which memory is taken from the system directly.
M_MMAP_THRESHOLD = -3
LARGE_PIECE = 4 * MEBIBYTE

#: Seconds until a server that was started in a thread listens.
START_SECONDS = 10.0

#: Threads that compute hand the interpreter on after so long, not after Python's 5 ms: whoever
#: speaks with callers waits for it after every read and write.
SWITCH_SECONDS = 0.0005


def serve(
    models: Models,
    settings: Settings,
    extra_routes: Sequence[APIRouter] = (),
    *,
    on_start: Callable[[str], None] | None = None,
) -> None:
    """Answer until SIGTERM or SIGINT; then answer what was accepted, and end.

    SIGHUP loads all models again.

    Args:
        models: what answers.
        settings: where, to whom, and within which limits.
        extra_routes: pages, and what other tools ask.
        on_start: called with the address, once it is taken.

    Raises:
        UsageError: an address that is not this machine's.
        ServerError: a port that is taken or forbidden.
    """
    app = create_app(models, settings, extra_routes)
    run(app, settings, on_start=on_start, on_end=models.drain, on_hang_up=models.reload)


def run(
    app: ASGIApp,
    settings: Settings,
    *,
    on_start: Callable[[str], None] | None = None,
    on_end: Callable[[], None] | None = None,
    on_hang_up: Callable[[], None] | None = None,
) -> None:
    """As :func:`serve`, for any application.

    Args:
        app: what answers.
        settings: where, and within which limits.
        on_start: called with the address, once it is taken.
        on_end: called when the server was told to end, before it does.
        on_hang_up: called at SIGHUP, in a thread.

    Raises:
        UsageError: an address that is not this machine's.
        ServerError: a port that is taken or forbidden.
    """
    log_to_stderr()
    give_memory_back()
    sys.setswitchinterval(SWITCH_SECONDS)
    with bound(settings) as listener, what_is_loaded_kept():

        def say() -> None:
            if on_start is not None:
                on_start(url_of(listener))

        asyncio.run(_serve(_server(app, settings), listener, say, on_end, on_hang_up))


@contextmanager
def running(
    models: Models, settings: Settings, extra_routes: Sequence[APIRouter] = ()
) -> Iterator[str]:
    """A server in a thread of this process, until the block ends.

    Yields:
        Its address, such as ``http://127.0.0.1:54321``.

    Raises:
        ServerError: as :func:`serve`.
    """
    with running_app(create_app(models, settings, extra_routes), settings) as url:
        try:
            yield url
        finally:
            models.drain()


@contextmanager
def running_app(app: ASGIApp, settings: Settings) -> Iterator[str]:
    """As :func:`running`, for any application."""
    with bound(settings) as listener:
        server = _server(app, settings)
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[listener])), name="lapel-server"
        )
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def bound(settings: Settings) -> Iterator[socket.socket]:
    """A socket at the settings' address; taken before anything slow, so that two servers clash at
    once.

    Raises:
        UsageError: an address that is not this machine's.
        ServerError: a port that is taken or forbidden.
    """
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, settings.port), family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        raise UsageError(f"{settings.host!r} is no address of this machine ({error})") from error
    except OSError as error:
        raise ServerError(
            f"cannot listen at {settings.host}:{settings.port}: {error.strerror or error}; "
            "choose another one with --port, or 0 for any that is free"
        ) from error
    with listener:
        yield listener


def url_of(listener: socket.socket) -> str:
    """The address of a bound socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def log_to_stderr() -> None:
    """Send the lines of the server to stderr, one each."""
    for name, level in (("lapel", logging.INFO), ("uvicorn", logging.ERROR)):
        logger = logging.getLogger(name)
        if not logger.handlers:
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(logging.Formatter("%(message)s"))
            logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False


def give_memory_back() -> None:
    """Let large pieces of memory go back to the system as soon as they are free.

    glibc learns from the first large piece that is freed to keep such pieces, up to 32 MiB each,
    in every thread's own store (mallopt(3), M_MMAP_THRESHOLD): photos are decoded in such pieces,
    and after a few huge ones the server would hold hundreds of megabytes for nothing. A threshold
    that is set stays where it is. Other systems' C libraries are left alone.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_PIECE)


@contextmanager
def what_is_loaded_kept() -> Iterator[None]:
    """Let Python look for garbage among what requests leave alone.

    What was loaded before stays, or is let go when nothing refers to it any more, as a model that
    is replaced. To look through all of it again and again took a sixth of the time of the thread
    that speaks with callers.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class _Server(uvicorn.Server):
    """uvicorn, which leaves signals to us: it would end the process by the signal again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing."""
        yield


def _server(app: ASGIApp, settings: Settings) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=protocol_of(settings, getattr(getattr(app, "state", None), "turning_away", None)),
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=max(1, round(settings.idle_seconds)),
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return _Server(config)


async def _serve(
    server: uvicorn.Server,
    listener: socket.socket,
    say: Callable[[], None],
    on_end: Callable[[], None] | None,
    on_hang_up: Callable[[], None] | None,
) -> None:
    loop = asyncio.get_running_loop()
    reloading: set[asyncio.Task[None]] = set()

    told = False

    def stop() -> None:
        server.should_exit = True

    def end() -> None:
        nonlocal told
        # A second time: do not wait for anybody.
        server.force_exit = told
        loop.call_later(0 if told else GRACE_SECONDS, stop)
        told = True
        if on_end is not None:
            on_end()

    def hang_up() -> None:
        if on_hang_up is not None:
            task = asyncio.ensure_future(asyncio.to_thread(on_hang_up))
            reloading.add(task)
            task.add_done_callback(reloading.discard)

    _on_signals(loop, end, hang_up)
    say()  # not before signals are heard: whoever reads it may send one
    await server.serve(sockets=[listener])


def _on_signals(
    loop: asyncio.AbstractEventLoop, end: Callable[[], None], hang_up: Callable[[], None]
) -> None:
    wanted = {"SIGTERM": end, "SIGINT": end, "SIGHUP": hang_up}
    for name, what in wanted.items():
        number = getattr(signal, name, None)
        if number is None:
            continue  # Windows has no SIGHUP
        try:
            loop.add_signal_handler(number, what)
        except NotImplementedError:  # Windows
            _plain_signal(loop, number, what)


def _plain_signal(
    loop: asyncio.AbstractEventLoop, number: signal.Signals, what: Callable[[], None]
) -> None:
    def handle(_: int, __: FrameType | None) -> None:
        loop.call_soon_threadsafe(what)

    signal.signal(number, handle)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    end = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > end:
            raise ServerError("the server did not start; its log says why")
        time.sleep(0.01)
