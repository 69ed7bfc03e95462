"""From what a user wants to the plan of a job, with all refused that can be without asking AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lapel.cloud.container.hyperparameters import FORMAT, PROCESSES, RECIPE, REPORT
from lapel.cloud.sagemaker.checks import (
    checked_bucket_place,
    checked_kind,
    checked_resource_name,
    checked_role,
)
from lapel.cloud.sagemaker.names import LONGEST_JOB, job_name
from lapel.cloud.sagemaker.requests import DATASET, LONGEST, MODEL, JobPlan, image_for
from lapel.schema.errors import UsageError
from lapel.training.recipe import Recipe, load_recipe

#: Names of more hyperparameters than this are refused
#: (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html).
MOST_HYPERPARAMETERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a user wants learned, and on what.

    Attributes:
        recipe: a shipped recipe's name, or a YAML file; none: that of the model ``from_``.
        data: place in S3 of a dataset, or of a public layout.
        out: place in S3 for what comes of it.
        changes: dotted key of the recipe to its value's text.
        format: the layout of the data, where it is no dataset yet.
        from_: place in S3 of a model to learn on from: a bundle's, or of a ``model.tar.gz``.
        report: judge the model in the end.
        role: ARN of the role that the job takes on.
        kind: of machine.
        count: of machines.
        processes: on each machine; none: one for each GPU.
        disk: GB of each machine.
        hours: after which the job is ended.
        spot: on spare machines.
        image: an image with PyTorch into which Lapel is installed; none: AWS's.
        container: an image that has Lapel; none: ``image``.
        name: of the job; none: made of the recipe's.
        checkpoints: place in S3 of the checkpoints, such as of a former job that is to be gone
            on with; none: beside what comes of it.
    """

    recipe: str | None
    data: str
    out: str
    changes: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None
    from_: str | None = None
    report: bool = True
    role: str
    kind: str
    count: int = 1
    processes: int | None = None
    disk: int = 50
    hours: float = 8.0
    spot: bool = False
    image: str | None = None
    container: str | None = None
    name: str | None = None
    checkpoints: str | None = None


def plan_job(wish: Wish, *, longest: int = LONGEST_JOB) -> JobPlan:
    """The plan of a job, but for what :func:`lapel.cloud.sagemaker.jobs.prepare` adds.

    Args:
        wish: what is wanted.
        longest: characters of the job's name.

    Raises:
        UsageError: values that SageMaker would refuse, or that do not go together.
    """
    if wish.image is not None and wish.container is not None:
        raise UsageError("give --image (Lapel is installed into it) or --container (it has Lapel)")
    if not 0 < wish.hours * 3600 <= LONGEST:
        raise UsageError(
            f"found {wish.hours:g} hours, expected more than 0 and at most {LONGEST // 3600}"
        )
    if wish.count < 1:
        raise UsageError(f"found {wish.count} machines, expected 1 or more")
    stem = Path(wish.recipe).stem if wish.recipe else "lapel"
    name = wish.name or job_name(stem, longest=longest)
    out = _place(wish.out, "--out")
    channels = {DATASET: _place(wish.data, "--data")}
    if wish.from_ is not None:
        channels[MODEL] = _place(wish.from_, "--from")
    return JobPlan(
        name=checked_resource_name(name, "job", longest=longest),
        role=checked_role(wish.role),
        image=wish.container or wish.image or image_for(wish.kind),
        own_container=wish.container is not None,
        channels=channels,
        hyperparameters=_hyperparameters(wish),
        out=out,
        checkpoints=_place(wish.checkpoints or f"{out}/{name}/checkpoints", "--checkpoints"),
        kind=checked_kind(wish.kind),
        count=wish.count,
        disk=wish.disk,
        seconds=round(wish.hours * 3600),
        spot=wish.spot,
    )


def read_recipe(wish: Wish) -> tuple[Recipe | None, bytes | None]:
    """The recipe as it will be, and the content of its file, where it is one.

    Raises:
        RecipeError: no such recipe, or faults in it: found here, not by a machine that is paid for.
        UsageError: neither a recipe nor a model to learn on from.
    """
    if wish.recipe is None:
        if wish.from_ is None:
            raise UsageError("name a recipe, or a model to learn on from by --from")
        return None, None
    recipe = load_recipe(wish.recipe, wish.changes)
    is_file = wish.recipe.endswith((".yaml", ".yml"))
    return recipe, Path(wish.recipe).read_bytes() if is_file else None


def _hyperparameters(wish: Wish) -> dict[str, str]:
    own = {
        RECIPE: None if (wish.recipe or "").endswith((".yaml", ".yml")) else wish.recipe,
        FORMAT: wish.format and _checked_layout(wish.format),
        REPORT: "true" if wish.report else None,
        PROCESSES: None if wish.processes is None else str(wish.processes),
    }
    values = {name: value for name, value in own.items() if value is not None} | dict(wish.changes)
    if len(values) > MOST_HYPERPARAMETERS:
        raise UsageError(
            f"found {len(values)} values; SageMaker takes {MOST_HYPERPARAMETERS}: write them into "
            "a recipe of your own"
        )
    return values


def _checked_layout(layout: str) -> str:
    from lapel.data.importing import READERS  # noqa: PLC0415 - brings every reader

    if layout not in READERS:
        raise UsageError(f"--format: no layout is called {layout!r}; known: {', '.join(READERS)}")
    return layout


def _place(text: str, what: str) -> str:
    bucket, key = checked_bucket_place(text, what)
    return f"s3://{bucket}/{key}".rstrip("/")
