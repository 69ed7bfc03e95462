"""``lapel-container train``: a training job of SageMaker, from its channels to ``/opt/ml/model``.

The run lies in ``/opt/ml/checkpoints``, which SageMaker copies to S3 as it goes, and back when a
spot machine was taken and another one comes: the run then goes on where it was.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lapel.cloud.container.hosts import Hosts, gpus
from lapel.cloud.container.hyperparameters import Settings, read_settings
from lapel.cloud.container.layout import OptMl
from lapel.cloud.container.watched import SHOWN, Ended, run_watched
from lapel.data.dataset import Dataset
from lapel.data.description import DESCRIPTION_FILE
from lapel.data.importing import import_dataset
from lapel.schema.errors import CloudError, LapelError
from lapel.storage.cache import VARIABLE as CACHE
from lapel.storage.local import PARTIAL_SUFFIX, write_atomically

#: Channels that are no data: code of launchers, the recipe's file, the model to learn on from.
CODE, DRIVERS, RECIPE, MODEL = "code", "sm_drivers", "recipe", "model"
NO_DATA = {CODE, DRIVERS, RECIPE, MODEL}

#: Channels that are the data, where there are several.
DATA = ("dataset", "train", "training")

#: What is not kept beside the model: it is the model, or was on the way to it.
NOT_KEPT = {"bundle", "checkpoints", "run.lock"}

#: Exit code of a run that SIGTERM ended: saved, and to be gone on with.
EXIT_STOPPED = 143


def train(environment: Mapping[str, str] = os.environ) -> int:
    """Do the job.

    Returns:
        The exit code: 0 done; 143 ended by SIGTERM, and saved; else failed, and ``output/failure``
        says why.
    """
    layout = OptMl.here(environment)
    try:
        return _train(layout, environment)
    except LapelError as error:
        _fail(layout, str(error))
        raise


def _train(layout: OptMl, environment: Mapping[str, str]) -> int:
    settings = read_settings(layout, environment)
    if settings.ignored:
        _say(f"Hyperparameters that mean nothing here: {', '.join(settings.ignored)}")
    hosts = Hosts.read(layout, environment)
    dataset = _dataset(layout, settings, layout.channels(environment))
    hosts.wait_for_first()
    recipe = _recipe(layout, settings)
    run = layout.checkpoints / f"run-{settings.digest(_content(recipe))}"
    processes = settings.processes or gpus(environment) or 1
    command = hosts.command(processes, _words(layout, settings, recipe, dataset, run))
    _say(f"Running: {' '.join(command)}")
    ended = run_watched(command, _environment(environment) | hosts.environment())
    return _finish(layout, settings, hosts, dataset, run, ended)


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Of the process that learns: lines come at once, and what is kept lies on the large disk."""
    own = {"PYTHONUNBUFFERED": "1", CACHE: str(Path(tempfile.gettempdir()) / "lapel")}
    return own | dict(environment)


def _dataset(layout: OptMl, settings: Settings, channels: Mapping[str, Path]) -> Path:
    """The dataset's folder: a channel, or what is made of one.

    Raises:
        CloudError: no channel, several, or one that is no dataset.
    """
    data = {name: folder for name, folder in channels.items() if name not in NO_DATA}
    chosen = next((data[name] for name in DATA if name in data), None)
    if chosen is None and len(data) == 1:
        chosen = next(iter(data.values()))
    if chosen is None:
        raise CloudError(
            f"found channels {', '.join(channels) or 'none'}; expected one of data, or one called "
            f"{' or '.join(DATA)}"
        )
    if settings.format is None:
        if not (chosen / DESCRIPTION_FILE).is_file():
            raise CloudError(
                f"the channel {chosen.name} holds no dataset ({DESCRIPTION_FILE} is missing); make "
                "one by `lapel data import` and send that, or name the layout of what lies there by"
                " the hyperparameter `format`"
            )
        return chosen
    made = layout.root / "input" / "dataset"
    if not (made / DESCRIPTION_FILE).is_file():
        _say(f"Importing {chosen.name} as {settings.format}")
        import_dataset(settings.format, chosen, made)
    return made


