"""A trained model as a folder that explains itself, and all that prediction needs.

    lapel.json           format version, schema, preprocessing, architecture, calibration,
                         scores, provenance, SHA-256 of the other files
    model.onnx           the network, to predict with
    weights.safetensors  the network, to learn on from
    model.int8.onnx      the network in 8-bit integers, where it was exported so
    model.xml, model.bin the network as OpenVINO's own files, likewise
    model.pt2            the network as torch.export writes it, likewise
    README.md            the model card
    seen.*.bin           which pictures it was trained and chosen on, as parts of their hashes

Nothing in it is trusted before its hash is checked, and no name in it leads out of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from lapel.imaging.preprocess import Preprocess
from lapel.inference.manifest import FORMAT, as_json, parse_manifest
from lapel.inference.seen import SEEN_FILES, seen_bytes, which_seen
from lapel.schema.errors import BundleError, LapelError, StorageError, UsageError
from lapel.schema.labels import Schema
from lapel.storage.folders import replace_folder
from lapel.storage.local import LocalStore
from lapel.storage.places import fetched

MANIFEST = "lapel.json"
NETWORK = "model.onnx"
WEIGHTS = "weights.safetensors"
CARD = "README.md"

#: Other forms of the network, which ``lapel export`` adds.
INT8 = "model.int8.onnx"
OPENVINO = ("model.xml", "model.bin")
PT2 = "model.pt2"

FILES = (MANIFEST, NETWORK, WEIGHTS, CARD, INT8, *OPENVINO, PT2, *SEEN_FILES.values())

#: Where a run keeps its bundle.
BUNDLE_OF_RUN = "bundle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A checked bundle.

    Attributes:
        folder: where it lies.
        name: of the model.
        schema: what it is asked.
        preprocess: what is done to a picture first.
        architecture: how its network is built anew: the backbone's name, options and heads.
        calibration: task name to what was fitted on validation (``temperature``, ...).
        scores: split name to metric name to value.
        provenance: recipe, dataset and its fingerprint, versions, git commit, time of making.
        files: name to SHA-256, in hexadecimal, of every file but ``lapel.json``.
        english: names of tasks and labels in English, where they are in another language.
        engines: name of an engine that passed its trial to what was measured: ``parity``,
            ``images_per_second``, ``milliseconds``, ``machine``, and where it computes with fewer
            digits ``scores``. Empty where none was tried.
    """

    folder: Path
    name: str
    schema: Schema
    preprocess: Preprocess
    architecture: Mapping[str, Any]
    calibration: Mapping[str, Mapping[str, float]]
    scores: Mapping[str, Mapping[str, float]]
    provenance: Mapping[str, Any]
    files: Mapping[str, str]
    english: Mapping[str, str] = field(default_factory=dict)
    engines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Open a bundle, or the bundle of a run, and check every file of it.

        Args:
            folder: of either; or its address, such as ``s3://bucket/runs/first``: then the
                bundle is mirrored here first.

        Raises:
            BundleError: no bundle, one of another format version, damaged or tampered with.
            StorageError: what lies elsewhere cannot be fetched.
        """
        folder = bundle_here(folder)
        home = _home_of(folder)
        try:
            text = LocalStore(home).read(MANIFEST)
        except StorageError as error:
            raise BundleError(_no_bundle(folder, error)) from error
        fields = parse_manifest(text, where=home / MANIFEST)
        try:
            schema = Schema.from_json(fields.pop("schema"))
            preprocess = Preprocess.from_json(fields.pop("preprocess"))
        except LapelError as error:
            raise BundleError(f"{home / MANIFEST}: {error}; export the model again") from error
        bundle = cls(folder=home, schema=schema, preprocess=preprocess, **fields)
        for name in bundle.files:
            bundle.read(name)
        return bundle

    def told_from(self, threshold: float) -> Self:
        """The same bundle, which tells of a garment when its score reaches a threshold.

        Raises:
            UsageError: a threshold outside 0 to 1, or a bundle that finds no garments.
        """
        names = [spec.name for spec in self.schema if spec.kind == "garments"]
        if not names:
            raise UsageError(
                f"a threshold is of scores of found garments, and {self.name} finds none; leave it "
                "out"
            )
        told = {name: {**self.calibration.get(name, {}), **told_from(threshold)} for name in names}
        return replace(self, calibration={**self.calibration, **told})

    def read(self, name: str) -> bytes:
        """All bytes of one of its files, checked against its hash.

        Raises:
            BundleError: it is not one of its files, is missing, or was changed.
        """
        if name not in self.files:
            raise BundleError(
                f"the bundle {self.folder} has no {name!r}; it has: {', '.join(self.files)}"
            )
        try:
            data = LocalStore(self.folder).read(name)
        except StorageError as error:
            raise BundleError(
                f"the bundle {self.folder} is not whole: {error}; copy it again"
            ) from error
        found = hashlib.sha256(data).hexdigest()
        if found != self.files[name]:
            raise BundleError(
                f"{self.folder / name} is not the file that was bundled: its SHA-256 begins with "
                f"{found[:12]}, expected {self.files[name][:12]}; copy the bundle again, and do "
                "not use this one if you cannot say who changed it"
            )
        return data

    def has_seen(self, split: str, digests: Sequence[str]) -> int:
        """How many of some pictures it was trained on (``train``) or chosen on (``validation``).

        Args:
            split: one of those two.
            digests: SHA-256 of the pictures, in hexadecimal.

        Returns:
            Their number; 0 too for a bundle that does not tell.
        """
        if SEEN_FILES[split] not in self.files:
            return 0
        return int(which_seen(self.read(SEEN_FILES[split]), digests).sum())

    def to_json(self) -> dict[str, Any]:
        """The content of ``lapel.json``."""
        return {
            "format": FORMAT,
            "name": self.name,
            "schema": self.schema.to_json(),
            "fingerprint": self.schema.fingerprint,
            "preprocess": self.preprocess.to_json(),
            "architecture": self.architecture,
            "calibration": self.calibration,
            "scores": self.scores,
            "provenance": self.provenance,
            "files": self.files,
            # Left out where there is none, as older bundles have none.
            **({"english": self.english} if self.english else {}),
            **({"engines": self.engines} if self.engines else {}),
        }


def write_bundle(
    folder: Path,
    *,
    name: str,
    schema: Schema,
    preprocess: Preprocess,
    architecture: Mapping[str, Any],
    calibration: Mapping[str, Mapping[str, float]],
    scores: Mapping[str, Mapping[str, float]],
    provenance: Mapping[str, Any],
    model_onnx: bytes,
    weights: bytes,
    card: str,
    seen: Mapping[str, Iterable[str]] | None = None,
    english: Mapping[str, str] | None = None,
) -> Bundle:
    """Write a bundle whole, in the place of a former one, or not at all.

    Args:
        folder: where.
        name: of the model.
        schema: what it is asked.
        preprocess: what is done to a picture first.
        architecture: how its network is built anew.
        calibration: task name to fitted values.
        scores: split name to metric name to value.
        provenance: where it comes from.
        model_onnx: the network, to predict with.
        weights: the network, to learn on from.
        card: the model card.
        seen: ``train`` and ``validation`` to the SHA-256 of their pictures, in hexadecimal.
        english: names of tasks and labels in English, where they are in another language.

    Raises:
        StorageError: it cannot be written; what stood there before still does.
        BundleError: values that JSON cannot hold, or a folder that holds files of others.
    """
    _check_replaceable(Path(folder))
    contents = {NETWORK: model_onnx, WEIGHTS: weights, CARD: card.encode()}
    for split, digests in (seen or {}).items():
        contents[SEEN_FILES[split]] = seen_bytes(digests)
    bundle = Bundle(
        folder=Path(folder),
        name=name,
        schema=schema,
        preprocess=preprocess,
        architecture=architecture,
        calibration=calibration,
        scores=scores,
        provenance=provenance,
        files=_digests(contents),
        english=english or {},
    )
    contents[MANIFEST] = as_json(bundle.to_json())
    replace_folder(Path(folder), contents)
    return bundle


def told_from(threshold: float) -> dict[str, float]:
    """The calibration of a task of kind ``garments`` that tells of them from a score on.

    Raises:
        UsageError: a threshold outside 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise UsageError(f"a threshold is a score from 0 to 1, found {threshold:g}")
    return {"threshold": threshold}


