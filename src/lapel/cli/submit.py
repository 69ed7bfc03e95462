"""``lapel submit``: a model's answers as the file that a contest takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.console import shown
from lapel.schema.counting import counted
from lapel.storage.places import in_addresses

#: Shown below the help; `--help` joins lines that no blank line parts.
EXAMPLE = """Example, after the demo:

lapel submit demo/run demo/fashion-mnist --format nsysu-category --out answers.csv"""


def submit(
    bundle: Annotated[Path, typer.Argument(help="The model: a bundle, or the run that made it.")],
    dataset: Annotated[Path, typer.Argument(help="The dataset with the images to answer for.")],
    *,
    contest: Annotated[
        str, typer.Option("--format", help="nsysu-category, nsysu-attributes or ce7454.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="The file: .csv; .zip for ce7454. It takes the place of a former one.",
        ),
    ],
    split: Annotated[str, typer.Option(help="The rows to answer for.")] = "test",
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="The model's task that the contest asks; for ce7454 six, separated by commas.",
            show_default="all of the kind",
        ),
    ] = None,
    test_list: Annotated[
        Path | None,
        typer.Option(
            "--list",
            help="The contest's own list: a CSV with a header, whose first column names images, or "
            "a name a line.",
            show_default="the dataset's rows, in their order",
        ),
    ] = None,
    plain_header: Annotated[
        bool,
        typer.Option(
            "--plain-header", help="nsysu-category without the blank that the hand-out has."
        ),
    ] = False,
    at_least_one: Annotated[
        bool,
        typer.Option("--at-least-one", help="Give images without any tag their likeliest."),
    ] = False,
) -> None:
    """Write a contest's file: byte for byte, in the order of its test list, and read back.

    Labels that are numbers are written as they are; others as their place among the task's labels,
    from 0. An image that cannot be read ends the work: a file with holes would be worth nothing.
    """
    from lapel.cli.extras import needs_extra
    from lapel.cli.progress import track

    with needs_extra("data", "lapel submit"):
        from lapel.evaluation.submission import submit as write

    again = out.is_file()
    names = [name.strip() for entry in task or [] for name in entry.split(",")]
    done = write(
        bundle,
        dataset,
        contest=contest,
        out=out,
        split=split,
        task=names or None,
        test_list=test_list,
        plain_header=plain_header,
        at_least_one=at_least_one,
        track=track,
    )
    former = ", in the place of a former file" if again else ""
    print(f"{counted(done.images, 'image')} answered in {shown(in_addresses(done.path))}{former}")
    print(f"asked of the model: {shown(', '.join(done.tasks))}")
    if done.empty:
        print(
            f"without any tag: {counted(done.empty, 'image')}; --at-least-one gives each its "
            "likeliest"
        )