def _recipe(layout: OptMl, settings: Settings) -> str | None:
    """The recipe to learn by: a file of the channel ``recipe``, else as named.

    Raises:
        CloudError: neither, and no model to learn on from.
    """
    files = sorted((layout.channels_root / RECIPE).glob("*.yaml"))
    if files:
        return str(files[0])
    if settings.recipe is None and not (layout.channels_root / MODEL).is_dir():
        raise CloudError(
            "no recipe: give the hyperparameter `recipe` a shipped recipe's name, or send a file "
            "in the channel `recipe`"
        )
    return settings.recipe


def _content(recipe: str | None) -> bytes:
    path = Path(recipe or "")
    return path.read_bytes() if recipe and path.suffix == ".yaml" and path.is_file() else b""


def _words(
    layout: OptMl, settings: Settings, recipe: str | None, dataset: Path, run: Path
) -> list[str]:
    """The command's words: begin a run, or go on with the one that was brought back."""
    if (run / "run.json").is_file() and (run / "recipe.yaml").is_file():
        _here(run, dataset)
        return ["train", "--resume", str(run)]
    # Killed before it was whole: nothing had been learned.
    shutil.rmtree(run, ignore_errors=True)
    words = ["train", *([recipe] if recipe else []), "--data", str(dataset), "--out", str(run)]
    for key, text in settings.changes.items():
        words += ["--set", f"{key}={text}"]
    if (layout.channels_root / MODEL).is_dir():
        words += ["--from", str(_model(layout))]
    return words


def _here(run: Path, dataset: Path) -> None:
    """Let a run know where its data lies on this machine."""
    facts = json.loads((run / "run.json").read_text("utf-8"))
    if facts.get("data") != str(dataset):
        facts["data"] = str(dataset)
        write_atomically(run / "run.json", json.dumps(facts, indent=2, ensure_ascii=False).encode())


def _model(layout: OptMl) -> Path:
    """The bundle to learn on from: unpacked, or a job's ``model.tar.gz``."""
    from lapel.cloud.archives import unpack  # noqa: PLC0415 - seldom

    folder = layout.channels_root / MODEL
    archive = folder / "model.tar.gz"
    if archive.is_file():
        unpacked = layout.root / "input" / "model"
        if not unpacked.is_dir():
            unpack(archive, unpacked)
        return unpacked
    return folder


def _finish(
    layout: OptMl, settings: Settings, hosts: Hosts, dataset: Path, run: Path, ended: Ended
) -> int:
    if ended.asked:
        # Told to end: what was learned is saved, and this is no failure.
        return EXIT_STOPPED
    if ended.code:
        _fail(layout, ended.reason())
        return ended.code
    if not hosts.writes:
        return 0
    shutil.copytree(run / "bundle", layout.model, dirs_exist_ok=True)
    _keep(run, layout.data_out)
    if settings.report:
        _report(layout, dataset)
    return 0


def _keep(run: Path, folder: Path) -> None:
    """Copy the recipe, the log, and what rules and profile found."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in run.iterdir():
        if path.name in NOT_KEPT or path.name.endswith(PARTIAL_SUFFIX):
            continue
        if path.is_dir():
            shutil.copytree(path, folder / path.name, dirs_exist_ok=True)
        else:
            shutil.copy2(path, folder / path.name)


def _report(layout: OptMl, dataset: Path) -> None:
    """Judge the model; a report that fails leaves the model as it is."""
    split = "test" if "test" in Dataset.open(dataset).splits() else "validation"
    command = [sys.executable, "-m", "lapel", "evaluate", str(layout.model), str(dataset)]
    command += ["--split", split, "--out", str(layout.data_out / "report")]
    judged = run_watched(command, _environment(os.environ))
    if judged.code:
        _say(f"The model is whole, but judging it ended with {judged.code}")


def _fail(layout: OptMl, reason: str) -> None:
    """Say why, where SageMaker looks."""
    layout.output.mkdir(parents=True, exist_ok=True)
    layout.failure.write_text(reason.strip()[:SHOWN], encoding="utf-8")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - logs are what a container shows
