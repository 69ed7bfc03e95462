"""A class a pixel on real street photos: weights that know photos, none, and no network at all.

Clothing Co-Parsing's photos with a class for every pixel are imported, their 59 classes put into
twelve groups; the last photos are kept to judge on. The recipe learns twice for the same time, from
weights that know photos and from scratch. Beside both stands the most frequent group of each place
of the canvas, which never looks.

    python -m benchmarks.parsing --source clothing-co-parsing/parsed --out runs/parsing --minutes 30
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from benchmarks.measuring import markdown_table, surroundings, write_results
from lapel.data.dataset import Dataset
from lapel.data.importing import import_dataset
from lapel.data.splitting.split import split_dataset
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.result import Evaluation
from lapel.training.recipe import parse_changes
from lapel.training.train import train

TASK = "parsing"
CLASSES = "labels.csv"

#: The shipped table that takes 59 classes to twelve groups.
GROUPS = "clothing-co-parsing"

#: Photos to learn from, one of ten of which chooses the epoch; the others are judged on.
LEARNED = 700


def main() -> None:
    """Import, train twice, judge, write the table."""
    options = parse_options()
    work: Path = options.out / "work"
    shutil.rmtree(work, ignore_errors=True)
    imported(options.source, work / "data")
    pretrained = judged(options, work, "pretrained", {})
    scratch = judged(options, work, "scratch", {"model.options.weights": "none"})
    header = [
        f"{len(pretrained.images)} held-out photos, %",
        f"{options.recipe}, {options.minutes:g} min",
        "the same from scratch",
        "most frequent of the place",
    ]
    rows = table(pretrained, scratch)
    settings = {key: str(value) for key, value in vars(options).items()}
    content = {"surroundings": surroundings(), "settings": settings, "rows": rows}
    write_results(options.out, name="parsing", content=content, table=markdown_table(header, rows))


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="folder of photos and masks")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30, help="of each training")
    parser.add_argument("--recipe", default="segment-deeplabv3plus")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the recipe")
    return parser.parse_args()


def imported(source: Path, folder: Path) -> Dataset:
    """The photos with groups of classes, the last of them kept to judge on."""
    photos = sum(1 for _ in (source / "photos").iterdir())
    near = (one / CLASSES for one in (source, source.parent))
    classes = next((path for path in near if path.exists()), None)
    import_dataset(
        "masks",
        source,
        folder,
        labels=classes,
        groups=GROUPS,
        test_last=photos - LEARNED,
    )
    return split_dataset(folder, validation=0.1)


def judged(
    options: argparse.Namespace, work: Path, name: str, changes: dict[str, object]
) -> Evaluation:
    """Train within the time, and judge on the photos that were kept."""
    given = {**parse_changes(options.set), "budget": f"{options.minutes:g}m", **changes}
    trained = train(options.recipe, data=work / "data", out=work / name, changes=given)
    return evaluate(trained.bundle, work / "data", out=options.out / name)


def table(pretrained: Evaluation, scratch: Evaluation) -> list[list[str]]:
    """A row a number: of all classes together, then the IoU of each, in percent."""
    both = [one.tasks[TASK] for one in (pretrained, scratch)]
    first = both[0]
    rows: list[tuple[str, list[float]]] = [
        (name, [*(one.numbers[name].value for one in both), first.majority.numbers[name]])
        for name in first.HEADLINES
    ]
    for mine, other in zip(*(one.per_label() for one in both), strict=True):
        rows.append((f"IoU of {mine['label']}", [mine["iou"], other["iou"], mine["usual_iou"]]))
    return [[name, *(f"{100 * value:.1f}" for value in values)] for name, values in rows]


if __name__ == "__main__":
    main()
