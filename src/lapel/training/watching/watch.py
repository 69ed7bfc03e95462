"""The watcher that lets rules look at a run, and keeps what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from lapel.models.heads.base import LabelCounts
from lapel.schema.errors import RecipeError
from lapel.training.loop.learn import Tally
from lapel.training.loop.learner import Learner
from lapel.training.loop.plan import Plan
from lapel.training.processes.sharding import whole
from lapel.training.recipe_parts import WatchPart
from lapel.training.run.folder import RunFolder
from lapel.training.watching.findings import Finding, read_findings, write_findings
from lapel.training.watching.look import Look, SilentUnits, gradients_of
from lapel.training.watching.records import Records
from lapel.training.watching.rules import RULES, EpochSeen, Rule


class Moment(NamedTuple):
    """How far a run is: steps taken, and the epoch that is being learned, counted from 1."""

    step: int
    epoch: int


def check_rules(watch: WatchPart) -> None:
    """See that the rules that a recipe names are there.

    Raises:
        RecipeError: one is not.
    """
    for name in watch.stop_on:
        if name not in RULES:
            raise RecipeError(f"watch.stop_on: no rule {name!r}; there are: {', '.join(RULES)}")


class RuleWatcher:
    """Looks at a run every so many steps and after each epoch, and tells what is wrong with it.

    In a group of processes all of them look, as a run that ends has to end in each, but the first
    alone speaks and writes.
    """

    def __init__(
        self,
        learner: Learner,
        run: RunFolder,
        counts: Mapping[str, LabelCounts],
        say: Callable[[str], None],
    ) -> None:
        """Begin to watch; the labels are looked at now.

        Raises:
            RecipeError: a rule to stop on that is not there.
        """
        self._watch = learner.recipe.watch
        check_rules(self._watch)
        self._run, self._say = run, say
        self._first = learner.group.first
        self._records = Records(run.folder, until=learner.progress.step)
        self._findings = read_findings(run.folder, until=learner.progress.step)
        said = {finding.rule for finding in self._findings}
        self._rules: dict[str, Rule] = {
            name: make() for name, make in RULES.items() if name not in said
        }
        self._silent = SilentUnits(learner.network)
        learner.clock.running = True
        self._stop = False
        self._ask(learner, lambda rule: rule.begin(learner.schema, counts))

    @property
    def findings(self) -> Sequence[Finding]:
        """What was found so far."""
        return self._findings

    def step(self, learner: Learner, plan: Plan, tally: Tally) -> None:  # noqa: ARG002 - of Watcher
        """Look, where it is time, and get ready for the next look."""
        step, every = learner.progress.step, self._watch.every
        if step % every == 0:
            gradient, relative = gradients_of(learner.network)
            if learner.norm is not None:  # clipped, it would look calm however it explodes
                gradient = float(whole(learner.norm))
            look = Look(
                step=step,
                loss=tally.latest_loss,
                gradient=gradient,
                relative=relative,
                silent=self._silent.take(),
            )
            self._records.looked(look)
            self._ask(learner, lambda rule: rule.look(look))
        if (step + 1) % every == 0:
            self._silent.listen()

    def epoch(self, learner: Learner, row: Mapping[str, float]) -> None:
        """Look at the epoch, and end the run where a rule is to end it."""
        seen = EpochSeen(
            history=learner.progress.history,
            seconds=dict(learner.clock.seconds),
            rate=row.get("learning_rate", 0.0) / max(1e-12, *learner.base_rates[-1]),
        )
        self._records.timed(int(row["epoch"]), seen.seconds)
        learner.clock.reset()
        self._ask(learner, lambda rule: rule.epoch(seen), epoch=int(row["epoch"]))
        if learner.group.agree(self._stop):
            learner.progress.finished = True
        if self._first:
            self._records.write()

    def pause(self) -> None:
        """Judging is not watched."""

    def _ask(
        self,
        learner: Learner,
        question: Callable[[Rule], str | None],
        *,
        epoch: int | None = None,
    ) -> None:
        """Ask all rules that have not spoken up; `epoch`: which has just ended, if one has."""
        at = Moment(learner.progress.step, epoch or learner.progress.epochs + 1)
        for name, rule in list(self._rules.items()):
            what = question(rule)
            if what is not None:
                del self._rules[name]  # once said is enough
                self._found(at, name, what)

    def _found(self, at: Moment, rule: str, what: str) -> None:
        finding = Finding(rule=rule, step=at.step, epoch=at.epoch, what=what)
        if rule in self._watch.stop_on:
            finding = replace(finding, stopped=True)
            self._stop = True
        self._findings.append(finding)
        if self._first:
            end = " The run ends with this epoch, as watch.stop_on says." if finding.stopped else ""
            self._say(f"Rule {finding}.{end}")
            write_findings(self._run.folder, self._findings)
