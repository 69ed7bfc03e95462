"""Runs on a rented machine, as root: ends it in time, and heeds AWS's notice that it is taken.

The system's own Python runs this file alone, before Lapel is installed and even if that fails:
the standard library, and Python 3.9 (Amazon Linux 2023's). Three limits are watched:

* a spot machine is taken by AWS: two minutes before, the instance metadata names the moment
  (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html);
* the machine's time is up: the moment stands in the file ``ends``;
* nobody needs it: no job of ours, no working processor, nobody at a terminal.

Before either of the first two, each job is told once by SIGTERM: a training saves and ends. A
machine that shuts itself down is terminated, since it was rented so.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

#: Seconds between two looks for a notice, as AWS's page asks for.
EVERY = 5.0
#: Seconds between two looks at processors; what lies between is averaged.
LOAD_EVERY = 60.0
#: Seconds that jobs have to save and end, before a shutdown.
SAVES_WITHIN = 120.0
#: Seconds in which the installation counts as work; then it hangs.
INSTALLS_WITHIN = 3600.0
#: Working cores, and the share of a GPU's time, below which nobody works.
IDLE_CORES, IDLE_GPU = 0.5, 0.05


class Metadata:
    """A machine's own instance metadata, by its second protocol (IMDSv2), which asks for a token.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
    """

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        self.token = ""
        # Whatever proxy is set up for other things knows nothing of this address.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def spot_notice(self) -> dict[str, str] | None:
        """What AWS says of taking the machine: a dict with "action" and "time", or None."""
        for _ in range(2):
            try:
                self.token = self.token or self._ask(
                    "PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "21600"
                )
                text = self._ask(
                    "GET",
                    "/latest/meta-data/spot/instance-action",
                    "X-aws-ec2-metadata-token",
                    self.token,
                )
                notice: dict[str, str] = json.loads(text)
                return notice
            except urllib.error.HTTPError as error:
                error.close()
                if error.code != 401:  # 404: there is no notice
                    return None
                self.token = ""  # the token has run out
            except (OSError, ValueError) as error:
                say(f"the metadata did not answer: {error}")
                return None
        return None

    def _ask(self, method: str, path: str, header: str, value: str) -> str:
        request = urllib.request.Request(  # noqa: S310 - the machine's own address, or a test's
            self.base + path, method=method, headers={header: value}
        )
        with self.opener.open(request, timeout=2) as answer:
            return str(answer.read(), "utf-8")


class Jobs:
    """Jobs of ``lapel cloud ec2 run``: folders with a lock that is held as long as one runs."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.told: set[Path] = set()

    def running(self) -> list[Path]:
        """Folders of the jobs that run."""
        return [lock.parent for lock in (self.home / "jobs").glob("*/lock") if is_held(lock)]

    def tell(self, why: str) -> None:
        """Ask each running job by SIGTERM to save and end; once, since twice would hurry it."""
        for folder in self.running():
            # In a file too, since the watcher itself may be restarted.
            if folder in self.told or (folder / "told").exists():
                continue
            try:
                told = [
                    pid for pid in workers(int((folder / "pid").read_text())) if ask_to_end(pid)
                ]
            except (OSError, ValueError) as error:  # it is just beginning, or ending
                say(f"job {folder.name} could not be told: {error}")
                continue
            self.told.add(folder)
            write_whole(folder / "told", why)
            with contextlib.suppress(OSError), (folder / "log").open("a") as log:
                log.write(f"\nlapel: {why}; the job is told to save and end\n")
            say(f"job {folder.name}: {why}; told {told}")

    def wait(self, seconds: float) -> None:
        """Wait until every job has ended, or the time has passed."""
        latest = time.monotonic() + seconds
        while self.running() and time.monotonic() < latest:
            time.sleep(0.5)


class Load:
    """Whether anybody works on the machine."""

    def __init__(self) -> None:
        self.before = processor_times()

    def is_idle(self) -> bool:
        """Whether processors and GPUs have had next to nothing to do since the last look."""
        before, self.before = self.before, processor_times()
        idle, whole = self.before[0] - before[0], self.before[1] - before[1]
        working = (1 - idle / whole) * (os.cpu_count() or 1) if whole else IDLE_CORES
        return working < IDLE_CORES and gpu_share() < IDLE_GPU


