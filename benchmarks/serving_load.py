"""What a server holds: throughput at a latency bound, three times its capacity, a soak, rivals.

    python -m benchmarks.serving_load --bundle RUN --out runs/serving-load
    python -m benchmarks.serving_load --bundle RUN --out runs/serving-soak --soak 10

Requests arrive at random and do not wait for one another (``open_loop``). A rate is held where 99
of 100 requests are answered and 99 of 100 of these within the bound. Client and server share the
machine. ``--rivals-python`` names an interpreter that has litserve, bentoml, onnxruntime, pillow,
numpy and pydantic; all contestants then serve the same ONNX graph with ONNX Runtime, decode with
the same code and get the same requests, in turns.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.measuring import markdown_table, median, surroundings, write_results
from benchmarks.open_loop import Outcome, fire, poisson
from benchmarks.server_processes import Running, Watched, free_port, started, watched
from lapel.data.sketch.picture import Options, draw_picture

ROOT = Path(__file__).parents[1]
MEBIBYTE = 1 << 20

#: Shares of the engine's own rate that are tried, in this order, until one is not held.
SHARES = (0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)

#: Answered, of all requests, and within the bound, of those answered.
ENOUGH = 0.99

OVERLOAD = 3.0

#: A cell of the table of which there is nothing to say.
NOTHING = "-"

#: Side of the drawn photos in pixels, how many, and how they are kept.
SIDE, PHOTOS, QUALITY = 800, 48, 88


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A server that takes part.

    Attributes:
        name: in the table.
        command: that starts it; ``{port}`` stands for the port.
        path: that pictures are posted to.
        ready: that answers 200 once it is ready.
        ping: that is asked while it works; empty: none.
        environment: beside this one.
    """

    name: str
    command: tuple[str, ...]
    path: str
    ready: str
    ping: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def started(self, scratch: Path) -> AbstractContextManager[Running]:
        """Start it at a free port."""
        port = free_port()
        command = [word.format(port=port) for word in self.command]
        log = scratch / f"{self.name.replace(' ', '-')}.log"
        return started(command, port=port, ready=self.ready, log=log, environment=self.environment)


def main() -> None:
    """Measure and write the table."""
    options = parse_options()
    with tempfile.TemporaryDirectory(prefix="serving-load-") as folder:
        scratch = Path(folder)
        pictures = photos(options.pictures, scratch / "photos")
        if options.soak:
            soak(options, pictures, scratch)
        else:
            compare(options, pictures, scratch)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True, help="a bundle, or a run with one")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--pictures", type=Path, help="folder of JPEGs; by default they are drawn")
    parser.add_argument("--engine", default="onnxruntime", help="of Lapel's server")
    parser.add_argument("--bound", type=float, default=500, help="milliseconds, for p99")
    parser.add_argument("--seconds", type=float, default=12, help="of each rate")
    parser.add_argument("--turns", type=int, default=3, help="of which the median is taken")
    parser.add_argument("--rivals-python", type=Path, help="an interpreter with litserve, bentoml")
    parser.add_argument("--soak", type=float, default=0, help="minutes at half the own rate")
    return parser.parse_args()


