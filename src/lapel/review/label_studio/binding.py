"""Which control of a labelling configuration asks which task, and by which words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lapel.review.label_studio.config import AREAS, Config, Control
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import BACKGROUND

#: Type of a control's results to the kinds of task that can answer, the likelier first.
FITTING = {
    "choices": ("single_label", "multi_label"),
    "taxonomy": ("multi_label", "single_label"),
    "rating": ("single_label",),
    "keypointlabels": ("landmarks", "garments"),
    "rectanglelabels": ("garments",),
    "polygonlabels": ("garments", "segmentation"),
    "brushlabels": ("segmentation", "garments"),
}

#: What the names of controls end with that ask more of a task's garments.
OUTLINE, MASK, POINTS = "-outline", "-mask", "-points"

#: The name of the controls, and the choice in them, that say of a point that something hides it.
HIDDEN_SUFFIX, HIDDEN_CHOICE = "-hidden", "hidden"

#: What a control's name is made of; other letters become ``_``.
_STRANGE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A control and the task that answers it.

    Attributes:
        control: asks.
        task: answers.
        labels: the task's words (of points: of its garments') to the control's.
    """

    control: Control
    task: TaskSpec
    labels: Mapping[str, str]

    def ours(self, word: str) -> str | None:
        """The task's word for one of the control's."""
        return next((mine for mine, theirs in self.labels.items() if theirs == word), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What of a configuration a schema answers.

    Attributes:
        config: the configuration.
        image: name of the image that is looked at.
        bound: controls with their tasks, in the configuration's order.
        notes: what is asked and not answered, or answered and not asked, in sentences.
    """

    config: Config
    image: str
    bound: tuple[Bound, ...]
    notes: tuple[str, ...]

    @property
    def key(self) -> str:
        """Where the address of the picture stands in the data of a task."""
        return self.config.images[self.image]

    def of(self, task: str, *types: str, per_region: bool = False) -> Iterator[Bound]:
        """The controls that ask a task and have results of these types."""
        return (
            one
            for one in self.bound
            if one.task.name == task
            and one.control.type in types
            and one.control.per_region is per_region
        )

    def of_points(self) -> Iterator[Bound]:
        """The controls that ask for points of each garment."""
        return (one for one in self.bound if one.control.type == "keypointlabels")

    def of_regions(self) -> Iterator[Bound]:
        """The controls that ask of each garment what it is like."""
        return (one for one in self.bound if one.control.per_region)


def control_name(task: str) -> str:
    """What the control of a task is called: its name, without blanks and the like."""
    return _STRANGE.sub("_", task)


def bind(config: Config, schema: Schema, of_garments: Schema | None = None) -> Binding:
    """Find for each control the task that answers it: by its name, else by its words.

    Words are the same whatever their case, and whether blanks, ``_`` or ``-`` part them.

    Args:
        config: what is asked.
        schema: what is answered of a photo.
        of_garments: what is answered of each garment in it, by another model.
    """
    image = _image(config)
    bound, notes = [], [f"{name} is not answered" for name in config.left_out]
    for control in config.controls:
        if control.image != image or _is_state(control):
            continue
        asked = of_garments if control.per_region else schema
        found = None if asked is None else _bound(control, asked)
        if found is None and of_garments is not None and control.type == "keypointlabels":
            found = _bound(control, of_garments)
        if found is None:
            notes.append(f"{control.name} is not answered: no task has its words")
            continue
        bound.append(found)
        notes += _strangers(found)
    asked_of = {one.task.name for one in bound}
    everything = [*schema, *(of_garments or ())]
    notes += [
        f"task '{task.name}' is not asked" for task in everything if task.name not in asked_of
    ]
    return Binding(config=config, image=image, bound=tuple(bound), notes=tuple(notes))


def _image(config: Config) -> str:
    """The image that most controls ask of; the first where there are none."""
    names = [control.image for control in config.controls] or list(config.images)
    return max(dict.fromkeys(names), key=names.count)


def _is_state(control: Control) -> bool:
    """Whether it says something of a point that was placed, and asks no task."""
    return control.per_region and control.labels == (HIDDEN_CHOICE,)


def _bound(control: Control, schema: Schema) -> Bound | None:
    fitting = [task for task in schema if task.kind in FITTING[control.type]]
    named = [task for task in fitting if control_name(task.name) in _names(control.name)]
    order = FITTING[control.type]
    shared = [(len(_shared(control, task)), -order.index(task.kind), task) for task in fitting]
    best = max(shared, key=lambda one: one[:2], default=None)
    task = named[0] if named else (best[2] if best is not None and best[0] else None)
    if task is None:
        return None
    return Bound(control=control, task=task, labels=_shared(control, task))


def _names(control: str) -> set[str]:
    """What the task may be called that a control of this name asks."""
    endings = (OUTLINE, MASK, POINTS)
    return {control, *(control.removesuffix(ending) for ending in endings)}


def _shared(control: Control, task: TaskSpec) -> dict[str, str]:
    """The task's words that the control has, to the control's."""
    theirs = {plain(word): word for word in reversed(control.labels)}
    exact = set(control.labels)
    return {
        word: word if word in exact else theirs[plain(word)]
        for word in _words(control, task)
        if word in exact or plain(word) in theirs
    }


def _words(control: Control, task: TaskSpec) -> Sequence[str]:
    of_points = control.type == "keypointlabels" and task.kind == "garments"
    return task.point_names if of_points else task.labels


def plain(word: str) -> str:
    """A word without what spellings differ in."""
    return " ".join(word.replace("_", " ").replace("-", " ").split()).casefold()


def _strangers(one: Bound) -> Iterator[str]:
    """Words of the control that the task lacks, and the other way."""
    mine = [word for word in _words(one.control, one.task) if word not in one.labels]
    if one.control.type in AREAS and BACKGROUND in mine:
        mine.remove(BACKGROUND)  # what nobody paints
    taken = set(one.labels.values())
    theirs = [word for word in one.control.labels if word not in taken]
    for words, lacks in ((theirs, f"task '{one.task.name}'"), (mine, "the control")):
        if words:
            shown = ", ".join(words[:8]) + (", ..." if len(words) > 8 else "")
            yield f"{one.control.name}: {lacks} has no {shown}"
