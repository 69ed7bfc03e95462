"""What a run learns from, and with: pictures, schema, preprocessing, architecture, device."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import torch
from torch import Tensor

from lapel.data.dataset import Dataset
from lapel.imaging.preprocess import Preprocess
from lapel.models.multitask import Architecture
from lapel.schema.labels import Schema
from lapel.training.input.examples import Examples, load_examples
from lapel.training.recipe import Recipe
from lapel.training.recorder import Reporter

#: Pictures on which layers are fitted that are fitted rather than learned.
FITTED_ON = 4096

#: Pictures that are read at once where they are read for other things than a step.
READ_AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a run learns from, and with.

    Attributes:
        dataset: the whole of it.
        schema: the tasks that are learned.
        preprocess: from a photo to pixels.
        architecture: of the network.
        train: pictures to learn from.
        validation: pictures to choose by.
        device: where it learns.
    """

    dataset: Dataset
    schema: Schema
    preprocess: Preprocess
    architecture: Architecture
    train: Examples
    validation: Examples
    device: torch.device


def gather(recipe: Recipe, dataset: Dataset, schema: Schema, reporter: Reporter) -> Material:
    """Read the pictures of a resolved recipe.

    Raises:
        ImageError: a picture that cannot be read.
        UsageError: a preprocessing that cannot be.
    """
    preprocess = Preprocess.from_json(recipe.preprocess.model_dump(mode="json"))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = {name: learned_rows(dataset, name, recipe, schema) for name in ("train", "validation")}
    left = len(dataset.split("train")) - len(rows["train"])
    if left:
        reporter.say(
            f"Leaving out {left:,} of {len(dataset.split('train')):,} training pictures, of which "
            "nothing is known"
        )
    parts: dict[str, Examples] = {}
    for name, part in rows.items():
        parts[name] = load_examples(
            part,
            schema,
            preprocess,
            device=device,
            options=recipe.data,
            beside=parts.get("train"),
            track=reporter.track,
            say=reporter.say,
        )
    return Material(
        dataset=dataset,
        schema=schema,
        preprocess=preprocess,
        architecture=architecture_of(recipe, preprocess),
        train=parts["train"],
        validation=parts["validation"],
        device=device,
    )


def learned_rows(dataset: Dataset, split: str, recipe: Recipe, schema: Schema) -> Dataset:
    """The rows of a split that teach something: those with a label of a task that is learned.

    Where vectors are learned, a picture without a label still shows an item; all rows are kept.
    """
    part = dataset.split(split)
    if recipe.embedding.loss != "none":
        return part
    tasks = [spec.name for spec in schema]
    return part.rows(pl.any_horizontal(pl.col(tasks).is_not_null()))


def architecture_of(recipe: Recipe, preprocess: Preprocess) -> Architecture:
    """The network that a resolved recipe asks for."""
    model = recipe.model
    by_mean = model.landmarks == "heatmap" and recipe.loss.landmarks == "coordinates"
    # Bundles say what their network is made of, and nothing of others.
    others = {"detector"} if model.network != "mask-rcnn" else set()
    return Architecture(
        network=model.network,
        backbone=model.backbone,
        options=model.options,
        head={
            **model.model_dump(exclude={"network", "backbone", "options", *others}),
            "places": "mean" if by_mean else "peak",
            "embedding": recipe.embedding.width if recipe.embedding.loss != "none" else 0,
        },
        mean=preprocess.mean,
        std=preprocess.std,
    )


def first_pixels(examples: Examples, count: int = FITTED_ON) -> Tensor:
    """The first pictures, for layers that are fitted and for trials of speed."""
    rows = torch.arange(min(count, len(examples)))
    # A worker that reads them has its time for a batch, and not for all of them.
    return torch.cat(list(examples.pictures.batches(torch.split(rows, READ_AT_ONCE))))
