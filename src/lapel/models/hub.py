"""timm's hub of weights: what of it is on this machine already, and whether it can be reached."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from huggingface_hub import constants, try_to_load_from_cache

#: How long the hub has to answer before we go on without it.
HUB_SECONDS = 4.0


def cached_weights(repository: str, file: str | None) -> Path | None:
    """A file of weights that was fetched before, or None.

    Args:
        repository: as the hub calls it.
        file: in the repository; None for its usual name.
    """
    found = try_to_load_from_cache(repository, file or constants.SAFETENSORS_SINGLE_FILE)
    return Path(found) if isinstance(found, str) else None


def hub_answers() -> bool:
    """Whether the hub answers at all; its own client would try for most of a minute."""
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")  # noqa: S310 - https, or what the user set
        urllib.request.urlopen(request, timeout=HUB_SECONDS).close()  # noqa: S310 - likewise
    except urllib.error.HTTPError:
        return True  # it answers, if only to say that it has no front page
    except OSError:
        return False
    return True
