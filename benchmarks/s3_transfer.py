"""Seconds to send and fetch a folder: `lapel cloud s3` beside boto3's own transfer.

The contestant is what most scripts do and what `aws s3 cp --recursive` is built on: boto3's
``upload_file`` and ``download_file`` (s3transfer), file after file, or several files at once.

    make bench NAME=s3_transfer ARGS='--endpoint http://127.0.0.1:8333 --out runs/s3-transfer'

It needs a server that speaks S3's protocol, and its keys in boto3's own variables; buckets that it
makes are deleted.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import numpy as np

from benchmarks.measuring import markdown_table, median, surroundings, write_results
from lapel.storage.s3.client import s3_client
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.options import TransferOptions
from lapel.storage.s3.transfer import list_objects, pull, push

#: Name to the number of files and bytes of each.
LOADS = {"2,000 photos of 20 KB": (2000, 20_000), "1 file of 512 MB": (1, 512_000_000)}


def main() -> None:
    options = parsed()
    if options.endpoint:
        os.environ["AWS_ENDPOINT_URL"] = options.endpoint
    results = []
    for load, (count, size) in LOADS.items():
        with tempfile.TemporaryDirectory(prefix="lapel-") as scratch:
            source = drawn(Path(scratch) / "here", count, size)
            results += measured(load, source, Path(scratch), options)
    rows = [
        [r["load"], r["contestant"]]
        + [f"{median(r[k]):.1f} ({median(r[f'{k}_cpu']):.1f})" for k in ("push", "again", "pull")]
        for r in results
    ]
    header = ["load", "contestant", "send, s (CPU)", "send again, s (CPU)", "fetch, s (CPU)"]
    content = {**surroundings(), "results": results}
    write_results(
        options.out, name="s3_transfer", content=content, table=markdown_table(header, rows)
    )


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--endpoint", default="", help="address of the server; else as boto3 says")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=8)
    return parser.parse_args()


def drawn(folder: Path, count: int, size: int) -> Path:
    """Files of bytes that do not compress."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(count):
        with (folder / f"{number:06}.bin").open("wb") as file:
            for start in range(0, size, 2**24):
                part = random.integers(0, 256, min(2**24, size - start), dtype=np.uint8)
                file.write(part.tobytes())
    return folder


def measured(
    load: str, source: Path, scratch: Path, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """The contestants take turns, round after round, so that a busy minute befalls them all."""
    found: dict[str, dict[str, Any]] = {}
    for _ in range(options.rounds):
        for name, (send, fetch) in contestants(options.workers).items():
            place = S3Location(new_bucket(), "a")
            target = scratch / "there"
            took = {
                "push": seconds(send, source, place),
                "again": seconds(send, source, place),
                "pull": seconds(fetch, place, target),
            }
            check(source, target)
            shutil.rmtree(target)
            removed(place)
            print(f"{load}, {name}: {took}", flush=True)
            kept = found.setdefault(name, {"load": load, "contestant": name})
            for what, (wall, cpu) in took.items():
                kept.setdefault(what, []).append(wall)
                kept.setdefault(f"{what}_cpu", []).append(cpu)
    return list(found.values())


def new_bucket() -> str:
    name = f"lapel-bench-{secrets.token_hex(6)}"
    where = region()
    place = {"CreateBucketConfiguration": {"LocationConstraint": where}} if where else {}
    s3_client().create_bucket(Bucket=name, **place)
    return name


def region() -> str:
    name = os.environ.get("AWS_DEFAULT_REGION", "")
    return "" if name == "us-east-1" else name


Send = Callable[[Path, S3Location], object]
Fetch = Callable[[S3Location, Path], object]


def contestants(workers: int) -> dict[str, tuple[Send, Fetch]]:
    chosen = TransferOptions(workers=workers)
    return {
        "lapel cloud s3": (
            lambda source, place: push(source, place, options=chosen),
            lambda place, target: pull(place, target, options=chosen),
        ),
        "boto3, file after file": (
            lambda source, place: plain_send(source, place, 1),
            lambda place, target: plain_fetch(place, target, 1),
        ),
        f"boto3, {workers} files at once": (
            lambda source, place: plain_send(source, place, workers),
            lambda place, target: plain_fetch(place, target, workers),
        ),
    }


def plain_send(source: Path, place: S3Location, at_once: int) -> None:
    client = boto3.client("s3")

    def send(path: Path) -> None:
        client.upload_file(str(path), place.bucket, f"{place.key}/{path.relative_to(source)}")

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(send, (path for path in sorted(source.rglob("*")) if path.is_file())))


def plain_fetch(place: S3Location, target: Path, at_once: int) -> None:
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=place.bucket, Prefix=place.prefix
    )
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]

    def fetch(key: str) -> None:
        path = target / key.removeprefix(place.prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(place.bucket, key, str(path))

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(fetch, keys))


def seconds(work: Callable[..., object], *arguments: object) -> tuple[float, float]:
    """Seconds on the clock, and of this process on the processors."""
    started, busy = time.monotonic(), time.process_time()
    work(*arguments)
    return round(time.monotonic() - started, 3), round(time.process_time() - busy, 3)


def check(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file() and path.stat().st_size != (target / path.name).stat().st_size:
            raise RuntimeError(f"{path.name} came back with another size")


def removed(place: S3Location) -> None:
    client = s3_client()
    bucket = S3Location(place.bucket)
    names = [one.name for one in list_objects(bucket, client=client)]
    for first in range(0, len(names), 1000):
        keys = [{"Key": name} for name in names[first : first + 1000]]
        client.delete_objects(Bucket=place.bucket, Delete={"Objects": keys})
    client.delete_bucket(Bucket=place.bucket)


if __name__ == "__main__":
    main()