def update_bundle(
    folder: Path,
    *,
    calibration: Mapping[str, Mapping[str, float]] | None = None,
    scores: Mapping[str, Mapping[str, float]] | None = None,
    card: str | None = None,
) -> Bundle:
    """Add what was found out after training; given tasks and splits replace those of their name.

    Args:
        folder: a bundle or the run that holds one.
        calibration: task name to fitted values.
        scores: split name to metric values.
        card: a new model card.

    Raises:
        BundleError: no bundle there, one that cannot be trusted, or values that JSON cannot hold.
        StorageError: it cannot be written; the bundle is as before.
    """
    bundle = Bundle.load(folder)
    cards = {} if card is None else {CARD: card.encode()}
    updated = replace(
        bundle,
        calibration={**bundle.calibration, **(calibration or {})},
        scores={**bundle.scores, **(scores or {})},
        files={**bundle.files, **_digests(cards)},
    )
    manifest = {MANIFEST: as_json(updated.to_json())}
    if cards:
        # At once: a new card beside the manifest of the former is a bundle that nobody trusts.
        kept = _files_of_others(bundle) | {name: bundle.read(name) for name in bundle.files}
        replace_folder(bundle.folder, kept | cards | manifest)
    else:
        LocalStore(bundle.folder).write(MANIFEST, manifest[MANIFEST])
    return updated


