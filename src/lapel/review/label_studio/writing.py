"""A schema as a labelling configuration, and a configuration as a schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import quoteattr

from lapel.review.label_studio.binding import (
    FITTING,
    HIDDEN_CHOICE,
    HIDDEN_SUFFIX,
    MASK,
    OUTLINE,
    POINTS,
    control_name,
)
from lapel.review.label_studio.config import AREAS, Config, Control
from lapel.schema.errors import UsageError
from lapel.schema.labels import Schema, TaskSpec
from lapel.schema.masks import BACKGROUND

#: The name of the image, and the key of its address in the data of a task.
IMAGE, KEY = "image", "image"

#: Kinds of task that are asked in words alone.
_OF_WORDS = ("single_label", "multi_label")

#: More labels than these stand in a list that is searched, not side by side.
SIDE_BY_SIDE = 40

#: Colours that are told apart on photos and by most eyes: Okabe and Ito, "Color Universal Design"
#: (2008), without black; then around again.
_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")


def config_xml(schema: Schema) -> str:
    """A labelling configuration that asks every task of a schema.

    A ``single_label`` becomes choices of which one is taken, a ``multi_label`` choices of any,
    ``landmarks`` key points with a mark for those that something hides, ``segmentation`` brushes
    of every class but the background, ``garments`` rectangles, with outlines, brushes and points
    beside them. Tasks of words come before the others.
    """
    image = f'<Image name="{IMAGE}" value="${KEY}" zoom="true" zoomControl="true"/>'
    asked = [(task.kind in _OF_WORDS, list(_controls(task))) for task in schema]
    # Words stand beside the photo, so that both are seen at once.
    beside = [line for of_words, lines in asked if of_words for line in lines]
    over = [line for of_words, lines in asked if not of_words for line in lines]
    if not beside:
        return _view([*over, image])
    # First in the file, since that is the order of the tasks; to the right on the screen.
    columns = [*_column(2, beside), *_column(3, [*over, image])]
    return _view(columns, style="display: flex; flex-direction: row-reverse; gap: 24px")


def _view(lines: Sequence[str], style: str = "") -> str:
    inner = "\n".join(f"  {line}" for line in lines)
    return f"<View{_styled(style)}>\n{inner}\n</View>\n"


def _column(share: int, lines: Sequence[str]) -> list[str]:
    opened = f"<View{_styled(f'flex: {share} 1 0; min-width: 0')}>"
    return [opened, *(f"  {line}" for line in lines), "</View>"]


def _styled(style: str) -> str:
    return f' style="{style}"' if style else ""


def _controls(task: TaskSpec) -> Iterator[str]:
    name = control_name(task.name)
    yield f"<Header value={quoteattr(task.name)}/>"
    if task.kind in ("single_label", "multi_label"):
        yield from _choices(name, task.labels, single=task.kind == "single_label")
    elif task.kind == "landmarks":
        yield from _points(name, task.labels)
    elif task.kind == "segmentation":
        painted = [label for label in task.labels if label != BACKGROUND]
        yield from _labels("BrushLabels", name, painted or task.labels)
    elif task.kind == "garments":
        yield from _labels("RectangleLabels", name, task.labels, ' smart="true"')
        yield from _labels("PolygonLabels", name + OUTLINE, task.labels)
        yield from _labels("BrushLabels", name + MASK, task.labels)
        if task.point_names:
            yield from _points(name + POINTS, task.point_names)
    else:
        raise UsageError(
            f"task '{task.name}' is {task.kind}, which Label Studio's controls do not ask; leave "
            "it out"
        )


def _choices(name: str, labels: Sequence[str], *, single: bool) -> Iterator[str]:
    choice = "single" if single else "multiple"
    layout = ' layout="select"' if len(labels) > SIDE_BY_SIDE else ' showInline="true"'
    yield f'<Choices name="{name}" toName="{IMAGE}" choice="{choice}"{layout}>'
    yield from (f"  <Choice value={quoteattr(label)}/>" for label in labels)
    yield "</Choices>"


def _points(name: str, labels: Sequence[str]) -> Iterator[str]:
    yield from _labels("KeyPointLabels", name, labels, ' strokeWidth="4"')
    yield (
        f'<Choices name="{name}{HIDDEN_SUFFIX}" toName="{IMAGE}" choice="multiple" '
        'perRegion="true" whenTagName="' + name + '">'
    )
    yield f'  <Choice value="{HIDDEN_CHOICE}"/>'
    yield "</Choices>"


def _labels(tag: str, name: str, labels: Sequence[str], more: str = "") -> Iterator[str]:
    yield f'<{tag} name="{name}" toName="{IMAGE}"{more}>'
    for place, label in enumerate(labels):
        colour = _COLOURS[place % len(_COLOURS)]
        yield f'  <Label value={quoteattr(label)} background="{colour}"/>'
    yield f"</{tag}>"


def schema_of(
    config: Config,
    *,
    kinds: Mapping[str, str] | None = None,
    points: Mapping[str, Sequence[str]] | None = None,
) -> Schema:
    """The tasks that a configuration asks.

    Rectangles and polygons are garments; brushes are a segmentation, with the background before
    its classes; key points are landmarks. Controls whose names are a task's and ``-outline``,
    ``-mask`` or ``-points`` ask more of that task's garments.

    Args:
        config: the configuration.
        kinds: name of a control to the kind of task that it is, where it is another one.
        points: of garments: category to the names of its points, in order.

    Raises:
        UsageError: a kind that a control cannot be, or of no control; controls that ask nothing,
            or garments by several tasks.
    """
    wanted = dict(kinds or {})
    tasks: dict[str, TaskSpec] = {}
    asked = [control for control in config.controls if not control.per_region]
    areas = next(
        (_home(one, asked) for one in asked if _kind(one, asked, wanted) == "garments"), ""
    )
    for control in asked:
        kind = _kind(control, asked, wanted)
        if kind == "garments" and control.type == "keypointlabels":
            continue  # of garments that another control marks
        name = areas if kind == "garments" else control.name
        labels = control.labels
        if kind == "segmentation":
            labels = tuple(dict.fromkeys((BACKGROUND, *labels)))
        before = tasks[name].labels if name in tasks and kind == "garments" else ()
        known = {label: tuple((points or {}).get(label, ())) for label in labels}
        tasks[name] = TaskSpec(
            name=name,
            kind=kind,
            labels=tuple(dict.fromkeys((*before, *labels))),
            points={label: names for label, names in known.items() if names}
            if kind == "garments"
            else {},
        )
    strangers = sorted(set(wanted) - {control.name for control in asked})
    if strangers:
        known_names = ", ".join(control.name for control in asked)
        raise UsageError(f"no control is called {', '.join(strangers)}; there are: {known_names}")
    if not tasks:
        raise UsageError(
            "the labelling configuration asks nothing that becomes a task: it needs Choices, "
            "Taxonomy, Rating, KeyPointLabels, RectangleLabels, PolygonLabels or BrushLabels"
        )
    return Schema(tuple(tasks.values()))


def _home(control: Control, all_of_them: Sequence[Control]) -> str:
    """The name of the control that this one asks more of, or its own."""
    names = {one.name for one in all_of_them}
    for ending in (OUTLINE, MASK, POINTS):
        if control.name.removesuffix(ending) in names - {control.name}:
            return control.name.removesuffix(ending)
    return control.name


def _kind(control: Control, all_of_them: Sequence[Control], wanted: Mapping[str, str]) -> str:
    kind = wanted.get(control.name)
    if kind is not None:
        if kind not in FITTING[control.type]:
            fitting = ", ".join(FITTING[control.type])
            raise UsageError(f"{control.name} cannot be {kind}; it can be: {fitting}")
        return kind
    if _home(control, all_of_them) != control.name:
        return "garments"
    if control.type in ("choices", "taxonomy"):
        return "single_label" if control.single else "multi_label"
    if control.type in AREAS:
        return "segmentation" if control.type == "brushlabels" else "garments"
    return FITTING[control.type][0]
