"""The documentation holds together: links lead somewhere, pictures are there, README is short."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from lapel.tasks.kinds import KINDS
from lapel.training.recipe import Recipe

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"]
README_LINES = 80


def links(page: Path) -> list[str]:
    """Where a page's links and pictures lead, code apart."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(page: Path) -> set[str]:
    """Headings as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    lost = []
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def test_every_page_of_docs_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    missing = [p.name for p in (ROOT / "docs").glob("*.md") if f"({p.name})" not in index]
    assert missing == ["README.md"]


def test_readme_is_short_and_shows_the_report() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= README_LINES
    assert "(docs/images/report.png)" in readme


def test_the_ideas_name_the_layers_that_are_enforced_and_every_kind_of_task() -> None:
    ideas = (ROOT / "docs" / "ideas.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [c for c in project["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    shown = ideas.split("## Layers")[1].split("```")[1].splitlines()[1:]
    assert [re.split(" {2,}", line)[0] for line in shown] == contract["layers"]
    kinds = re.findall(r"^\| `(\w+)` \|", ideas.split("## torch")[0], re.MULTILINE)
    assert kinds == list(KINDS)


def test_the_reference_names_every_key_of_a_recipe() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`([a-z_.]+)`", reference.split("## Recipes")[1]))
    assert set(recipe_keys(Recipe)) - described == set()


def recipe_keys(part: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of a recipe, dotted."""
    for name, field in part.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from recipe_keys(kind, f"{prefix}{name}.")
        else:
            yield prefix + name
