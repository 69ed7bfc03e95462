"""What a rule found, and the file of a run that keeps it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lapel.storage.local import write_atomically

#: File of a run with all findings, in the order in which they came.
FINDINGS = "findings.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule spoke up.

    Attributes:
        rule: its name.
        step: after which it did.
        epoch: that was being learned, counted from 1; 0: before the first.
        what: what was found, and what to try, in sentences.
        stopped: whether it ended the run.
    """

    rule: str
    step: int
    epoch: int
    what: str
    stopped: bool = False

    def __str__(self) -> str:
        return f"{self.rule} at step {self.step:,}: {self.what}"


def write_findings(run: Path, findings: Sequence[Finding]) -> None:
    """Keep all findings of a run.

    Raises:
        StorageError: the disk did not take them.
    """
    data = json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)
    write_atomically(run / FINDINGS, data.encode())


def read_findings(run: Path, *, until: int | None = None) -> list[Finding]:
    """What a run found so far; nothing where nobody looked.

    Args:
        run: its folder.
        until: leave out what came after this step, which is learned again.
    """
    path = run / FINDINGS
    if not path.is_file():
        return []
    found = [Finding(**entry) for entry in json.loads(path.read_text("utf-8"))]
    return [finding for finding in found if until is None or finding.step <= until]
