"""What stands of all that was said of a picture."""

from __future__ import annotations

from collections.abc import Iterable

from lapel.review.records import ANSWERED, SKIPPED, UNDONE

#: Number and action of a submission.
Said = tuple[int, str]


def what_stands(submissions: Iterable[tuple[int, str, str]], overlap: int) -> dict[str, Said]:
    """What each person's word on a picture is now.

    A person's last submission counts that was not taken back. Where one opinion is asked for,
    whoever answers after another person has seen that answer, and mends it: the last one stands.

    Args:
        submissions: number, annotator and action of each, in the order in which they were made.
        overlap: how many opinions are asked for.

    Returns:
        Annotator to their submission.
    """
    said: dict[str, list[Said]] = {}
    for number, annotator, action in submissions:
        stack = said.setdefault(annotator, [])
        if action != UNDONE:
            stack.append((number, action))
        elif stack:
            stack.pop()
    standing = {annotator: stack[-1] for annotator, stack in said.items() if stack}
    answers = [one for one in standing.values() if one[1] == ANSWERED]
    if overlap > 1 or len(answers) < 2:
        return standing
    last = max(answers)
    return {name: one for name, one in standing.items() if one == last or one[1] == SKIPPED}
