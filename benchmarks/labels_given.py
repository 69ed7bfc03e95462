"""Accuracy against labels given: photos that a model doubts first, beside photos at random.

An annotator is simulated who knows every label. 100 photos are drawn at random and labelled, a
model learns from them, and then, round after round, more are asked for and the model learns on
from the former one. All of it goes through what `lapel review`, `lapel data import review` and
`lapel train --from` call. Only the order in which photos are asked for differs.

    python -m benchmarks.labels_given --fashion-mnist demo/fashion-mnist --clothing clothing-small \
        --out runs/labels-given

Each seed draws another pool, other validation photos and other first ones; within a seed all orders
share them. Held-out photos are looked at by no model before they are judged. Validation takes
labels as well: 200, the same for all orders, which the axis does not count.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.labels_given_curve import draw_curves, table_of
from benchmarks.measuring import surroundings, write_results
from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.reviewed import import_review
from lapel.data.table import write_table
from lapel.evaluation.answers import answer_dataset
from lapel.evaluation.review_round import begin_review
from lapel.imaging.preprocess import Preprocess
from lapel.inference.bundle import Bundle
from lapel.inference.engines.base import Engine
from lapel.inference.predictor import Predictor
from lapel.review.records import CONFIRMED, MENDED, Given
from lapel.review.store import ReviewStore
from lapel.review.tables import REVIEW_FILE
from lapel.schema.annotation import Annotation
from lapel.schema.outputs import EMBEDDING
from lapel.tasks.kinds import task_of
from lapel.training.recipe import load_recipe
from lapel.training.resolve import resolve
from lapel.training.train import train

#: Labelled photos by which each model's best epoch, or decay, is chosen.
VALIDATION = 200

#: Held out where a dataset has no test split.
HELD_OUT = 1000

#: The one who answers.
ANNOTATOR = "somebody who knows"

#: The SHA-256 of a picture to its vector.
Memory = dict[bytes, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """In which order photos are asked for.

    Attributes:
        by: as `lapel review --by` takes it.
        diverse: near-twins are kept apart.
    """

    by: str
    diverse: bool = True


ORDERS: Mapping[str, Order] = {
    "random": Order(by="random"),
    "entropy": Order(by="entropy"),
    "margin": Order(by="margin"),
    "margin, near-twins not kept apart": Order(by="margin", diverse=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A dataset and what is learned from it.

    Attributes:
        name: as the table says it.
        recipe: of the first model; the others learn by that model's own.
        changes: of the recipe.
        counts: labels after which models learn.
        pool: photos that may be asked for; None: all that are left.
        frozen: whether the backbone rests, so that vectors of photos never change.
    """

    name: str
    recipe: str
    changes: Mapping[str, Any]
    counts: Sequence[int]
    pool: int | None
    frozen: bool


FASHION = Study(
    name="Fashion-MNIST",
    recipe="fashion-mnist-fast",
    # Few labels want small batches and more passes.
    changes={
        "batch": 32,
        "schedule.epochs": 20,
        "augment.shift": 2,
        "optimiser.learning_rate": 0.03,
        "optimiser.filter_learning_rate": 0.03,
        "validate_every": 2,
        "doubtful_labels.folds": 0,
        "precision": "float32",
    },
    counts=(100, 200, 300, 500, 700, 1000, 1500),
    pool=10_000,
    frozen=False,
)

CLOTHING = Study(
    name="clothing-small",
    recipe="photos",
    changes={"transfer.train": "heads", "schedule.epochs": 0, "transfer.views": 1},
    counts=(100, 200, 300, 500, 750, 1000),
    pool=None,
    frozen=True,
)


@dataclass(slots=True, kw_only=True)
class Result:
    """One curve.

    Attributes:
        study: name of the study.
        order: name of the order.
        seed: of everything drawn.
        accuracy: after each of the study's counts, on held-out photos, 0 to 1.
        accepted: the share of each round's photos whose first proposal was right; of the first
            round, which has no model, nothing.
        seconds: of each round: ranking, labels, learning.
    """

    study: str
    order: str
    seed: int
    accuracy: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    """Draw all curves, seed after seed, and write what there is after each."""
    options = parse_options()
    work = options.out / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    # What is kept of photos is kept for this run alone, and counts.
    os.environ["LAPEL_CACHE"] = str((work / "cache").resolve())
    given = ((FASHION, options.fashion_mnist), (CLOTHING, options.clothing))
    studies = [(shortened(study, options), source) for study, source in given if source]
    results: list[Result] = []
    for study, source in studies:
        data = Dataset.open(source)
        data = at_network_size(study, data, work / "packed") if study.frozen else data
        memory: Memory = {}
        for seed in range(options.seeds):
            for result in curves_of(study, data, seed, options, memory):
                results.append(result)
                report([study for study, _ in studies], results, options)
            shutil.rmtree(work_of(study, seed, options))
    shutil.rmtree(work)


