"""The folder of a run: held by one process, and read as somebody may have left it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapel.schema.errors import RecipeError, TrainingError
from lapel.training.run.folder import RECIPE, RUN, RunFolder


def test_of_two_that_come_together_one_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path / "run")
    with run.locked():
        # The other one looked before this one came.
        monkeypatch.setattr(Path, "exists", lambda _: False)
        with pytest.raises(TrainingError, match="another process is training"), run.locked():
            pass


def test_a_slip_in_its_recipe_is_told(tmp_path: Path) -> None:
    (tmp_path / RUN).write_text("{}")
    (tmp_path / RECIPE).write_text("a: [")
    with pytest.raises(RecipeError, match="is not YAML"):
        RunFolder(tmp_path).recipe()
