"""Writing down what might be done about labels, as rules that a person reads and corrects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lapel.data.cleaning.lint import KINDS, LabelPair, lint_labels
from lapel.data.dataset import Dataset
from lapel.schema.counting import counted
from lapel.schema.errors import UsageError
from lapel.storage.local import write_atomically

#: Names that mean themselves in YAML, wherever they stand.
_PLAIN = re.compile(r"[^\W\d_](?:[\w /+.-]*\w)?")


def propose_rules(dataset: Dataset, out: str | Path) -> list[LabelPair]:
    """Write rules for labels that may be one. Those that only a person can judge are comments.

    Returns:
        What the rules are about; where it is empty, the file says so.

    Raises:
        UsageError: the file exists; rules that somebody has corrected are not written over.
        StorageError: it cannot be written.
    """
    out = Path(out)
    if out.exists():
        raise UsageError(f"{out} exists; remove it, or name a new file")
    pairs = lint_labels(dataset)
    text = "\n".join(_lines(dataset.name, out.name, pairs)) + "\n"
    write_atomically(out, text.encode())
    return pairs


def _lines(name: str, file: str, pairs: Sequence[LabelPair]) -> Iterator[str]:
    yield f"# What might be done about the labels of {quoted(name)}."
    yield "# Read every line, delete what is wrong, and take the # off what is right. Then:"
    yield f"#     lapel data clean DATASET --rules {quoted(file)} --out NEW"
    yield "# More can be done: rename: {old: new}, drop: [label], at_least: 20 (training pictures)."
    for task in dict.fromkeys(pair.task for pair in pairs):
        mine = [pair for pair in pairs if pair.task == task]
        yield ""
        yield f"{quoted(task)}:"
        yield from _merges([pair for pair in mine if pair.merges])
        yield from _implications([pair for pair in mine if not pair.merges])
    if not pairs:
        yield "# Nothing was found."


def _merges(pairs: Sequence[LabelPair]) -> Iterator[str]:
    if pairs:
        yield "  merge:"
    yield from (_rule(pair) for pair in pairs if pair.sure)
    doubtful = [pair for pair in pairs if not pair.sure]
    if doubtful:
        yield "    # To be judged by a person:"
        yield from (_rule(pair) for pair in doubtful)


def _implications(pairs: Sequence[LabelPair]) -> Iterator[str]:
    """A line a label, with all that it may imply."""
    if pairs:
        yield "  imply:"
        yield f"    # To be judged by a person; they {KINDS[pairs[0].kind]}:"
    for other in dict.fromkeys(pair.other for pair in pairs):
        implied = ", ".join(quoted(pair.keep) for pair in pairs if pair.other == other)
        yield f"    # {quoted(other)}: [{implied}]"


def _rule(pair: LabelPair) -> str:
    kept, other = pair.images
    reason = f"{KINDS[pair.kind]}: {counted(kept, 'image')} and {other:,}"
    rule = f"{quoted(pair.keep)}: [{quoted(pair.other)}]"
    return f"    {rule}  # {reason}" if pair.sure else f"    # {rule}  # {reason}"


def quoted(name: str) -> str:
    """A name as it may stand in YAML: as it is, or in quotes, which a comment bears as well."""
    if _PLAIN.fullmatch(name):
        return name
    return '"' + "".join(_escaped(character) for character in name) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
