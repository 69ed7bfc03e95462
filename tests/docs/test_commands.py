"""Every command and every example that the documentation shows is run, as it stands there.

A page is a story: its blocks run one after another in a folder of their own, which holds what a
reader has who did ``make demo`` and has some photos: ``demo/``, ``photos/CLASS/*.jpg``, ``new/``
and ``labels.csv``. Only lengths differ: training takes one pass over tiny data.

A block that cannot be run has ``<!-- not run: REASON -->`` above it; ``NOT_RUN`` lists them all. Of
those, each ``lapel ...`` is at least read by the parser: command and options exist.
"""

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_tree import check_command
from emulated_account import what_is_there

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += [ROOT / "benchmarks" / "README.md"]

#: Page and reason of each block that is not run.
NOT_RUN = {
    ("README.md", "installs packages"),
    ("README.md", "changes the reader's shell"),
    ("CONTRIBUTING.md", "works on a clone"),
    ("docs/annotate.md", "it serves until it is ended"),
    ("docs/annotate.md", "minutes to hours on a quiet machine"),
    ("docs/annotate.md", "needs the answers given above"),
    ("docs/aws.md", "installs packages"),
    ("docs/aws.md", "needs a rented machine"),
    ("docs/aws-ec2.md", "needs SkyPilot and an account"),
    ("docs/aws-s3.md", "needs another server"),
    ("docs/aws-s3.md", "needs a run that was cut"),
    ("docs/aws-sagemaker-hosting.md", "it serves until it is ended"),
    ("docs/aws-sagemaker-hosting.md", "needs an endpoint"),
    ("docs/aws-ec2.md", "needs a rented machine"),
    ("docs/bulk.md", "needs a Ray cluster"),
    ("docs/compare.md", "minutes to hours on a quiet machine"),
    ("docs/deepfashion.md", "needs DeepFashion and a GPU"),
    ("docs/deepfashion.md", "an hour on two cores"),
    ("docs/deepfashion-cleaning.md", "minutes to hours on a quiet machine"),
    ("docs/garments.md", "minutes to hours on a quiet machine"),
    ("docs/garments.md", "needs the detector above"),
    ("docs/label-studio.md", "needs a Label Studio"),
    ("docs/labels.md", "minutes to hours on a quiet machine"),
    ("docs/landmark-attention.md", "needs DeepFashion and a GPU"),
    ("docs/landmark-attention.md", "an hour on two cores"),
    ("docs/landmark-attention.md", "minutes to hours on a quiet machine"),
    ("docs/layouts.md", "needs Clothing Co-Parsing"),
    ("docs/layouts.md", "needs DeepFashion"),
    ("docs/models.md", "half an hour on two cores"),
    ("docs/models.md", "minutes to hours on a quiet machine"),
    ("docs/page.md", "it serves until it is ended"),
    ("docs/predict.md", "needs a model of masks"),
    ("docs/predict.md", "needs a model that takes boxes"),
    ("docs/processes.md", "needs two machines"),
    ("docs/processes.md", "the networks of the demo are no larger in parts"),
    ("docs/processes.md", "minutes to hours on a quiet machine"),
    ("docs/results.md", "needs a GPU"),
    ("docs/results.md", "minutes to hours on a quiet machine"),
    ("docs/review.md", "it serves until it is ended"),
    ("docs/search.md", "needs DeepFashion"),
    ("docs/segmentation.md", "half an hour on two cores"),
    ("docs/segmentation.md", "minutes to hours on a quiet machine"),
    ("docs/serve.md", "it serves until it is ended"),
    ("docs/serve.md", "minutes to hours on a quiet machine"),
    ("docs/serve.md", "needs the server above"),
    ("docs/tune.md", "needs a PostgreSQL"),
    ("benchmarks/README.md", "minutes to hours on a quiet machine"),
}

BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LANGUAGES_RUN = {"sh", "console", "python"}
LANGUAGES_SHOWN = {"text", "yaml", "toml", "json", "csv"}

