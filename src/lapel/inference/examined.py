"""One picture on its way through a predictor: ready for the engine, and answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lapel.imaging.preprocess import Frame, Prepared
from lapel.inference.spelling import Spelling
from lapel.schema.geometry import Box
from lapel.schema.prediction import Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """One picture between decoding and the engine.

    Attributes:
        image: its name as the caller gave it.
        box: what the caller knew of where the garment is.
        prepared: the network's pixels, and the way back.
    """

    image: str
    box: Box | None
    prepared: Prepared


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examined:
    """An answer, and what the network shows of how it came to it.

    Attributes:
        prediction: the answer.
        frame: how the network's canvas showed the picture, and the way back.
        box: what the caller knew of where the garment is.
        maps: name of an output to float32 (C, h, w) over the canvas: ``TASK.heatmaps`` and
            ``attention``, where the network has them.
        spelling: how names are drawn that no font here can write.
    """

    prediction: Prediction
    frame: Frame
    box: Box | None
    maps: Mapping[str, NDArray[np.float32]]
    spelling: Spelling = field(default_factory=Spelling)
