"""Help is there for every command, costs no heavy import, and what it shows works."""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from command_tree import check_mention, commands, options, subcommands

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md"]

#: Of a benchmark; in running text it stands alone, as those of commands do.
OF_OTHERS = {"--soak"}

#: What `lapel --help` must never wait for.
HEAVY = {"torch", "torchvision", "timm", "polars", "matplotlib", "onnxruntime", "yaml", "onnx"}


#: Asks every command for its help, in one process: what one loads is there for those after it, so
#: that the first who loads something heavy is known.
ASK_ALL = """
import contextlib, io, json, sys
import typer.main
from lapel.cli.main import app
lapel = typer.main.get_command(app)
said = {}
for words in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
        lapel.main([*words.split(), "--help"], prog_name="lapel")
    said[words] = [text.getvalue(), sorted(sys.modules)]
print(json.dumps(said))
"""


def test_help_answers_without_heavy_imports() -> None:
    asked = [words for words, _ in commands()]
    done = subprocess.run(
        [sys.executable, "-c", ASK_ALL],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    assert list(said) == asked
    for words, (text, modules) in said.items():
        assert f"Usage: lapel {words}".rstrip() in text, words
        assert {name.split(".")[0] for name in modules} & HEAVY == set(), words


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_that_pages_speak_of_exist(page: Path) -> None:
    for mention in re.findall(r"`lapel ([a-z][^`]*)`", page.read_text(encoding="utf-8")):
        check_mention(mention)


def test_options_that_pages_speak_of_exist() -> None:
    known = OF_OTHERS.union(*(options(command) for _, command in commands()))
    strange = [
        f"{page.name}: {option}"
        for page in PAGES
        if page.parent.name != "benchmarks"  # theirs, which tests/docs/test_benchmarks.py reads
        for option in re.findall(r"`(--[a-z][\w-]*)[^`]*`", page.read_text(encoding="utf-8"))
        if option not in known
    ]
    assert strange == []


@pytest.mark.parametrize(
    "mention",
    [
        "data",
        "data import ...",
        "data import|export label-studio",
        "data split GARMENTS --test=0.1",
        "evaluate ... --out DIR -o DIR --help",
    ],
)
def test_what_may_be_left_out_of_a_mention(mention: str) -> None:
    check_mention(mention)


@pytest.mark.parametrize(
    ("mention", "fault"),
    [
        ("data splt", "no command 'splt'"),
        ("data import|exprt label-studio", "no command 'exprt'"),
        ("splt --test 0.1", "no command 'splt'"),
        ("data split --tset 0.1", r"no option \['--tset'\]"),
        ("data --test", r"no option \['--test'\]"),
    ],
)
def test_a_misspelt_mention_is_seen(mention: str, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        check_mention(mention)


def test_the_reference_names_every_command() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`lapel ([^`]*)`", reference))
    groups = {words for words, command in commands() if subcommands(command)}
    assert {words for words, _ in commands()} - groups - named == set()