def work_of(study: Study, seed: int, options: argparse.Namespace) -> Path:
    """Where the datasets and runs of one seed lie meanwhile."""
    folder: Path = options.out / "work" / f"{study.name}-{seed}"
    return folder


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fashion-mnist", type=Path, help="the dataset")
    parser.add_argument("--clothing", type=Path, help="clothing-dataset-small, as a dataset")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--orders", nargs="+", default=list(ORDERS), choices=list(ORDERS))
    parser.add_argument("--rounds", type=int, help="only so many, to try it")
    parser.add_argument("--anew", action="store_true", help="each model begins from scratch")
    return parser.parse_args()


def shortened(study: Study, options: argparse.Namespace) -> Study:
    """The study with so many rounds as were asked for."""
    return Study(**{**asdict(study), "counts": study.counts[: options.rounds]})


def at_network_size(study: Study, data: Dataset, folder: Path) -> Dataset:
    """The same photos as the network reads them: they are decoded and resized once for all."""
    recipe = resolve(load_recipe(study.recipe, study.changes))
    preprocess = Preprocess.from_json(recipe.preprocess.model_dump(mode="json"))
    names, labels = data.names(), data.labels(data.schema.tasks[0].name)
    pixels = np.stack([data.prepared(name, preprocess).pixels.transpose(1, 2, 0) for name in names])
    annotations = [
        Annotation(image=f"images.npy#{row}", labels={data.schema.tasks[0].name: label})
        for row, label in enumerate(labels)
    ]
    return create_dataset(
        folder, name=data.name, schema=data.schema, annotations=annotations, images=pixels
    )


def curves_of(
    study: Study, data: Dataset, seed: int, options: argparse.Namespace, memory: Memory
) -> list[Result]:
    """One curve an order; all begin with the same photos and the same first model."""
    work = work_of(study, seed, options)
    begin = work / "begin"
    truth = take_labels_away(study, data, seed, begin)
    first = Result(study=study.name, order="", seed=seed)
    model = one_round(study, begin, truth, None, Order(by="random"), first, options, memory)
    results = []
    for name in options.orders:
        folder = work / name.replace(" ", "-")
        copy_dataset(begin, folder)
        result = Result(study=study.name, order=name, seed=seed, accuracy=list(first.accuracy))
        former = model
        for _ in study.counts[1:]:
            former = one_round(study, folder, truth, former, ORDERS[name], result, options, memory)
        results.append(result)
        shown = ", ".join(f"{100 * value:.1f}" for value in result.accuracy)
        print(f"{study.name}, seed {seed}, {name}: {shown}", flush=True)
    return results


def take_labels_away(study: Study, data: Dataset, seed: int, folder: Path) -> dict[str, str]:
    """A dataset whose training photos have no labels, and what their labels are.

    The pool is its train split, the held-out photos are its test split.
    """
    random = np.random.default_rng(seed)
    table = data.table.with_columns(pl.Series("draw", random.permutation(len(data)))).sort("draw")
    if "test" in data.splits():
        held_out = table.filter(pl.col("split") == "test")
        table = table.filter(pl.col("split") != "test")
    else:
        held_out, table = table[:HELD_OUT], table[HELD_OUT:]
    validation, pool = table[:VALIDATION], table[VALIDATION:][: study.pool]
    task = data.schema.tasks[0].name
    truth = dict(pool.select("image", task).iter_rows())
    unknown = pl.lit(None, pool.schema[task]).alias(task)
    parts = (("train", pool.with_columns(unknown)), ("validation", validation), ("test", held_out))
    folder.mkdir(parents=True)
    copy_beside(data.folder, folder)
    write_table(
        folder,
        pl.concat([part.with_columns(split=pl.lit(name)) for name, part in parts]).drop("draw"),
    )
    return truth


def copy_dataset(source: Path, folder: Path) -> None:
    """A dataset once more, with what was answered about it."""
    folder.mkdir(parents=True)
    copy_beside(source, folder)
    for name in ("annotations.parquet", REVIEW_FILE):
        shutil.copyfile(source / name, folder / name)


def copy_beside(source: Path, folder: Path) -> None:
    """Description and packed pictures; the latter are not copied."""
    shutil.copyfile(source / "dataset.json", folder / "dataset.json")
    os.link((source / "images.npy").resolve(), folder / "images.npy")


def one_round(
    study: Study,
    folder: Path,
    truth: Mapping[str, str],
    former: Path | None,
    order: Order,
    result: Result,
    options: argparse.Namespace,
    memory: Memory,
) -> Path:
    """Ask for more labels, learn, judge; returns the new model's run."""
    started = time.perf_counter()
    place = 0 if former is None else study.counts.index(len(answered_in(folder))) + 1
    more = study.counts[place] - (study.counts[place - 1] if place else 0)
    predictor = None if former is None else opened(study, former, memory)
    accepted = answer(folder, predictor, order, more, truth)
    run = folder / f"run-{study.counts[place]}"
    anew = former is None or options.anew
    trained = train(
        study.recipe if anew else None,
        data=folder,
        out=run,
        changes={**study.changes, "seed": result.seed} if anew else None,
        from_=None if anew else former,
    )
    result.seconds.append(time.perf_counter() - started)
    result.accuracy.append(accuracy(opened(study, trained.run, memory), folder))
    if accepted is not None:
        result.accepted.append(accepted)
    return trained.run


