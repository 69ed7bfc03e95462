"""``lapel label-studio`` and its kin: what they say before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from label_studio_rig import write_export

from lapel.data.dataset import Dataset

Run = Callable[..., tuple[int, str, str]]

#: Nobody listens there.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token.txt"
    file.write_text("0123456789abcdef0123456789abcdef01234567\n", encoding="utf-8")
    return file


def test_a_token_is_asked_for(run: Run) -> None:
    code, _, said = run("label-studio", "accepted", NOWHERE, "--project", "1")
    assert code == 2
    assert "--token-file FILE, or the environment's LABEL_STUDIO_API_KEY" in said


def test_nobody_there(run: Run, token: Path) -> None:
    code, _, said = run(
        "label-studio", "accepted", NOWHERE, "--project", "1", "--token-file", token
    )
    assert code == 1
    assert f"Label Studio cannot be reached at {NOWHERE}" in said


def test_a_token_that_no_header_holds_is_not_shown(run: Run, token: Path) -> None:
    token.write_text("# mine\n0123456789abcdef0123456789abcdef01234567\n", encoding="utf-8")
    code, _, said = run(
        "label-studio", "accepted", NOWHERE, "--project", "1", "--token-file", token
    )
    assert code == 2
    assert "give the token alone, in one line" in said
    assert "0123456789abcdef" not in said


def test_a_token_file_of_an_editor_of_windows(run: Run, token: Path) -> None:
    token.write_text("0123456789abcdef0123456789abcdef01234567\r\n", encoding="utf-8-sig")
    _, _, said = run("label-studio", "accepted", NOWHERE, "--project", "1", "--token-file", token)
    assert f"Label Studio cannot be reached at {NOWHERE}" in said


def test_the_doctor_says_what_is_ill_and_fails(run: Run, token: Path) -> None:
    code, said, _ = run("label-studio", "doctor", NOWHERE, "--token-file", token)
    assert code == 1
    assert said.startswith(f"BAD  no Label Studio answers at {NOWHERE}: Label Studio cannot be")
    assert "is it started, and is this its address?" in said


def test_the_doctor_looks_on_after_a_fault_and_without_a_token(run: Run) -> None:
    model = "http://127.0.0.1:10"
    code, said, _ = run("label-studio", "doctor", NOWHERE, "--project", "3", "--model", model)
    assert code == 1
    assert [line for line in said.splitlines() if line.startswith("BAD")] == [
        line for line in said.splitlines() if not line.startswith("     ")
    ]
    assert f"no model answers at {model}" in said
    assert "project 3 could not be looked at" in said


def test_what_is_no_address(run: Run, token: Path) -> None:
    code, _, said = run("label-studio", "doctor", "label-studio", "--token-file", token)
    assert code == 2
    assert "expected an address such as http://127.0.0.1:8080" in said


def test_a_folder_that_is_no_export(run: Run, token: Path, tmp_path: Path) -> None:
    code, _, said = run("label-studio", "push", NOWHERE, tmp_path, "--token-file", token)
    assert code == 2
    assert "make one with `lapel data export label-studio" in said


def test_options_of_the_backend_go_with_it(run: Run, colour_bundle: Path) -> None:
    code, _, said = run("serve", colour_bundle, "--port", "0", "--label-studio-url", NOWHERE)
    assert code == 2
    assert "goes with --label-studio: add it" in said


def test_an_export_becomes_a_dataset_and_an_export_again(run: Run, tmp_path: Path) -> None:
    write_export(tmp_path)
    code, said, _ = run("data", "import", "label-studio", tmp_path / "label-studio", tmp_path / "d")
    assert code == 0
    assert "annotated: 1 of 2 tasks" in said
    assert "category (2 labels)" in said
    assert len(Dataset.open(tmp_path / "d")) == 2
    code, said, _ = run("data", "export", "label-studio", tmp_path / "d", tmp_path / "out")
    assert code == 0
    assert "2 images in the layout 'label-studio'" in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "config.xml",
        "images",
        "tasks.json",
    }
