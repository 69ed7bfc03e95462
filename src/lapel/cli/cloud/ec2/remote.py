"""``lapel cloud ec2 run|jobs|attach|logs|pull``: work on a rented machine, over SSH."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lapel.cli.cloud.options import Profile, Region, account, told_if_interrupted
from lapel.cli.console import EXIT_FAILED, complain, shown

if TYPE_CHECKING:
    from lapel.cloud.ec2.jobs import Job
    from lapel.cloud.ec2.proving import Proof
    from lapel.cloud.ec2.remote import Reach

Name = Annotated[str, typer.Argument(help="The machine, as named with `up`.")]
Number = Annotated[
    int | None,
    typer.Option("--job", min=1, help="A job's number.", show_default="the latest"),
]
Follow = Annotated[
    bool,
    typer.Option(
        "--follow", "-f", help="Go on until the job ends; connections that are cut are made again."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to ``lapel cloud ec2``."""
    app.command(context_settings={"ignore_unknown_options": True})(run)
    for command in (jobs, attach, logs, pull):
        app.command()(command)


def run(
    name: Name,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="-- COMMAND...",
            help="The command, such as: -- lapel train fashion-mnist --data s3://b/d --out "
            "s3://b/r. A single word is a line of shell.",
        ),
    ],
    *,
    follow: Follow = False,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Start a command on a machine, in a tmux session that outlives the connection.

    Waits until the machine has started and Lapel is installed on it. With --follow it ends as the
    command does: 0, or 1 if it failed.
    """
    from lapel.schema.errors import UsageError

    if words[0].startswith("-"):
        raise UsageError(f"{words[0]!r} is no option; a command to run stands behind --")
    reach = _reach(name, region, profile)
    from lapel.cloud.ec2.jobs import start
    from lapel.cloud.ec2.ready import wait_until_ready

    wait_until_ready(reach, say=complain)
    number = start(reach, words)
    where = reach.named
    print(f"job {number} runs on {name}")
    print(f"  lapel cloud ec2 logs {where} --job {number} -f    its log, and how it ends")
    print(f"  lapel cloud ec2 attach {where} --job {number}     its terminal; Ctrl-b d leaves it")
    if follow:
        _follow(reach, number)


def jobs(name: Name, *, region: Region = None, profile: Profile = None) -> None:
    """List the jobs of a machine: number, state, exit code, when it began, command."""
    reach = _reach(name, region, profile)
    from lapel.cloud.ec2.jobs import jobs as all_jobs

    found = all_jobs(reach)
    if not found:
        complain(f"no job was started on {name} yet")
    for job in found:
        began = "" if job.started is None else f"{job.started:%Y-%m-%d %H:%M:%S} UTC"
        code = "" if job.code is None else str(job.code)
        print("\t".join((str(job.number), job.state, code, began, shown(job.command))))


def attach(
    name: Name,
    *,
    job: Number = None,
    shell: Annotated[
        bool,
        typer.Option("--shell", help="A shell instead of a job; it too outlives the connection."),
    ] = False,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Open the terminal of a job that runs; Ctrl-b d leaves it, and the job goes on."""
    import subprocess

    from lapel.schema.errors import CloudError, UsageError

    if not sys.stdin.isatty():
        raise UsageError("attach needs a terminal; `lapel cloud ec2 logs` does without")
    reach = _reach(name, region, profile)
    from lapel.cloud.ec2.jobs import attach_command
    from lapel.cloud.ec2.jobs import job as one_job
    from lapel.cloud.ec2.remote import CONNECTION_FAILED

    number = None
    if not shell:
        found = one_job(reach, job)
        if found.state != "running":
            raise CloudError(
                f"{found}; `lapel cloud ec2 logs {reach.named}` shows what it said, `attach "
                f"{reach.named} --shell` opens a shell"
            )
        number = found.number
    code = subprocess.call(attach_command(reach, number))
    if code == CONNECTION_FAILED:
        raise CloudError(f"the connection to {name} was cut; what runs there goes on: attach again")
    if number is not None:
        print(one_job(reach, number))


