"""What a server says about one of its models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lapel.inference.bundle import CARD, Bundle
from lapel.schema.errors import LapelError
from lapel.serving.answerers import Answerer, TwoModels
from lapel.serving.settings import Settings
from lapel.serving.sources import Loaded
from lapel.tasks.kinds import task_of
from lapel.tasks.multi_label import MultiLabelTask


def describe(name: str, present: Loaded, settings: Settings) -> dict[str, Any]:
    """What ``/v1/model`` sends.

    Args:
        name: what the model is called in requests.
        present: the model as it is now.
        settings: of the server.
    """
    answerer = present.answerer
    bundle, preprocess = answerer.bundle, answerer.bundle.preprocess
    return {
        "model": name,
        "version": present.version,
        "fingerprint": present.fingerprint,
        "schema": bundle.schema.to_json(),
        "english": dict(bundle.english),
        "two_stage": present.two_stage,
        "detector": _detector(answerer),
        "engine": answerer.chosen.name,
        "engine_why": answerer.chosen.why,
        "maps": list(answerer.maps),
        "thresholds": _thresholds(bundle),
        "preprocess": {
            "width": preprocess.width,
            "height": preprocess.height,
            "channels": preprocess.channels,
            "fit": preprocess.fit,
        },
        "scores": _plain(bundle.scores),
        "limits": {
            "body_bytes": settings.body_bytes,
            "picture_bytes": min(settings.limits.bytes, settings.body_bytes),
            "picture_pixels": settings.limits.pixels,
            "pictures": settings.pictures,
            "formats": list(settings.limits.formats),
        },
        "card": _card(bundle),
    }


def _detector(answerer: Answerer) -> dict[str, Any] | None:
    if not isinstance(answerer, TwoModels):
        return None
    bundle = answerer.predictor.detector.bundle
    return {"name": bundle.name, "schema": bundle.schema.to_json()}


def _thresholds(bundle: Bundle) -> dict[str, dict[str, float]]:
    """Of each task of tags: label to the probability from which on it is a yes; above 1: never."""
    tasks = {spec.name: task_of(spec) for spec in bundle.schema}
    return {
        name: dict(
            zip(
                task.spec.labels,
                task.thresholds(bundle.calibration.get(name)).tolist(),
                strict=True,
            )
        )
        for name, task in tasks.items()
        if isinstance(task, MultiLabelTask)
    }


def _card(bundle: Bundle) -> str:
    """The model card; empty where the bundle has none, or was taken away meanwhile."""
    try:
        return bundle.read(CARD).decode("utf-8", "replace") if CARD in bundle.files else ""
    except LapelError:
        return ""


def _plain(scores: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {split: dict(values) for split, values in scores.items()}
