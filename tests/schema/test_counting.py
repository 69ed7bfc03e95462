"""Numbers in sentences."""

from lapel.schema.counting import counted


def test_one_is_one_and_others_are_several() -> None:
    assert [counted(number, "fault") for number in (0, 1, 2, 1200)] == [
        "0 faults",
        "1 fault",
        "2 faults",
        "1,200 faults",
    ]
    assert counted(1, "picture in a class", "pictures in classes") == "1 picture in a class"
    assert counted(3, "picture in a class", "pictures in classes") == "3 pictures in classes"
