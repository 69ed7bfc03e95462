"""JPEG bytes to answers: the loop that a user would write first, and every engine of Lapel.

    python -m benchmarks.inference --bundle efficientnet runs/efficientnet photos \
        --bundle mobilenetv2 runs/mobilenetv2 drawn --out runs/inference

Each bundle is exported first, with int8 and OpenVINO, into ``OUT/bundles``. Then all contestants
answer the same pictures of the dataset's validation split, in turns, each in a process of its own,
with as many threads as there are cores. Two of them are torch in float32 with the bundle's own
weights: Pillow and torchvision's transforms picture by picture, and a DataLoader with batches of
32. Bytes of files lie in memory before the clock starts; what is timed is everything from them to a
label. A picture alone is timed from its bytes to its answer, one after the other.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.measuring import markdown_table, median, surroundings, write_results
from lapel.data.dataset import Dataset
from lapel.inference.bundle import Bundle
from lapel.inference.engines.table import ENGINES
from lapel.inference.predictor import Predictor
from lapel.schema.errors import BundleError
from lapel.schema.prediction import Prediction, SingleLabelAnswer
from lapel.storage.machine import usable_cores
from lapel.training.export import export

#: The loop that others are compared with, and the same with batches.
LOOP, LOADER = "torch, picture by picture", "torch, DataLoader of 32"

#: Pictures that are answered before the clock starts.
WARMING = 32

#: Pictures that are timed alone.
ALONE = 100

#: All that a contestant needs of a bundle: how it answers files, and one file.
Answering = tuple[Callable[[Sequence[bytes]], Iterable[str]], Callable[[bytes], str]]


def main() -> None:
    """Export, let all take turns, write the table."""
    options = parse_options()
    if options.one:
        print(json.dumps(measure_one(options)))
        return
    found: dict[str, dict[str, Any]] = {}
    tables = []
    for name, path, data in options.bundle:
        place, remarks = exported(Path(path), data, options, name)
        contestants = [LOOP, LOADER, *engines_of(place)]
        runs: dict[str, list[dict[str, Any]]] = {one: [] for one in contestants}
        for _ in range(options.rounds):
            for one in contestants:
                runs[one].append(in_its_own_process(one, place, data, options))
        found[name] = {"made": provenance(place), "remarks": remarks, "runs": runs}
        tables.append(table_of(name, found[name]))
    content = {"surroundings": surroundings(), "pictures": options.pictures, "found": found}
    write_results(options.out, name="inference", content=content, table="\n".join(tables))


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--bundle",
        action="append",
        nargs=3,
        required=True,
        metavar=("NAME", "PATH", "DATASET"),
        help="a model, and a dataset with train and validation splits; may be repeated",
    )
    parser.add_argument("--task", default="category", help="the task of one label that is judged")
    parser.add_argument("--out", type=Path, required=True, help="folder for results and exports")
    parser.add_argument("--pictures", type=int, default=320, help="answered a round")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is taken")
    parser.add_argument("--allow-loss", type=float, default=0.5, help="points that int8 may lose")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def exported(
    path: Path, data: str, options: argparse.Namespace, name: str
) -> tuple[Path, list[str]]:
    """The bundle with all forms that pass, and what did not."""
    out = options.out / "bundles" / name
    shutil.rmtree(out, ignore_errors=True)
    asked = {"openvino": True, "calibrate": data, "out": out}
    try:
        done = export(path, int8=True, allow_loss=options.allow_loss, **asked)
    except BundleError as error:
        print(f"{name}: {error}; without int8 then", file=sys.stderr)
        return out, [str(error), *export(path, **asked).remarks]
    return out, list(done.remarks)


def engines_of(place: Path) -> list[str]:
    """The engines that passed."""
    passed = Bundle.load(place).engines
    return [name for name in ENGINES if name in passed]


def provenance(place: Path) -> dict[str, Any]:
    """How a bundle was trained."""
    bundle = Bundle.load(place)
    kept = {key: bundle.provenance[key] for key in ("dataset", "chosen", "learning", "recipe")}
    return {**kept, "scores": dict(bundle.scores), "engines": dict(bundle.engines)}


def in_its_own_process(
    one: str, place: Path, data: str, options: argparse.Namespace
) -> dict[str, Any]:
    """One round of one contestant."""
    command = [
        sys.executable, "-m", "benchmarks.inference", "--one", one, "--bundle", "it",
        str(place), data, "--task", options.task, "--out", str(options.out),
        "--pictures", str(options.pictures),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{one} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{place.name}, {one}: {result['images_per_second']:.1f} a second", file=sys.stderr)
    return result


def measure_one(options: argparse.Namespace) -> dict[str, Any]:
    """Answer the pictures at once and alone; how fast, and how many rightly."""
    place, data = map(Path, options.bundle[0][1:])
    part = Dataset.open(data).split("validation")
    files = [part.read(name) for name in part.names()]
    truth = [str(label) for label in part.labels(options.task)]
    shown = list(islice(cycle(files), options.pictures))
    contestants = {LOOP: by_torch, LOADER: by_loader}
    if options.one in contestants:
        answer_all, answer_one = contestants[options.one](place, options.task)
    else:
        answer_all, answer_one = by_engine(place, options.task, options.one)
    for _ in answer_all(shown[:WARMING]):
        pass
    started, before = time.perf_counter(), processor_seconds()
    answers = list(answer_all(shown))
    seconds, worked = time.perf_counter() - started, processor_seconds() - before
    singles = []
    for file in shown[:ALONE]:
        begun = time.perf_counter()
        answer_one(file)
        singles.append(1000 * (time.perf_counter() - begun))
    right = answers if options.pictures >= len(files) else list(answer_all(files))
    share = sum(a == b for a, b in zip(right, truth, strict=False)) / min(len(right), len(truth))
    return {
        "images_per_second": len(shown) / seconds,
        "processor_milliseconds": 1000 * worked / len(shown),
        "milliseconds": median(singles),
        "accuracy": share,
        "judged": min(len(right), len(truth)),
        "threads": usable_cores(),
    }


def processor_seconds() -> float:
    """What this process and those that it started, and that ended, took of the processor.

    On a machine that is shared it says more than the clock: divided by the cores, it is the least
    time that a quiet one takes.
    """
    whom = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(each) for each in whom]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def by_engine(place: Path, task: str, engine: str) -> Answering:
    """Lapel's predictor."""
    predictor = Predictor.load(place, engine=engine)

    def answer_all(files: Sequence[bytes]) -> Iterator[str]:
        for found in predictor.predict(files, top=1):
            yield label_of(found, task)

    def answer_one(file: bytes) -> str:
        return label_of(next(predictor.predict(file, top=1)), task)

    return answer_all, answer_one


