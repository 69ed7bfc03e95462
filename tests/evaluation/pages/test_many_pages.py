"""The report of a model of several tasks: an overview, and a page a task."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import many_tasks as many
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_pages import Structure

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.judged import Scene
from lapel.evaluation.kinds.multi_label import MultiLabelEvaluation
from lapel.evaluation.kinds.tag_pairs import TagPairs, share_of
from lapel.evaluation.pages.charts import shortened, text_width
from lapel.evaluation.pages.page import escaped
from lapel.evaluation.pages.tag_figures import (
    mistaken_figure,
    precision_recall_figure,
    together_figure,
)
from lapel.evaluation.pages.tag_tiles import found_tiles, invented_tiles, missed_tiles
from lapel.metrics.ranking import cuts_of
from lapel.metrics.tags import TaggedImages
from lapel.schema.annotation import Annotation, Tags
from lapel.schema.errors import StorageError
from lapel.schema.labels import Schema, TaskSpec


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many.write_many_bundle(tmp_path_factory.mktemp("many") / "bundle")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return many.write_many_dataset(tmp_path_factory.mktemp("many") / "dataset")


@pytest.fixture(scope="module")
def out(bundle: Path, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one evaluation wrote. Not to be changed."""
    folder = tmp_path_factory.mktemp("many") / "out"
    evaluate(bundle, dataset, out=folder, resamples=20)
    return folder


def test_the_overview_shows_each_task_beside_the_majority_answer(out: Path) -> None:
    text = (out / "report.html").read_text("utf-8")
    assert Structure(text).headings == ["All tasks", "As one answer", "Speed", "Provenance"]
    assert "stuck: no better than always saying “print”" in text
    assert "single_label, 3 labels, 60 images" in text
    assert "multi_label, 5 labels" in text
    assert "print <span class='soft'>100 %</span>" in text
    assert re.search(r'<span class="wrong">[+]0\.0</span>', text)


def test_every_page_stands_alone_and_leads_to_the_others(out: Path) -> None:
    pages = [out / "report.html", *sorted((out / "report").iterdir())]
    assert {page.name for page in pages[1:]} == {
        "colour.html", "light.html", "stuck.html", "색상_태그.html"
    }  # fmt: skip
    for path in pages:
        text = path.read_text("utf-8")
        page = Structure(text)
        assert not page.names & {"script", "link", "iframe", "object", "form"}
        assert "url(" not in text
        anchors = {value for _, name, value in page.attributes if name == "id"}
        for _, name, value in page.attributes:
            if name == "href" and value.startswith("#"):
                assert value[1:] in anchors
            elif name == "href":
                assert (path.parent / unquote(value)).is_file(), value
            elif name == "src":
                assert value.startswith("data:image/")


def test_the_page_of_tags_shows_what_was_found_missed_and_invented(out: Path) -> None:
    text = (out / "report" / "색상_태그.html").read_text("utf-8")
    page = Structure(text)
    assert page.headings == [
        "All numbers",
        "Per-label results",
        "Precision and recall",
        "Found",
        "Missed",
        "Invented",
        "Taken for one another",
        "Which go together",
        "Calibration",
    ]
    assert "<h1>색상/태그</h1>" in text
    assert "Labels that hold on none of these images" in text
    # A curve each for the four labels that hold somewhere.
    assert len(re.findall(r'aria-label="[^"]*precision by recall"', text)) == 4
    assert text.count("밝은") > 5


def test_a_model_of_tags_alone_has_one_page(dataset: Dataset, tmp_path: Path) -> None:
    bundle = many.write_many_bundle(tmp_path / "bundle", Schema((many.TAGGED,)))
    evaluation = evaluate(bundle, dataset, out=tmp_path / "out", resamples=20)
    assert "report" not in evaluation.files
    headings = Structure((tmp_path / "out" / "report.html").read_text("utf-8")).headings
    assert headings[0] == "All numbers"
    assert headings[-2:] == ["Speed", "Provenance"]


def test_a_file_in_the_place_of_the_pages_is_named(
    bundle: Path, dataset: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "report").write_text("mine")
    with pytest.raises(
        StorageError, match=r"report could not be made a folder: .*move what stands"
    ):
        evaluate(bundle, dataset, out=tmp_path, resamples=20)
    assert (tmp_path / "report").read_text() == "mine"


