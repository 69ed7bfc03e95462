"""K-Fashion's vocabulary: its fields, its words in their order, and English for each.

The Korean words of ``words.tsv`` are those of two public programs that read the data set:
the category, length, sleeve, neckline, collar, fit and material of ``dataset.py`` in K-COORD's
K-Fashion, the colours, prints and details of a public K-Fashion client, and the styles of the
TensorFlow Datasets builder ``k_fashion_image`` with 기타 (other), which K-COORD's program adds.
The English is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

from lapel.schema.labels import TaskSpec

WORDS_FILE = "words.tsv"

#: The parts of a dressed person that the data set tells apart.
PARTS = {"상의": "top", "하의": "bottom", "아우터": "outerwear", "원피스": "one-piece"}

#: The field of the whole picture; it has a second answer, too.
STYLE, SECOND_STYLE = "스타일", "서브스타일"
COLOUR, SECOND_COLOUR = "색상", "서브색상"

#: Fields in English; those of a part in the order of our tasks.
FIELDS = {
    "카테고리": "category",
    "색상": "colour",
    "서브색상": "second colour",
    "기장": "length",
    "소매기장": "sleeve length",
    "넥라인": "neckline",
    "옷깃": "collar",
    "핏": "fit",
    "소재": "material",
    "프린트": "print",
    "디테일": "detail",
}
STYLES = {STYLE: "style", SECOND_STYLE: "second style"}

#: Fields that hold a list.
MANY = frozenset({"소재", "프린트", "디테일"})

#: What other versions of the data call a field, and ours.
FIELD_SPELLINGS = {"카라": "옷깃", "칼라": "옷깃"}

#: What other versions of the data call a label, and ours.
WORD_SPELLINGS = {
    "홀터넥": "홀토넥",
    "원숄더": "원 숄더",
    "테일러드칼라": "테일러칼라",
    "노말": "노멀",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A task of the data set.

    Attributes:
        part: one of ``PARTS``; empty for the whole picture.
        field: the key in the file.
        english: what it asks, in English.
        words: label to English, in the vocabulary's order.
    """

    part: str
    field: str
    english: str
    words: dict[str, str]

    @property
    def task(self) -> str:
        """The task's name, such as ``상의_카테고리``."""
        return f"{self.part}_{self.field}" if self.part else self.field

    def spec(self, more: tuple[str, ...] = ()) -> TaskSpec:
        """The task, with labels beyond the vocabulary last."""
        kind = "multi_label" if self.field in MANY else "single_label"
        return TaskSpec(name=self.task, kind=kind, labels=(*self.words, *more))


@cache
def questions() -> tuple[Question, ...]:
    """All that the data set asks: the styles first, then each part's fields."""
    words = _words()
    found = [
        Question(part="", field=field, english=english, words=words[STYLE, ""])
        for field, english in STYLES.items()
    ]
    for part, part_english in PARTS.items():
        for field, english in FIELDS.items():
            key = COLOUR if field == SECOND_COLOUR else field
            if (key, part) in words:
                question = Question(
                    part=part,
                    field=field,
                    english=f"{part_english} {english}",
                    words=words[key, part],
                )
                found.append(question)
    return tuple(found)


@cache
def question_of(task: str) -> Question | None:
    """The question that a task asks; None for one that is not of the data set."""
    return next((question for question in questions() if question.task == task), None)


def _words() -> dict[tuple[str, str], dict[str, str]]:
    """Field and part to their words in Korean and English."""
    text = resources.files(__package__).joinpath(WORDS_FILE).read_text("utf-8")
    words: dict[tuple[str, str], dict[str, str]] = {}
    for line in text.splitlines()[1:]:
        field, parts, korean, english = line.split("\t")
        for part in parts.split(","):
            words.setdefault((field, part), {})[korean] = english
    return words
