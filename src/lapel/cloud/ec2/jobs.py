"""Jobs on a rented machine: each in a tmux session of its own, which outlives the connection.

A job is a folder, ``jobs/NUMBER``: ``command``, ``log``, ``exit`` (its exit code, written whole
when it ends), and ``lock``, which is held as long as it runs. tmux is there to be attached to;
it is asked neither whether a job runs nor how it ended.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lapel.cloud.ec2.remote import HOME, Reach
from lapel.cloud.ec2.user_data import script
from lapel.schema.errors import CloudError, UsageError

#: tmux with a socket of ours: in /tmp, cleaners would remove it, and other sessions be seen.
TMUX = 'tmux -S "$PWD/tmux"'

#: What a shell reads first: the user's own settings, and then Lapel's environment before all
#: others on the path, such as conda's.
SHELL = """[ -f ~/.bashrc ] && . ~/.bashrc
. ./environment
PATH=$PWD/venv/bin:$PATH
cd work
"""

#: Jobs that one machine may have had.
MOST_JOBS = 9999

#: Characters of a job's command that lists show.
SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One command on a machine.

    Attributes:
        number: 1 for the machine's first.
        state: ``running``, ``ended``, or ``lost`` (killed, or the machine was restarted).
        code: its exit code; None unless it has ended.
        started: when; None for one that is about to.
        command: as given, perhaps shortened.
    """

    number: int
    state: str
    code: int | None
    started: datetime | None
    command: str

    def __str__(self) -> str:
        if self.state == "ended":
            return f"job {self.number} ended with {self.code}"
        return f"job {self.number} {'runs' if self.state == 'running' else 'was killed'}"


def start(reach: Reach, words: Sequence[str]) -> int:
    """Start a command in a tmux session of its own.

    Args:
        reach: the machine.
        words: of the command; a single one is a line of shell.

    Returns:
        The job's number.

    Raises:
        UsageError: no command.
        CloudError: it could not be started.
    """
    if not words or not "".join(words).strip():
        raise UsageError("expected a command to run, such as: run NAME -- lapel train ...")
    # `exec`, so that a signal to the job's process reaches the command itself.
    line = words[0] if len(words) == 1 else f"exec {shlex.join(words)}"
    said = reach.ask(
        f"""
set -e
command -v tmux > /dev/null || {{ echo 'there is no tmux' >&2; exit 1; }}
mkdir -p jobs work
number=1
while ! mkdir "jobs/$number" 2> /dev/null; do
  number=$((number + 1))
  [ "$number" -le {MOST_JOBS} ] || {{ echo "no folder can be made in $PWD/jobs" >&2; exit 1; }}
done
folder=$PWD/jobs/$number
printf '%s\\n' {shlex.quote(line)} > "$folder/command"
printf '%s' {shlex.quote(script("job.sh"))} > "$folder/job.sh"
: > "$folder/log"
{TMUX} new-session -d -s "job-$number" -x 160 -y 48 bash "$folder/job.sh" "$folder" < /dev/null
for _ in $(seq 100); do [ -e "$folder/started" ] && break; sleep 0.1; done
[ -e "$folder/started" ] || {{ echo "job $number did not start" >&2; exit 1; }}
echo "$number"
"""
    )
    return int(said.split()[-1])


def jobs(reach: Reach) -> list[Job]:
    """All jobs that were ever started on a machine, the oldest first.

    Raises:
        CloudError: the machine cannot be reached.
    """
    said = reach.ask(
        f"""
for folder in jobs/*/; do
  [ -e "$folder/command" ] || continue
  if [ -e "$folder/exit" ]; then state=$(cat "$folder/exit")
  elif ! flock -s -n "$folder/lock" true; then state=running
  else state=lost; fi
  printf '%s\\t%s\\t%s\\t%s\\n' "$(basename "$folder")" "$state" \\
    "$(cat "$folder/started" 2> /dev/null)" \\
    "$(head -c {SHOWN} "$folder/command" | tr '\\t\\n' '  ')"
done
"""
    )
    return sorted((_job(line) for line in said.splitlines()), key=lambda job: job.number)


def job(reach: Reach, number: int | None = None) -> Job:
    """One job.

    Args:
        reach: the machine.
        number: of the job; None: the latest.

    Raises:
        CloudError: there is none, or the machine cannot be reached.
    """
    found = jobs(reach)
    if not found:
        raise CloudError(
            f"no job was started on {reach.name} yet; `lapel cloud ec2 run {reach.named} -- ...` "
            "starts one"
        )
    if number is None:
        return found[-1]
    for one in found:
        if one.number == number:
            return one
    raise CloudError(f"{reach.name} has no job {number}; its jobs are 1 to {found[-1].number}")


def attach_command(reach: Reach, number: int | None) -> list[str]:
    """The words of an ``ssh`` that opens a job's terminal.

    Args:
        reach: the machine.
        number: of a job that runs; None: a shell in a session that outlives the connection.
    """
    if number is not None:
        opened = f"exec {TMUX} attach-session -t job-{number}"
    else:
        kept = f"printf '%s' {shlex.quote(SHELL)} > shell.rc"
        opened = f"{kept} && exec {TMUX} new-session -A -s shell 'exec bash --rcfile shell.rc'"
    return reach.command(f"cd {HOME} && {opened}", terminal=True)


def _job(line: str) -> Job:
    number, state, started, command = line.split("\t", 3)
    code = int(state) if state.isdecimal() else None
    return Job(
        number=int(number),
        state=state if code is None else "ended",
        code=code,
        started=datetime.fromtimestamp(int(started), UTC) if started else None,
        command=command.strip().removeprefix("exec "),
    )