def _digests(contents: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}


def _files_of_others(bundle: Bundle) -> dict[str, bytes]:
    """What lies in a bundle's folder beside it."""
    store = LocalStore(bundle.folder)
    return {
        name: store.read(name) for name in store.names() if name not in {MANIFEST, *bundle.files}
    }


def add_forms(
    bundle: Bundle,
    folder: Path,
    *,
    files: Mapping[str, bytes],
    engines: Mapping[str, Mapping[str, Any]],
    card: str,
) -> Bundle:
    """Write a bundle with more forms of its network, whole or not at all.

    Args:
        bundle: with the forms that it has.
        folder: where to: its own, whose other files are kept, or another.
        files: name of a file to its bytes, to be added; those of the same name are replaced.
        engines: name of an engine to what was measured; all that is to be known of them.
        card: the new model card.

    Raises:
        StorageError: it cannot be written; what stood there before still does.
        BundleError: values that JSON cannot hold, another folder that holds files of others, or a
            file of the bundle that was changed.
    """
    own = folder.resolve() == bundle.folder.resolve()
    if not own:
        _check_replaceable(folder)
    contents = {name: bundle.read(name) for name in bundle.files}
    contents |= {**files, CARD: card.encode()}
    added = replace(
        bundle,
        folder=folder,
        files=_digests(contents),
        engines=engines,
    )
    kept = _files_of_others(bundle) if own else {}
    replace_folder(folder, {**kept, **contents, MANIFEST: as_json(added.to_json())})
    return added


def _check_replaceable(folder: Path) -> None:
    """Nobody's files are lost to a bundle that takes the place of their folder."""
    foreign = [name for name in LocalStore(folder).names() if name not in FILES]
    if foreign:
        raise BundleError(
            f"{folder} holds files that are no bundle's ({', '.join(foreign[:3])}, ...); "
            "choose a folder that is empty or not there yet"
        )


def _no_bundle(folder: Path, error: StorageError) -> str:
    if (folder / "run.json").is_file():
        return (
            f"the run {folder} is not finished, so it has no bundle yet; go on with "
            f"lapel train --resume {folder}"
        )
    return (
        f"{folder} holds no bundle: {error}; give the folder that holds {MANIFEST}, or the run "
        "that made it"
    )


def bundle_here(place: str | Path) -> Path:
    """The folder here of a bundle, or of the run that holds one; what lies elsewhere is mirrored.

    Raises:
        StorageError: it cannot be fetched.
    """
    return fetched(place, only=_is_of_bundle)


def _is_of_bundle(name: str) -> bool:
    """Whether a file of a bundle, or of the run that holds one, is needed to predict."""
    return name.removeprefix(f"{BUNDLE_OF_RUN}/") in FILES or name == "run.json"


def _home_of(folder: Path) -> Path:
    inner = folder / BUNDLE_OF_RUN
    holds_none = not (folder / MANIFEST).is_file()
    return inner if holds_none and (inner / MANIFEST).is_file() else folder