def logs(
    name: Name,
    *,
    follow: Follow = False,
    job: Number = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Print what a job said. With --follow it ends as the job does: 0, or 1 if it failed."""
    reach = _reach(name, region, profile)
    from lapel.cloud.ec2.following import LogFollower
    from lapel.cloud.ec2.jobs import job as one_job

    found = one_job(reach, job)
    if follow:
        _follow(reach, found.number)
        return
    lines = _Lines()
    LogFollower(reach, found.number, tell=lines.tell, say=complain).read()
    lines.end()
    complain(str(found))


def pull(
    name: Name,
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run, a bundle or another folder: on the machine, or s3://BUCKET/KEY.",
        ),
    ],
    out: Annotated[Path, typer.Argument(help="The folder here, to be made.")],
    *,
    picture: Annotated[
        Path | None,
        typer.Option(help="A photo for the model to answer about.", show_default="shades of gray"),
    ] = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Bring a run and its bundle home, each byte checked, and have it answer on this computer."""
    from lapel.cli.extras import needs_extra
    from lapel.schema.counting import counted

    if run.startswith("s3:/"):
        with needs_extra("aws", "What lies in S3"):
            from lapel.cloud.ec2.bringing_s3 import bring_from_s3
        # Only where asked for: otherwise the chain's client, as everywhere that s3:// is taken.
        own = account(region, profile).client("s3") if region or profile else None
        brought = bring_from_s3(run, out, own)
    else:
        reach = _reach(name, region, profile)
        from lapel.cloud.ec2.bringing import bring

        brought = bring(reach, run, out, say=complain)
    print(f"{counted(brought.files, 'file')} in {shown(str(out))}, each with the SHA-256 it had")
    from lapel.cloud.ec2.proving import holds_bundle, prove

    if holds_bundle(out):
        _print_proof(prove(out, picture))
    else:
        complain(
            f"{out} holds no bundle: its training has not ended; "
            f"`lapel train --resume {out}` goes on with it"
        )


def _reach(name: str, region: str | None, profile: str | None) -> Reach:
    """How to reach a machine of a name."""
    from lapel.schema.errors import CloudError

    owner = account(region, profile)
    from lapel.cloud.ec2.machines import machine
    from lapel.cloud.ec2.remote import Reach

    found = machine(owner, owner.where(), name)
    if not found.address:
        raise CloudError(f"{name} is {found.state} and has no address yet; try again in a minute")
    return Reach(
        name=name, host=found.address, user=found.user, folder=found.folder, region=owner.where()
    )


def _follow(reach: Reach, number: int) -> None:
    """Print a job's log until it ends; end as it did."""
    from lapel.cloud.ec2.following import LogFollower

    lines = _Lines()
    goes_on = (
        f"job {number} goes on: `lapel cloud ec2 logs {reach.named} --job {number} -f` follows"
    )
    with told_if_interrupted(lambda: goes_on):
        ended: Job = LogFollower(reach, number, tell=lines.tell, say=complain).follow()
    lines.end()
    complain(str(ended))
    if ended.code != 0:
        raise typer.Exit(EXIT_FAILED)


def _print_proof(proof: Proof) -> None:
    for task, answer in proof.prediction.answers.items():
        for label, probability in answer.lines()[:1]:
            print(f"  {shown(task)}: {shown(label)} ({probability:.2f})")
    print(f"it answers on this computer ({proof.engine})")


class _Lines:
    """Bytes as they come, printed as whole lines that no terminal takes for commands."""

    def __init__(self) -> None:
        self._rest = b""

    def tell(self, data: bytes) -> None:
        """Print the lines that are whole by now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._print(line)

    def end(self) -> None:
        """Print what has no line's end."""
        if self._rest:
            self._print(self._rest)
        self._rest = b""

    @staticmethod
    def _print(line: bytes) -> None:
        text = line.rstrip(b"\r").decode(errors="replace").expandtabs()
        print(shown(text.rpartition("\r")[2]), flush=True)
