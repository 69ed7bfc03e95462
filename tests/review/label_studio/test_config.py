"""Labelling configurations: read with care, made of schemas, and which task answers what."""

from __future__ import annotations

import time

import pytest
from everything_asked import EVERYTHING

from lapel.review.label_studio.binding import bind
from lapel.review.label_studio.config import Config, parse_config
from lapel.review.label_studio.writing import config_xml, schema_of
from lapel.schema.errors import FormatError, UsageError
from lapel.schema.labels import Schema, TaskSpec


def read(*controls: str) -> Config:
    return parse_config(f'<View><Image name="photo" value="$url"/>{"".join(controls)}</View>')


def test_a_schema_becomes_a_configuration_and_a_schema_again() -> None:
    config = parse_config(config_xml(EVERYTHING))
    points = {"top": ("left shoulder", "right shoulder")}
    assert schema_of(config, points=points) == EVERYTHING
    binding = bind(config, EVERYTHING)
    assert binding.notes == ()
    assert binding.key == "image"
    asked = {(one.control.name, one.task.name) for one in binding.bound}
    assert asked == {
        ("category", "category"),
        ("tags", "tags"),
        ("landmarks", "landmarks"),
        ("parsing", "parsing"),
        ("garments", "garments"),
        ("garments-outline", "garments"),
        ("garments-mask", "garments"),
        ("garments-points", "garments"),
    }


def test_names_with_blanks_are_found_again() -> None:
    schema = Schema((TaskSpec(name="sleeve length", kind="single_label", labels=("long",)),))
    (bound,) = bind(parse_config(config_xml(schema)), schema).bound
    assert (bound.control.name, bound.task.name) == ("sleeve_length", "sleeve length")


def test_controls_of_every_kind_are_read() -> None:
    config = read(
        '<Choices name="c" toName="photo"><View><Choice value="a" alias="A"/></View>'
        '<Choice value="b"/></Choices>',
        '<Choices name="m" toName="photo" choice="multiple"><Choice value="x"/></Choices>',
        '<Taxonomy name="t" toName="photo"><Choice value="Top"><Choice value="Shirt"/>'
        '<Choice value="Plain"/></Choice><Choice value="Skirt"><Choice value="Plain"/></Choice>'
        "</Taxonomy>",
        '<Rating name="r" toName="photo" maxRating="3"/>',
        '<Choices name="p" toName="photo" perRegion="true"><Choice value="x"/></Choices>',
        '<TextArea name="note" toName="photo"/>',
        '<Choices name="of nothing" toName="elsewhere"><Choice value="x"/></Choices>',
    )
    found = {control.name: control for control in config.controls}
    assert config.images == {"photo": "url"}
    assert found["c"].labels == ("A", "b")
    assert found["c"].single
    assert not found["m"].single
    assert found["t"].labels == ("Shirt", "Top / Plain", "Skirt / Plain")
    assert found["t"].path_of("Top / Plain") == ("Top", "Plain")
    assert found["r"].labels == ("1", "2", "3")
    assert found["p"].per_region
    assert config.left_out == ("note (TextArea)", "of nothing (Choices)")
    kinds = {task.name: task.kind for task in schema_of(config)}
    assert kinds == {
        "c": "single_label",
        "m": "multi_label",
        "t": "multi_label",
        "r": "single_label",
    }


BOMB = '<!DOCTYPE v [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><View>&b;</View>'
IMAGE = '<Image name="i" value="$image"/>'
OUTSIDE = '<!DOCTYPE v [<!ENTITY a SYSTEM "file:///etc/passwd">]><View>&a;</View>'


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        (BOMB, "found a document type"),
        (OUTSIDE, "found a document type"),
        ("<View>&nothing;</View>", "no XML"),
        ("<View>", "no XML"),
        ("", "no XML"),
        ("\0", "no XML"),
        ("<View/>", "no Image"),
        ('<View><Image name="i" value="fixed.jpg"/></View>', "a name, and \\$KEY"),
        ("<View>" * 200, "elements without end"),
        ("<a>" + "x" * 1_000_001, "1,000,004 letters"),
        ("<View>\ud800</View>", "no XML"),
        (f'<View>{IMAGE}<Rating name="r" toName="i" maxRating="1001"/></View>', "at most 1000"),
        (f'<View>{IMAGE}<Rating name="r" toName="i" maxRating="{"9" * 5000}"/></View>', "at most"),
    ],
)
def test_what_is_no_configuration_is_refused(xml: str, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        parse_config(xml)


def test_forty_thousand_words_take_no_time() -> None:
    words = "".join(f'<Choice value="{number}"/>' for number in range(40_000))
    begun = time.perf_counter()
    config = parse_config(f'<View>{IMAGE}<Taxonomy name="t" toName="i">{words}</Taxonomy></View>')
    assert len(config.controls[0].labels) == 40_000
    assert time.perf_counter() - begun < 5  # word by word against all others it takes a minute


def test_words_are_found_in_other_spellings_and_strangers_are_told() -> None:
    schema = Schema(
        (
            TaskSpec(name="category", kind="single_label", labels=("long dress", "Skirt", "coat")),
            TaskSpec(name="tags", kind="multi_label", labels=("lace",)),
        )
    )
    config = read(
        '<Choices name="what" toName="photo"><Choice value="Long_Dress"/><Choice value="skirt"/>'
        '<Choice value="hat"/></Choices>',
        '<RectangleLabels name="boxes" toName="photo"><Label value="Skirt"/></RectangleLabels>',
    )
    binding = bind(config, schema)
    (bound,) = binding.bound
    assert bound.labels == {"long dress": "Long_Dress", "Skirt": "skirt"}
    assert bound.ours("Long_Dress") == "long dress"
    assert bound.ours("hat") is None
    assert binding.notes == (
        "what: task 'category' has no hat",
        "what: the control has no coat",
        "boxes is not answered: no task has its words",
        "task 'tags' is not asked",
    )


def test_controls_may_be_another_kind_of_task() -> None:
    config = read(
        '<PolygonLabels name="areas" toName="photo"><Label value="dress"/></PolygonLabels>',
        '<BrushLabels name="each" toName="photo"><Label value="dress"/></BrushLabels>',
    )
    assert [task.kind for task in schema_of(config)] == ["garments", "segmentation"]
    other = schema_of(config, kinds={"areas": "segmentation", "each": "garments"})
    assert [task.kind for task in other] == ["segmentation", "garments"]
    with pytest.raises(UsageError, match="areas cannot be single_label; it can be: garments"):
        schema_of(config, kinds={"areas": "single_label"})
    with pytest.raises(UsageError, match="no control is called nobody; there are: areas, each"):
        schema_of(config, kinds={"nobody": "garments"})


def test_a_configuration_that_asks_nothing() -> None:
    with pytest.raises(UsageError, match="asks nothing that becomes a task"):
        schema_of(read())
