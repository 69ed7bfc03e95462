"""A file of results in COCO's form, whoever wrote it, judged like a model's answers.

    [{"image_id": 1, "category_id": 9, "bbox": [10, 20, 30, 40], "score": 0.9}, ...]

An entry has ``bbox`` (left, top, width, height), ``segmentation`` (run lengths or outlines) or
``keypoints`` (x, y and anything, of all points of the task), or several of them; all entries the
same ones, and by these they are judged. See :mod:`lapel.evaluation.coco.files` for the numbers of
images and categories, and :mod:`lapel.evaluation.coco.forms` for files that name both themselves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from lapel.data.dataset import Dataset
from lapel.data.reading.json_records import is_number, is_whole, shown_value
from lapel.evaluation.coco.forms import Form, read_form
from lapel.imaging.outlines import garment_mask, mask_box, mask_from, run_lengths_of
from lapel.schema.counting import counted
from lapel.schema.errors import Fault, FormatError
from lapel.schema.garments import Garment
from lapel.schema.geometry import Box
from lapel.schema.labels import TaskSpec
from lapel.schema.prediction import FoundGarment, FoundLandmark
from lapel.schema.run_lengths import RunLengths, run_lengths
from lapel.tasks.placed_garments import slots_of

#: What an entry may say, and the measures that it is then judged by.
PARTS: Mapping[str, tuple[str, ...]] = {
    "bbox": ("box",),
    "segmentation": ("mask",),
    "keypoints": ("oks", "oks_visible"),
}

#: The parts in words.
_ANY = "bbox, segmentation or keypoints"

#: The box of what encloses nothing.
_NOWHERE = Box(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a file of results says.

    Attributes:
        measures: by which it can be judged.
        found: row of a picture to its garments, the surest first.
        remarks: what a reader must know of the file, in sentences.
    """

    measures: tuple[str, ...]
    found: Mapping[int, Sequence[FoundGarment]]
    remarks: tuple[str, ...] = ()


def read_results(path: Path, spec: TaskSpec, part: Dataset, whole: Dataset) -> Results:
    """Read a file of results.

    Args:
        path: the file.
        spec: the task that it answers.
        part: the rows that are judged, of one split.
        whole: the dataset that they are of.

    Raises:
        StorageError: it cannot be read.
        FormatError: entries that are no results, or of pictures or categories that there are not;
            all faults together.
    """
    form = read_form(path, spec, part, whole)
    entries = [
        (place, one) for place, one in enumerate(form.entries) if _image_of(one) not in form.aside
    ]
    first = next((one for _, one in entries if isinstance(one, dict)), {})
    # Keypoints of a task that names no landmarks are passed over.
    asked = [part for part in PARTS if part != "keypoints" or spec.point_names]
    parts = [part for part in asked if first.get(part) is not None] or ["bbox"]
    sizes = part.table.select("width", "height").rows()
    reader = _Reader(spec=spec, parts=parts, form=form, sizes=sizes)
    faults = list(_of_other_splits(path, form))
    found: dict[int, list[FoundGarment]] = defaultdict(list)
    for place, entry in entries:
        if _image_of(entry) in form.elsewhere and _image_of(entry) not in form.rows:
            continue
        wrong = reader.fault(entry)
        if wrong is not None:
            what, expected = wrong
            faults.append(Fault(file=f"{path}, entry {place}", found=what, expected=expected))
        else:
            row, garment = reader.garment(entry)
            found[row].append(garment)
    if faults:
        raise FormatError(faults, remedy="Mend the file; nothing was judged.")
    for garments in found.values():
        garments.sort(key=lambda one: -one.score)
    measures = tuple(chain.from_iterable(PARTS[part] for part in parts))
    return Results(measures=measures, found=found, remarks=form.remarks)


def _image_of(entry: Any) -> int | None:  # noqa: ANN401 - what JSON holds
    """The number of an entry's image; None where it has none."""
    number = entry.get("image_id") if isinstance(entry, dict) else None
    return number if is_whole(number) else None


