"""The command itself: it answers at once, says what is wrong, and ends with the right code."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from lapel.cli import console, main
from lapel.schema.errors import DatasetError, LapelError, UsageError

#: What no command may load before it is asked to work.
HEAVY = {"numpy", "PIL", "onnxruntime", "polars", "matplotlib", "torch", "yaml", "pydantic.main"}


def lapel(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lapel", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_names_every_command() -> None:
    done = lapel("--help")
    assert done.returncode == 0
    for command in ("data", "train", "evaluate", "predict", "demo"):
        assert f" {command} " in done.stdout


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, contextlib\n"
        "from lapel.cli.main import main\n"
        "sys.argv = ['lapel', '--help']\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main()\n"
        "print('LOADED', *sorted(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split("LOADED")[1].split())
    assert "lapel.cli.predicting.predict" in loaded
    assert not loaded & HEAVY


def test_version() -> None:
    assert lapel("--version").stdout == f"lapel {version('lapel')}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict"], "Missing argument"),
        (["predikt"], "No such command 'predikt'"),
        (["predict", "b", "p", "--topp", "3"], "No such option"),
        (["predict", "b", "p", "--top", "0"], "Invalid value"),
    ],
)
def test_a_wrong_command_ends_with_two(arguments: list[str], said: str) -> None:
    done = lapel(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("error", "code"), [(DatasetError("no rows"), 1), (UsageError("odd"), 2)])
def test_errors_of_ours_are_said_without_a_traceback(
    error: LapelError,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(main, "_command", lambda: fail)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == code
    assert capsys.readouterr().err == f"lapel: {error}\n"


def test_interrupted_by_the_keyboard(colour_bundle: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from lapel.cli import main\n"
        "from lapel.inference import predictor\n"
        "def stop(*_, **__):\n"
        "    raise KeyboardInterrupt\n"
        "predictor.Predictor.load = stop\n"
        f"sys.argv = ['lapel', 'predict', {str(colour_bundle)!r}, {str(tmp_path / 'a.jpg')!r}]\n"
        "main.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away(colour_bundle: Path, class_folders: Path) -> None:
    arguments = ["predict", str(colour_bundle), str(class_folders), "--batch", "1"]
    command = [sys.executable, "-u", "-m", "lapel", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_control_characters_of_strangers_are_spelled_out() -> None:
    assert console.shown("a\x1b[2Jb\r\n\u202ec") == "a\\x1b[2Jb\\r\\n\\u202ec"
    assert console.shown("니트 été") == "니트 été"
