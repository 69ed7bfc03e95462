"""``lapel cloud sagemaker``: jobs and endpoints."""

from __future__ import annotations

import typer

sagemaker_app = typer.Typer(
    help="Training and tuning jobs, endpoints, batches; rehearsed here without Docker.",
    no_args_is_help=True,
)


@sagemaker_app.callback()
def _group() -> None:
    """Commands are added below."""
