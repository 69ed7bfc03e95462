"""Whole photos that something happened to: torn, with flipped bits, overwritten, grafted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from picture_bytes import SUFFIXES, photo
from verdicts import HostilePicture

FORMATS = ("JPEG", "PNG", "WEBP")


def torn() -> Iterator[HostilePicture]:
    """Cut off at 20 places each; the last bytes of a PNG hold no pixels."""
    for kind, suffix in SUFFIXES.items():
        whole = photo(kind)
        share = 0.8 if suffix == ".png" else 1.0
        for place in np.linspace(1, len(whole) * share - 16, 20).astype(int):
            yield HostilePicture(
                name=f"torn-{kind}-{place}{suffix}", data=whole[:place], verdict="refused"
            )


def flipped() -> Iterator[HostilePicture]:
    """A single bit of each is the other way round."""
    random = np.random.default_rng(7)
    for kind, suffix in SUFFIXES.items():
        whole = photo(kind)
        for bit in sorted(set(random.integers(0, len(whole) * 8, 15).tolist())):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << (bit % 8)
            yield HostilePicture(
                name=f"flipped-{kind}-{bit}{suffix}", data=bytes(damaged), verdict="either"
            )


def overwritten() -> Iterator[HostilePicture]:
    """Some bytes in the middle are zeros, ones or noise; or they are gone, or there twice."""
    random = np.random.default_rng(11)
    for kind in FORMATS:
        whole = photo(kind)
        for start in sorted(set(random.integers(0, len(whole), 6).tolist())):
            end = start + int(random.integers(1, 80))
            length = end - start
            middles = {
                "zeros": bytes(length),
                "ones": b"\xff" * length,
                "noise": random.bytes(length),
                "missing": b"",
                "twice": whole[start:end] * 2,
            }
            for what, middle in middles.items():
                yield HostilePicture(
                    name=f"{what}-{kind}-{start}{SUFFIXES[kind]}",
                    data=whole[:start] + middle + whole[end:],
                    verdict="either",
                )


def grafted() -> Iterator[HostilePicture]:
    """The first bytes of one format before the file of another."""
    heads = {
        "JPEG": b"\xff\xd8\xff",
        "PNG": b"\x89PNG\r\n\x1a\n",
        "WEBP": b"RIFF\x10\0\0\0WEBPVP8 ",
    }
    for head, signature in heads.items():
        for tail in FORMATS:
            yield HostilePicture(
                name=f"grafted-{head}-{tail}{SUFFIXES[head]}",
                data=signature + photo(tail),
                # After its first bytes a JPEG may hold anything up to the next marker.
                verdict="either" if head == "JPEG" else "refused",
            )
        for what, rest in {"alone": b"", "zeros": bytes(5000), "ones": b"\xff" * 5000}.items():
            yield HostilePicture(
                name=f"head-{head}-{what}{SUFFIXES[head]}",
                data=signature + rest,
                verdict="refused",
                too_large=(head, what) == ("WEBP", "ones"),  # which is a canvas of 16,383 pixels
            )
