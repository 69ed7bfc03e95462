"""Where models come from, and what they are once they are loaded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lapel.inference.bundle import BUNDLE_OF_RUN, MANIFEST, bundle_here
from lapel.inference.predictor import Predictor
from lapel.inference.two_stage import TwoStagePredictor
from lapel.schema.errors import UsageError
from lapel.serving.answerers import Answerer, OneModel, TwoModels
from lapel.serving.settings import Settings

#: Digits of a model's version.
VERSION_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a model comes from.

    Attributes:
        bundle: the folder of the bundle, or of the run that holds it.
        name: what it is called in requests; empty: as the bundle says.
        detector: the bundle that finds the garments which this one reads; None: it is shown whole
            pictures.
    """

    bundle: Path
    name: str = ""
    detector: Path | None = None

    @classmethod
    def parse(cls, text: str, *, detector: Path | None = None) -> Self:
        """``BUNDLE``, or ``NAME=BUNDLE``; one that lies elsewhere is mirrored here first.

        Raises:
            UsageError: neither of them.
            StorageError: what lies elsewhere cannot be fetched.
        """
        name, equals, folder = text.partition("=")
        if not equals or "/" in name or Path(text).exists():
            return cls(bundle=bundle_here(text), detector=_here(detector))
        if not name or not folder:
            raise UsageError(f"found {text!r}, expected a bundle's folder, or NAME=FOLDER")
        return cls(bundle=bundle_here(folder), name=name, detector=_here(detector))

    def load(self, settings: Settings, *, engine: str) -> Answerer:
        """Open the bundle, or both.

        Raises:
            BundleError: no bundle there, or one that cannot be trusted or run.
            UsageError: no such engine, or bundles that do not go together.
        """
        if self.detector is None:
            predictor = Predictor.load(
                self.bundle, engine=engine, batch=settings.batch, limits=settings.limits
            )
            return OneModel(predictor)
        two = TwoStagePredictor.load(
            self.detector, self.bundle, engine=engine, batch=settings.batch, limits=settings.limits
        )
        return TwoModels(two)

    def state(self) -> tuple[object, ...]:
        """Changes when one of the bundles is replaced; nothing of them is read."""
        folders = [self.bundle, *([self.detector] if self.detector else [])]
        return tuple(_state(folder) for folder in folders)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model as it was loaded.

    Attributes:
        answerer: answers.
        fingerprint: of its schema.
        version: of its bundle or bundles.
        two_stage: whether it finds garments first, and reads each.
    """

    answerer: Answerer
    fingerprint: str
    version: str
    two_stage: bool

    @classmethod
    def of(cls, answerer: Answerer) -> Self:
        """A model that was loaded just now."""
        return cls(
            answerer=answerer,
            fingerprint=answerer.bundle.schema.fingerprint,
            version=version_of(answerer),
            two_stage=isinstance(answerer, TwoModels),
        )


def version_of(answerer: Answerer) -> str:
    """Twelve hexadecimal digits that change with any file of a bundle or its calibration."""
    bundles = [answerer.bundle]
    if isinstance(answerer, TwoModels):
        bundles.append(answerer.predictor.detector.bundle)
    text = json.dumps([one.to_json() for one in bundles], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_DIGITS]


def _here(detector: Path | None) -> Path | None:
    return None if detector is None else bundle_here(detector)


def _state(folder: Path) -> object:
    """Of the file of a bundle that is written last."""
    for home in (folder, folder / BUNDLE_OF_RUN):
        try:
            found = (home / MANIFEST).stat()
        except OSError:
            continue
        return (found.st_mtime_ns, found.st_size, found.st_ino)
    return None
