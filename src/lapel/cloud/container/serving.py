"""``lapel-container serve``: a bundle below ``/opt/ml/model`` answers on port 8080.

SageMaker's hosting contract (source: "Custom inference code with hosting services", Amazon
SageMaker AI developer guide): the model lies read-only below ``/opt/ml/model``; ``GET /ping`` is
answered with 200 within 2 s, and first within 8 minutes of the start; ``POST /invocations`` is
answered within 60 s; SIGTERM is followed by SIGKILL 30 s later. Whoever calls was let in by AWS
before, so that no token is asked for.

AWS starts containers as root and says that images should count on it. So the process reads its
model with whatever rights it has, and gives them up before it listens: what strangers send is
decoded by a process that owns nothing. Nothing is written, and nothing is fetched.
"""

from __future__ import annotations

import ctypes
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lapel.cloud.container.layout import OptMl
from lapel.schema.errors import UsageError

#: Variable of SageMaker that names another port.
PORT = "SAGEMAKER_BIND_TO_PORT"

#: Variables of ours: the engine, how long a picture may wait in milliseconds, whether a picture
#: that cannot be read is answered rather than refused, the address to listen at, and whether root
#: stays root: for a rehearsal of a program that lies where nobody else may read.
ENGINE, LATENCY, ERRORS_IN_PLACE, HOST, STAY = (
    "LAPEL_ENGINE", "LAPEL_LATENCY_MS", "LAPEL_ERRORS_IN_PLACE", "LAPEL_HOST", "LAPEL_STAY_ROOT",
)  # fmt: skip

#: Any address of the container: AWS's own gate stands before it.
ANYWHERE = "0.0.0.0"  # noqa: S104 - as above

#: User and group that the process becomes; nobody of that number need exist.
NO_RIGHTS = 10001

#: ``prctl(2)``: no program that is started may gain rights.
PR_SET_NO_NEW_PRIVS = 38

#: Seconds within which SageMaker wants ``/ping`` answered.
PING_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """How the container was told to serve.

    Attributes:
        model: folder of the bundle.
        port: to listen at.
        host: address to listen at.
        engine: that runs the network.
        latency: seconds that a picture may wait; more load is refused.
        errors_in_place: a picture that cannot be read is answered with its error, so that a batch
            does not end at it.
        stays_root: whether a process of root keeps its rights.
    """

    model: Path
    port: int = 8080
    host: str = ANYWHERE
    engine: str = "auto"
    latency: float = 2.0
    errors_in_place: bool = False
    stays_root: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """As the container's variables say.

        Raises:
            UsageError: a variable that is no number.
        """
        return cls(
            model=OptMl.here(environment).model,
            port=int(_number(environment, PORT, 8080)),
            host=environment.get(HOST, ANYWHERE),
            engine=environment.get(ENGINE, "auto"),
            latency=_number(environment, LATENCY, 2000) / 1000,
            errors_in_place=environment.get(ERRORS_IN_PLACE, "") == "1",
            stays_root=environment.get(STAY, "") == "1",
        )


def serve(environment: Mapping[str, str] | None = None) -> None:
    """Answer until SIGTERM; then answer what was accepted, and end.

    Args:
        environment: variables; None: those of this process.

    Raises:
        BundleError: no bundle below ``model``, or one that cannot be trusted or run.
        UsageError: a variable that cannot be.
        ServerError: the port is taken.
    """
    from lapel.serving.models import Models  # noqa: PLC0415 - `ping` needs none of it
    from lapel.serving.run import serve as answer  # noqa: PLC0415 - as above
    from lapel.serving.settings import Settings  # noqa: PLC0415 - as above
    from lapel.serving.sources import Source  # noqa: PLC0415 - as above

    hosting = Hosting.of(os.environ if environment is None else environment)
    _refuse_new_rights()
    settings = Settings(
        host=hosting.host,
        port=hosting.port,
        trusted_network=True,
        latency=hosting.latency,
        errors_in_place=hosting.errors_in_place,
        watch_seconds=0,  # SageMaker starts another container for another model
    )
    with Models([Source(bundle=hosting.model)], settings, engine=hosting.engine) as models:
        for model in models:
            _say(f"{model.name}: version {model.version}, {model.present.answerer.chosen.name}")

        def begin(url: str) -> None:  # all is loaded, and the port is taken
            if not hosting.stays_root:
                _give_up_rights()
            _say(f"listening at {url}")

        answer(models, settings, on_start=begin)


def ping(environment: Mapping[str, str] | None = None) -> bool:
    """Whether the server of this container answers ``/ping`` in time."""
    hosting = Hosting.of(os.environ if environment is None else environment)
    host = "127.0.0.1" if hosting.host == ANYWHERE else hosting.host
    # Not through a proxy that the environment names: the server is this machine's own.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{hosting.port}/ping", timeout=PING_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _refuse_new_rights() -> None:
    """No program that this process might start gains rights by its file (Linux)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _give_up_rights() -> None:
    """Become a user who owns nothing, where the process was started as root."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    os.setgroups([])
    os.setgid(NO_RIGHTS)
    os.setuid(NO_RIGHTS)


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise UsageError(f"{name}: found {text!r}, expected a number") from None


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what a container prints is its log
