"""A model of masks, and photos as large as any that are taken, of many callers at once."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import colour_fields
import numpy as np
from PIL import Image
from request_bytes import request
from served_process import MEBIBYTE, serving

#: Just below the ceiling of 40 million pixels.
WIDTH, HEIGHT = 6500, 6000

#: Side of a field of one colour.
FIELD = 500


def huge_photo(mode: str) -> bytes:
    """Fields of colour, each of many pixels: a small file of a huge picture."""
    rows, columns = np.mgrid[0 : HEIGHT // FIELD, 0 : WIDTH // FIELD]
    fields = np.stack([rows * 20, columns * 15, (rows + columns) % 2 * 200], axis=-1)
    small = Image.fromarray(fields.astype(np.uint8)).convert(mode)
    file = io.BytesIO()
    small.resize((WIDTH, HEIGHT), Image.Resampling.NEAREST).save(file, "PNG", compress_level=1)
    return file.getvalue()


def test_memory_stays_within_its_bound(tmp_path: Path) -> None:
    bundle = colour_fields.write_fields_bundle(tmp_path / "bundle")
    # An opaque one, and transparent ones, which take more.
    photos = [huge_photo("RGB"), *[huge_photo("RGBA")] * 2]
    with serving(bundle, log=tmp_path / "log") as served:
        idle = served.resident()
        found: list[tuple[int, int]] = []

        def send(photo: bytes) -> None:
            data = request(b"/v1/predict", b"Content-Type: image/png", body=photo)
            for answer in served.ask(data, seconds=100):
                said = json.loads(answer.body)
                width = said["predictions"][0]["width"] if answer.status == 200 else 0
                found.append((answer.status, width))

        callers = [threading.Thread(target=send, args=(photo,)) for photo in photos]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert {status for status, _ in found} <= {200, 503}
        assert (200, WIDTH) in found
        assert served.resident("VmHWM") - idle < 500 * MEBIBYTE
