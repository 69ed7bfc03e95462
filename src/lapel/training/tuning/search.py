"""The search itself: trials of a recipe, one after another or on many machines."""

from __future__ import annotations

import optuna

#: What a study is called where several share a database.
STUDY = "lapel"


def quiet() -> None:
    """Optuna's own lines are left out: the command shows its progress itself."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
