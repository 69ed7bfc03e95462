"""A model that gives vectors, and photos of items to search among."""

from __future__ import annotations

from pathlib import Path

import pytest
from item_photos import item_dataset, write_seeing_bundle


@pytest.fixture(scope="session")
def seeing_bundle(colour_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that gives vectors. Not to be changed."""
    return write_seeing_bundle(tmp_path_factory.mktemp("bundles") / "seeing", colour_bundle)


@pytest.fixture(scope="session")
def items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder: twelve items, four photos each, all test. Not to be changed."""
    return item_dataset(tmp_path_factory.mktemp("items")).folder
