"""Who watches a run, as its recipe says, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lapel.models.heads.base import LabelCounts
from lapel.training.loop.learn import Watcher
from lapel.training.loop.learner import Learner
from lapel.training.run.folder import RunFolder
from lapel.training.watching.page import write_page
from lapel.training.watching.profile import ProfileWatcher
from lapel.training.watching.watch import RuleWatcher


def who_watches(
    learner: Learner,
    run: RunFolder,
    counts: Mapping[str, LabelCounts],
    say: Callable[[str], None],
) -> list[Watcher]:
    """The watchers that a recipe asks for; perhaps none.

    Args:
        learner: what is watched.
        run: where they write.
        counts: of each task's labels among the training pictures.
        say: told of what rules find.

    Raises:
        RecipeError: a rule to stop on that is not there.
    """
    watch = learner.recipe.watch
    watchers: list[Watcher] = []
    if watch.rules or watch.stop_on:
        watchers.append(RuleWatcher(learner, run, counts, say))
    if watch.profile and learner.group.first:
        watchers.append(ProfileWatcher(learner, run.folder, steps=watch.profile_steps))
    return watchers


def write_down(learner: Learner, run: RunFolder, say: Callable[[str], None]) -> None:
    """Write the page of a run that was watched, and say where it is.

    Raises:
        StorageError: the disk did not take it.
    """
    watch = learner.recipe.watch
    ruled = watch.rules or bool(watch.stop_on)
    if learner.group.first and (ruled or watch.profile):
        say(f"What was watched: {write_page(run.folder, rules=ruled)}")
