"""Where a search keeps its trials: a file beside it, or a database that several machines share.

Trials are drawn by the tree-structured Parzen estimator (TPE: Bergstra et al., "Algorithms for
Hyper-Parameter Optimization", NeurIPS 2011), as Optuna has it. Each draw has a generator of its
own, seeded by the search's seed and the number of trials before it: a search that was stopped
goes on as if it had not been.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
import sqlalchemy
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
    SQLAlchemyError,
)

from lapel.schema.errors import StorageError, UsageError
from lapel.training.tuning.ranges import Range

Pruner = Literal["median", "hyperband", "none"]

#: What a study is called where nothing else is said.
STUDY = "lapel"

#: Endings of files that are SQLite's; any other file is a journal.
SQLITE = (".db", ".sqlite", ".sqlite3")

#: Trials that end before any is ended early: a median of fewer says little.
MEDIAN_FROM = 4

#: Share of a recipe's epochs in which no trial is ended early: rates are still rising. The first
#: epoch is never the last.
UNTOUCHED = 0.25

#: Trials that must be done before it is said which key mattered.
IMPORTANCE_FROM = 8

#: Times that tables are asked for, where several machines begin at the same moment.
MAKING = 5

FACTS = "facts"


def open_study(place: str, name: str) -> optuna.Study:
    """The study of a name at a place; it is made where there is none.

    Args:
        place: a URL of a database, a file of SQLite (``.db``), or any other file: a journal.
        name: of the study, of which a place may hold several.

    Raises:
        UsageError: no such kind of database, or its driver is not installed.
        StorageError: it cannot be reached, or belongs to another version of Optuna.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the command shows its own progress
    with reaching(place), _without_experimental_warnings():
        try:
            storage = _made(place)
        except (ArgumentError, NoSuchModuleError) as error:
            raise UsageError(
                f"--study {shown(place)} is no address of a database: {error}; expected such as "
                "postgresql://user@host/name, or a file"
            ) from None
        except ImportError as error:
            raise UsageError(
                f"--study {shown(place)} needs a driver that is not installed: {error}. For "
                "PostgreSQL: pip install pg8000"
            ) from None
        except RuntimeError as error:  # Optuna's word for tables of another version
            raise StorageError(f"the study at {shown(place)} cannot be used: {error}") from error
        return optuna.create_study(
            storage=storage, study_name=name, direction="maximize", load_if_exists=True
        )


def _made(place: str) -> RDBStorage | JournalStorage:
    """A place with its tables; of several that make them at once, one does, and the others wait."""
    for attempt in range(MAKING):
        try:
            return _storage(place)
        except (IntegrityError, ProgrammingError, StorageInternalError):
            if attempt + 1 == MAKING:
                raise
            time.sleep(0.5 * (attempt + 1))
    raise AssertionError  # it returns or raises


def _storage(place: str) -> RDBStorage | JournalStorage:
    if "://" in place:
        url = sqlalchemy.make_url(place)
        if url.drivername in {"postgres", "postgresql"}:
            url = url.set(
                drivername="postgresql+pg8000"
            )  # the driver that comes without a compiler
        text = url.render_as_string(hide_password=False)
        return RDBStorage(text, engine_kwargs={"pool_pre_ping": True})
    path = Path(place).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in SQLITE:
            file = sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string()
            return RDBStorage(file, engine_kwargs={"connect_args": {"timeout": 60}})
        return JournalStorage(JournalFileBackend(str(path)))
    except OSError as error:
        raise StorageError(f"{path} could not be opened: {error.strerror or error}") from error


def shown(place: str) -> str:
    """A place as it may be printed and kept: without a password."""
    if "://" not in place:
        return place
    try:
        return sqlalchemy.make_url(place).render_as_string(hide_password=True)
    except ArgumentError:
        return place.partition("://")[0] + "://..."


