"""Training labels that are probably wrong, found by networks that did not learn from them.

The training pictures are dealt into folds; for each fold a short run learns from the others
and answers for it. What is doubtful is told by ``lapel.metrics.label_errors``.
"""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lapel.data.dataset import Dataset
from lapel.evaluation.run_files import OUT_OF_SAMPLE
from lapel.metrics.classification import softmax
from lapel.metrics.label_errors import find_label_errors
from lapel.models.losses import label_counts
from lapel.models.multitask import Architecture
from lapel.models.networks import build_network
from lapel.schema.formulas import escape_formula
from lapel.schema.labels import TaskSpec
from lapel.storage.local import write_atomically
from lapel.training.input.examples import Examples, subset
from lapel.training.loop.judging import as_array, predict
from lapel.training.loop.learn import learn
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import seed_of
from lapel.training.material import first_pixels
from lapel.training.recorder import OnlyStops, Reporter
from lapel.training.run.folder import RunFolder
from lapel.training.stopping import StopSignals

COLUMNS = ("task", "image", "label", "self_confidence", "suggested", "suggested_probability")


def find_doubtful_labels(
    learner: Learner,
    architecture: Architecture,
    dataset: Dataset,
    train: Examples,
    run: RunFolder,
    reporter: Reporter,
    stop: StopSignals,
) -> int:
    """Write the doubtful training labels of every ``single_label`` task, most doubtful first.

    Args:
        learner: of the main run; only its recipe, schema and precision are used.
        architecture: of the networks.
        dataset: the training split.
        train: its examples.
        run: where ``out_of_sample.csv`` goes.
        reporter: told of each fold.
        stop: looked at in between.

    Returns:
        How many were found.
    """
    folds = min(learner.recipe.doubtful_labels.folds, len(train))
    generator = torch.Generator().manual_seed(seed_of(learner.recipe.seed, "start", 1))
    dealt = torch.randperm(len(train), generator=generator)
    outputs: dict[str, Tensor] = {}
    for number in range(folds):
        held_out = dealt[number::folds]
        others = torch.cat([dealt[other::folds] for other in range(folds) if other != number])
        reporter.say(f"Looking for doubtful labels: network {number + 1} of {folds}")
        answers = _answers_of_fold(learner, architecture, train, others, held_out, stop)
        for task, output in answers.items():
            everything = outputs.setdefault(task, torch.zeros(len(train), *output.shape[1:]))
            everything[held_out] = output.cpu()
    rows = [
        row
        for spec in learner.schema
        if spec.kind == "single_label"
        for row in _rows(spec, as_array(outputs[spec.name]), train, dataset)
    ]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    write_atomically(run.folder / OUT_OF_SAMPLE, text.getvalue().encode())
    return len(rows)


def _answers_of_fold(
    learner: Learner,
    architecture: Architecture,
    train: Examples,
    others: Tensor,
    held_out: Tensor,
    stop: StopSignals,
) -> dict[str, Tensor]:
    recipe = learner.recipe
    # Where heads alone were fitted the schedule has none; these networks have to learn something.
    epochs = min(recipe.doubtful_labels.epochs, recipe.schedule.epochs or math.inf)
    schedule = recipe.schedule.model_copy(update={"epochs": epochs, "seconds": None})
    short = recipe.model_copy(update={"schedule": schedule})
    torch.manual_seed(seed_of(recipe.seed, "start", 0))
    network = build_network(learner.schema, architecture).to(learner.device)
    if network.is_to_be_fitted:
        network.fit_to(first_pixels(train))
    seen = subset(train, others)
    counts = label_counts(learner.schema, seen.targets, seen.weights)
    apprentice = Learner(network, learner.schema, short, learner.precision, counts)
    watcher = OnlyStops(stop)
    learn(apprentice, seen, None, watcher)
    with apprentice.judged_weights():
        return predict(apprentice, subset(train, held_out), watcher)


def _rows(
    spec: TaskSpec, output: NDArray[np.float32], train: Examples, dataset: Dataset
) -> list[list[object]]:
    known = np.flatnonzero(as_array(train.weights[spec.name]) > 0)
    target = as_array(train.targets[spec.name])[known]
    errors = find_label_errors(softmax(output[known].astype(np.float64)), target)
    names = dataset.names()
    return [
        [
            escape_formula(spec.name),
            escape_formula(names[known[row]]),
            escape_formula(spec.labels[target[row]]),
            f"{confidence:.4f}",
            escape_formula(spec.labels[suggested]),
            f"{probability:.4f}",
        ]
        for row, confidence, suggested, probability in zip(
            errors.rows,
            errors.self_confidence,
            errors.suggested,
            errors.suggested_probability,
            strict=True,
        )
    ]