#: A line that a reader would type.
TYPED = re.compile(r"^(\$ )?(lapel|make|pip) ", re.MULTILINE)
#: A line that holds such a command, as an argument of another program or a line of its settings.
HOLDS_COMMAND = re.compile(r"(^|[ ='/])lapel [a-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    reason: str | None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def program(self) -> list[str]:
        """What runs it: outputs in a console block are left out."""
        if self.language == "python":
            return [sys.executable, "-c", self.text]
        lines = self.text.splitlines()
        if self.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return ["bash", "-euo", "pipefail", "-c", "\n".join(lines)]


def blocks(page: Path) -> Iterator[Block]:
    content = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(content):
        yield Block(
            page=page,
            line=content.count("\n", 0, match.start()) + 1,
            language=match["language"],
            text=match["text"],
            reason=match["reason"],
        )


def runnable(page: Path) -> list[Block]:
    """What a page shows that is run."""
    return [b for b in blocks(page) if b.language in LANGUAGES_RUN and b.reason is None]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if runnable(page)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_what_a_page_shows_works(
    page: Path,
    bench: Path,
    run: Callable[[list[str], Path, str], None],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if page.name.startswith("aws"):
        request.getfixturevalue("deep_learning_image")  # an account, emulated and empty
    folder = tmp_path / "reader"
    shutil.copytree(bench, folder, symlinks=True)
    for block in runnable(page):
        run(block.program(), folder, block.place)
    if page.name == "aws.md":
        assert what_is_there() == {}, "who has followed the page has nothing left to pay for"


def test_only_the_listed_blocks_are_not_run() -> None:
    found = {
        (str(block.page.relative_to(ROOT)), block.reason)
        for page in PAGES
        for block in blocks(page)
        if block.reason is not None
    }
    assert found == NOT_RUN


def test_every_block_is_of_a_language_that_is_run_or_shown() -> None:
    strange = [
        f"{block.place}: {block.language}"
        for page in PAGES
        for block in blocks(page)
        if block.language not in LANGUAGES_RUN | LANGUAGES_SHOWN
    ]
    assert strange == []
    # A fence without a language would not be seen at all.
    for page in PAGES:
        fences = page.read_text(encoding="utf-8").count("\n```")
        assert fences == 2 * len(list(blocks(page))), f"{page.name}: a fence without a language"


def test_no_command_stands_where_it_is_only_looked_at() -> None:
    hidden = [
        block.place
        for page in PAGES
        for block in blocks(page)
        if block.language in LANGUAGES_SHOWN and TYPED.search(block.text)
    ]
    assert hidden == [], "a command belongs into a block of sh, with a reason if it cannot be run"


def lapel_commands(text: str) -> Iterator[list[str]]:
    """The words behind each ``lapel`` of some lines of shell, or of a service's settings."""
    for line in text.replace("\\\n", " ").splitlines():
        if not HOLDS_COMMAND.search(line):
            continue
        words = shlex.split(line.removeprefix("$ "), comments=True)
        for place, word in enumerate(words):
            if word == "lapel" or word.endswith("/lapel"):
                yield words[place + 1 :]
            elif "=" in word:  # ... --env COMMAND='lapel ...'
                yield from lapel_commands(word.partition("=")[2])


def commands_not_run() -> list[tuple[str, list[str]]]:
    """Place and words of each command of Lapel in blocks that are not run."""
    return [
        (block.place, words)
        for page in PAGES
        for block in blocks(page)
        if block.language != "python" and (block.reason or block.language in LANGUAGES_SHOWN)
        for words in lapel_commands(block.text)
    ]


@pytest.mark.parametrize(
    "words", [pytest.param(words, id=place) for place, words in commands_not_run()]
)
def test_what_is_not_run_could_be_typed(words: list[str]) -> None:
    check_command(words)


def test_commands_are_found_wherever_they_stand() -> None:
    text = """\
$ lapel train one \\
    --out 'a b'   # lapel train two
what it says
ExecStart=/opt/bin/lapel serve three
start --env COMMAND='lapel train four' -- lapel train five
"""
    assert list(lapel_commands(text)) == [
        ["train", "one", "--out", "a b"],
        ["serve", "three"],
        ["train", "four"],
        ["train", "five"],
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("data splt garments", "no command 'splt'"),
        ("data import", "lacks a command"),
        ("data split garments --tset 0.1", "--tset"),
        ("data split garments --test", "requires an argument"),
        ("data split garments more", r"\['more'\] is too much"),
        ("data explore garments", r"lacks \['out'\]"),
        ("evaluate --out report", r"lacks \['bundle', 'dataset'\]"),
    ],
)
def test_a_misspelt_command_is_seen(line: str, fault: str) -> None:
    with pytest.raises(Exception, match=fault):  # click's own, or ours
        check_command(line.split())
