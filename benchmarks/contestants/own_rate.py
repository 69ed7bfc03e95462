"""Pictures a second of the engine itself, JPEG bytes to answers, without any server.

    python -m benchmarks.contestants.own_rate BUNDLE FOLDER --engine auto --seconds 10

Prints, as JSON, the rate of ``Predictor.predict``, which is what ``lapel predict`` does, and
seconds of processor time a picture.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path

from lapel.inference.predictor import Predictor


def main() -> None:
    """Measure once the first batches are through."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    pictures = [path.read_bytes() for path in sorted(options.folder.iterdir())]
    predictor = Predictor.load(options.bundle, engine=options.engine, batch=options.batch)
    answers = predictor.predict(itertools.cycle(pictures))
    for _ in range(4 * options.batch):
        next(answers)
    count, started, spent = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < options.seconds:
        for _ in range(options.batch):
            next(answers)
        count += options.batch
    rate = count / (time.perf_counter() - started)
    print(json.dumps({"rate": rate, "processor": (time.process_time() - spent) / count}))


if __name__ == "__main__":
    main()
