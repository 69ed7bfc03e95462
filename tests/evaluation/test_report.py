"""The report stands alone, runs nothing, and shows what it should."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_pages import Structure

from lapel.data.dataset import Dataset
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.kinds.single_label import SingleLabelEvaluation
from lapel.evaluation.pages.curves import learning_curves
from lapel.evaluation.pages.doubtful_labels import read_doubtful
from lapel.evaluation.pages.figures import confusion_figure, reliability_figure, shown_labels
from lapel.evaluation.pages.page import escaped
from lapel.evaluation.report import write_report
from lapel.inference.bundle import Bundle, write_bundle
from lapel.metrics.calibration import bin_confidences
from lapel.schema.errors import FormatError, StorageError
from lapel.schema.labels import Schema, TaskSpec


def report_of(out: Path) -> tuple[str, Structure]:
    text = (out / "report.html").read_text("utf-8")
    return text, Structure(text)


def test_the_page_needs_no_network_and_no_scripts(
    colour_run: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    evaluate(colour_run, colour_dataset, out=tmp_path / "out", resamples=10)
    text, page = report_of(tmp_path / "out")
    assert not page.names & {"script", "link", "iframe", "object", "form"}
    assert "url(" not in text
    assert "@import" not in text
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("src", "href"):
            assert value.startswith(("data:image/", "#")), value
    assert "prefers-color-scheme: dark" in text


def test_a_run_adds_its_curves_and_doubtful_training_labels(
    colour_run: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    evaluate(colour_run, colour_dataset, out=tmp_path / "out", resamples=10)
    text, page = report_of(tmp_path / "out")
    assert page.headings == [
        "All numbers",
        "Confusion matrix",
        "Per-class results",
        "Calibration",
        "Worst mistakes",
        "Doubtful labels",
        "Learning curves",
        "Doubtful training labels",
        "Speed",
        "Provenance",
    ]
    assert "3 training images look as if they bore the wrong label" in text
    assert "gone.png" in text
    assert "not to be had" in text


def test_a_run_that_did_not_look_for_doubtful_labels_says_how_to(
    colour_run: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    (colour_run / "out_of_sample.csv").unlink()
    evaluate(colour_run, colour_dataset, out=tmp_path / "out", resamples=10)
    text, _ = report_of(tmp_path / "out")
    assert "--set doubtful_labels.folds=2" in text


def test_a_bundle_alone_has_a_report_without_them(
    colour_bundle: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    evaluate(colour_bundle, colour_dataset, out=tmp_path / "out", resamples=10)
    _, page = report_of(tmp_path / "out")
    assert "Learning curves" not in page.headings


def test_damaged_files_of_a_run_are_said_to_be_so_and_end_nothing(
    colour_run: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    (colour_run / "log.csv").write_bytes(b"epoch,\xff\xfe")
    (colour_run / "out_of_sample.csv").write_text("picture,label\na,b\n")
    evaluate(colour_run, colour_dataset, out=tmp_path / "out", resamples=10)
    text, _ = report_of(tmp_path / "out")
    assert "log.csv could not be read" in text
    assert "found picture, label, expected the columns image" in text


def test_mistakes_and_doubts_are_shown_as_pictures(
    colour_bundle: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    evaluation = evaluate(colour_bundle, colour_dataset, out=tmp_path / "out", resamples=10)
    judged = evaluation.tasks["colour"]
    assert isinstance(judged, SingleLabelEvaluation)
    wrong = int((judged.classified.predicted != judged.classified.target).sum())
    _, page = report_of(tmp_path / "out")
    pictures = [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")]
    assert wrong >= 4
    assert len(pictures) == wrong + len(judged.doubtful)


def test_the_choice_of_the_best_epoch_is_stated(
    own_colour_bundle: Path, colour_dataset: Path, tmp_path: Path
) -> None:
    before = Bundle.load(own_colour_bundle)
    chosen = {"on": "validation", "by": "colour.accuracy", "epoch": 3, "epochs": 5, "score": 0.75}
    rewrite(own_colour_bundle, before, provenance={"chosen": chosen})
    evaluation = evaluate(own_colour_bundle, colour_dataset, out=tmp_path / "out", resamples=10)
    assert evaluation.subject.chosen_on == ("validation, by colour.accuracy (0.7500), epoch 3 of 5")
    assert evaluation.subject.chosen_on in report_of(tmp_path / "out")[0]
    rewrite(own_colour_bundle, before, provenance={})
    evaluation = evaluate(own_colour_bundle, colour_dataset, out=tmp_path / "out", resamples=10)
    assert evaluation.subject.chosen_on == "not recorded in the bundle"


HOSTILE = ("<script>alert(1)</script>", "=HYPERLINK(1)", '치마\x1b[31m & "co"')


def test_hostile_labels_are_harmless_everywhere(
    own_colour_bundle: Path, make_photos: Callable[..., Dataset], tmp_path: Path
) -> None:
    schema = Schema((TaskSpec(name="colour", kind="single_label", labels=HOSTILE),))
    rewrite(own_colour_bundle, Bundle.load(own_colour_bundle), schema=schema)
    # The labels of two colours are swapped, so that there are mistakes to show.
    swapped = (HOSTILE[1], HOSTILE[0], HOSTILE[2])
    dataset = make_photos(tmp_path / "photos", labels=HOSTILE, names=swapped)
    evaluate(own_colour_bundle, dataset, out=tmp_path / "out", resamples=10)
    text, page = report_of(tmp_path / "out")
    assert "script" not in page.names
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\x1b" not in text
    table = (tmp_path / "out" / "predictions.csv").read_text("utf-8")
    assert "'=HYPERLINK" in table
    assert not re.search(r"(^|,)=", table, flags=re.MULTILINE)


def rewrite(folder: Path, bundle: Bundle, **changes: object) -> None:
    """The same bundle with some of its facts changed."""
    facts = {
        name: getattr(bundle, name)
        for name in (
            "name", "schema", "preprocess", "architecture", "calibration", "scores", "provenance"
        )
    }  # fmt: skip
    contents = {
        "model_onnx": (folder / "model.onnx").read_bytes(),
        "weights": b"",
        "card": "",
    }
    write_bundle(folder, **{**facts, **contents, **changes})


def test_names_from_outside_are_escaped_and_spelled_out() -> None:
    assert escaped("<b>&\"'\n\x1b\u202e치마") == "&lt;b&gt;&amp;&quot;&#x27;\\n\\x1b\\u202e치마"


def test_the_confusion_matrix_tells_every_cell_that_is_not_empty() -> None:
    confusion = np.array([[5, 2, 0], [0, 7, 0], [1, 0, 3]])
    drawing = confusion_figure(confusion, ["a", "b", "c"])
    titles = re.findall("<title>(.*?)</title>", drawing)
    assert titles == [
        "a → a: 5 (71.4 %)",
        "a → b: 2 (28.6 %)",
        "b → b: 7 (100.0 %)",
        "c → a: 1 (25.0 %)",
        "c → c: 3 (75.0 %)",
    ]


def test_beyond_fifty_labels_the_most_mistaken_are_shown_in_order() -> None:
    confusion = np.eye(80, dtype=np.int64) * 5
    confusion[70, 3] = 9
    confusion[8, 70] = 4
    shown = shown_labels(confusion).tolist()
    assert len(shown) == 50
    assert shown == sorted(shown)
    assert {3, 8, 70} <= set(shown)
    drawing = confusion_figure(confusion, [f"label {place}" for place in range(80)])
    assert "label 70 → label 3: 9" in drawing


def test_reliability_tells_what_each_bin_claimed_and_kept() -> None:
    bins = bin_confidences(np.array([0.9, 0.9, 0.3]), np.array([True, False, True]))
    titles = re.findall("<title>(.*?)</title>", reliability_figure(bins, title="Before"))
    assert titles == [
        "1 answered: claimed 30.0 %, right 100.0 %",
        "2 answered: claimed 90.0 %, right 50.0 %",
    ]


def test_curves_pass_over_cells_without_numbers(colour_run: Path) -> None:
    loss, accuracy, rate = learning_curves(colour_run / "log.csv")
    points = [
        [line.count(",") for line in re.findall('<polyline points="(.*?)"', figure)]
        for figure in (loss, accuracy, rate)
    ]
    assert points == [[3, 2], [3, 2], [3]]


@pytest.mark.parametrize(
    ("select", "called"), [(None, "Accuracy"), ("colour.macro_f1", "Macro F1")]
)
def test_curves_are_called_by_the_score_that_a_run_was_judged_by(
    colour_run: Path, colour_dataset: Path, tmp_path: Path, select: str | None, called: str
) -> None:
    found = evaluate(colour_run, colour_dataset, out=tmp_path / "out", resamples=10)
    provenance = {**found.subject.provenance, "recipe": {"select": select}}
    found = replace(found, subject=replace(found.subject, provenance=provenance))
    whole = Dataset.open(colour_dataset)
    write_report(found, part=whole.split("test"), whole=whole, run=colour_run)
    text, _ = report_of(tmp_path / "out")
    curves = text[text.index("Learning curves</h2>") : text.index("Doubtful training labels</h2>")]
    assert f"{called}</text>" in curves or f">{called}<" in curves


def test_a_log_without_rows_has_no_curves(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,train_loss\n")
    assert learning_curves(tmp_path / "log.csv") == []


def test_a_single_epoch_is_a_dot(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,train_loss\n1,0.5\n")
    (figure,) = learning_curves(tmp_path / "log.csv")
    assert "<circle" in figure


def test_doubtful_labels_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "out_of_sample.csv"
    path.write_text(
        "image,label,self_confidence,suggested,suggested_probability\n'=a.png,x,0.1,y,0.8\n"
    )
    (tile,) = read_doubtful(path)
    assert (tile.image, tile.label, tile.answer) == ("=a.png", "x", "y")
    assert (tile.label_probability, tile.answer_probability) == (0.1, 0.8)
    path.write_text(path.read_text() + "b.png,x,many,y,0.8\n")
    with pytest.raises(FormatError, match=r"line 3.*expected five cells a row"):
        read_doubtful(path)
    with pytest.raises(StorageError, match=r"gone\.csv could not be read"):
        read_doubtful(tmp_path / "gone.csv")
