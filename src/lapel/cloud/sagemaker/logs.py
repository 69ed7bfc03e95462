"""What a job says, as CloudWatch keeps it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from lapel.cloud.aws import Account, RefusedError

GROUP = "/aws/sagemaker/TrainingJobs"

#: Seconds between two looks at a log that grows.
EVERY = 5.0

#: What CloudWatch says while nothing was written yet.
NOTHING_YET = {"ResourceNotFoundException"}


def log_lines(account: Account, job: str) -> Iterator[str]:
    """All lines so far, stream by stream; each machine writes one, and its lines come in order."""
    yield from LogReader(account, job).new()


def follow(
    account: Account, job: str, ended: Callable[[], bool], every: float = EVERY
) -> Iterator[str]:
    """Lines as they come, until the job has ended and all it said was read.

    Args:
        account: whose job it is.
        job: its name.
        ended: asked between two looks.
        every: seconds between two looks.
    """
    reader = LogReader(account, job)
    while True:
        done = ended()  # asked before the look: what was said until then is read
        yield from reader.new()
        if done:
            return
        time.sleep(every)


class LogReader:
    """Reads on where it stopped."""

    def __init__(self, account: Account, job: str) -> None:
        self._account = account
        self._job = job
        self._tokens: dict[str, str] = {}

    def new(self) -> Iterator[str]:
        """Lines that were not read yet."""
        streams = self._streams()
        for stream in streams:
            # Several machines: which one speaks stands before its lines.
            mark = f"[{_machine(stream)}] " if len(streams) > 1 else ""
            for line in self._of(stream):
                yield mark + line

    def _streams(self) -> list[str]:
        found: list[str] = []
        try:
            for page in self._account.every(
                "logs",
                "DescribeLogStreams",
                {},
                logGroupName=GROUP,
                logStreamNamePrefix=f"{self._job}/",
            ):
                found += [stream["logStreamName"] for stream in page.get("logStreams", [])]
        except RefusedError as error:
            if error.code not in NOTHING_YET:
                raise
        return sorted(found)

    def _of(self, stream: str) -> Iterator[str]:
        while True:
            token = self._tokens.get(stream)
            page = self._account.ask(
                "logs",
                "GetLogEvents",
                {"events": []},
                logGroupName=GROUP,
                logStreamName=stream,
                startFromHead=True,
                **({"nextToken": token} if token else {}),
            )
            for event in page.get("events", []):
                yield event["message"].rstrip("\n")
            following = page.get("nextForwardToken")
            # Not at an empty page: there may be more behind it.
            if following is None or following == token:
                self._tokens |= {stream: following} if following else {}
                return
            self._tokens[stream] = following


def _machine(stream: str) -> str:
    """``algo-2`` of ``JOB/algo-2-1700000000``."""
    return stream.rsplit("/", 1)[-1].rsplit("-", 1)[0]
