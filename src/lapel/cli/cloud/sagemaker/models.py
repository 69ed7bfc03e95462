"""What commands that put a model onto SageMaker share."""

from __future__ import annotations

from typing import Annotated

import typer

Bundle = Annotated[
    str,
    typer.Argument(
        help="The model: a bundle or run, here or in S3; or the model.tar.gz that a training job "
        "left in S3."
    ),
]
Image = Annotated[
    str,
    typer.Option(
        metavar="URI",
        help="Image of the container in Amazon ECR; `lapel cloud sagemaker image` says how to "
        "make it.",
    ),
]
Role = Annotated[
    str,
    typer.Option(
        metavar="ARN",
        help="Role that SageMaker takes on, to fetch model and image and to write logs; "
        "`lapel cloud sagemaker role` makes one.",
    ),
]
Models = Annotated[
    str | None,
    typer.Option(
        metavar="S3",
        help="Where in S3 the model's archive is put; not needed where BUNDLE is one.",
    ),
]


def bundle_place(bundle: str) -> str:
    """A bundle's place where it may stand for its archive's.

    Raises:
        UsageError: it is no archive, and nobody said where in S3 its archive is put.
    """
    from lapel.cloud.sagemaker.hosting.archive import is_archive
    from lapel.schema.errors import UsageError

    if not is_archive(bundle):
        raise UsageError("say by --models s3://BUCKET/models where the model's archive is put")
    return bundle
