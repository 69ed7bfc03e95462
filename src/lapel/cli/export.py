"""``lapel export``: a model's network in other forms, and which engine is the fastest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.console import complain, shown
from lapel.storage.places import in_addresses

if TYPE_CHECKING:
    from lapel.evaluation.engines.trials import Trial
    from lapel.training.export import Exported

#: Shown below the help; `--help` joins lines that no blank line parts.
EXAMPLE = """Example, after the demo:

lapel export demo/run --int8 --calibrate demo/fashion-mnist --allow-loss 100 --out demo/smaller"""

HEADER = (
    "engine", "answers changed", "largest difference", "images a second", "ms, one picture",
    "accuracy",
)  # fmt: skip


def export(
    bundle: Annotated[Path, typer.Argument(help="The model: a bundle, or the run that made it.")],
    *,
    int8: Annotated[
        bool, typer.Option("--int8", help="Write model.int8.onnx: the network in 8-bit integers.")
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="DATASET",
            help="Find the ranges of integers on its training split, and measure on its "
            "validation split what they cost.",
            show_default=False,
        ),
    ] = None,
    pictures: Annotated[
        int, typer.Option(min=1, help="Pictures on which ranges are found, at most.")
    ] = 300,
    allow_loss: Annotated[
        float,
        typer.Option(
            metavar="POINTS",
            min=0,
            help="Points of 100 that the main number of any task may lose.",
        ),
    ] = 0.5,
    openvino: Annotated[
        bool,
        typer.Option("--openvino", help="Write model.xml and model.bin, and try OpenVINO."),
    ] = False,
    pt2: Annotated[
        bool, typer.Option("--pt2", help="Write model.pt2, for programs of torch's.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder for the bundle.", show_default="where the bundle is"
        ),
    ] = None,
) -> None:
    """Write a model's network in other forms, and find out which engine runs it fastest here.

    Each engine is compared with torch on a hundred pictures: of the dataset, or drawn ones. One
    that is too far from it, or loses more accuracy than is allowed, is refused. Those that pass are
    timed, and noted in lapel.json and in the card; predict, evaluate and serve then take the
    fastest.
    """
    from lapel.cli.extras import needs_extra
    from lapel.cli.progress import track

    with needs_extra("data", "lapel export"):
        from lapel.training.export import export as write

    done = write(
        bundle,
        int8=int8,
        openvino=openvino,
        pt2=pt2,
        calibrate=calibrate,
        pictures=pictures,
        allow_loss=allow_loss,
        out=out,
        track=track,
    )
    _print(done)


def _print(done: Exported) -> None:
    count = max((trial.parity.pictures for trial in done.trials if trial.parity), default=0)
    print(shown(f"Compared with {done.against} on {count} pictures of {done.pictures_of}:"))
    print("\t".join(HEADER))
    for trial in done.trials:
        print("\t".join(_cells(trial)))
    for remark in done.remarks:
        complain(remark)
    for name in done.files:
        print(f"wrote {shown(in_addresses(done.bundle.folder / name))}")
    print(f"wrote {shown(in_addresses(done.bundle.folder / 'lapel.json'))} and README.md")
    _print_choice(done)


def _cells(trial: Trial) -> list[str]:
    parity, rate = trial.parity, trial.rate
    return [
        trial.name,
        "" if parity is None else f"{parity.changed_answers} of {parity.answers}",
        "" if parity is None else f"{parity.largest_difference:.1e}",
        "" if rate is None else f"{rate.images_per_second:,.0f}",
        "" if rate is None else f"{rate.milliseconds:.1f}",
        _accuracy(trial),
    ]


def _accuracy(trial: Trial) -> str:
    """What it costs; of engines of float32 nothing."""
    if trial.accuracy is None:
        return "" if trial.fault else "as learned"
    found = trial.accuracy
    told = ", ".join(
        f"{name} {100 * found.before.numbers[name]:.2f} to {100 * value:.2f} %"
        for name, value in found.after.numbers.items()
    )
    return shown(f"{told}, {found.after.images} pictures")


def _print_choice(done: Exported) -> None:
    from lapel.inference.engines.table import choose_engine

    chosen = choose_engine("auto", done.bundle)
    print(shown(f"--engine auto takes {chosen.name}: {chosen.why}"))
