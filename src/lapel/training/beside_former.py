"""Whether learning on was worth it: two models on the same validation pictures."""

from __future__ import annotations

from pathlib import Path

from lapel.data.dataset import Dataset
from lapel.data.progress import Track
from lapel.evaluation.engines.scores import score_engine
from lapel.inference.bundle import Bundle
from lapel.inference.engines.table import build_engine, choose_engine
from lapel.schema.counting import counted
from lapel.schema.errors import LapelError
from lapel.training.recipe import Recipe

SPLIT = "validation"


def beside_former(new: Path, former: Path, dataset: Dataset, recipe: Recipe, track: Track) -> str:
    """Both models' main number of each task that both have, in a line.

    Args:
        new: the bundle of the run.
        former: the bundle that it went on from.
        dataset: that was learned.
        recipe: of the run; where it has a budget, nothing is measured that it did not plan.
        track: is told how far the work is.
    """
    if recipe.budget is not None:
        return (
            "Whether it is better than the model that it went on from was not measured within the "
            f"budget: lapel evaluate tells it of both, with --split {SPLIT}"
        )
    try:
        before, images = _numbers(former, dataset, track)
        after, _ = _numbers(new, dataset, track)
    except LapelError as error:
        return f"The former model cannot be judged on these validation pictures: {error}"
    shared = [name for name in after if name in before]
    told = ", ".join(
        f"{name} {100 * before[name]:.2f} % with the former model, {100 * after[name]:.2f} % now"
        for name in shared
    )
    return f"On the same {counted(images, 'validation picture')}: {told}{_seen(former, dataset)}"


def _numbers(folder: Path, dataset: Dataset, track: Track) -> tuple[dict[str, float], int]:
    bundle = Bundle.load(folder)
    engine = build_engine(choose_engine("onnxruntime", bundle), bundle)
    scored = score_engine(bundle, engine, dataset, split=SPLIT, track=track)
    return dict(scored.numbers), scored.images


def _seen(former: Path, dataset: Dataset) -> str:
    """What flatters the former model: pictures that it learned from."""
    digests = dataset.split(SPLIT).table["sha256"].to_list()
    seen = Bundle.load(former).has_seen("train", digests)
    return f" (the former model has learned from {seen:,} of them)" if seen else ""
