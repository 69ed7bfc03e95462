"""Options that several commands about SageMaker's jobs have, and what they mean together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

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
    typer.Option("--from", metavar="S3", help="Learn on from this model: a bundle's place."),
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
        help="Where checkpoints lie; those of a former job are gone on with.",
        show_default="beside the job's results",
    ),
]
Report = Annotated[bool, typer.Option("--report/--no-report", help="Judge the model in the end.")]


def wish(
    *,
    setting: list[str] | None,
    role: str | None = None,
    **said: Any,  # noqa: ANN401 - of Wish
) -> Wish:
    """What the options ask for.

    Raises:
        MissingExtraError: boto3, or what reads recipes, is not installed.
        RecipeError: a setting that is none.
    """
    from lapel.cli.extras import needs_extra

    with needs_extra("aws", "Working on AWS"), needs_extra("data", "A recipe"):
        from lapel.cloud.sagemaker.planning import Wish
        from lapel.training.recipe import full_key, parse_changes

    changes = {full_key(key): text for key, text in parse_changes(setting or []).items()}
    rehearsed = "arn:aws:iam::000000000000:role/rehearsed"
    return Wish(changes=changes, role=role or rehearsed, **said)
