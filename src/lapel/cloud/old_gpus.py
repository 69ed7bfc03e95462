"""Kinds of machines whose GPUs AWS's current images do not support any more.

Source: the release notes of "AWS Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04)",
which name G4dn as the oldest kind; CUDA 13 has no code for GPUs before those of G4dn.
"""

from __future__ import annotations

import re

from lapel.schema.errors import UsageError

#: K80 (p2), M60 (g3) and V100 (p3), of EC2 and of SageMaker.
OLD = re.compile(r"(?P<of_sagemaker>ml\.)?(p2|g3|g3s|p3|p3dn)\.")


def refuse_old_gpu(kind: str, remedy: str) -> None:
    """Refuse a kind whose GPU the usual image cannot use: the CPU would learn, at its price.

    Args:
        kind: of machine, such as ``g6.xlarge`` or ``ml.g5.xlarge``.
        remedy: how to name another image.

    Raises:
        UsageError: its GPU is too old.
    """
    found = OLD.match(kind)
    if found is None:
        return
    mark = found["of_sagemaker"] or ""
    raise UsageError(
        f"the GPU of {kind} is too old for AWS's image, which needs G4dn or newer; take "
        f"{mark}g4dn.xlarge, {mark}g5.xlarge or {mark}g6.xlarge, or {remedy}"
    )
