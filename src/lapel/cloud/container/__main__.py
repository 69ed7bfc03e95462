"""``lapel-container train|serve|ping``: what SageMaker runs in our containers.

SageMaker starts an image as ``docker run IMAGE train`` or ``docker run IMAGE serve``. Source:
"How Amazon SageMaker AI runs your training image" and "Custom inference code with hosting
services", Amazon SageMaker AI developer guide.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lapel.schema.errors import LapelError, UsageError

EXIT_FAILED, EXIT_USAGE = 1, 2

USAGE = "lapel-container train|serve|ping"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what SageMaker asks.

    Args:
        arguments: words behind the program's name; None: those of this process.

    Returns:
        The exit code: 0 done, 1 failed, 2 another word; of ``train``, also 143 where it was ended.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(words[0] if len(words) == 1 else " ".join(words))
    except LapelError as error:
        print(f"lapel: {error}", file=sys.stderr, flush=True)  # noqa: T201 - it is what logs show
        return EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED


def _run(word: str) -> int:
    # Imported here: the image that serves has no torch, and the one that trains no server.
    if word == "train":
        from lapel.cloud.container.training import train  # noqa: PLC0415 - as above

        return train()
    if word == "serve":
        from lapel.cloud.container.serving import serve  # noqa: PLC0415 - as above

        serve()
        return 0
    if word == "ping":
        from lapel.cloud.container.serving import ping  # noqa: PLC0415 - as above

        return 0 if ping() else EXIT_FAILED
    raise UsageError(f"found {word!r}, expected {USAGE}")


if __name__ == "__main__":
    sys.exit(main())
