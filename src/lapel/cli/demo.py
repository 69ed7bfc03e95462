"""``lapel demo``: the whole way once, from raw files to tagged photos, each step a command."""

from __future__ import annotations

import shlex
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from lapel.schema.errors import MissingExtraError

#: What the demo makes in its folder.
DATASET, RUN, REPORT, PHOTOS = "fashion-mnist", "run", "report", "photos"

#: Classes of which a test picture is laid beside the drawn photos; the file's name tells it.
TEST_PICTURES = ("Pullover", "Sandal", "Shirt", "Ankle boot")


def demo(
    folder: Annotated[Path, typer.Argument(help="Where everything is put.")] = Path("demo"),
    source: Annotated[
        Path | None,
        typer.Option(help="Folder of Fashion-MNIST's four files, if you have them."),
    ] = None,
    recipe: Annotated[str, typer.Option(help="What to learn by.")] = "fashion-mnist-fast",
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE of the recipe, such as schedule.epochs=2."),
    ] = None,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Take files that are not the official ones.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Do every step again, also those that are done.")
    ] = False,
) -> None:
    """Fashion-MNIST from raw files to a model, its report, and photos tagged by it.

    Every step is shown as the command that does it. Steps that are done are not done again, and
    training that was interrupted goes on: run it as often as you like.
    """
    # Said now, not after the first step; looked for only, since its import must wait for `train`.
    if find_spec("torch") is None:
        raise MissingExtraError(extra="train", need="lapel demo")
    if fresh:
        for part in (DATASET, RUN, REPORT, PHOTOS):
            shutil.rmtree(folder / part, ignore_errors=True)
    import_pictures(folder, source, unverified=unverified)
    trained = train_model(folder, recipe, setting or [])
    judge_model(folder, again=trained)
    tag_photos(folder)
    print("\nDone. To look at:")
    print(f"  Report  {folder / REPORT / 'report.html'}  (open it in a browser)")
    print(f"  Bundle  {folder / RUN / 'bundle'}  (the model; its README.md is the model card)")
    print(f"  Photos  {folder / PHOTOS}  (put your own there, and predict again)")


def import_pictures(folder: Path, source: Path | None, *, unverified: bool) -> None:
    """Step 1: the dataset."""
    from lapel.cli.data import import_fashion_mnist

    dataset = folder / DATASET
    paths = [dataset] if source is None else [source, dataset]
    command = ["data", "import", "fashion-mnist", *map(str, paths)]
    show(1, "import 70,000 pictures", [*command, *(["--unverified"] if unverified else [])])
    if (dataset / "dataset.json").is_file():
        print("done already")
        return
    import_fashion_mnist(paths, unverified=unverified)


def train_model(folder: Path, recipe: str, settings: list[str]) -> bool:
    """Step 2: the run; says whether anything was learned now."""
    from lapel.cli.train import train

    run, dataset = folder / RUN, folder / DATASET
    if (run / "run.json").is_file():
        show(2, "go on training", ["train", "--resume", str(run)])
        if (run / "bundle" / "lapel.json").is_file():
            print("done already")
            return False
        train(resume=run)
        return True
    changes = [text for setting in settings for text in ("--set", setting)]
    show(2, "train", ["train", recipe, "--data", str(dataset), "--out", str(run), *changes])
    train(recipe, data=dataset, out=run, setting=settings)
    return True


def judge_model(folder: Path, *, again: bool) -> None:
    """Step 3: the report on the official test pictures."""
    from lapel.cli.evaluate import evaluate

    run, dataset, report = folder / RUN, folder / DATASET, folder / REPORT
    command = ["evaluate", str(run), str(dataset), "--split", "test", "--out", str(report)]
    show(3, "judge it on pictures it has never seen", command)
    if (report / "report.html").is_file() and not again:
        print("done already")
        return
    evaluate(run, dataset, split="test", out=report)


def tag_photos(folder: Path) -> None:
    """Step 4: answers for photos, drawn ones and a few of the test set's."""
    from lapel.cli.predict import predict

    run, photos = folder / RUN, folder / PHOTOS
    show(4, "tag photos", ["predict", str(run), str(photos)])
    if not photos.is_dir():
        lay_out_photos(folder / DATASET, photos)
    predict(run, [str(photos)])


def lay_out_photos(dataset: Path, photos: Path) -> None:
    """Drawn garments, and test pictures as they are."""
    from lapel.cli.demo_pictures import draw_photos
    from lapel.data.dataset import Dataset
    from lapel.storage.folders import atomic_folder
    from lapel.storage.local import write_atomically

    test = Dataset.open(dataset).split("test")
    labels = test.labels("category")
    with atomic_folder(photos) as building:
        draw_photos(building)
        for label in TEST_PICTURES:
            name = test.names()[labels.index(label)]
            slug = label.lower().replace(" ", "-")
            write_atomically(building / f"test-picture-{slug}.png", test.read(name))


def show(number: int, what: str, command: list[str]) -> None:
    """Announce a step, and the command that does it."""
    print(f"\n[{number}/4] {what}\n$ lapel {shlex.join(command)}", flush=True)
