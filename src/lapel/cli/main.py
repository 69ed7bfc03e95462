"""The command ``lapel``: every command group in one place, none of its work.

Modules named here import typer and nothing heavier; commands import what they need when they
run, so that ``lapel --help`` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Annotated

import typer
from typer.main import get_command

from lapel.cli.cloud.app import cloud_app
from lapel.cli.compare import EXAMPLE as COMPARE_EXAMPLE
from lapel.cli.compare import compare
from lapel.cli.console import report_error
from lapel.cli.data.app import data_app
from lapel.cli.demo import demo
from lapel.cli.evaluate import EXAMPLE as EVALUATE_EXAMPLE
from lapel.cli.evaluate import evaluate
from lapel.cli.export import EXAMPLE as EXPORT_EXAMPLE
from lapel.cli.export import export
from lapel.cli.label_studio import label_studio_app
from lapel.cli.predicting.predict import EXAMPLE as PREDICT_EXAMPLE
from lapel.cli.predicting.predict import predict
from lapel.cli.review import review
from lapel.cli.search import search_app
from lapel.cli.serve import EXAMPLE as SERVE_EXAMPLE
from lapel.cli.serve import serve
from lapel.cli.submit import EXAMPLE as SUBMIT_EXAMPLE
from lapel.cli.submit import submit
from lapel.cli.train import train
from lapel.cli.tune import EXAMPLE as TUNE_EXAMPLE
from lapel.cli.tune import tune
from lapel.schema.errors import LapelError
from lapel.schema.extras import naming_extra

app = typer.Typer(
    name="lapel",
    help="Labels for apparel: train one model that reads clothes, learn how good it is, "
    "put it to work.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"lapel {version('lapel')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and end.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options that stand before the command."""


app.add_typer(data_app, name="data")
app.command()(train)
app.command(epilog=TUNE_EXAMPLE)(tune)
app.command(epilog=COMPARE_EXAMPLE)(compare)
app.command(epilog=EVALUATE_EXAMPLE)(evaluate)
app.command(epilog=EXPORT_EXAMPLE)(export)
app.command(epilog=PREDICT_EXAMPLE)(predict)
app.command(epilog=SERVE_EXAMPLE)(serve)
app.command(epilog=SUBMIT_EXAMPLE)(submit)
app.command()(review)
app.add_typer(label_studio_app, name="label-studio")
app.add_typer(search_app, name="search")
app.add_typer(cloud_app, name="cloud")
app.command()(demo)


@cache
def _command() -> Callable[..., object]:
    """All commands, put together once a process: that takes a tenth of a second."""
    return get_command(app)


def main() -> None:
    """Run one command; ends the process with 0 (done), 1 (failed) or 2 (wrong command)."""
    try:
        # The last net: what a command needs as a whole, it says itself.
        with naming_extra("this command"):
            _command()(prog_name="lapel")
    except LapelError as error:
        sys.exit(report_error(error))
