"""``lapel cloud s3``: datasets, runs and bundles to S3 and back."""

from __future__ import annotations

import typer

s3_app = typer.Typer(
    help="Datasets, runs and bundles to S3 and back.",
    no_args_is_help=True,
)


@s3_app.callback()
def _group() -> None:
    """Commands are added below."""
