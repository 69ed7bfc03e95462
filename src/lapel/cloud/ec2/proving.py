"""Proof that what came home from a GPU answers on this computer's processor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lapel.inference.bundle import BUNDLE_OF_RUN, MANIFEST
from lapel.inference.pictures import Failure
from lapel.inference.predictor import Predictor
from lapel.schema.errors import CloudError
from lapel.schema.prediction import Prediction

#: Pixels of each side of the picture that is asked about where the user names none.
SIDE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """An answer that was given here.

    Attributes:
        prediction: about one picture.
        engine: what ran the network.
    """

    prediction: Prediction
    engine: str


def holds_bundle(folder: Path) -> bool:
    """Whether a folder is a bundle, or a run that ended with one."""
    return any((home / MANIFEST).is_file() for home in (folder, folder / BUNDLE_OF_RUN))


def prove(folder: Path, picture: Path | None = None) -> Proof:
    """Have a bundle answer about a picture.

    Args:
        folder: a bundle, or a run that holds one.
        picture: to ask about; None: shades of gray, about which any answer will do.

    Raises:
        BundleError: the bundle is damaged, or cannot be run here.
        CloudError: the picture cannot be read.
    """
    predictor = Predictor.load(folder, batch=1)
    (found,) = predictor.predict(_shades() if picture is None else picture, top=1)
    if isinstance(found, Failure):
        raise CloudError(f"{found.image}: {found.fault}; the model itself was loaded")
    return Proof(prediction=found, engine=predictor.chosen.name)


def _shades() -> NDArray[np.uint8]:
    """Upright pixels uint8 (SIDE, SIDE, 3), from black to white."""
    row = np.linspace(0, 255, SIDE).astype(np.uint8)
    return np.broadcast_to(row[None, :, None], (SIDE, SIDE, 3)).copy()
