"""Options that several commands about SageMaker's jobs have, and what they mean together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from lapel.cloud.sagemaker.planning import Wish

Recipe = Annotated[
    str | None, typer.Argument(metavar="RECIPE", help="A shipped recipe's name, or a YAML file.")
]
Data = Annotated[
    str, typer.Option(metavar="S3", help="The dataset to learn from: s3://bucket/dataset.")
]
Out = Annotated[
    str, typer.Option(metavar="S3", help="Below which results come to lie: s3://bucket/jobs.")
]
Role = Annotated[
    str,
    typer.Option(
        metavar="ARN", help="Role that the job takes on (lapel cloud sagemaker role makes one)."
    ),
]
Kind = Annotated[str, typer.Option(metavar="TYPE", help="Kind of machine, as ml.g5.xlarge.")]
Count = Annotated[int, typer.Option(min=1, help="Machines that learn together.")]
Processes = Annotated[
    int | None,
    typer.Option(min=1, help="Processes on each machine.", show_default="one for each GPU"),
]
Disk = Annotated[int, typer.Option(metavar="GB", min=1, help="Of each machine.")]
Hours = Annotated[float, typer.Option(help="Hours after which a job is ended, come what may.")]
Spot = Annotated[
    bool,
    typer.Option(
        "--spot", help="Spare machines: much cheaper; taken away, the job goes on on the next."
    ),
]
Name = Annotated[
    str | None, typer.Option(help="Of the job.", show_default="the recipe's, and the moment")
]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", help="KEY=VALUE of the recipe, such as schedule.epochs=2."),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="LAYOUT",
        help="What lies at --data is a public layout, to be imported first.",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="S3",
        help="Learn on from this model: a bundle's place. `local` takes a folder, too.",
    ),
]
Image = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help="Image with PyTorch into which Lapel is installed.",
        show_default="AWS's own of PyTorch",
    ),
]
Container = Annotated[
    str | None, typer.Option(metavar="URI", help="Image of your own that has Lapel.")
]
Checkpoints = Annotated[
    str | None,
    typer.Option(
        metavar="S3",
        help="Where checkpoints lie; those of a former job are gone on with. `local` "
        "takes a folder, too.",
        show_default="beside the job's results",
    ),
]
Report = Annotated[bool, typer.Option("--report/--no-report", help="Judge the model in the end.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOptions:
    """Options of each job that learns, be it one of many; named as :class:`Wish` names them."""

    recipe: Recipe = None
    spot: Spot = False
    disk: Disk = 50
    setting: Setting = None
    format: Format = None
    from_: From = None
    name: Name = None
    image: Image = None
    container: Container = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions(TrialOptions):
    """Options of a job of its own, on AWS or rehearsed here."""

    count: Count = 1
    processes: Processes = None
    report: Report = True
    checkpoints: Checkpoints = None


def takes_job_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of its parameter ``job``, one by one, in the place of it.

    Args:
        command: with a keyword ``job`` of :class:`TrialOptions`, or of a class below it.
    """
    kind = get_type_hints(command)["job"]
    shared = [
        Parameter(one.name, Parameter.KEYWORD_ONLY, default=one.default, annotation=hint)
        for one, hint in zip(fields(kind), _hints(kind), strict=True)
    ]
    hints = get_type_hints(command, include_extras=True)
    own = [
        parameter.replace(annotation=hints[name])
        for name, parameter in signature(command).parameters.items()
    ]
    place = next(number for number, parameter in enumerate(own) if parameter.name == "job")
    asked = [*own[:place], *shared, *own[place + 1 :]]

    def run(**said: object) -> None:
        job = kind(**{one.name: said.pop(one.name) for one in shared})
        command(job=job, **said)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {one.name: one.annotation for one in asked}
    run.__signature__ = Signature(asked)  # type: ignore[attr-defined]  # what inspect reads first
    return run


def _hints(kind: Any) -> list[Any]:  # noqa: ANN401 - a class made by dataclass, of whatever type
    hints = get_type_hints(kind, include_extras=True)
    return [hints[one.name] for one in fields(kind)]


def wish(
    job: TrialOptions,
    *,
    role: str | None = None,
    **said: Any,  # noqa: ANN401 - of Wish
) -> Wish:
    """What the options ask for.

    Args:
        job: options that commands share.
        role: that the job takes on; none: it is rehearsed.
        **said: the others, as :class:`Wish` names them.

    Raises:
        MissingExtraError: boto3, or what reads recipes, is not installed.
        RecipeError: a setting that is none.
    """
    from lapel.cli.extras import needs_extra

    with needs_extra("aws", "Working on AWS"), needs_extra("data", "A recipe"):
        from lapel.cloud.sagemaker.planning import Wish
        from lapel.training.recipe import full_key, parse_changes

    values = {one.name: getattr(job, one.name) for one in fields(job)}
    changes = parse_changes(values.pop("setting") or [])
    return Wish(
        changes={full_key(key): text for key, text in changes.items()},
        role=role or "arn:aws:iam::000000000000:role/rehearsed",
        **values,
        **said,
    )
