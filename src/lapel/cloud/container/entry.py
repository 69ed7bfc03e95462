"""Entry script of a training job in an image that does not have Lapel: brings it, and hands over.

It is sent as ``train.py`` beside a wheel and ``requirements.txt``, and runs as it is under
SageMaker itself, AWS's ``sagemaker-training`` toolkit and the SDK's launcher. It needs nothing but
Python and pip.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = "requirements.txt"


def main() -> None:
    """Install what is missing, and become ``lapel-container train``."""
    here = Path(__file__).resolve().parent
    if importlib.util.find_spec("lapel") is None and (here / REQUIREMENTS).is_file():
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
        done = subprocess.run([*pip, "--requirement", REQUIREMENTS], cwd=here, check=False)
        if done.returncode:
            fail(f"pip could not install Lapel (exit code {done.returncode}); the log says why")
    module = [sys.executable, "-m", "lapel.cloud.container", "train"]
    os.execv(sys.executable, module)  # noqa: S606 - it becomes the process that SIGTERM reaches


def fail(reason: str) -> None:
    """Say why, where SageMaker looks, and end."""
    output = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / "failure").write_text(reason, encoding="utf-8")
    sys.exit(reason)


if __name__ == "__main__":
    main()
