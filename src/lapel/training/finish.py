"""The end of a run: the best network, exported, checked, calibrated and bundled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save

from lapel.data.dataset import Dataset
from lapel.data.glossary import read_glossary
from lapel.evaluation.calibrate import calibrate
from lapel.evaluation.engines.parity import Parity
from lapel.imaging.preprocess import Preprocess
from lapel.inference.bundle import write_bundle
from lapel.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from lapel.inference.seen import SEEN_FILES
from lapel.models.export import export_onnx
from lapel.models.multitask import Architecture
from lapel.schema.errors import DatasetError, TrainingError
from lapel.schema.labels import Schema
from lapel.tasks.kinds import task_of
from lapel.training.card import model_card
from lapel.training.compare_export import Compared, compare, kept_tasks
from lapel.training.going_on import FROM, seen_before, without_folder
from lapel.training.input.examples import Examples
from lapel.training.loop.judging import Pausing, as_array, score_of
from lapel.training.loop.learner import Learner
from lapel.training.material import learned_rows
from lapel.training.run.checkpoint import copy_of
from lapel.training.run.folder import RunFolder
from lapel.training.score_intervals import score_intervals


def finish(
    learner: Learner,
    architecture: Architecture,
    preprocess: Preprocess,
    dataset: Dataset,
    validation: Examples,
    run: RunFolder,
    watcher: Pausing,
    *,
    checked: int | None = None,
) -> Parity:
    """Write the bundle of the best epoch.

    Args:
        learner: after its last step.
        architecture: of its network.
        preprocess: what the network's pixels are made by.
        dataset: the whole dataset, for its name and fingerprint.
        validation: where the best epoch was chosen; the export is checked and the temperature
            fitted there.
        run: where the bundle goes.
        watcher: asked between two batches; it may end the work by raising.
        checked: so many validation pictures at most are shown to both networks, from all over the
            set; of the others the exported one answers alone. None: all of them.

    Returns:
        How far the exported network is from torch's.

    Raises:
        TrainingError: the exported network answers otherwise than torch's.
    """
    network = learner.network
    network.load_state_dict(learner.best)
    network.to("cpu").eval()
    model = export_onnx(
        network,
        channels=preprocess.channels,
        height=preprocess.height,
        width=preprocess.width,
    )
    engine = OnnxRuntimeEngine(model)
    compared = compare(network, engine, validation, learner.schema, watcher, most=checked)
    parity = compared.parity
    if not parity.holds:
        raise TrainingError(
            f"the exported network differs from torch's on the validation pictures: "
            f"{parity.words()}; the run is kept, no bundle was written. Please report it with the "
            "recipe"
        )
    outputs = compared.outputs
    targets = {task: as_array(validation.targets[task]) for task in outputs}
    weights = {task: as_array(validation.weights[task]) for task in outputs}
    goal = learner.recipe.thresholds
    calibration = calibrate(
        kept_tasks(learner.schema),
        outputs,
        targets,
        weights,
        goal=goal.goal,
        precision=goal.precision,
    )
    scores = _scores(learner, compared, targets, weights, calibration)
    provenance = _provenance(learner, dataset, run, parity)
    card = model_card(
        learner.recipe,
        learner.schema,
        preprocess,
        scores,
        provenance,
        network.parameter_count,
        calibration=calibration,
        intervals=score_intervals(learner.schema, outputs, targets, weights, calibration),
    )
    write_bundle(
        run.bundle,
        name=learner.recipe.name,
        schema=learner.schema,
        preprocess=preprocess,
        architecture=_as_trained(architecture) | {"parameters": network.parameter_count},
        calibration=calibration,
        scores={"validation": scores},
        provenance=provenance,
        model_onnx=model,
        weights=save(copy_of(network.state_dict())),
        card=card,
        seen={split: _seen(learner, dataset, run, split) for split in SEEN_FILES},
        english=_english(dataset, learner.schema),
    )
    return parity


def _seen(learner: Learner, dataset: Dataset, run: RunFolder, split: str) -> list[str]:
    """SHA-256 of the pictures that it was trained or chosen on, or the models it went on from."""
    rows = learned_rows(dataset, split, learner.recipe, learner.schema)
    return [*rows.table["sha256"], *seen_before(run, split)]


def _english(dataset: Dataset, schema: Schema) -> dict[str, str]:
    """English for the names of tasks and labels, as far as the dataset has it."""
    try:
        glossary = read_glossary(dataset.folder)
    except DatasetError:
        return {}  # what is told by `lapel data explore` costs no run its end
    names = [name for spec in schema for name in (spec.name, *spec.labels)]
    return {name: glossary[name] for name in names if name in glossary}


def _as_trained(architecture: Architecture) -> dict[str, Any]:
    """How to build the network anew: where it began is no part of that, the bundle has weights."""
    value = architecture.to_json()
    value["options"] = {key: item for key, item in value["options"].items() if key != "weights"}
    return value


def _scores(
    learner: Learner,
    compared: Compared,
    targets: Mapping[str, NDArray[Any]],
    weights: Mapping[str, NDArray[np.float32]],
    calibration: Mapping[str, Mapping[str, float]],
) -> dict[str, float]:
    scores: dict[str, float] = {}
    for spec in learner.schema:
        counts = compared.counts.get(spec.name)
        if counts is None:
            name = spec.name
            counts = task_of(spec).score(
                compared.outputs[name], targets[name], weights[name], calibration.get(name)
            )
        scores |= {f"{spec.name}.{name}": value for name, value in counts.numbers().items()}
    return scores


def _provenance(
    learner: Learner, dataset: Dataset, run: RunFolder, parity: Parity
) -> dict[str, Any]:
    facts = run.facts()
    progress = learner.progress
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "recipe": learner.recipe.model_dump(mode="json"),
        "dataset": {"name": dataset.name, "fingerprint": dataset.fingerprint},
        **({FROM: without_folder(facts[FROM])} if FROM in facts else {}),
        "chosen": {
            "on": "validation",
            "by": score_of(learner.recipe, learner.schema),
            "epoch": progress.best_epoch,
            "epochs": len(progress.history),
            "score": progress.best_score,
        },
        "learning": {
            "seconds": progress.seconds,
            "steps": progress.step,
            "precision": facts["precision"],
            "budget": learner.recipe.budget,
        },
        "parity": parity.to_json(),
        "environment": facts["environment"],
    }
