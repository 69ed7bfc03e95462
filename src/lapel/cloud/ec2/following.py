"""Following a job's log over a connection that may be cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lapel.cloud.ec2.jobs import Job, job
from lapel.cloud.ec2.remote import ConnectionLostError, Reach

#: Seconds between two attempts to connect again: doubled from the first to the last.
FIRST_PAUSE, LAST_PAUSE = 1.0, 30.0

#: Seconds of attempts in a row without an answer, after which they end.
PATIENCE = 600.0


@dataclass(slots=True)
class LogFollower:
    """Reads a job's log, each byte once, whatever becomes of the connection.

    Attributes:
        reach: the machine.
        number: of the job.
        tell: given the log's bytes as they come.
        say: told of lost connections.
        patience: seconds of attempts in a row without an answer.
        offset: bytes told so far.
    """

    reach: Reach
    number: int
    tell: Callable[[bytes], None]
    say: Callable[[str], None]
    patience: float = PATIENCE
    offset: int = 0
    _answered: bool = False

    def follow(self) -> Job:
        """Read until the job has ended.

        Returns:
            The job as it ended.

        Raises:
            CloudError: the machine could not be reached for too long, or another one answers.
        """
        pause, silent_since = FIRST_PAUSE, time.monotonic()
        while True:
            self._answered = False
            try:
                self.read(until_end=True)
                ended = job(self.reach, self.number)
                if ended.state != "running":
                    self.read()
                    return ended
            except ConnectionLostError as error:
                if self._answered:  # perhaps for hours, until it was cut
                    pause, silent_since = FIRST_PAUSE, time.monotonic()
                elif time.monotonic() - silent_since > self.patience:
                    raise
                self.say(f"{error}; trying again in {pause:.0f} s")
                time.sleep(pause)
                pause = min(2 * pause, LAST_PAUSE)

    def read(self, *, until_end: bool = False) -> None:
        """Tell what the log holds behind the offset; perhaps go on until the job has ended.

        Raises:
            ConnectionLostError: the connection failed; what came is told and counted.
            CloudError: there is no such log, or another machine answers.
        """
        follow = "$(flock -s -n lock true || echo -f --pid=$(cat shell))" if until_end else ""
        command = f"cd jobs/{self.number} && exec tail -c +{self.offset + 1} {follow} log"
        with self.reach.connected(command) as stream:
            self._answered = True
            while data := stream.read1():
                self.offset += len(data)
                self.tell(data)