class Idleness:
    """How long nobody has needed the machine."""

    def __init__(self, home: Path, jobs: Jobs) -> None:
        self.home = home
        self.jobs = jobs
        self.load = Load()
        self.began = self.since = self.looked = time.time()

    def seconds(self, look_every: float = LOAD_EVERY) -> float:
        """Seconds without work, up to the last look."""
        now = time.time()
        if now - self.looked >= look_every:
            self.looked = now
            if not self.load.is_idle() or self.jobs.running() or self._installing():
                self.since = now
        return self.looked - max(self.since, last_typed())

    def _installing(self) -> bool:
        done = (self.home / "setup.exit").exists()
        return not done and time.time() - self.began < INSTALLS_WITHIN


def watch(options: argparse.Namespace) -> None:
    """Look again and again, until the machine is told to shut down."""
    jobs, metadata = Jobs(options.home), Metadata(options.metadata)
    idleness = Idleness(options.home, jobs)
    while True:
        notice = metadata.spot_notice() if options.spot else None
        if notice is not None:
            write_whole(options.home / "notice", json.dumps(notice))
            jobs.tell(f"AWS takes this machine at {notice.get('time', 'once')}")
        if time.time() >= ends_at(options.home) - options.saves_within:
            shut_down(options, jobs, "the machine's time is up")
            return
        if options.idle and idleness.seconds(options.look_every) >= options.idle:
            shut_down(options, jobs, f"no work for {options.idle:.0f} s")
            return
        time.sleep(options.every)


def shut_down(options: argparse.Namespace, jobs: Jobs, why: str) -> None:
    """Let jobs save, then end the machine."""
    write_whole(options.home / "shutdown", why)
    jobs.tell(why)
    jobs.wait(options.saves_within)
    say(f"{why}: {options.shutdown}")
    subprocess.run(shlex.split(options.shutdown), check=False)


def ends_at(home: Path) -> float:
    """When the machine's time is up, in seconds since 1970."""
    try:
        return float((home / "ends").read_text())
    except (OSError, ValueError):
        return float("inf")


def is_held(lock: Path) -> bool:
    """Whether a process holds a lock file; by the system, so that a killed one holds none."""
    try:
        with lock.open() as file:
            # Shared, so that two who look do not take each other for the job.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def workers(pid: int) -> list[int]:
    """A job's process; and of a shell, which passes no signal on, those that it waits for.

    The shell comes first, so that it does not go on to its next command.
    """
    if Path(f"/proc/{pid}/comm").read_text().strip() not in ("sh", "bash", "dash"):
        return [pid]
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(worker for child in children for worker in workers(int(child)))]


def ask_to_end(pid: int) -> bool:
    """Send SIGTERM; whether there was anybody to take it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        return True
    return False


def processor_times() -> tuple[int, int]:
    """Idle and all time of all processors since the start, in ticks (proc(5), /proc/stat)."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def gpu_share() -> float:
    """The busiest GPU's share of time in which it works; 0 where there is none."""
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout
        return max(float(line) for line in said.split()) / 100
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0.0


def last_typed() -> float:
    """When somebody last typed at a terminal of this machine, in seconds since 1970."""
    times = [0.0]
    for terminal in Path("/dev/pts").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            times.append(terminal.stat().st_atime)
    return max(times)


def write_whole(path: Path, text: str) -> None:
    """A file that is there whole or not at all; a full disk keeps no machine from ending."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        say(f"{path} could not be written: {error}")


def say(text: str) -> None:
    """A line for the system's journal."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> None:
    """Read the options and watch."""
    parser = argparse.ArgumentParser(description="Watch over a rented machine.")
    parser.add_argument("--home", type=Path, required=True, help="where jobs lie")
    parser.add_argument("--spot", action="store_true", help="look for AWS's notice")
    parser.add_argument("--idle", type=float, default=0, help="seconds without work; 0: never")
    parser.add_argument("--metadata", default="http://169.254.169.254", help="another address")
    parser.add_argument("--shutdown", default="shutdown -h now", help="what ends the machine")
    parser.add_argument("--every", type=float, default=EVERY, help="seconds between looks")
    parser.add_argument("--look-every", type=float, default=LOAD_EVERY, help="at processors")
    parser.add_argument("--saves-within", type=float, default=SAVES_WITHIN, help="of jobs")
    watch(parser.parse_args())


if __name__ == "__main__":
    main()
