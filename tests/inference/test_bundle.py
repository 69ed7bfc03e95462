"""A bundle is what was written, or it says what is wrong with it and what to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lapel.inference.bundle import Bundle, update_bundle, write_bundle
from lapel.inference.manifest import FORMAT
from lapel.schema.errors import BundleError, StorageError
from lapel.storage import local


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / "lapel.json").read_text())
    change(manifest)
    (folder / "lapel.json").write_text(json.dumps(manifest))


def rewrite(bundle: Bundle, folder: Path, **changes: Any) -> Bundle:
    values: dict[str, Any] = {
        "name": bundle.name,
        "schema": bundle.schema,
        "preprocess": bundle.preprocess,
        "architecture": bundle.architecture,
        "calibration": bundle.calibration,
        "scores": bundle.scores,
        "provenance": bundle.provenance,
        "model_onnx": b"network",
        "weights": b"weights",
        "card": "# Card",
    }
    return write_bundle(folder, **{**values, **changes})


class TestWhole:
    def test_what_was_written_is_read(self, colour_bundle: Path) -> None:
        bundle = Bundle.load(colour_bundle)
        assert bundle.name == "colours"
        assert [task.name for task in bundle.schema] == ["colour"]
        assert bundle.preprocess.width == 24
        assert bundle.calibration == {"colour": {"temperature": 1.25}}
        assert bundle.scores == {"validation": {"colour.accuracy": 1.0}}
        assert bundle.read("README.md") == b"# Colours"

    def test_the_manifest_explains_itself(self, colour_bundle: Path) -> None:
        manifest = json.loads((colour_bundle / "lapel.json").read_text())
        digest = hashlib.sha256((colour_bundle / "model.onnx").read_bytes()).hexdigest()
        assert manifest["format"] == FORMAT == "lapel.bundle/1"
        assert manifest["files"]["model.onnx"] == digest
        assert manifest["fingerprint"] == Bundle.load(colour_bundle).schema.fingerprint

    def test_a_run_stands_for_its_bundle(self, colour_bundle: Path, tmp_path: Path) -> None:
        written = rewrite(Bundle.load(colour_bundle), tmp_path / "run" / "bundle")
        assert Bundle.load(tmp_path / "run") == written

    def test_labels_of_any_script_are_readable_in_the_file(
        self, colour_bundle: Path, tmp_path: Path
    ) -> None:
        rewrite(Bundle.load(colour_bundle), tmp_path / "b", name="니트")
        assert "니트" in (tmp_path / "b" / "lapel.json").read_text(encoding="utf-8")

    def test_a_new_one_takes_the_place_of_the_old(
        self, colour_bundle: Path, tmp_path: Path
    ) -> None:
        old = Bundle.load(colour_bundle)
        for card in ("first", "second"):
            rewrite(old, tmp_path / "b", card=card)
        assert Bundle.load(tmp_path / "b").read("README.md") == b"second"
        assert [entry.name for entry in tmp_path.iterdir()] == ["b"]

    def test_files_of_others_are_not_lost(self, colour_bundle: Path, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").write_text("mine")
        with pytest.raises(BundleError, match=r"no bundle's \(thesis.txt, .*choose a folder"):
            rewrite(Bundle.load(colour_bundle), tmp_path)
        assert (tmp_path / "thesis.txt").read_text() == "mine"

    def test_a_place_that_cannot_be_written(self, colour_bundle: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(StorageError, match="could not be written"):
            rewrite(Bundle.load(colour_bundle), tmp_path / "file" / "b")

    def test_numbers_that_json_lacks(self, colour_bundle: Path, tmp_path: Path) -> None:
        rewrite(Bundle.load(colour_bundle), tmp_path / "b", scores={"test": {"f1": float("nan")}})
        assert Bundle.load(tmp_path / "b").scores == {"test": {"f1": None}}

    def test_values_that_are_not_plain(self, colour_bundle: Path, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match="plain values only"):
            rewrite(Bundle.load(colour_bundle), tmp_path / "b", provenance={"made": object()})
        assert not (tmp_path / "b").exists()


class TestUpdated:
    def test_scores_and_calibration_are_added(self, own_colour_bundle: Path) -> None:
        updated = update_bundle(
            own_colour_bundle,
            scores={"test": {"colour.accuracy": 0.5}},
            calibration={"colour": {"temperature": 2.0}},
        )
        assert Bundle.load(own_colour_bundle) == updated
        assert updated.scores["validation"] == {"colour.accuracy": 1.0}
        assert updated.scores["test"] == {"colour.accuracy": 0.5}
        assert updated.calibration == {"colour": {"temperature": 2.0}}

    def test_the_card_and_its_hash_go_together(self, own_colour_bundle: Path) -> None:
        update_bundle(own_colour_bundle, card="# New")
        assert Bundle.load(own_colour_bundle).read("README.md") == b"# New"

    def test_what_json_cannot_hold_leaves_the_bundle_as_it_was(
        self, own_colour_bundle: Path
    ) -> None:
        before = Bundle.load(own_colour_bundle)
        scores: Any = {"test": {"colour.accuracy": object()}}
        with pytest.raises(BundleError, match="plain values only"):
            update_bundle(own_colour_bundle, card="# New", scores=scores)
        assert Bundle.load(own_colour_bundle) == before

    def test_a_card_and_a_manifest_come_at_once(
        self, own_colour_bundle: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (own_colour_bundle / "notes.txt").write_text("mine")
        before = Bundle.load(own_colour_bundle)

        def no_write(*_: object) -> None:
            raise StorageError("no file is written by itself")

        monkeypatch.setattr(local, "write_atomically", no_write)
        updated = update_bundle(own_colour_bundle, card="# New")
        assert updated.files.keys() == before.files.keys()
        assert Bundle.load(own_colour_bundle) == updated
        assert (own_colour_bundle / "notes.txt").read_text() == "mine"


class TestRefused:
    def message(self, folder: Path) -> str:
        with pytest.raises(BundleError) as caught:
            Bundle.load(folder)
        return str(caught.value)

    @pytest.mark.parametrize("name", ["model.onnx", "weights.safetensors", "README.md"])
    def test_one_flipped_bit(self, own_colour_bundle: Path, name: str) -> None:
        path = own_colour_bundle / name
        data = bytearray(path.read_bytes() or b"\0")
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        message = self.message(own_colour_bundle)
        assert f"{name} is not the file that was bundled: its SHA-256 begins with" in message
        assert "copy the bundle again" in message

    def test_changed_after_it_was_loaded(self, own_colour_bundle: Path) -> None:
        bundle = Bundle.load(own_colour_bundle)
        (own_colour_bundle / "model.onnx").write_bytes(b"swapped")
        with pytest.raises(BundleError, match="is not the file that was bundled"):
            bundle.read("model.onnx")

    def test_a_missing_file(self, own_colour_bundle: Path) -> None:
        (own_colour_bundle / "model.onnx").unlink()
        assert "is not whole" in self.message(own_colour_bundle)

    def test_no_bundle(self, tmp_path: Path) -> None:
        message = self.message(tmp_path / "nowhere")
        assert "holds no bundle" in message
        assert "give the folder that holds lapel.json, or the run that made it" in message

    @pytest.mark.parametrize("found", ["lapel.bundle/2", "lapel.bundle/0"])
    def test_another_format_version(self, own_colour_bundle: Path, found: str) -> None:
        edit(own_colour_bundle, lambda manifest: manifest.update(format=found))
        message = self.message(own_colour_bundle)
        assert f"is of format '{found}', this version of Lapel reads 'lapel.bundle/1'" in message
        assert "use the version of Lapel that wrote it, or export the model again" in message

    @pytest.mark.parametrize("text", ["{", "", "\0", "[" * 100_000, "nan"])
    def test_broken_json(self, own_colour_bundle: Path, text: str) -> None:
        (own_colour_bundle / "lapel.json").write_text(text)
        assert "is no JSON" in self.message(own_colour_bundle)

    def test_json_that_is_no_bundle(self, own_colour_bundle: Path) -> None:
        (own_colour_bundle / "lapel.json").write_text("[]")
        assert "should hold an object, found list" in self.message(own_colour_bundle)
        (own_colour_bundle / "lapel.json").write_text("{}")
        assert "is no bundle: its 'format' is None" in self.message(own_colour_bundle)

    @pytest.mark.parametrize(
        "name", ["../secret", "/etc/passwd", "a/../../b", "..", "C:\\x", "s3://b/c", ""]
    )
    def test_names_that_leave_the_folder(self, own_colour_bundle: Path, name: str) -> None:
        edit(own_colour_bundle, lambda manifest: manifest["files"].update({name: "0" * 64}))
        assert "names a file outside its folder" in self.message(own_colour_bundle)

    def test_a_link_that_leaves_the_folder(self, own_colour_bundle: Path, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        (own_colour_bundle / "model.onnx").rename(outside)
        (own_colour_bundle / "model.onnx").symlink_to(outside)
        assert "through a link" in self.message(own_colour_bundle)

    @pytest.mark.parametrize(
        ("field", "value", "expected"),
        [
            ("name", 3, "'name' should be a str, found int"),
            ("schema", {}, "'schema' should be a list, found dict"),
            ("schema", [], "a schema needs at least one task"),
            ("schema", [{"name": "a"}], "a task is an object"),
            ("schema", [{"name": "a", "kind": "single_label", "labels": [1]}], "of texts"),
            ("preprocess", {"height": 3}, "preprocessing"),
            ("calibration", {"colour": {"temperature": "x"}}, "names and finite numbers"),
            ("calibration", {"colour": 2}, "names and finite numbers"),
            ("files", {"model.onnx": "abc"}, "SHA-256 of 64 digits"),
            ("files", {"model.onnx": None}, "SHA-256 of 64 digits"),
        ],
    )
    def test_fields_of_another_shape(
        self, own_colour_bundle: Path, field: str, value: object, expected: str
    ) -> None:
        edit(own_colour_bundle, lambda manifest: manifest.update({field: value}))
        assert expected in self.message(own_colour_bundle)

    @pytest.mark.parametrize("field", ["schema", "files", "scores", "provenance"])
    def test_fields_that_are_missing(self, own_colour_bundle: Path, field: str) -> None:
        edit(own_colour_bundle, lambda manifest: manifest.pop(field))
        assert f"'{field}' should be a" in self.message(own_colour_bundle)

    def test_a_file_that_it_does_not_have(self, colour_bundle: Path) -> None:
        with pytest.raises(BundleError, match=r"has no 'lapel.json'; it has: model.onnx"):
            Bundle.load(colour_bundle).read("lapel.json")
