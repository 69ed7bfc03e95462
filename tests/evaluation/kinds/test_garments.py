"""Garments are judged as by COCO, levels as by DeepFashion2; files of results judge again."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import blocks
import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lapel.data.creating import create_dataset
from lapel.data.dataset import Dataset
from lapel.data.deepfashion2.words import categories, point_names
from lapel.data.exporters.coco import export_coco
from lapel.evaluation.evaluate import evaluate
from lapel.evaluation.judge_results import evaluate_results
from lapel.evaluation.kinds.garments import TOLD, GarmentsEvaluation
from lapel.evaluation.kinds.garments_seen import sigmas_of
from lapel.evaluation.pages.numbers import number_rows, task_comparisons, warnings
from lapel.evaluation.result import Evaluation
from lapel.schema.annotation import Annotation
from lapel.schema.errors import DatasetError, FormatError, UsageError
from lapel.schema.garments import Garment
from lapel.schema.image_numbers import image_numbers
from lapel.schema.labels import Schema, TaskSpec


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("blocks")
    return blocks.write_blocks_dataset(folder, benchmark="deepfashion2")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return blocks.write_blocks_bundle(tmp_path_factory.mktemp("bundles") / "blocks")


@pytest.fixture(scope="module")
def found(bundle: Path, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate(bundle, dataset, out=tmp_path_factory.mktemp("report"), resamples=50)


def judged_of(evaluation: Evaluation) -> GarmentsEvaluation:
    judged = evaluation.tasks["garments"]
    assert isinstance(judged, GarmentsEvaluation)
    return judged


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_garments(folder: Path, spec: TaskSpec, garments: Sequence[Sequence[Garment]]) -> Dataset:
    """A dark picture of 128 x 96 for the garments of each, the first of them to learn from."""
    photos = folder / "photos"
    photos.mkdir(parents=True)
    names = [f"{row + 1:06d}.png" for row in range(len(garments))]
    for name in names:
        Image.fromarray(blocks.block_picture(128, 96, {})).save(photos / name)
    return create_dataset(
        folder / "dataset",
        name="garments",
        schema=Schema((spec,)),
        annotations=[
            Annotation(image=name, labels={}, split="test" if row else "train")
            for row, name in enumerate(names)
        ],
        images=photos,
        garments=dict(zip(names, garments, strict=True)),
    )


def coco_again(out: Path, name: str, kind: str, sigma: float = 0.04) -> dict[str, float]:
    """The numbers that pycocotools finds in what was written, as anybody would ask it."""
    truth = COCO(str(out / "truth.json"))
    judge = COCOeval(truth, truth.loadRes(str(out / name)), kind)
    judge.params.kpt_oks_sigmas = np.full(len(blocks.EDGES), sigma)
    judge.evaluate()
    judge.accumulate()
    precision = judge.eval["precision"][:, :, :, 0, -1]
    return {"ap": precision[precision > -1].mean(), "ap50": precision[0][precision[0] > -1].mean()}


class TestNumbers:
    def test_what_is_drawn_where_it_is_annotated_is_found(self, found: Evaluation) -> None:
        judged = judged_of(found)
        # 24 test pictures, of which nobody knows four.
        assert len(judged.rows) == len(judged.pictures) == 20
        rows = {row["label"]: row for row in judged.per_label()}
        blank = [row for row in range(6, 30) if row % 7 != 6 and row % 8 == 3]
        hidden = [row for row in range(6, 30) if row % 7 != 6 and row % 4 == 0]
        top, skirt = rows["top"], rows["skirt"]
        assert top["support"] == 20
        assert skirt["support"] == 20 + len(hidden)
        assert (skirt["tp"], skirt["fp"]) == (20 - len(blank), 0)
        assert skirt["fn"] == len(blank) + len(hidden)
        assert skirt["precision"] == 1.0
        # Some tops are annotated 6 pixels beside what is drawn: not where AP75 looks.
        assert top["box_ap50"] > top["box_ap"] > 0.3
        assert found.numbers["garments.box_ap50"] > found.numbers["garments.box_ap75"]
        assert found.numbers["garments.mask_ap50"] > 0.6
        assert found.numbers["garments.oks_visible_ap"] > 0.3

    def test_it_beats_the_answer_that_never_looks(self, found: Evaluation) -> None:
        judged = judged_of(found)
        assert judged.majority.answer.endswith("at its mean place")
        assert judged.majority.counted_on == "train"
        assert judged.numbers["box_ap"].low > judged.majority.numbers["box_ap"]
        assert judged.habit.answer == "top, skirt"

    def test_pycocotools_finds_the_same_in_the_files(
        self, found: Evaluation, capsys: pytest.CaptureFixture[str]
    ) -> None:
        files = (("detections.json", "bbox", "box"), ("segments.json", "segm", "mask"))
        for name, kind, measure in (*files, ("keypoints.json", "keypoints", "oks")):
            numbers = coco_again(found.out, name, kind)
            capsys.readouterr()
            for number, value in numbers.items():
                ours = found.numbers[f"garments.{measure}_{number}"]
                assert ours == pytest.approx(value, abs=1e-9), (measure, number)

    def test_levels_are_judged_apart(self, found: Evaluation) -> None:
        rows = judged_of(found).subsets()
        named = {(row["fact"], row["level"]): row for row in rows}
        assert ("occlusion", "slight") in named
        assert ("occlusion", "heavy") not in named
        scales = [row for (fact, _), row in named.items() if fact == "scale"]
        every = sum(row["support"] for row in judged_of(found).per_label())
        assert sum(row["garments"] for row in scales) == every
        assert "overall" in found.tables[1].rows[0].numbers
        (slight,) = (row for row in rows if row["fact"] == "occlusion")
        assert slight["box_ap"] == pytest.approx(found.numbers["garments.box_ap"])

    def test_groups_are_no_garments(self, bundle: Path, tmp_path: Path) -> None:
        dataset = blocks.write_blocks_dataset(tmp_path, crowds=True)
        evaluation = evaluate(bundle, dataset, out=tmp_path / "report", resamples=10)
        judged = judged_of(evaluation)
        assert any(one.true.crowd.any() for one in judged.pictures)
        # A top and a skirt in each of 20 pictures.
        assert sum(row["support"] for row in judged.per_label()) == 40
        assert evaluation.to_json()["tasks"]["garments"]["garments"] == 40
        scales = [row for row in judged.subsets() if row["fact"] == "scale"]
        assert sum(row["garments"] for row in scales) == 40

    def test_what_lies_in_a_group_is_neither_right_nor_wrong(
        self, bundle: Path, tmp_path: Path
    ) -> None:
        dataset = blocks.write_groups_dataset(tmp_path)
        evaluation = evaluate(bundle, dataset, out=tmp_path / "report", resamples=10)
        group_and_top, group, *others = judged_of(evaluation).pictures
        # Of the first picture the top, which is not annotated, is wrong all the same.
        assert (group_and_top.told, group_and_top.wrong, group_and_top.quality) == (2, 1, 0.0)
        assert (group.told, group.wrong, group.quality) == (1, 0, 1.0)
        assert all((one.told, one.wrong) == (2, 0) for one in others)
        text = (tmp_path / "report" / "report.html").read_text("utf-8")
        for wrong in (0, 1):
            assert text.count(f"0 right, 0 missed, {wrong} wrong") == 1

    def test_other_landmarks_than_the_models_are_refused(
        self, bundle: Path, tmp_path: Path
    ) -> None:
        turned = replace(blocks.GARMENTS, points=dict.fromkeys(blocks.NAMES, blocks.EDGES[::-1]))
        dataset = blocks.write_blocks_dataset(tmp_path, spec=turned)
        with pytest.raises(DatasetError, match="found right edge, left edge, expected left edge"):
            evaluate(bundle, dataset, out=tmp_path / "report")
        # One that names none says nothing else of them.
        bare = replace(blocks.GARMENTS, points={})
        dataset = blocks.write_blocks_dataset(tmp_path / "bare", spec=bare)
        assert evaluate(bundle, dataset, out=tmp_path / "report", resamples=10).numbers

    def test_a_threshold_of_the_bundle_says_what_is_told(
        self, dataset: Dataset, found: Evaluation, tmp_path: Path
    ) -> None:
        strict = blocks.write_blocks_bundle(tmp_path / "b", calibration={"threshold": 0.75})
        less = evaluate(strict, dataset, out=tmp_path / "out", resamples=10)
        # AP looks at the order alone; what people are told is less.
        assert less.numbers["garments.box_ap"] == found.numbers["garments.box_ap"]
        assert less.numbers["garments.recall"] < found.numbers["garments.recall"]

    def test_mirror_images_have_no_mean(
        self, bundle: Path, dataset: Dataset, tmp_path: Path
    ) -> None:
        with pytest.raises(UsageError, match="leave out --flip"):
            evaluate(bundle, dataset, out=tmp_path, resamples=10, flip=True)


class TestFiles:
    def test_told_garments_have_a_row(self, found: Evaluation) -> None:
        rows = table_of(found.out / "garments.csv")
        assert {row["label"] for row in rows} == {"top", "skirt"}
        of_top = [row for row in rows if row["label"] == "top"]
        assert all(row["true"] in ("top", "") for row in of_top)
        assert any(float(row["overlap"]) == 1.0 for row in rows if row["overlap"])
        assert "garments.csv" in found.files

    def test_the_other_tables_know_garments(self, found: Evaluation) -> None:
        each = {row["label"]: row for row in table_of(found.out / "per_class.csv")}
        assert float(each["top"]["ap"]) > 0.3
        assert each["top"]["tn"] == ""
        assert float(each["skirt"]["mask_ap"]) > 0.3
        (first, *_) = table_of(found.out / "predictions.csv")
        assert first["predicted"] in ("top|skirt", "skirt|top")
        pairs = {(row["true"], row["predicted"]) for row in table_of(found.out / "confusion.csv")}
        assert pairs == {("top", "top"), ("skirt", "skirt")}

    def test_the_json_has_levels_and_how_area_is_meant(self, found: Evaluation) -> None:
        task = json.loads((found.out / "metrics.json").read_text("utf-8"))["tasks"]["garments"]
        assert task["kind"] == "garments"
        assert task["area_of_oks"].startswith("width times height")
        assert {row["fact"] for row in task["subsets"]} == {
            "scale", "occlusion", "zoom_in", "viewpoint",
        }  # fmt: skip
        assert task["per_label"][0]["tn"] is None

    def test_published_rows_stand_beside_ours(self, found: Evaluation) -> None:
        garments, subsets = found.tables
        methods = [row.method for row in garments.rows]
        assert methods[:2] == ["Match R-CNN, released data", "Match R-CNN, the paper's data"]
        assert methods[-1] == "this model"
        assert garments.rows[0].numbers["box_ap"] == 0.638
        assert garments.rows[-1].numbers["box_ap"] == found.numbers["garments.box_ap"]
        assert subsets.rows[0].numbers["occlusion heavy"] == 0.372
        assert any("published rows of the validation split" in note for note in garments.notes)
        ours = [row for row in subsets.rows if row.ours]
        assert [row.method for row in ours] == [
            "this model, boxes", "this model, masks", "this model, visible landmarks",
            "this model, all landmarks",
        ]  # fmt: skip


class TestPage:
    def test_it_shows_the_worst_first_in_three_drawings(self, found: Evaluation) -> None:
        text = (found.out / "report.html").read_text("utf-8")
        for words in (
            "Each category",
            "By scale, occlusion, zoom and viewpoint",
            "Worst pictures",
            "Beside published results",
            "Match R-CNN",
            "garments.csv",
        ):
            assert words in text, words
        pictures = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", text)
        sizes = {Image.open(io.BytesIO(base64.b64decode(one))).size for one in pictures}
        assert sizes == {(3 * 240 + 2 * 6, 180)}
        assert len(pictures) == 18  # the worst of 24; those in the middle are among them
        assert "<script" not in text
        qualities = [one.quality for one in judged_of(found).pictures]
        assert min(qualities) == 0.0
        assert max(qualities) == pytest.approx(1.0)
        worst = text[text.index("Worst pictures</h2>") :]
        assert worst.index("<b>0.00</b>") < worst.index("<b>0.") + 1


class TestResults:
    @pytest.mark.parametrize(
        ("name", "measures"),
        [
            ("detections.json", ("box",)),
            ("segments.json", ("mask",)),
            ("keypoints.json", ("oks", "oks_visible")),
        ],
    )
    def test_a_file_judged_again_has_the_same_numbers(
        self,
        found: Evaluation,
        dataset: Dataset,
        tmp_path: Path,
        name: str,
        measures: tuple[str, ...],
    ) -> None:
        again = evaluate(found.out / name, dataset, out=tmp_path, resamples=50)
        for measure in measures:
            for number in ("ap", "ap50", "ap75"):
                key = f"garments.{measure}_{number}"
                assert again.numbers[key] == found.numbers[key], key
        assert again.subject.bundle == name
        interval = judged_of(again).numbers[f"{measures[0]}_ap"]
        assert interval == judged_of(found).numbers[f"{measures[0]}_ap"]
        text = (tmp_path / "report.html").read_text("utf-8")
        assert "Judged is a file of results" in text
        # What is written of it is what was read.
        written = json.loads((tmp_path / name).read_text("utf-8"))
        assert written == json.loads((found.out / name).read_text("utf-8"))

    def test_files_of_other_tools_have_more_in_them(
        self, dataset: Dataset, found: Evaluation, tmp_path: Path
    ) -> None:
        boxes = json.loads((found.out / "detections.json").read_text("utf-8"))
        masks = json.loads((found.out / "segments.json").read_text("utf-8"))
        both = [box | {"segmentation": mask["segmentation"]} for box, mask in zip(boxes, masks, strict=True)]  # fmt: skip # noqa: E501 - a list
        path = tmp_path / "both.json"
        # In any order, and outlines for masks.
        left, top, width, height = both[0]["bbox"]
        both[0]["segmentation"] = [
            [left, top, left + width, top, left + width, top + height, left, top + height]
        ]
        path.write_text(json.dumps(both[::-1]))
        again = evaluate_results(path, dataset, out=tmp_path / "out", resamples=10)
        for number in ("box_ap", "mask_ap", "recall"):
            assert again.numbers[f"garments.{number}"] == pytest.approx(
                found.numbers[f"garments.{number}"], abs=0.01
            )
        assert "garments.oks_ap" not in again.numbers

    def test_faults_are_named_with_their_entry(self, dataset: Dataset, tmp_path: Path) -> None:
        good = {"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}
        path = tmp_path / "results.json"
        wrong: list[tuple[Any, str]] = [
            ({**good, "image_id": 31}, "entry 1: found image_id 31, expected one of the 24"),
            ({**good, "image_id": 1}, "1 entry of pictures of split train, .* --split train"),
            ({**good, "category_id": 3}, "found category_id 3, expected 1 to 2"),
            ({**good, "category_id": True}, "found category_id true"),
            ({**good, "score": "high"}, 'found score "high", expected a number'),
            ({**good, "score": float("inf")}, "found Infinity, expected numbers"),
            ({**good, "bbox": None}, "found no bbox, expected bbox, segmentation or keypoints"),
            ({**good, "bbox": [1, 2, 3]}, r"found bbox \[1, 2, 3\]"),
            ({**good, "bbox": [1, 2, -3, 4]}, r"expected left, top, width, height"),
            ({"image_id": 7}, "category_id null"),
            (5, "found 5, expected an object"),
        ]
        for entry, says in wrong:
            path.write_text(json.dumps([good, entry]))
            with pytest.raises(FormatError, match=says):
                evaluate_results(path, dataset, out=tmp_path / "out", resamples=10)
        masks: list[tuple[Any, str]] = [
            ({"size": [96, 128], "counts": [5]}, "counts of 5 pixels"),
            ({"size": [2, 2], "counts": [4]}, "a mask of 2 x 2 pixels, expected the picture's"),
            ([[1, 2, 3]], "segmentation"),
            ("x", "segmentation"),
        ]
        for mask, says in masks:
            entry = {"image_id": 7, "category_id": 1, "segmentation": mask, "score": 0.5}
            path.write_text(json.dumps([entry]))
            with pytest.raises(FormatError, match=says):
                evaluate_results(path, dataset, out=tmp_path / "out", resamples=10)
        for text, says in (("{}", "expected a list of results"), ("[{", "no JSON")):
            path.write_text(text)
            with pytest.raises(FormatError, match=says):
                evaluate_results(path, dataset, out=tmp_path / "out", resamples=10)
        assert not (tmp_path / "out").exists()

    def test_pictures_have_the_numbers_of_the_exported_file(
        self, found: Evaluation, dataset: Dataset, tmp_path: Path
    ) -> None:
        path = tmp_path / "exported.json"
        export_coco(dataset, path, split="test")
        truth = (found.out / "truth.json", path)
        first, second = (json.loads(one.read_text("utf-8"))["images"] for one in truth)
        assert first == second

    def test_scores_of_any_size_rank(self, dataset: Dataset, tmp_path: Path) -> None:
        path = tmp_path / "results.json"
        path.write_text('[{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 2}]')
        assert evaluate_results(path, dataset, out=tmp_path / "out", resamples=10).numbers
        path.write_text('[{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1e999}]')
        with pytest.raises(FormatError, match="found score Infinity, expected a number"):
            evaluate_results(path, dataset, out=tmp_path / "out", resamples=10)

    def test_a_file_of_masks_shows_nothing_of_boxes(
        self, found: Evaluation, dataset: Dataset, tmp_path: Path
    ) -> None:
        again = evaluate_results(
            found.out / "segments.json", dataset, out=tmp_path / "out", resamples=10
        )
        assert {name for name, *_ in number_rows(judged_of(again))} == {
            "Masks: AP", "Masks: AP50", "Masks: AP75", *TOLD.values(),
        }  # fmt: skip
        assert [one.number for one in task_comparisons("garments", judged_of(again))] == ["mask_ap"]

    def test_the_answer_that_never_looks_is_matched_by_what_the_file_has(
        self, tmp_path: Path
    ) -> None:
        # A garment that leaves four fifths of its box free, always in the same place.
        hook = ((20, 20), (60, 20), (60, 24), (24, 24), (24, 60), (20, 60))
        garment = Garment(
            part="top",
            box=(20.0, 20.0, 40.0, 40.0),
            points=((20.0, 40.0), (60.0, 20.0)),
            outlines=(tuple((float(x), float(y)) for x, y in hook),),
        )
        dataset = write_garments(tmp_path, blocks.GARMENTS, [[garment], [garment]])
        said: tuple[tuple[str, Any, float], ...] = (
            ("bbox", [20, 20, 40, 40], 1.0),
            ("segmentation", [[edge for corner in hook for edge in corner]], 0.0),
            ("keypoints", [20, 40, 2, 60, 20, 2], math.nan),
        )
        path = tmp_path / "results.json"
        for part, value, usual in said:
            entry = {"image_id": 2, "category_id": 1, "score": 0.9, part: value}
            path.write_text(json.dumps([entry]))
            again = evaluate_results(path, dataset, out=tmp_path / part, resamples=10)
            judged = judged_of(again)
            assert [judged.numbers[name].value for name in TOLD] == [1.0] * 3, part
            majority = [judged.majority.numbers[name] for name in TOLD]
            assert majority == pytest.approx([usual] * 3, nan_ok=True), part

    def test_categories_that_resamples_lack_do_not_lift_the_interval(self, tmp_path: Path) -> None:
        # A category that is always found, and 29 of one picture each that never are.
        rare = [f"rare {number}" for number in range(29)]
        spec = TaskSpec(name="garments", kind="garments", labels=("top", *rare))
        top = Garment(part="top", box=(4.0, 4.0, 20.0, 20.0))
        others = [Garment(part=label, box=(64.0, 48.0, 20.0, 20.0)) for label in rare]
        dataset = write_garments(tmp_path, spec, [[top], *([top, other] for other in others)])
        entry = {"category_id": 1, "bbox": [4, 4, 20, 20], "score": 0.9}
        path = tmp_path / "results.json"
        path.write_text(json.dumps([entry | {"image_id": row + 2} for row in range(29)]))
        judged = judged_of(evaluate_results(path, dataset, out=tmp_path / "out", resamples=50))
        for name in ("box_ap", "box_ap50", "box_ap75"):
            interval = judged.numbers[name]
            assert interval.value == pytest.approx(1 / 30)
            # A resample has some 18 of the 29: about 1/19, were it not brought back.
            assert interval.low < interval.value < interval.high

    def test_what_is_told_goes_by_a_threshold_that_is_named(
        self, found: Evaluation, dataset: Dataset, tmp_path: Path
    ) -> None:
        path = found.out / "detections.json"
        strict = evaluate_results(path, dataset, out=tmp_path / "out", threshold=1, resamples=10)
        assert strict.numbers["garments.recall"] == 0.0
        assert strict.numbers["garments.box_ap"] == found.numbers["garments.box_ap"]
        assert any("garments of score 1 or more" in one for one in strict.subject.remarks)
        said = warnings("garments", judged_of(strict))
        assert any("no garment of score 1 or more" in one for one in said)
        with pytest.raises(UsageError, match="from 0 to 1, found 50"):
            evaluate_results(path, dataset, out=tmp_path / "out", threshold=50)

    def test_a_file_with_pictures_and_categories_of_its_own_is_matched_by_names(
        self, found: Evaluation, dataset: Dataset, tmp_path: Path
    ) -> None:
        truth = json.loads((found.out / "truth.json").read_text("utf-8"))
        masks = json.loads((found.out / "segments.json").read_text("utf-8"))
        # Numbers of its own, and a picture of the training split.
        images = [
            {"id": 1000 - one["id"], "file_name": f"/photos/of/{one['file_name']}"}
            for one in truth["images"]
        ]
        images.append({"id": 1, "file_name": "000001.png"})
        names = {1: "top", 2: "skirt"}
        categories = [{"id": 70 + number, "name": name} for number, name in names.items()]
        annotations = [
            {**one, "image_id": 1000 - one["image_id"], "category_id": 70 + one["category_id"]}
            for one in masks
        ]
        annotations.append({**annotations[0], "image_id": 1})
        full = {"images": images, "categories": categories, "annotations": annotations}
        path = tmp_path / "full.json"
        path.write_text(json.dumps(full))
        again = evaluate_results(path, dataset, out=tmp_path / "out", resamples=10)
        for number in ("mask_ap", "mask_ap50", "recall"):
            key = f"garments.{number}"
            assert again.numbers[key] == pytest.approx(found.numbers[key], abs=0.02), key
        assert again.numbers["garments.mask_ap"] == found.numbers["garments.mask_ap"]
        remarks = " ".join(again.subject.remarks)
        assert "1 picture of the file passed over" in remarks
        assert "4 of 24 judged pictures are not in the file" in remarks
        for wrong, says in (
            ({**full, "images": images[-1:]}, "of split train: use --split train"),
            ({**full, "images": [{"id": 1, "file_name": "x.png"}]}, "such as '000001.png'"),
            ({**full, "images": [{"id": 1}]}, "images 0: found .*expected an object of id"),
            ({**full, "categories": categories[:1]}, "found category_id 72, expected a number of"),
        ):
            path.write_text(json.dumps(wrong))
            with pytest.raises(FormatError, match=says):
                evaluate_results(path, dataset, out=tmp_path / "out", resamples=10)

    def test_an_empty_list_finds_nothing(self, dataset: Dataset, tmp_path: Path) -> None:
        path = tmp_path / "none.json"
        path.write_text("[]")
        nothing = evaluate_results(path, dataset, out=tmp_path / "out", resamples=10)
        assert nothing.numbers["garments.box_ap"] == 0.0
        assert nothing.numbers["garments.recall"] == 0.0

    def test_keypoints_of_a_task_without_landmarks_are_passed_over(self, tmp_path: Path) -> None:
        bare = replace(blocks.GARMENTS, points={})
        dataset = blocks.write_blocks_dataset(tmp_path, spec=bare)
        path = tmp_path / "keypoints.json"
        entry = {"image_id": 7, "category_id": 1, "keypoints": [1, 2, 2], "score": 0.5}
        path.write_text(json.dumps([entry]))
        with pytest.raises(FormatError, match="found no bbox"):
            evaluate_results(path, dataset, out=tmp_path / "out", resamples=10)
        path.write_text(json.dumps([entry | {"bbox": [1, 2, 3, 4]}]))
        assert evaluate_results(path, dataset, out=tmp_path / "out", resamples=10).numbers

    def test_pages_of_a_former_evaluation_go(self, dataset: Dataset, tmp_path: Path) -> None:
        path, out = tmp_path / "none.json", tmp_path / "out"
        path.write_text("[]")
        (out / "report").mkdir(parents=True)
        (out / "metrics.json").write_text('{"tasks": {"colour": {}, "garments": {}}}')
        former = out / "report" / "colour.html"
        former.write_text("<!doctype html>\n<html>")
        evaluate_results(path, dataset, out=out, resamples=10)
        assert not former.exists()

    def test_options_of_models_are_refused(self, dataset: Dataset, tmp_path: Path) -> None:
        path = tmp_path / "none.json"
        path.write_text("[]")
        with pytest.raises(UsageError, match="--flip, --unknown-is-no"):
            evaluate(path, dataset, out=tmp_path / "out", flip=True, unknown_is_no=True)
        with pytest.raises(UsageError, match="--engine: what runs a model"):
            evaluate(path, dataset, out=tmp_path / "out", engine="openvino")
        with pytest.raises(UsageError, match="has: garments, and no 'other'"):
            evaluate_results(path, dataset, out=tmp_path / "out", task="other")
        with pytest.raises(DatasetError, match="no 'validation' split"):
            evaluate_results(path, dataset, out=tmp_path / "out", split="validation")


def test_images_are_called_by_their_numbers() -> None:
    assert image_numbers(["test/image/000007.jpg", "a/000012.png"]) == [7, 12]
    assert image_numbers(["a/1.jpg", "b/1.jpg"]) == [1, 2]
    assert image_numbers(["a/0.jpg", "b/5.jpg"]) == [0, 5]
    assert image_numbers(["shirt.jpg", "5.jpg"]) == [1, 2]
    # One rule for all splits: a name that is no number in another split counts here, too; the same
    # number in another does not, as DeepFashion2 counts each from 1.
    assert image_numbers(["7.jpg"], [["7.jpg"], ["shirt.jpg"]]) == [1]
    assert image_numbers(["b/7.jpg"], [["a/7.jpg"], ["b/7.jpg"]]) == [7]


def test_sigmas_are_those_of_deepfashion2_where_its_landmarks_are() -> None:
    names = point_names()
    spec = TaskSpec(name="garments", kind="garments", labels=tuple(names), points=names)
    sigmas = sigmas_of(spec)
    assert sigmas is not None
    assert sigmas.shape == (294,)
    assert sigmas.tolist() == [sigma for one in categories() for sigma in one.sigmas]
    assert sigmas_of(blocks.GARMENTS) is None
