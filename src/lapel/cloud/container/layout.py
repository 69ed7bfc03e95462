"""The folders that SageMaker lays out for a container, all below ``/opt/ml``.

Source: "How Amazon SageMaker AI provides training information" and "How Amazon SageMaker AI
processes training output", Amazon SageMaker AI developer guide.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapel.schema.errors import CloudError

#: Where SageMaker lays them out, and what names another place, here and in AWS's own toolkits.
ROOT, ROOT_VARIABLE = "/opt/ml", "SAGEMAKER_BASE_DIR"

HYPERPARAMETERS = "hyperparameters.json"
CHANNELS = "inputdataconfig.json"
HOSTS = "resourceconfig.json"


@dataclass(frozen=True, slots=True)
class OptMl:
    """The folders.

    Attributes:
        root: the folder that all lie in.
    """

    root: Path

    @classmethod
    def here(cls, environment: Mapping[str, str] = os.environ) -> OptMl:
        """The folders of this process."""
        return cls(Path(environment.get(ROOT_VARIABLE) or ROOT))

    @property
    def model(self) -> Path:
        """What becomes ``model.tar.gz``; to a container that serves: its unpacked content."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """What else is kept; ``failure`` lies here."""
        return self.root / "output"

    @property
    def data_out(self) -> Path:
        """What becomes ``output.tar.gz``."""
        return self.output / "data"

    @property
    def failure(self) -> Path:
        """Why a job failed; its first 1,024 characters are shown to who asks for its state."""
        return self.output / "failure"

    @property
    def checkpoints(self) -> Path:
        """What SageMaker copies to S3 while a job runs, and back when it is begun again."""
        return self.root / "checkpoints"

    @property
    def config(self) -> Path:
        """Where what the job was asked to do is written down."""
        return self.root / "input" / "config"

    @property
    def channels_root(self) -> Path:
        """Where each channel of data is a folder."""
        return self.root / "input" / "data"

    def channels(self, environment: Mapping[str, str] = os.environ) -> dict[str, Path]:
        """Name of each channel to its folder."""
        named = self.read(CHANNELS) or json.loads(environment.get("SM_CHANNELS", "[]"))
        return {name: self.channels_root / name for name in sorted(named)}

    def read(self, name: str) -> dict[str, Any]:
        """A file of :attr:`config`; empty where there is none.

        Raises:
            CloudError: it is there and holds no JSON object.
        """
        path = self.config / name
        try:
            value = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CloudError(f"{path} could not be read: {error}") from error
        if not isinstance(value, dict):
            raise CloudError(f"{path} holds {type(value).__name__}, expected names and values")
        return value
