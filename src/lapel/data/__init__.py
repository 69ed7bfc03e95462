"""Layouts and datasets: what is known of many pictures, on disk and in memory.

``import_dataset``, ``check_dataset``, ``clean_dataset``, ``split_dataset``, ``explore_dataset``
and ``export_dataset`` are the commands of ``lapel data`` in Python. They load on first use.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lapel.schema.errors import MissingExtraError
from lapel.schema.extras import naming_extra

if TYPE_CHECKING:
    from lapel.data.checking.check import check_dataset
    from lapel.data.cleaning.clean import clean_dataset
    from lapel.data.creating import create_dataset
    from lapel.data.dataset import Dataset
    from lapel.data.exploring.explore import explore_dataset
    from lapel.data.export import export_dataset
    from lapel.data.importing import import_dataset
    from lapel.data.splitting.split import split_dataset

# Everything here works on tables: better said once, by name, than by a module not found later.
if find_spec("polars") is None:
    raise MissingExtraError(extra="data", need="Work with datasets", module="polars")

_HOMES = {
    "Dataset": "dataset",
    "check_dataset": "checking.check",
    "clean_dataset": "cleaning.clean",
    "create_dataset": "creating",
    "explore_dataset": "exploring.explore",
    "export_dataset": "export",
    "import_dataset": "importing",
    "split_dataset": "splitting.split",
}

__all__ = [
    "Dataset",
    "check_dataset",
    "clean_dataset",
    "create_dataset",
    "explore_dataset",
    "export_dataset",
    "import_dataset",
    "split_dataset",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the members differ in type
    if name not in _HOMES:
        raise AttributeError(f"module 'lapel.data' has no attribute {name!r}")
    with naming_extra(f"lapel.data.{name}"):
        return getattr(import_module(f"lapel.data.{_HOMES[name]}"), name)
