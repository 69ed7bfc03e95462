"""Labelling configurations of Label Studio, read: which controls ask what of a photo.

    <View>
      <Image name="image" value="$image"/>
      <Choices name="category" toName="image" choice="single">
        <Choice value="dress"/><Choice value="skirt"/>
      </Choices>
    </View>

Read with expat alone: a document type, and with it every entity of one's own, is refused before any
of it is looked at. Tags and attributes: the documentation of Label Studio 1.23, "Tags".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from lapel.schema.errors import Fault, FormatError

#: Ceilings on what is read, far above any real configuration.
MOST_LETTERS, MOST_ELEMENTS, DEEPEST = 1_000_000, 50_000, 100

#: Tag of a control to the ``type`` of its results.
CONTROLS = {
    "Choices": "choices",
    "Taxonomy": "taxonomy",
    "Rating": "rating",
    "KeyPointLabels": "keypointlabels",
    "RectangleLabels": "rectanglelabels",
    "PolygonLabels": "polygonlabels",
    "BrushLabels": "brushlabels",
}

#: Controls that mark places, and those that mark areas.
AREAS = ("rectanglelabels", "polygonlabels", "brushlabels")
PLACES = ("keypointlabels", *AREAS)

#: Controls that ask nothing of a picture's garment that a task could answer.
_KNOWN_AND_LEFT_OUT = frozenset({
    "TextArea", "Number", "DateTime", "Labels", "Rectangle", "Polygon", "KeyPoint", "Brush",
    "Ellipse", "EllipseLabels", "MagicWand", "Bitmask", "BitmaskLabels", "Vector", "VectorLabels",
    "Relations", "Ranker", "Pairwise", "ReactCode",
})  # fmt: skip

#: Stars of a rating where nobody says, and at most: each is a label.
DEFAULT_RATING, MOST_STARS = 5, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One question of a configuration.

    Attributes:
        name: of the control; what results call ``from_name``.
        image: name of the image that it is asked of; what results call ``to_name``.
        type: of its results, a value of ``CONTROLS``.
        labels: what may be answered, as results spell it; of a taxonomy the last words of
            ``paths``, or whole paths where these would be the same.
        single: whether one answer at most is given.
        per_region: whether it is asked of each region instead of the photo.
        paths: of a taxonomy: from the top down, one for each of ``labels``.
    """

    name: str
    image: str
    type: str
    labels: tuple[str, ...]
    single: bool = False
    per_region: bool = False
    paths: tuple[tuple[str, ...], ...] = ()

    def path_of(self, label: str) -> tuple[str, ...]:
        """A taxonomy's path to one of its labels."""
        return self.paths[self.labels.index(label)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A labelling configuration.

    Attributes:
        images: name of each image to the key of its address in the data of a task.
        controls: those that ask something of an image, in order.
        left_out: names of those that ask what no task here answers, with their tags.
    """

    images: Mapping[str, str]
    controls: tuple[Control, ...]
    left_out: tuple[str, ...] = ()


def parse_config(xml: str | bytes, *, file: str = "the labelling configuration") -> Config:
    """Read a labelling configuration.

    Args:
        xml: the configuration.
        file: what it is called in errors.

    Raises:
        FormatError: no XML, XML with a document type, something too large, or a configuration
            without an image.
    """
    if len(xml) > MOST_LETTERS:
        _refuse(file, f"{len(xml):,} letters", f"at most {MOST_LETTERS:,}")
    reading = _Reading(file)
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = reading.doctype
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    try:
        parser.Parse(xml, True)
    except FormatError:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:  # the latter two: its encoding
        _refuse(file, f"text that is no XML ({error})", "a labelling configuration")
    return reading.config()


@dataclass(slots=True)
class _Open:
    """A control whose end has not been seen."""

    tag: str
    attributes: Mapping[str, str]
    labels: list[str] = field(default_factory=list)
    paths: list[tuple[str, ...]] = field(default_factory=list)


class _Reading:
    """What is gathered element by element."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._elements = 0
        self._depth = 0
        self._images: dict[str, str] = {}
        self._open: list[_Open] = []
        self._done: list[_Open] = []
        self._left_out: list[str] = []
        self._path: list[str] = []
        self._parents: set[tuple[str, ...]] = set()

    def doctype(self, *_: object) -> None:
        _refuse(self._file, "a document type", "a labelling configuration, which has none")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._depth += 1
        if self._elements > MOST_ELEMENTS or self._depth > DEEPEST:
            _refuse(
                self._file, "elements without end", f"at most {MOST_ELEMENTS:,}, {DEEPEST} deep"
            )
        if tag == "Image":
            self._image(attributes)
        elif tag in CONTROLS:
            self._open.append(_Open(tag, attributes))
        elif tag in _KNOWN_AND_LEFT_OUT:
            self._left_out.append(f"{attributes.get('name', '?')} ({tag})")
        elif tag in ("Choice", "Label") and self._open:
            self._label(attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if tag in CONTROLS:
            self._done.append(self._open.pop())
        elif tag == "Choice" and self._path:
            self._path.pop()

    def _image(self, attributes: Mapping[str, str]) -> None:
        name, value = attributes.get("name", ""), attributes.get("value", "")
        if not name or not value.startswith("$"):
            _refuse(self._file, f"an Image {name!r} of value {value!r}", "a name, and $KEY")
        self._images[name] = value[1:]

    def _label(self, attributes: Mapping[str, str]) -> None:
        one = self._open[-1]
        word = attributes.get("alias") or attributes.get("value", "")
        if one.tag == "Taxonomy":
            self._path.append(word)
            self._parents.add(tuple(self._path[:-1]))
            one.paths.append(tuple(self._path))
        elif word:
            one.labels.append(word)

    def config(self) -> Config:
        if not self._images:
            _refuse(self._file, "no Image", 'one, such as <Image name="image" value="$image"/>')
        controls = []
        for one in self._done:
            control = self._control(one)
            if control is None:
                self._left_out.append(f"{one.attributes.get('name', '?')} ({one.tag})")
            else:
                controls.append(control)
        return Config(images=self._images, controls=tuple(controls), left_out=tuple(self._left_out))

    def _control(self, one: _Open) -> Control | None:
        """The control; None where it asks of no image, or has no labels."""
        found = one.attributes
        image = next(
            (name for name in found.get("toName", "").split(",") if name in self._images), ""
        )
        paths = tuple(path for path in dict.fromkeys(one.paths) if path not in self._parents)
        labels = tuple(dict.fromkeys(one.labels)) or labels_of_paths(paths)
        if one.tag == "Rating":
            labels = tuple(map(str, range(1, 1 + self._stars(found.get("maxRating", "")))))
        if not found.get("name") or not image or not labels:
            return None
        return Control(
            name=found["name"],
            image=image,
            type=CONTROLS[one.tag],
            labels=labels,
            single=_is_single(one),
            per_region=found.get("perRegion", "").lower() == "true",
            paths=paths,
        )

    def _stars(self, most: str) -> int:
        """How many a rating has."""
        if not most.isdecimal():
            return DEFAULT_RATING
        if len(most) > len(str(MOST_STARS)) or int(most) > MOST_STARS:
            _refuse(self._file, f"a Rating of {most[:20]} stars", f"at most {MOST_STARS}")
        return int(most)


def _is_single(one: _Open) -> bool:
    if one.tag == "Choices":
        return not one.attributes.get("choice", "single").startswith("multiple")
    if one.tag == "Taxonomy":
        return one.attributes.get("maxUsages") == "1"
    return one.tag == "Rating"


def labels_of_paths(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """What the ends of a taxonomy are called: their last words; whole paths where two share one."""
    count = Counter(path[-1] for path in paths)
    return tuple(path[-1] if count[path[-1]] == 1 else " / ".join(path) for path in paths)


def _refuse(file: str, found: str, expected: str) -> NoReturn:
    raise FormatError([Fault(file=file, found=found, expected=expected)])
