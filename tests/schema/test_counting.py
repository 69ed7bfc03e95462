"""Numbers in sentences."""

import pytest

from lapel.schema.counting import counted, duration


def test_one_is_one_and_others_are_several() -> None:
    assert [counted(number, "fault") for number in (0, 1, 2, 1200)] == [
        "0 faults",
        "1 fault",
        "2 faults",
        "1,200 faults",
    ]
    assert counted(1, "picture in a class", "pictures in classes") == "1 picture in a class"
    assert counted(3, "picture in a class", "pictures in classes") == "3 pictures in classes"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_time_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert duration(seconds) == words