def photos(given: Path | None, folder: Path) -> Path:
    """A folder of JPEGs: those given, or drawn garments."""
    if given is not None:
        return given
    folder.mkdir()
    for number in range(PHOTOS):
        drawn = draw_picture(number, Options(size=SIDE)).pixels
        Image.fromarray(drawn).save(folder / f"{number:03}.jpg", quality=QUALITY)
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What the engine does without a server.

    Attributes:
        rate: pictures a second.
        processor: seconds of processor time a picture.
    """

    rate: float
    processor: float


def own_rate(options: argparse.Namespace, pictures: Path, engine: str) -> Own:
    """Measured in a process of its own."""
    command = [
        sys.executable, "-m", "benchmarks.contestants.own_rate", str(options.bundle), str(pictures),
        "--engine", engine, "--seconds", str(options.seconds),
    ]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Own(**json.loads(done.stdout))


def contestants(options: argparse.Namespace) -> list[Contestant]:
    """Lapel, and with an interpreter that has them the others, each in two forms."""
    bundle = str(options.bundle.resolve())
    lapel = (
        sys.executable, "-m", "lapel", "serve", bundle, "--port", "{port}",
        "--engine", options.engine, "--latency", str(options.bound), "--quiet",
    )  # fmt: skip
    found = [
        Contestant(
            name="lapel serve", command=lapel, path="/v1/predict", ready="/ready", ping="/ping"
        )
    ]
    if options.rivals_python:
        python = str(options.rivals_python.absolute())
        for workers, batch in ((1, 16), (2, 1)):
            form = f"{workers} worker{'s' * (workers > 1)}, batch {batch}"
            found.append(_litserve(python, bundle, workers, batch, form))
            found.append(_bentoml(python, bundle, workers, batch, form))
    return found


def _litserve(python: str, bundle: str, workers: int, batch: int, form: str) -> Contestant:
    return Contestant(
        name=f"LitServe, {form}",
        command=(
            python,
            "-m",
            "benchmarks.contestants.litserve_server",
            bundle,
            "--port",
            "{port}",
            "--workers",
            str(workers),
            "--batch",
            str(batch),
        ),
        path="/predict",
        ready="/health",
        environment=_paths(),
    )


def _bentoml(python: str, bundle: str, workers: int, batch: int, form: str) -> Contestant:
    return Contestant(
        name=f"BentoML, {form}",
        command=(
            python,
            "-m",
            "bentoml",
            "serve",
            f"benchmarks.contestants.bentoml_server:{'Batched' if batch > 1 else 'Single'}",
            "--host",
            "127.0.0.1",
            "--port",
            "{port}",
        ),
        path="/predict",
        ready="/readyz",
        environment={
            **_paths(),
            "BUNDLE": bundle,
            "BATCH": str(batch),
            "WORKERS": str(workers),
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_HOME": str(Path(tempfile.gettempdir()) / "serving-load-bentoml"),
        },
    )


def _paths() -> dict[str, str]:
    return {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}


def as_forms(pictures: Path, path: str) -> list[bytes]:
    """A request a picture, as a form, which all contestants take."""
    head = (
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
        "Content-Type: multipart/form-data; boundary=lapel-load\r\n\r\n"
    )
    start = (
        b'--lapel-load\r\nContent-Disposition: form-data; name="picture"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n"
    )
    requests = []
    for file in sorted(pictures.iterdir()):
        body = start + file.read_bytes() + b"\r\n--lapel-load--\r\n"
        requests.append(head.format(path=path, length=len(body)).encode() + body)
    return requests


def run_rate(
    running: Running, requests: Sequence[bytes], rate: float, seconds: float, *, seed: int
) -> Outcome:
    """Requests at a rate for some seconds."""
    return fire(running.port, requests, poisson(rate, seconds, seed=seed), grace=10)


def is_held(outcome: Outcome, bound: float) -> bool:
    """Whether nearly all were answered, and nearly all of these in time."""
    return outcome.share >= ENOUGH and outcome.percentile(99) <= bound


def compare(options: argparse.Namespace, pictures: Path, scratch: Path) -> None:
    """Each contestant in turn, some times over; then the table."""
    bound = options.bound / 1000
    found: dict[str, list[dict[str, Any]]] = {}
    owns: list[Own] = []
    for turn in range(options.turns):
        owns.append(own_rate(options, pictures, options.engine))
        print(f"the engine itself: {owns[-1].rate:.1f} pictures/s", flush=True)
        for one in contestants(options):
            with one.started(scratch) as running:
                measured = measure(one, running, pictures, options, own=owns[-1].rate, seed=turn)
            found.setdefault(one.name, []).append(measured)
            print(f"{one.name}: {json.dumps(measured['sustained'])}", flush=True)
    header = [
        f"p99 within {options.bound:g} ms", "sustained, pictures/s", "of the engine's own",
        "p50 / p95 / p99 then, ms", "processor ms a picture", "idle MiB",
        "at three times the rate: answered/s",
        "p99 of these, ms", "MiB more", "slowest ping, s",
    ]  # fmt: skip
    rows = [row_of(name, measured, owns) for name, measured in found.items()]
    content = {
        "surroundings": surroundings(),
        "settings": {key: str(value) for key, value in vars(options).items()},
        "own": [asdict(own) for own in owns],
        "bound": bound,
        "measured": found,
    }
    table = markdown_table(header, rows)
    rate, processor = median([own.rate for own in owns]), median([own.processor for own in owns])
    table += (
        f"\nThe engine itself, without a server: {rate:.1f} pictures a second, "
        f"{1000 * processor:.1f} ms of processor time each.\n"
    )
    write_results(options.out, name="serving_load", content=content, table=table)


def measure(
    one: Contestant,
    running: Running,
    pictures: Path,
    options: argparse.Namespace,
    *,
    own: float,
    seed: int,
) -> dict[str, Any]:
    """The highest rate that is held, then three times the engine's own rate."""
    requests, bound = as_forms(pictures, one.path), options.bound / 1000
    run_rate(running, requests, own / 4, 3, seed=99)  # warm
    idle = running.memory()
    rates = []
    for share in SHARES:
        spent = running.processor_seconds()
        outcome = run_rate(running, requests, share * own, options.seconds, seed=seed)
        rates.append(told(outcome, running.processor_seconds() - spent, bound))
        if not rates[-1]["held"]:
            break
    held = [rate for rate in rates if rate["held"]]
    with watched(running, ping=one.ping) as seen:
        flood = run_rate(running, requests, OVERLOAD * own, options.seconds, seed=seed)
    return {
        "idle": idle,
        "rates": rates,
        "sustained": held[-1] if held else None,
        "overload": told(flood, 0.0, bound),
        "overload_memory": max(seen.memory) - idle,
        "overload_ping": max(seen.pings, default=None),
        "own": own,
    }