def test_hostile_tags_and_tasks_are_harmless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "../<script>alert(1)</script>"
    hostile = TaskSpec(
        name=name, kind="multi_label", labels=("=1+1", "<b>", "치마\x1b[31m", "x", "y")
    )
    readout = many.READOUT[many.TAGGED.name]
    monkeypatch.setattr(many, "READOUT", {**many.READOUT, name: readout})
    drawn = [many.picture(row) for row in range(20)]
    rows = [
        Annotation(
            image=f"images.npy#{row}",
            labels={name: Tags(("=1+1", "<b>")[: row % 3]), "colour": many.COLOURS[row % 3]},
            split="test",
        )
        for row in range(20)
    ]
    schema = Schema((many.COLOUR, hostile))
    evaluation = evaluate(
        _hostile_bundle(tmp_path / "bundle", schema),
        create_dataset(
            tmp_path / "dataset",
            name="<i>",
            schema=schema,
            annotations=rows,
            images=np.stack([pixels for pixels, _ in drawn]),
        ),
        out=tmp_path / "out",
        resamples=20,
    )
    assert "report" in evaluation.files
    pages = [tmp_path / "out" / "report.html", *(tmp_path / "out" / "report").iterdir()]
    assert len(pages) == 3
    assert not (tmp_path / "<script>alert(1)<").exists()
    for path in pages:
        text = path.read_text("utf-8")
        assert "script" not in Structure(text).names
        assert "\x1b" not in text
    for table in ("per_class.csv", "confusion.csv", "predictions.csv", "pairs.csv"):
        text = (tmp_path / "out" / table).read_text("utf-8")
        assert not re.search(r"(^|,)=", text, flags=re.MULTILINE), table


def _hostile_bundle(folder: Path, schema: Schema) -> Path:
    return many.write_many_bundle(
        folder, schema, calibration={spec.name: {"temperature": 1.0} for spec in schema}
    )


@st.composite
def some_tagged(draw: st.DrawFn) -> TaggedImages:
    """A few images of a few labels."""
    images, labels = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    return TaggedImages(
        probabilities=random.random((images, labels)),
        target=random.integers(0, 2, (images, labels), dtype=np.uint8),
        weight=(random.random((images, labels)) < 0.8).astype(np.uint8),
        thresholds=np.full(labels, 0.5),
    )


@given(some_tagged())
def test_pairs_are_what_counting_by_hand_gives(images: TaggedImages) -> None:
    found = TagPairs.of(images)
    labels = images.target.shape[1]
    for first in range(labels):
        for second in range(labels):
            known = images.known[:, first] & images.known[:, second]
            true = images.target[:, [first, second]] > 0
            said = images.predicted[:, [first, second]]
            missed = true[:, 0] & ~said[:, 0]
            invented = ~true[:, 1] & said[:, 1]
            for name, expected in (
                ("known", known),
                ("true", known & true.all(axis=1)),
                ("true_rows", known & true[:, 0]),
                ("answered", known & said.all(axis=1)),
                ("answered_rows", known & said[:, 0]),
                ("mistaken", known & missed & invented),
                ("missed", known & missed),
                ("invented", known & invented),
            ):
                assert getattr(found, name)[first, second] == expected.sum(), name


def test_shares_of_a_label_that_never_holds_are_nothing() -> None:
    shares = share_of(np.array([[4, 1], [0, 0]]), np.array([[4, 2], [0, 0]]))
    assert shares.tolist() == [[1.0, 0.5], [0.0, 0.0]]


def half_asked() -> TagPairs:
    """Ten pictures of lace, of which the first five are told so. Of every second one it is known
    whether it is of knit: three are, and all five are told so.
    """
    target, weight = np.ones((10, 2), np.uint8), np.ones((10, 2), np.uint8)
    weight[1::2, 1] = 0
    target[[0, 6], 1] = 0
    probabilities = np.ones((10, 2))
    probabilities[5:, 0] = 0.0
    return TagPairs.of(
        TaggedImages(
            probabilities=probabilities,
            target=target,
            weight=weight,
            thresholds=np.full(2, 0.5),
        )
    )


def test_which_go_together_is_told_of_images_where_both_are_known() -> None:
    pairs, names = half_asked(), ["lace", "knit"]
    labelled = together_figure(pairs.true, pairs.true_rows, names, description="")
    assert "of 5 lace, 3 (60.0 %) are knit too" in labelled
    answered = together_figure(pairs.answered, pairs.answered_rows, names, description="")
    assert "of 3 lace, 3 (100.0 %) are knit too" in answered


def test_mistakes_and_chance_are_told_of_images_where_both_are_known() -> None:
    pairs = half_asked()
    drawing = mistaken_figure(pairs.mistaken, pairs.missed, ["lace", "knit"])
    assert "knit invented: 1 (50.0 % of the images where lace was missed)" in drawing
    # Of five pictures lace is missed on two, and knit invented on two.
    assert pairs.mistaken_by_chance.tolist() == [[0.0, 0.8], [0.0, 0.0]]