def _of_other_splits(path: Path, form: Form) -> Iterator[Fault]:
    """A fault a split whose pictures have entries and are not judged."""
    numbers = Counter(
        number
        for entry in form.entries
        if (number := _image_of(entry)) is not None
        and number in form.elsewhere
        and number not in form.rows
    )
    for split, first in {form.elsewhere[number]: number for number in reversed(numbers)}.items():
        count = sum(times for number, times in numbers.items() if form.elsewhere[number] == split)
        yield Fault(
            file=str(path),
            found=f"{counted(count, 'entry', 'entries')} of pictures of split {split}, the first "
            f"with image_id {first}",
            expected=f"entries of the split that is judged; to judge those: --split {split}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Entries of one file as garments."""

    spec: TaskSpec
    parts: Sequence[str]
    form: Form
    sizes: Sequence[tuple[int, int]]

    def fault(self, entry: Any) -> tuple[str, str] | None:  # noqa: ANN401 - what JSON holds
        """What is wrong with an entry, and what was expected; None if nothing is."""
        return next(self._faults(entry), None)

    def _faults(self, entry: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - what JSON holds
        if not isinstance(entry, dict):
            yield shown_value(entry), f"an object of image_id, category_id, {self._named}, score"
            return
        image, rows = _image_of(entry), self.form.rows
        category: Any = entry.get("category_id")
        score = entry.get("score")
        if image is None or image not in rows:
            found = f"image_id {shown_value(entry.get('image_id'))}"
            yield found, f"one of the {len(rows)} pictures judged"
        elif not is_whole(category) or category not in self.form.labels:
            yield f"category_id {shown_value(category)}", self._categories
        elif not is_number(score):
            yield f"score {shown_value(score)}", "a number"
        else:
            for part in self.parts:
                if entry.get(part) is None:
                    yield f"no {part}", self._wanted
                else:
                    yield from self._part_faults(part, entry[part], self.sizes[rows[image]])

    def _part_faults(
        self,
        part: str,
        value: Any,  # noqa: ANN401 - what JSON holds
        size: tuple[int, int],
    ) -> Iterator[tuple[str, str]]:
        count = 3 * len(self.spec.point_names)
        if part == "bbox" and not (_numbers(value, 4) and value[2] >= 0 and value[3] >= 0):
            yield f"bbox {shown_value(value)}", "left, top, width, height"
        if part == "keypoints" and not _numbers(value, count):
            yield f"keypoints {shown_value(value)}", f"{count} numbers: x, y, v of each point"
        if part != "segmentation":
            return
        try:
            mask = _mask(value, size)
        except (ValueError, TypeError) as error:
            yield f"segmentation: {error}", "run lengths, or a list of outlines"
            return
        if (mask.width, mask.height) != size:
            found = f"a mask of {mask.width} x {mask.height} pixels"
            yield found, f"the picture's {size[0]} x {size[1]}"

    @property
    def _named(self) -> str:
        return ", ".join(self.parts)

    @property
    def _wanted(self) -> str:
        return f"{_ANY}, the same ones in every entry"

    @property
    def _categories(self) -> str:
        numbers = sorted(self.form.labels)
        if numbers == list(range(1, len(numbers) + 1)):
            return f"1 to {len(numbers)}"
        return "a number of the file's own category, named as a label of the dataset: " + ", ".join(
            self.spec.labels
        )

    def garment(self, entry: Mapping[str, Any]) -> tuple[int, FoundGarment]:
        """The picture's row, and what was found."""
        row = self.form.rows[entry["image_id"]]
        label = self.form.labels[entry["category_id"]]
        mask = _mask(entry["segmentation"], self.sizes[row]) if self._has("segmentation") else None
        points = self._points(entry["keypoints"], label) if self._has("keypoints") else ()
        garment = FoundGarment(
            label=label,
            score=float(entry["score"]),
            box=self._box(entry, mask, points),
            mask=mask,
            points=points,
        )
        return row, garment

    def _has(self, part: str) -> bool:
        return part in self.parts

    def _box(
        self,
        entry: Mapping[str, Any],
        mask: RunLengths | None,
        points: Sequence[FoundLandmark],
    ) -> Box:
        """As it stands there, else around the mask, else around the points."""
        if self._has("bbox"):
            return Box(*map(float, entry["bbox"]))
        if mask is not None:
            return mask_box(mask_from(mask)) or _NOWHERE
        if not points:
            return _NOWHERE
        xs, ys = [point.x for point in points], [point.y for point in points]
        left, top = min(xs), min(ys)
        return Box(left, top, max(xs) - left, max(ys) - top)

    def _points(self, values: Sequence[float], label: str) -> tuple[FoundLandmark, ...]:
        names = self.spec.point_names
        return tuple(
            FoundLandmark(
                name=names[slot],
                x=float(values[3 * slot]),
                y=float(values[3 * slot + 1]),
                visible=min(max(float(values[3 * slot + 2]), 0.0), 1.0),
            )
            for slot in slots_of(self.spec)[label]
        )


def _numbers(value: Any, count: int) -> bool:  # noqa: ANN401 - what JSON holds
    return isinstance(value, list) and len(value) == count and all(map(is_number, value))


def _mask(value: Any, size: tuple[int, int]) -> RunLengths:  # noqa: ANN401 - what JSON holds
    """Run lengths as they stand there, outlines drawn.

    Raises:
        ValueError: neither.
    """
    if isinstance(value, dict):
        return run_lengths(value)
    if not isinstance(value, list) or not all(
        isinstance(one, list) and len(one) % 2 == 0 and all(map(is_number, one)) for one in value
    ):
        raise ValueError(shown_value(value))
    outlines = tuple(tuple(zip(one[::2], one[1::2], strict=True)) for one in value)
    drawn = garment_mask(Garment(outlines=outlines), *size)
    if drawn is None:
        raise ValueError("no outline of three corners")
    return run_lengths_of(drawn)
