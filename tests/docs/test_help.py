"""Help is there for every command, costs no heavy import, and what it shows works."""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from lapel.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]

#: What `lapel --help` must never wait for.
HEAVY = {"torch", "torchvision", "timm", "polars", "matplotlib", "onnxruntime", "yaml", "onnx"}


def commands(command: Any = None, words: str = "") -> Iterator[tuple[str, Any]]:
    """Every command and group with its words, as ``data import folder``; itself is ``""``.

    Typer brings a click of its own without public types, hence ``Any``.
    """
    command = command or typer.main.get_command(app)
    yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{words} {name}".strip())


@pytest.mark.parametrize("words", [words for words, _ in commands()])
def test_help_answers_without_heavy_imports(words: str) -> None:
    program = (
        "import json, sys\n"
        "from lapel.cli.main import main\n"
        f"sys.argv = ['lapel', *{words.split()!r}, '--help']\n"
        "try:\n    main()\n"
        "finally:\n    print('MODULES', json.dumps(list(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    text, _, modules = done.stdout.partition("MODULES ")
    assert "Usage: lapel" in text
    assert {name.split(".")[0] for name in json.loads(modules)} & HEAVY == set()


def test_every_command_and_every_option_explains_itself() -> None:
    silent = [words for words, command in commands() if not command.help]
    options = 0
    for words, command in commands():
        for parameter in command.params:
            options += 1
            if not parameter.help:
                silent.append(f"{words} {parameter.name}")
    assert silent == []
    assert options > 10


def test_examples_in_help_texts_work(
    bench: Path, run: Callable[[list[str], Path, str], None], tmp_path: Path
) -> None:
    folder = tmp_path / "reader"
    shutil.copytree(bench, folder)
    for words, command in commands():
        for line in f"{command.help or ''}\n{command.epilog or ''}".splitlines():
            if line.strip().startswith("lapel serve "):
                serve_and_end(line.split(), folder)
            elif line.strip().startswith("lapel "):
                run(["bash", "-c", line.strip()], folder, f"lapel {words} --help")


def serve_and_end(words: list[str], folder: Path) -> None:
    """A server says where it listens, and serves until it is ended."""
    lapel = [sys.executable, "-m", "lapel"]
    with subprocess.Popen(
        [*lapel, *words[1:]],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        watch = threading.Timer(120, server.kill)
        watch.start()
        assert server.stdout is not None
        said = next((line for line in server.stdout if "http://127.0.0.1:" in line), "")
        server.terminate()
        rest = server.stdout.read()
        watch.cancel()
    assert said, rest
    assert server.returncode == 0, said + rest


def test_commands_that_pages_speak_of_exist() -> None:
    known = {words for words, _ in commands()} - {""}
    for page in PAGES:
        for mention in re.findall(r"`lapel ([a-z][^`]*)`", page.read_text(encoding="utf-8")):
            words = mention.split()
            beginnings = {" ".join(words[:count]) for count in range(1, len(words) + 1)}
            assert known & beginnings, f"{page.name}: `lapel {mention}` is no command"


def test_the_reference_names_every_command() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`lapel ([^`]*)`", reference))
    groups = {words for words, command in commands() if getattr(command, "commands", None)}
    assert {words for words, _ in commands()} - groups - named == set()