def answered_in(folder: Path) -> set[str]:
    """The photos that have been answered."""
    with ReviewStore(folder / REVIEW_FILE, create=False) as store:
        return store.answered_images(spec.name for spec in store.round().tasks)


def answer(
    folder: Path,
    predictor: Predictor | None,
    order: Order,
    count: int,
    truth: Mapping[str, str],
) -> float | None:
    """Answer a round of photos, and take the answers in.

    Returns:
        The share of them whose proposal was right; None where there was no model to propose.
    """
    dataset = Dataset.open(folder)
    task = dataset.schema.tasks[0].name
    right = []
    with ReviewStore(folder / REVIEW_FILE) as store:
        begin_review(
            dataset,
            store,
            predictor=predictor,
            split="train",
            count=count,
            by=order.by,
            diverse=order.diverse,
        )
        for number in list(store.waiting(ANNOTATOR)):
            item = store.item(number)
            label = truth[item.image]
            right.append(bool(item.machine) and item.machine[task]["label"] == label)
            given = Given(value=label, verdict=CONFIRMED if right[-1] else MENDED)
            revision = store.revision(number, ANNOTATOR)
            store.submit(number, ANNOTATOR, {task: given}, revision=revision)
    import_review(folder)
    return None if predictor is None else statistics.mean(right)


def accuracy(predictor: Predictor, folder: Path) -> float:
    """The share of the held-out photos that are named rightly."""
    part = Dataset.open(folder).split("test")
    spec = predictor.schema.tasks[0]
    task = task_of(spec)
    answers = answer_dataset(predictor.engine, predictor.bundle.preprocess, part, tasks=[spec.name])
    target, weight = task.encode(part.labels(spec.name))
    return task.score(answers.views[0][spec.name], target, weight).numbers()["accuracy"]


def opened(study: Study, run: Path, memory: Memory) -> Predictor:
    """A model, which looks at each photo once in all rounds where its backbone rests."""
    predictor = Predictor.load(run, engine="onnxruntime")
    if not study.frozen:
        return predictor
    return Predictor(predictor.bundle, Remembering(predictor, memory))


class Remembering:
    """A network whose backbone never changes: vectors are kept, and its head is one product.

    Raises:
        ValueError: its head is more than that, so that it would answer otherwise.
    """

    def __init__(self, predictor: Predictor, memory: Memory) -> None:
        from safetensors.numpy import load

        self._engine: Engine = predictor.engine
        self._memory = memory
        self._task = predictor.schema.tasks[0].name
        bundle: Bundle = predictor.bundle
        weights = load(bundle.read("weights.safetensors"))
        self._weight = weights["heads.0.linear.weight"]
        self._bias = weights["heads.0.linear.bias"]
        preprocess = bundle.preprocess
        shape = (2, preprocess.channels, preprocess.height, preprocess.width)
        trial = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        expected = self._engine.run(trial, [self._task])[self._task]
        if not np.allclose(self.run(trial)[self._task], expected, atol=1e-3):
            raise ValueError("the head is more than one product of the vector")

    @property
    def names(self) -> tuple[str, ...]:
        """The task, and the vector."""
        return (self._task, EMBEDDING)

    @property
    def lanes(self) -> int:
        """One: what is remembered is asked once at a time."""
        return 1

    def run(
        self, pixels: NDArray[np.uint8], names: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """As an engine's; only photos that were never seen go through the network."""
        keys = [picture.tobytes() for picture in pixels]
        digests = [digest(key) for key in keys]
        new = [row for row, one in enumerate(digests) if one not in self._memory]
        if new:
            found = self._engine.run(pixels[new], [EMBEDDING])[EMBEDDING]
            self._memory.update(zip((digests[row] for row in new), found, strict=True))
        vectors = np.stack([self._memory[one] for one in digests])
        outputs = {self._task: vectors @ self._weight.T + self._bias, EMBEDDING: vectors}
        return {name: outputs[name] for name in names or self.names}


def digest(pixels: bytes) -> bytes:
    """What a picture is known by."""
    return hashlib.sha256(pixels).digest()


def report(
    studies: Sequence[Study], results: Sequence[Result], options: argparse.Namespace
) -> None:
    """Write table, curve, and all single values."""
    plain = [asdict(result) for result in results]
    counts = {study.name: list(study.counts) for study in studies}
    settings = {key: str(value) for key, value in vars(options).items()}
    table = table_of(plain, counts)
    content = {
        "surroundings": surroundings(),
        "settings": settings,
        "counts": counts,
        "curves": plain,
    }
    write_results(options.out, name="labels-given", content=content, table=table)
    draw_curves(plain, counts, options.out / "labels-given.png")


if __name__ == "__main__":
    main()
