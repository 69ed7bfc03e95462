"""``lapel cloud``: data, training and models on AWS."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from lapel.cli.cloud.ec2.app import ec2_app
from lapel.cli.cloud.policy import policy
from lapel.cli.cloud.s3.app import s3_app
from lapel.cli.cloud.sagemaker.app import sagemaker_app
from lapel.cli.console import complain


class EndedBySignals(TyperGroup):
    """Commands that end as a shell expects of a program that a signal ended."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own types are not public
        """Run a command; one that is interrupted ends with 128 and the signal's number."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            from lapel.cloud.interruptions import exit_code

            complain(f"lapel: ended by {str(error) or 'SIGINT'}")
            raise typer.Exit(exit_code(error)) from error


cloud_app = typer.Typer(
    cls=EndedBySignals,
    help="AWS: data in S3, training on EC2 or SageMaker, models behind an endpoint.",
    no_args_is_help=True,
)
cloud_app.add_typer(s3_app, name="s3")
cloud_app.add_typer(ec2_app, name="ec2")
cloud_app.add_typer(sagemaker_app, name="sagemaker")
cloud_app.command()(policy)
