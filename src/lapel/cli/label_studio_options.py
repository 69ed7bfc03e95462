"""Options that every command about a Label Studio has."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.tokens import read_token

if TYPE_CHECKING:
    from lapel.serving.label_studio.routes import Router
    from lapel.serving.label_studio.service import LabelStudio
    from lapel.serving.models import Models

#: The environment's name for the token, where no file is named.
TOKEN = "LABEL_STUDIO_API_KEY"  # noqa: S105 - a name, no token

Url = Annotated[str, typer.Argument(metavar="URL", help="Label Studio, as http://127.0.0.1:8080.")]
Project = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER",
        help="The project's number: /projects/NUMBER in the address of its page.",
        show_default=False,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File with a Label Studio token, personal or legacy.",
        show_default=f"the environment's {TOKEN}",
    ),
]
ModelTokenFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File with the token of `lapel serve`.", show_default=False),
]


#: Options of `lapel serve`.
Backend = Annotated[
    bool,
    typer.Option(
        "--label-studio", help="Answer Label Studio as its machine learning backend, too."
    ),
]
BackendUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where Label Studio is: pictures of tasks come from there, and from nowhere else.",
        show_default=False,
    ),
]
BackendStorage = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN",
        help="A storage that Label Studio may send on to for pictures, as "
        "https://bucket.s3.amazonaws.com; may be given several times.",
        show_default=False,
    ),
]
BackendEvents = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.jsonl",
        help="Keep a line of each event that Label Studio tells of.",
        show_default="counted alone",
    ),
]


def backend_routes(
    models: Models,
    *,
    wanted: bool,
    url: str | None,
    token_file: Path | None,
    storage: list[str] | None,
    events: Path | None,
) -> list[Router]:
    """Label Studio's routes of a server; none where nobody wants them.

    Raises:
        UsageError: an option of theirs without them, or an address that is none.
    """
    from lapel.schema.errors import UsageError
    from lapel.serving.label_studio.routes import Options, label_studio_routes

    if not wanted:
        if url or token_file or storage or events:
            raise UsageError("--label-studio-... goes with --label-studio: add it")
        return []
    token = read_token(token_file) or os.environ.get(TOKEN)
    options = Options(url=url, token=token, storage=tuple(storage or ()), events=events)
    return [label_studio_routes(models, options)]


def label_studio(url: str, token_file: Path | None, *, needs_token: bool = True) -> LabelStudio:
    """Label Studio, with the token of the file or the environment.

    Args:
        url: where it is.
        token_file: with a token.
        needs_token: whether one has to be there.

    Raises:
        UsageError: no address, or no token.
    """
    from lapel.cli.extras import needs_extra
    from lapel.schema.errors import UsageError

    with needs_extra("serve", "Calling Label Studio"):
        from lapel.serving.label_studio.service import LabelStudio

    token = read_token(token_file) or os.environ.get(TOKEN)
    if not token and needs_token:
        raise UsageError(
            f"Label Studio asks for a token: --token-file FILE, or the environment's {TOKEN}; "
            "make one under Account & Settings"
        )
    return LabelStudio(url, token)
