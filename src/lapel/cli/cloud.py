"""``lapel cloud``: data, training and models on AWS."""

from __future__ import annotations

import typer

from lapel.cli.cloud_ec2 import ec2_app
from lapel.cli.cloud_policy import policy
from lapel.cli.cloud_s3 import s3_app
from lapel.cli.cloud_sagemaker import sagemaker_app

cloud_app = typer.Typer(
    help="AWS: data in S3, training on EC2 or SageMaker, models behind an endpoint.",
    no_args_is_help=True,
)
cloud_app.add_typer(s3_app, name="s3")
cloud_app.add_typer(ec2_app, name="ec2")
cloud_app.add_typer(sagemaker_app, name="sagemaker")
cloud_app.command()(policy)
