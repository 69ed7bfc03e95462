"""A missing optional part is named by the command that needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lapel.schema.errors import MissingExtraError

#: Top-level modules of each extra.
MODULES = {
    "aws": {"boto3", "botocore"},
    "tune": {"optuna", "sqlalchemy"},
    "serve": {
        "fastapi", "starlette", "uvicorn", "prometheus_client", "python_multipart", "httpx2",
    },
    "review": {
        "polars", "matplotlib", "yaml", "fastapi", "starlette", "uvicorn", "prometheus_client",
        "python_multipart", "httpx2",
    },
    "data": {"polars", "matplotlib", "yaml"},
    "train": {
        "polars", "matplotlib", "torch", "torchvision", "timm", "yaml", "safetensors",
        "tensorboard", "onnx", "pytorch_metric_learning",
    },
}  # fmt: skip


@contextmanager
def needs_extra(extra: str, need: str) -> Iterator[None]:
    """Imports of an extra's modules; one that is missing becomes advice.

    Raises:
        MissingExtraError: a module of the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in MODULES[extra]:
            raise MissingExtraError(extra=extra, need=need) from error
        raise