def told(outcome: Outcome, server_seconds: float, bound: float) -> dict[str, Any]:
    """An outcome in numbers; times in milliseconds."""
    # JSON knows no infinity: nothing was answered, and so nothing took any time.
    times = {
        f"p{percent}": 1000 * outcome.percentile(percent) if outcome.latencies else None
        for percent in (50, 95, 99)
    }
    return {
        "offered": outcome.rate,
        "answered": outcome.answered,
        "share": outcome.share,
        "held": is_held(outcome, bound),
        **times,
        "statuses": dict(outcome.statuses),
        "client_processor": outcome.client_seconds / max(1, sum(outcome.statuses.values())),
        "processor": server_seconds / max(1, len(outcome.latencies)),
    }


def row_of(name: str, measured: Sequence[dict[str, Any]], owns: Sequence[Own]) -> list[str]:
    """Medians of all turns as a row."""
    best = [one["sustained"] for one in measured if one["sustained"] is not None]
    rates = [one["sustained"]["answered"] if one["sustained"] else 0.0 for one in measured]
    shares = [rate / own.rate for rate, own in zip(rates, owns, strict=True)]
    times = " / ".join(milliseconds([one[key] for one in best]) for key in ("p50", "p95", "p99"))
    pings = [one["overload_ping"] for one in measured if one["overload_ping"] is not None]
    return [
        name,
        f"{median(rates):.1f}",
        f"{100 * median(shares):.0f} %",
        times,
        milliseconds([1000 * one["processor"] for one in best]),
        f"{median([one['idle'] for one in measured]) / MEBIBYTE:.0f}",
        f"{median([one['overload']['answered'] for one in measured]):.1f}",
        milliseconds([one["overload"]["p99"] for one in measured]),
        f"{median([one['overload_memory'] for one in measured]) / MEBIBYTE:.0f}",
        f"{max(pings):.2f}" if pings else NOTHING,
    ]


def milliseconds(times: Sequence[float | None]) -> str:
    """The median, where there is one."""
    known = [time for time in times if time is not None]
    return f"{median(known):.0f}" if known else NOTHING


def soak(options: argparse.Namespace, pictures: Path, scratch: Path) -> None:
    """Minutes at half the rate: does memory grow, do files stay open, do answers slow down?"""
    (lapel, *_) = contestants(options)
    rate = own_rate(options, pictures, options.engine).rate / 2
    requests = as_forms(pictures, lapel.path)
    minutes: list[dict[str, Any]] = []
    with lapel.started(scratch) as running:
        run_rate(running, requests, rate, 10, seed=99)  # warm
        with watched(running, every=5, ping=lapel.ping) as seen:
            for minute in range(max(1, round(options.soak))):
                outcome = run_rate(running, requests, rate, 60, seed=minute)
                minutes.append(told(outcome, 0.0, options.bound / 1000))
                print(f"minute {minute + 1}: {json.dumps(minutes[-1])}", flush=True)
    slope = growth(seen)
    rows = [
        ["requests a second", f"{rate:.1f}"],
        ["minutes", f"{len(minutes)}"],
        ["answered", f"{100 * median([one['share'] for one in minutes]):.2f} %"],
        ["p99 of the first minute, ms", milliseconds([minutes[0]["p99"]])],
        ["p99 of the last minute, ms", milliseconds([minutes[-1]["p99"]])],
        ["memory at the start, MiB", f"{seen.memory[0] / MEBIBYTE:.0f}"],
        ["memory at the end, MiB", f"{seen.memory[-1] / MEBIBYTE:.0f}"],
        ["growth over the second half, MiB an hour", f"{3600 * slope / MEBIBYTE:.1f}"],
        ["open files at the start and at the end", f"{seen.files[0]}, {seen.files[-1]}"],
        ["slowest ping, s", f"{max(seen.pings):.3f}"],
    ]
    content = {
        "surroundings": surroundings(),
        "settings": {key: str(value) for key, value in vars(options).items()},
        "minutes": minutes,
        "seen": asdict(seen),
    }
    table = markdown_table(["soak", "value"], rows)
    write_results(options.out, name="serving_soak", content=content, table=table)


def growth(seen: Watched) -> float:
    """Bytes a second over the second half, by least squares."""
    half = len(seen.at) // 2
    at = np.asarray(seen.at[half:])
    return float(np.polyfit(at - at[0], np.asarray(seen.memory[half:], float), 1)[0])


if __name__ == "__main__":
    main()