def test_pictures_are_of_each_label_in_turn_the_most_telling_first(
    bundle: Path, dataset: Dataset, tmp_path: Path
) -> None:
    evaluation = evaluate(bundle, dataset, out=tmp_path, resamples=20)
    judged = evaluation.tasks[many.TAGGED.name]
    assert isinstance(judged, MultiLabelEvaluation)
    scene = Scene(images=evaluation.images, part=dataset.split("test"), learned=False)
    found = found_tiles(judged, scene)
    assert sorted(tile.label for tile in found[:4]) == sorted(many.TAGS[:4])
    best = {tile.label: tile.probability for tile in reversed(found)}
    assert all(best[tile.label] >= tile.probability >= tile.threshold for tile in found)
    missed, invented = missed_tiles(judged, scene), invented_tiles(judged, scene)
    assert len(missed) == int(judged.each.fn.sum())
    assert len(invented) == int(judged.each.fp.sum())
    assert all(tile.probability < tile.threshold for tile in missed)
    assert all(tile.label not in tile.others for tile in invented)


def test_the_curve_marks_the_threshold() -> None:
    target = np.array([1, 0, 1, 1, 0], np.uint8)
    cuts = cuts_of(np.array([0.9, 0.8, 0.7, 0.4, 0.1]), target, np.ones(5, np.uint8))
    drawing = precision_recall_figure(cuts, label="lace", average=0.8, threshold=0.5, images=5)
    assert "at its threshold 0.500: precision 66.7 %, recall 66.7 %" in drawing
    nobody = precision_recall_figure(cuts, label="lace", average=0.8, threshold=0.95, images=5)
    assert "at its threshold" not in nobody


@pytest.mark.parametrize(
    "label", ["a very long name of a garment's detail", "아주 긴 한국어 이름표"]
)
def test_long_labels_are_cut_above_their_curve_and_whole_in_its_tooltip(label: str) -> None:
    cuts = cuts_of(np.array([0.9]), np.ones(1, np.uint8), np.ones(1, np.uint8))
    drawing = precision_recall_figure(cuts, label=label, average=1.0, threshold=0.5, images=1)
    title, shown = f"{label}: AP 100.0 %", f"{shortened(label, 96)}: AP 100.0 %"
    assert f"<title>{escaped(title)}</title>" in drawing
    assert f'font-weight="600">{escaped(shown)}<' in drawing
    assert "…" in shown


@given(st.text(max_size=40), st.integers(20, 200))
def test_a_shortened_text_fits(text: str, pixels: int) -> None:
    short = shortened(text, pixels)
    assert text_width(short) <= pixels
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_a_task_shows_how_it_was_learned(bundle: Path, dataset: Dataset, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "run" / "bundle")
    (tmp_path / "run" / "log.csv").write_text(
        "epoch,train_loss,validation_accuracy,validation.colour.accuracy,"
        "validation.색상/태그.map\n1,0.9,0.4,0.5,0.3\n2,0.7,0.5,0.6,\n3,0.5,0.6,0.7,0.4\n"
    )
    evaluate(tmp_path / "run", dataset, out=tmp_path / "out", resamples=20)
    first = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert ">Mean score of the tasks</text>" in first
    headings = {
        path.stem: Structure(path.read_text("utf-8")).headings
        for path in (tmp_path / "out" / "report").iterdir()
    }
    learned = [name for name, found in headings.items() if found[-1] == "Learning curves"]
    assert sorted(learned) == ["colour", "색상_태그"]
    tags = (tmp_path / "out" / "report" / "색상_태그.html").read_text("utf-8")
    assert ">Mean average precision</text>" in tags
    assert ">Mean F1 per image</text>" not in tags


def test_pages_of_tasks_that_are_judged_no_more_are_removed(
    bundle: Path, dataset: Dataset, out: Path, tmp_path: Path
) -> None:
    """And nothing else: neither notes beside them, nor a page that a user put there."""
    again = shutil.copytree(out, tmp_path / "again")
    content = json.loads((again / "metrics.json").read_text("utf-8"))
    content["tasks"] |= {"gone": {}, "notes": {}}
    (again / "metrics.json").write_text(json.dumps(content))
    kept = set((again / "report").iterdir())
    page = next(iter(kept)).read_bytes()
    (again / "report" / "gone.html").write_bytes(page)
    (again / "report" / "notes.html").write_text("what I think of it")
    (again / "report" / "mine.html").write_bytes(page)
    evaluate(bundle, dataset, out=again, resamples=20)
    mine = {again / "report" / name for name in ("notes.html", "mine.html")}
    assert set((again / "report").iterdir()) == kept | mine
