"""Where Lapel keeps what can be made again: fetched files, resized pictures, features."""

from __future__ import annotations

import os
from pathlib import Path

#: Names another folder for all that is kept; deleting it loses nothing but time.
VARIABLE = "LAPEL_CACHE"


def cache_root() -> Path:
    """``LAPEL_CACHE``, else ``lapel`` below ``XDG_CACHE_HOME`` or ``~/.cache``."""
    own = os.environ.get(VARIABLE, "")
    if own:
        return Path(own)
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if home else Path.home() / ".cache") / "lapel"
