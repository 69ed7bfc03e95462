"""A schema with a task of every kind that Label Studio's controls ask."""

from __future__ import annotations

from lapel.schema.labels import Schema, TaskSpec

EVERYTHING = Schema(
    (
        TaskSpec(name="category", kind="single_label", labels=("dress", 'a "best" <top> & co')),
        TaskSpec(name="tags", kind="multi_label", labels=("lace", "floral", "레이스")),
        TaskSpec(name="landmarks", kind="landmarks", labels=("left cuff", "right cuff")),
        TaskSpec(name="parsing", kind="segmentation", labels=("background", "skin", "dress")),
        TaskSpec(
            name="garments",
            kind="garments",
            labels=("top", "skirt"),
            points={"top": ("left shoulder", "right shoulder")},
        ),
    )
)
