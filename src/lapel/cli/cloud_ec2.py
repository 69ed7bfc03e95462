"""``lapel cloud ec2``: train on a rented machine."""

from __future__ import annotations

import typer

ec2_app = typer.Typer(
    help="Train on a rented machine that ends itself.",
    no_args_is_help=True,
)


@ec2_app.callback()
def _group() -> None:
    """Commands are added below."""
