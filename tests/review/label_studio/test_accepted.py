"""How much of what a model proposed people left as it was."""

from __future__ import annotations

from typing import Any

from lapel.review.label_studio.accepted import accepted


def choice(name: str, *labels: str) -> dict[str, Any]:
    return {"from_name": name, "type": "choices", "value": {"choices": list(labels)}}


def box(x: float, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": 1, "width": 5, "height": 5, "rotation": 0, "rectanglelabels": ["top"]}
    return {"id": "b", "from_name": "boxes", "type": "rectanglelabels", "value": value, **more}


def task(
    proposed: list[dict[str, Any]] | None, said: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    prediction = {} if proposed is None else {"id": 5, "result": proposed}
    return {"annotations": [{"result": said, "prediction": prediction, **more}]}


def test_what_was_left_changed_added_and_taken_away() -> None:
    found = accepted(
        [
            # As proposed, in another order and with an editor's rounding.
            task([choice("c", "a", "b"), box(10)], [box(10.00001), choice("c", "b", "a")]),
            # One of two changed.
            task([choice("c", "a"), box(10)], [choice("c", "b"), box(10)]),
            # The box taken away.
            task([choice("c", "a"), box(10)], [choice("c", "a")]),
            # A box added.
            task([choice("c", "a")], [choice("c", "a"), box(10)]),
            # Without a prediction, and skipped.
            task(None, [choice("c", "a")]),
            task([choice("c", "a")], [], was_cancelled=True),
        ]
    )
    assert (found.annotated, found.proposed, found.unchanged) == (5, 4, 1)
    assert found.by_control == {"boxes": (2, 4), "c": (3, 4)}


def test_where_label_studio_kept_no_prediction_the_parent_counts() -> None:
    one = {"annotations": [{"result": [choice("c", "a")], "parent_prediction": 7}]}
    found = accepted([one], [{"id": 7, "result": [choice("c", "a")]}])
    assert (found.proposed, found.unchanged) == (1, 1)


def test_masks_are_written_anew_by_the_editor() -> None:
    def brush(*rle: int, **more: Any) -> dict[str, Any]:
        value = {"rle": list(rle), "brushlabels": ["top"]}
        return {"id": "m", "from_name": "m", "type": "brushlabels", "value": value, **more}

    same = accepted([task([brush(1, 2)], [brush(1, 3, origin="prediction")])])
    changed = accepted([task([brush(1, 2)], [brush(1, 3, origin="prediction-changed")])])
    assert (same.unchanged, changed.unchanged) == (1, 0)
