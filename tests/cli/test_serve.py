"""``lapel serve``: what is refused before anything is answered."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from lapel.cli.tokens import token_of
from lapel.schema.errors import UsageError

Run = Callable[..., tuple[int, str, str]]


def test_others_are_not_let_in_without_a_token(
    run: Run, colour_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAPEL_TOKEN", raising=False)
    code, _, said = run("serve", colour_bundle, "--host", "0.0.0.0")
    assert code == 2
    assert "needs a token there: --token-file FILE, or the environment's LAPEL_TOKEN" in said


def test_a_port_that_is_taken_is_named(run: Run, colour_bundle: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, said = run("serve", colour_bundle, "--port", str(port))
    assert code == 1
    assert f"cannot listen at 127.0.0.1:{port}: " in said
    assert "choose another one with --port" in said


def test_an_address_of_another_machine_is_refused(
    run: Run, colour_bundle: Path, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-that-is-long-enough\n", encoding="utf-8")
    code, _, said = run(
        "serve", colour_bundle, "--host", "192.0.2.1", "--port", "0", "--token-file", token
    )
    assert code == 1
    assert "cannot listen at 192.0.2.1:0" in said


def test_a_folder_without_a_bundle_is_refused(run: Run, tmp_path: Path) -> None:
    code, _, said = run("serve", tmp_path)
    assert code == 1
    assert "holds no bundle" in said


@pytest.mark.parametrize("found", ["inf", "1e+305"])
def test_a_limit_of_pixels_is_a_number(run: Run, colour_bundle: Path, found: str) -> None:
    code, _, said = run("serve", colour_bundle, "--max-pixels", found)
    assert code == 2
    assert f"--max-pixels: found {found}, expected a number of megapixels, such as 40" in said


def test_the_token_stands_in_a_file_or_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAPEL_TOKEN", "from-the-environment")
    assert token_of(None) == "from-the-environment"
    file = tmp_path / "token"
    file.write_text("from-the-file\n", encoding="utf-8")
    assert token_of(file) == "from-the-file"
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(UsageError, match="is empty"):
        token_of(file)
    with pytest.raises(UsageError, match="could not be read: No such file"):
        token_of(tmp_path / "none")
