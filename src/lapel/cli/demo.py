"""``lapel demo``: the whole way once, from raw files to tagged photos, each step a command."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from lapel.schema.errors import MissingExtraError

#: What the demo makes in its folder.
DATASET, RUN, REPORT, PHOTOS = "fashion-mnist", "run", "report", "photos"

STEPS = 4

#: Classes of which a test picture is laid beside the drawn photos; the file's name tells it.
TEST_PICTURES = ("Pullover", "Sandal", "Shirt", "Ankle boot")


def demo(
    context: typer.Context,
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
    steps = Steps(context)
    import_pictures(steps, folder, source, unverified=unverified)
    trained = train_model(steps, folder, recipe, setting or [])
    judge_model(steps, folder, again=trained)
    tag_photos(steps, folder)
    print("\nDone. To look at:")
    print(f"  Report  {folder / REPORT / 'report.html'}  (open it in a browser)")
    print(f"  Bundle  {folder / RUN / 'bundle'}  (the model; its README.md is the model card)")
    print(f"  Photos  {folder / PHOTOS}  (put your own there, and predict again)")


class Steps:
    """Announces each step as the command that does it, and runs just that."""

    def __init__(self, context: typer.Context) -> None:
        self._lapel = context.find_root().command
        self._number = 0

    def take(self, what: str, command: Sequence[str | Path], *, done: bool = False) -> None:
        """One step, unless it is done already.

        Raises:
            Exit: the command ended with another code than 0.
        """
        self._number += 1
        words = [str(word) for word in command]
        print(f"\n[{self._number}/{STEPS}] {what}\n$ lapel {shlex.join(words)}", flush=True)
        if done:
            print("done already")
            return
        code = self._lapel.main(words, prog_name="lapel", standalone_mode=False)
        if code:
            raise typer.Exit(code)


def import_pictures(steps: Steps, folder: Path, source: Path | None, *, unverified: bool) -> None:
    """The dataset."""
    dataset = folder / DATASET
    command: list[str | Path] = ["data", "import", "fashion-mnist", *([source] if source else [])]
    command += [dataset, *(["--unverified"] if unverified else [])]
    steps.take("import the pictures", command, done=(dataset / "dataset.json").is_file())


def train_model(steps: Steps, folder: Path, recipe: str, settings: Sequence[str]) -> bool:
    """The run and its bundle; says whether anything was learned now."""
    run = folder / RUN
    done = (run / "bundle" / "lapel.json").is_file()
    if (run / "run.json").is_file() and not done:
        steps.take("go on training", ["train", "--resume", run])
    else:
        changes = [text for setting in settings for text in ("--set", setting)]
        where: list[str | Path] = ["--data", folder / DATASET, "--out", run]
        steps.take("train", ["train", recipe, *where, *changes], done=done)
    return not done


def judge_model(steps: Steps, folder: Path, *, again: bool) -> None:
    """The report on the official test pictures."""
    report = folder / REPORT
    done = (report / "report.html").is_file() and not again
    where: list[str | Path] = [folder / RUN, folder / DATASET, "--split", "test", "--out", report]
    steps.take("judge it on pictures it has never seen", ["evaluate", *where], done=done)


def tag_photos(steps: Steps, folder: Path) -> None:
    """Answers for photos: drawn ones, and a few of the test set's."""
    photos = folder / PHOTOS
    if not photos.is_dir():
        lay_out_photos(folder / DATASET, photos)
    steps.take("tag photos", ["predict", folder / RUN, photos])


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
