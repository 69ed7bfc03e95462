"""Lapel: labels for apparel.

    import lapel

    predictor = lapel.Predictor.load("runs/first")
    for answer in predictor.predict(["photo.jpg"]):
        print(answer)

Names are loaded when they are first used, so that ``import lapel`` costs nothing and prediction
never waits for what only training needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lapel.data.dataset import Dataset as Dataset
    from lapel.data.importing import import_dataset as import_dataset
    from lapel.data.reviewed import import_review as import_review
    from lapel.data.shards import write_shards as write_shards
    from lapel.evaluation.evaluate import evaluate as evaluate
    from lapel.evaluation.review_round import begin_review as begin_review
    from lapel.evaluation.search import evaluate_search as evaluate_search
    from lapel.evaluation.submission import submit as submit
    from lapel.inference.bulk.predict import predict_in_bulk as predict_in_bulk
    from lapel.inference.bundle import Bundle as Bundle
    from lapel.inference.pictures import Failure as Failure
    from lapel.inference.predictor import Predictor as Predictor
    from lapel.inference.two_stage import TwoStagePredictor as TwoStagePredictor
    from lapel.retrieval.build import build_index as build_index
    from lapel.retrieval.index import SearchIndex as SearchIndex
    from lapel.review.store import ReviewStore as ReviewStore
    from lapel.schema.errors import LapelError as LapelError
    from lapel.schema.labels import Schema as Schema
    from lapel.schema.labels import TaskSpec as TaskSpec
    from lapel.schema.prediction import Prediction as Prediction
    from lapel.serving.client import Client as Client
    from lapel.storage.s3.transfer import pull as pull
    from lapel.storage.s3.transfer import push as push
    from lapel.training.comparing.compare import compare as compare
    from lapel.training.export import export as export
    from lapel.training.train import train as train
    from lapel.training.tuning.tune import tune as tune

#: Public name to the module that defines it.
_HOMES = {
    "Bundle": "lapel.inference.bundle",
    "Client": "lapel.serving.client",
    "Dataset": "lapel.data.dataset",
    "Failure": "lapel.inference.pictures",
    "LapelError": "lapel.schema.errors",
    "Prediction": "lapel.schema.prediction",
    "Predictor": "lapel.inference.predictor",
    "ReviewStore": "lapel.review.store",
    "Schema": "lapel.schema.labels",
    "SearchIndex": "lapel.retrieval.index",
    "TaskSpec": "lapel.schema.labels",
    "TwoStagePredictor": "lapel.inference.two_stage",
    "begin_review": "lapel.evaluation.review_round",
    "build_index": "lapel.retrieval.build",
    "compare": "lapel.training.comparing.compare",
    "evaluate": "lapel.evaluation.evaluate",
    "evaluate_search": "lapel.evaluation.search",
    "export": "lapel.training.export",
    "import_dataset": "lapel.data.importing",
    "import_review": "lapel.data.reviewed",
    "predict_in_bulk": "lapel.inference.bulk.predict",
    "pull": "lapel.storage.s3.transfer",
    "push": "lapel.storage.s3.transfer",
    "submit": "lapel.evaluation.submission",
    "train": "lapel.training.train",
    "tune": "lapel.training.tuning.tune",
    "write_shards": "lapel.data.shards",
}

__all__ = [  # the keys of _HOMES, spelled out for those who read and check types
    "Bundle",
    "Client",
    "Dataset",
    "Failure",
    "LapelError",
    "Prediction",
    "Predictor",
    "ReviewStore",
    "Schema",
    "SearchIndex",
    "TaskSpec",
    "TwoStagePredictor",
    "begin_review",
    "build_index",
    "compare",
    "evaluate",
    "evaluate_search",
    "export",
    "import_dataset",
    "import_review",
    "predict_in_bulk",
    "pull",
    "push",
    "submit",
    "train",
    "tune",
    "write_shards",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - each public name has a type of its own
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("lapel")
    if name not in _HOMES:
        raise AttributeError(f"lapel has no {name!r}; it has: {', '.join(__all__)}")
    from lapel.schema.extras import naming_extra  # noqa: PLC0415 - an import of ours is lazy

    with naming_extra(f"lapel.{name}"):
        value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
