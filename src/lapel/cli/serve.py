"""``lapel serve``: answers over HTTP."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.engine_option import EngineOption
from lapel.cli.label_studio_options import (
    Backend,
    BackendEvents,
    BackendStorage,
    BackendUrl,
    TokenFile,
    backend_routes,
)
from lapel.cli.tokens import TOKEN, token_of

#: Shown below the help; `--help` joins lines that no blank line parts.
EXAMPLE = """Example, after the demo:

lapel serve demo/run

curl -F file=@demo/photos/dress.jpg http://127.0.0.1:8080/v1/predict"""


def serve(
    bundles: Annotated[
        list[str],
        typer.Argument(
            metavar="BUNDLE...",
            help="The models: bundles, or the runs that made them; NAME=BUNDLE gives one another "
            "name. The first answers where a request names none.",
        ),
    ],
    *,
    garments: Annotated[
        Path | None,
        typer.Option(
            metavar="DETECTOR",
            help="A model that finds garments: each is cut out, and read by the other models.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="0: any that is free.")
    ] = 8080,
    host: Annotated[
        str,
        typer.Option(help="Address to listen at; any but this machine's own needs a token."),
    ] = "127.0.0.1",
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"A file with the token that callers must show; or set {TOKEN}.",
        ),
    ] = None,
    engine: EngineOption = "auto",
    latency: Annotated[
        float,
        typer.Option(
            metavar="MS",
            min=1,
            help="How long a picture may wait; more load is refused with 503 and Retry-After.",
        ),
    ] = 2000,
    batch: Annotated[int, typer.Option(min=1, help="Most pictures a run of the engine.")] = 16,
    max_body: Annotated[
        int, typer.Option(metavar="MIB", min=1, help="Largest request, in MiB.")
    ] = 64,
    max_pixels: Annotated[
        float, typer.Option(metavar="MP", min=0.001, help="Largest picture, in megapixels.")
    ] = 40,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="A site whose pages may call the server, as https://shop.example; may be given "
            "several times.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No line in the log a request.")] = False,
    label_studio: Backend = False,
    label_studio_url: BackendUrl = None,
    label_studio_token_file: TokenFile = None,
    label_studio_storage: BackendStorage = None,
    label_studio_events: BackendEvents = None,
) -> None:
    """Answer over HTTP, with a page to try it at /.

    Ends at Ctrl+C or SIGTERM, when what was accepted is answered. A bundle that is replaced is
    loaded anew without a pause.
    """
    from lapel.cli.extras import needs_extra

    token = token_of(token_file)
    pixels = _pixels(max_pixels)
    with needs_extra("serve", "lapel serve"):
        from lapel.imaging.decode import MEBIBYTE, Limits
        from lapel.serving.models import Models
        from lapel.serving.pages import page_routes
        from lapel.serving.run import serve as run_server
        from lapel.serving.settings import Settings
        from lapel.serving.sources import Source

    settings = Settings(
        host=host,
        port=port,
        token=token,
        cors=tuple(cors or ()),
        latency=latency / 1000,
        batch=batch,
        body_bytes=max_body * MEBIBYTE,
        memory_bytes=max(96, 2 * max_body if max_body > 64 else 0) * MEBIBYTE,
        limits=Limits(pixels=pixels),
        access_log=not quiet,
    )
    sources = [Source.parse(text, detector=garments) for text in bundles]
    with Models(sources, settings, engine=engine) as models:
        for model in models:
            chosen = model.present.answerer.chosen
            print(f"{model.name}: {chosen.name} ({chosen.why}), version {model.version}")
        backend = backend_routes(
            models,
            wanted=label_studio,
            url=label_studio_url,
            token_file=label_studio_token_file,
            storage=label_studio_storage,
            events=label_studio_events,
        )
        run_server(models, settings, [page_routes(), *backend], on_start=_say)


def _pixels(megapixels: float) -> int:
    """How many pixels ``--max-pixels`` allows.

    Raises:
        UsageError: it is infinite, or no number.
    """
    from lapel.schema.errors import UsageError

    pixels = megapixels * 1e6
    if not math.isfinite(pixels):
        raise UsageError(
            f"--max-pixels: found {megapixels:g}, expected a number of megapixels, such as 40"
        )
    return round(pixels)


def _say(url: str) -> None:
    print(f"Listening at {url}; the page is at {url}/, Ctrl+C ends", flush=True)
