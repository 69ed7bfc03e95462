"""``lapel label-studio``: a model beside people who label."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lapel.cli.console import shown
from lapel.cli.label_studio_options import ModelTokenFile, TokenFile, Url, label_studio
from lapel.cli.tokens import read_token
from lapel.schema.counting import counted

label_studio_app = typer.Typer(
    help="Label Studio: projects out and home, a model that proposes, what is in the way.",
    no_args_is_help=True,
)

ProjectNumber = Annotated[
    int,
    typer.Option(
        "--project",
        metavar="NUMBER",
        help="The project: /projects/NUMBER in the address of its page.",
    ),
]
Model = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Where `lapel serve --label-studio` answers, as Label Studio reaches it.",
    ),
]


@label_studio_app.command("push")
def push(
    url: Url,
    folder: Annotated[Path, typer.Argument(help="What `lapel data export label-studio` wrote.")],
    *,
    title: Annotated[str, typer.Option(help="Of the project.")] = "Garments",
    token_file: TokenFile = None,
) -> None:
    """Make a project: its labelling configuration, the pictures, labels that are known."""
    with label_studio(url, token_file) as service:
        from lapel.cli.progress import track
        from lapel.serving.label_studio.fetching import push_project

        project, tasks = push_project(service, folder, title=title, track=track)
        print(f"project {project} with {counted(tasks, 'task')}: {service.url}/projects/{project}")


@label_studio_app.command("connect")
def connect(
    url: Url,
    *,
    project: ProjectNumber,
    model: Model = "http://127.0.0.1:8080",
    model_token_file: ModelTokenFile = None,
    title: Annotated[
        str | None, typer.Option(help="What to call the model there.", show_default="lapel")
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option("--interactive/--no-interactive", help="Whether smart tools may ask it, too."),
    ] = True,
    retrieve: Annotated[
        bool, typer.Option("--retrieve/--no-retrieve", help="Whether every task is predicted now.")
    ] = True,
    token_file: TokenFile = None,
) -> None:
    """Tie a served model to a project; its answers are what annotators start from.

    After a better model took the place of the old one: once more, for its predictions.
    """
    with label_studio(url, token_file) as service:
        from lapel.serving.label_studio.connecting import connect as tie

        done = tie(
            service,
            project,
            model,
            token=read_token(model_token_file),
            title=title,
            interactive=interactive,
            retrieve=retrieve,
        )
        print(f"project {project} asks {shown(model)}: version {shown(done.version)}")
        if retrieve:
            print(f"predicted: {done.retrieved} of {counted(done.tasks, 'task')}")
        for note in done.notes:
            print(f"  {shown(note)}")


@label_studio_app.command("doctor")
def doctor(
    url: Url,
    *,
    project: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="A project to look at, too.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A model to look at, too, as Label Studio reaches it.",
            show_default=False,
        ),
    ] = None,
    model_token_file: ModelTokenFile = None,
    token_file: TokenFile = None,
) -> None:
    """Look at everything that can be in the way, for real, and say the way out.

    Token, addresses of the own network, time limits, pictures, webhook. Exit code 1 where
    something is in the way.
    """
    with label_studio(url, token_file, needs_token=False) as service:
        from lapel.serving.label_studio.doctor import doctor as examine

        ill = 0
        for finding in examine(service, project, model, token=read_token(model_token_file)):
            ill += not finding.fine
            print(f"{'ok  ' if finding.fine else 'BAD '} {shown(finding.what)}")
            for line in finding.remedy.splitlines():
                print(f"     {shown(line)}")
    if ill:
        raise typer.Exit(1)


@label_studio_app.command("fetch")
def fetch(
    url: Url,
    folder: Annotated[Path, typer.Argument(help="Folder to write to.")],
    *,
    project: ProjectNumber,
    token_file: TokenFile = None,
) -> None:
    """Bring a project here: export.json, config.xml and images, for `data import label-studio`."""
    with label_studio(url, token_file) as service:
        from lapel.cli.progress import track
        from lapel.serving.label_studio.fetching import fetch_project

        done = fetch_project(service, project, folder, track=track)
        print(
            f"{counted(done.tasks, 'task')}, {done.annotated} annotated, "
            f"{counted(done.pictures, 'picture')} fetched: {shown(str(done.folder))}"
        )


@label_studio_app.command("accepted")
def accepted(
    url: Url,
    *,
    project: ProjectNumber,
    token_file: TokenFile = None,
) -> None:
    """Say how much of what the model proposed people left as it was."""
    with label_studio(url, token_file) as service:
        from lapel.review.label_studio.accepted import accepted as count

        tasks = service.get(f"/api/projects/{project}/export", exportType="JSON")
        predictions = service.get("/api/predictions/", project=project)
    found = count(tasks, predictions)
    print(
        f"{counted(found.annotated, 'annotation')}, {found.proposed} of them begun from a "
        f"prediction: {_share(found.unchanged, found.proposed)} left unchanged"
    )
    for control, (same, every) in found.by_control.items():
        print(f"  {shown(control)}: {_share(same, every)} of the answers left as proposed")


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.0%})" if whole else "none"