@contextmanager
def reaching(place: str) -> Iterator[None]:
    """Work on a study; a place that cannot be reached is said so.

    Raises:
        StorageError: it cannot be reached, or refuses.
    """
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        if isinstance(error, (ArgumentError, NoSuchModuleError)):
            raise
        cause = getattr(error, "orig", None) or error.__cause__ or error
        said = " ".join(str(cause).split())[:300]
        raise StorageError(
            f"the study at {shown(place)} could not be reached: {said}. What was learned is "
            "saved; once it is there, the same command goes on"
        ) from error


@contextmanager
def _without_experimental_warnings() -> Iterator[None]:
    """Optuna calls some of its parts experimental; which of them are used is ours to decide."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def agree(study: optuna.Study, facts: Mapping[str, Any], place: str) -> None:
    """See that a study searches the same as this command; a new one is told what it searches.

    Raises:
        UsageError: it searches something else; says what differs.
    """
    former = study.user_attrs.get(FACTS)
    if former is None:
        study.set_user_attr(FACTS, json.dumps(facts))
        former = study.user_attrs[FACTS]  # of two that come together, both see the last word
    kept = json.loads(former)
    apart = [name for name in facts if kept.get(name) != facts[name]]
    if apart:
        raise UsageError(
            f"the study {study.study_name!r} at {shown(place)} searches with other "
            f"{', '.join(apart)}; give this search another --name, or another --study"
        )


def distributions(ranges: Sequence[Range]) -> dict[str, BaseDistribution]:
    """The ranges in Optuna's words."""
    return {one.key: _distribution(one) for one in ranges}


def _distribution(one: Range) -> BaseDistribution:
    if one.kind == "choice":
        return CategoricalDistribution(one.choices)
    if one.kind == "integer":
        return IntDistribution(int(one.low), int(one.high), log=one.log, step=int(one.step or 1))
    return FloatDistribution(one.low, one.high, log=one.log, step=one.step)


def sampler_of(seed: int, draw: int, *, search: bool = True) -> optuna.samplers.BaseSampler:
    """What draws the values of one trial.

    Args:
        seed: of the search.
        draw: trials before it.
        search: whether former trials are looked at; false: any values are as likely.
    """
    own = int(np.random.SeedSequence([seed, draw]).generate_state(1, np.uint32)[0])
    with _without_experimental_warnings():
        if not search:
            return optuna.samplers.RandomSampler(seed=own)
        # constant_liar: what runs elsewhere counts as tried, so that it is not drawn twice.
        return optuna.samplers.TPESampler(seed=own, multivariate=True, constant_liar=True)


def pruner_of(kind: Pruner, epochs: float) -> optuna.pruners.BasePruner:
    """What ends trials early that are worse than others were at the same epoch.

    Args:
        kind: ``median``: worse than the median of those before it, after a quarter of the epochs;
            ``hyperband``: successive halving with several beginnings (Li et al. 2018, "Hyperband",
            JMLR 18(185)); ``none``.
        epochs: of the recipe.
    """
    makers: dict[Pruner, Callable[[], optuna.pruners.BasePruner]] = {
        "median": lambda: optuna.pruners.MedianPruner(
            n_startup_trials=MEDIAN_FROM, n_warmup_steps=max(2, int(UNTOUCHED * epochs) + 1)
        ),
        "hyperband": lambda: optuna.pruners.HyperbandPruner(
            min_resource=1, max_resource=max(1, round(epochs)), reduction_factor=3
        ),
        "none": optuna.pruners.NopPruner,
    }
    with _without_experimental_warnings():
        return makers[kind]()


def importance_of(study: optuna.Study) -> dict[str, float]:
    """Key to the share of the differences between scores that it explains; greatest first.

    By fANOVA (Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter
    Importance", ICML 2014): the variance, over all values, of a forest of trees that was fitted to
    the trials. Empty where too few trials are done.
    """
    done = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    if len(done) < IMPORTANCE_FROM or len({trial.value for trial in done}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of trials that are too much alike
        found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return {key: float(share) for key, share in found.items()}