def label_of(found: object, task: str) -> str:
    """The label that was answered."""
    answer = found.answers[task] if isinstance(found, Prediction) else None
    if not isinstance(answer, SingleLabelAnswer):
        raise SystemExit(f"no label of {task!r}: {found}")
    return answer.label


def by_torch(place: Path, task: str) -> Answering:
    """Pillow, torchvision's transforms and torch in float32, as tutorials have it."""
    import torch

    model, transform, labels = plain_torch(place, task)

    @torch.no_grad()
    def answer_one(file: bytes) -> str:
        return str(labels[int(model(transform(file)[None]).argmax(1)[0])])

    def answer_all(files: Sequence[bytes]) -> Iterator[str]:
        return map(answer_one, files)

    return answer_all, answer_one


def by_loader(place: Path, task: str) -> Answering:
    """The same with a DataLoader: batches of 32, a worker a core."""
    import torch
    from torch.utils.data import DataLoader

    model, transform, labels = plain_torch(place, task)
    _, answer_one = by_torch(place, task)

    @torch.no_grad()
    def answer_all(files: Sequence[bytes]) -> Iterator[str]:
        pictures: Any = Pictures(files, transform)
        loader = DataLoader(pictures, batch_size=32, num_workers=usable_cores())
        for batch in loader:
            for row in model(batch).argmax(1).tolist():
                yield str(labels[row])

    return answer_all, answer_one


class Pictures:
    """Files as a dataset of torch's."""

    def __init__(self, files: Sequence[bytes], transform: Callable[[bytes], Any]) -> None:
        self._files = files
        self._transform = transform

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, row: int) -> Any:  # noqa: ANN401 - torch is imported where it is used
        return self._transform(self._files[row])


def plain_torch(place: Path, task: str) -> tuple[Any, Callable[[bytes], Any], Sequence[str]]:
    """The bundle's network as plain modules, the transform that fits it, and its labels."""
    import torch
    from PIL import Image, ImageOps
    from torchvision import transforms

    from lapel.models.torch_engine import rebuilt

    bundle = Bundle.load(place)
    weights = bundle.read("weights.safetensors")
    network = rebuilt(bundle.schema, bundle.architecture, weights)
    network.to(memory_format=torch.contiguous_format)  # as torch has it, where nobody asks
    preprocess = bundle.preprocess
    size = (preprocess.width, preprocess.height)
    tensors = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize(preprocess.mean, preprocess.std)]
    )

    def transform(file: bytes) -> Any:  # noqa: ANN401 - as above
        picture = Image.open(io.BytesIO(file)).convert("RGB")
        if preprocess.fit == "letterbox":
            fill = (preprocess.fill,) * 3
            picture = ImageOps.pad(picture, size, Image.Resampling.BILINEAR, fill)
        else:
            picture = picture.resize(size, Image.Resampling.BILINEAR)
        return tensors(picture)

    def model(images: Any) -> Any:  # noqa: ANN401 - as above
        return network.outputs(network.answers(network.backbone(images)))[task]

    return model, transform, bundle.schema[task].labels


def table_of(name: str, found: Mapping[str, Any]) -> str:
    """One network's contestants, each beside the plain loop."""
    runs = found["runs"]
    middle = {
        one: {key: median([run[key] for run in rounds]) for key in rounds[0]}
        for one, rounds in runs.items()
    }
    loop = middle[LOOP]
    rows = [
        [
            one,
            f"{said['images_per_second']:.0f}",
            f"{said['images_per_second'] / loop['images_per_second']:.1f}",
            f"{said['processor_milliseconds']:.1f}",
            f"{said['milliseconds']:.1f}",
            f"{100 * said['accuracy']:.2f}",
            f"{100 * (said['accuracy'] - loop['accuracy']):+.2f}",
        ]
        for one, said in middle.items()
    ]
    header = [
        name, "images a second", "times the first", "processor, ms a picture",
        "p50 of one, ms",
        f"accuracy of {int(loop['judged'])}, %", "points to the first",
    ]  # fmt: skip
    made = found["made"]
    recipe = made["recipe"]
    trained = (
        f"{name}: recipe `{recipe['name']}` with `{recipe['model']['backbone']}`, "
        f"{made['learning']['steps']:,} steps on `{made['dataset']['name']}`, best epoch by "
        f"{made['chosen']['by']} on {made['chosen']['on']}."
    )
    remarks = "".join(f"\n- {remark}" for remark in found["remarks"])
    return f"{trained}\n\n{markdown_table(header, rows)}{remarks}\n"


if __name__ == "__main__":
    main()
