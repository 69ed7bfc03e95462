"""How large the image is that answers: what its Dockerfile installs, weighed package by package.

    python -m benchmarks.serving_image --out runs/serving-image

The very command of ``containers/serve/Dockerfile`` runs in an environment of its own, with this
Python; what it leaves is what the image adds to its base. The base itself is not fetched: its size
is given as known. Sizes are those of the files, in millions of bytes, as Docker shows them.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import tempfile
import venv
from collections import Counter
from pathlib import Path

from benchmarks.measuring import markdown_table, surroundings, write_results

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "containers" / "serve" / "Dockerfile"

#: Bytes of ``python:3.11-slim-bookworm`` unpacked, as known (Docker Hub, 2025): Debian without its
#: documentation, some 75 MB, and Python with pip, some 55 MB. Not measured here.
BASE_BYTES = 130_000_000

#: What the issue asks of the image.
MOST_BYTES = 400_000_000

#: Rows of the table.
SHOWN = 12


def main() -> None:
    """Install, weigh, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lapel-image-") as folder:
        packages = install(Path(folder))
        sizes = sizes_by_package(packages)
    total = sum(sizes.values())
    rows = [[name, f"{size / 1e6:.1f}"] for name, size in sizes.most_common(SHOWN)]
    others = total - sum(size for _, size in sizes.most_common(SHOWN))
    rows += [["others", f"{others / 1e6:.1f}"], ["**installed**", f"**{total / 1e6:.0f}**"]]
    rows.append(["with the base, as known", f"{(total + BASE_BYTES) / 1e6:.0f}"])
    content = {"surroundings": surroundings(), "bytes": dict(sizes), "base_bytes": BASE_BYTES}
    table = markdown_table(["package", "MB"], rows)
    write_results(options.out, name="serving_image", content=content, table=table)


def install_command() -> list[str]:
    """The words of the Dockerfile's one ``RUN``, behind ``python``."""
    text = DOCKERFILE.read_text("utf-8").replace("\\\n", " ")
    found = re.search(r"^RUN python (.+)$", text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"{DOCKERFILE} runs no python")
    return shlex.split(found[1])


def build_context(folder: Path) -> Path:
    """Exactly the files that the Dockerfile copies, in a new folder."""
    folder.mkdir()
    for names in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE.read_text("utf-8"), re.MULTILINE):
        for name in names.split():
            source = ROOT / name
            if source.is_dir():
                made = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, folder / name, ignore=made)
            else:
                shutil.copy(source, folder)
    return folder


def install(folder: Path) -> Path:
    """Do what the Dockerfile does, in a folder.

    Returns:
        The folder of the packages.

    Raises:
        SystemExit: pip failed.
    """
    venv.create(folder / "builder", with_pip=True)
    prefix = folder / "lapel"
    words = [
        f"--prefix={prefix}" if word.startswith("--prefix") else word for word in install_command()
    ]
    python = folder / "builder" / "bin" / "python"
    context = build_context(folder / "context")
    done = subprocess.run([python, *words, "--quiet"], cwd=context, check=False)
    if done.returncode:
        raise SystemExit("pip could not install what the image holds")
    (packages,) = prefix.glob("lib/python*/site-packages")
    return packages


def sizes_by_package(packages: Path) -> Counter[str]:
    """Bytes of each top-level folder, the programs beside them counted too."""
    sizes: Counter[str] = Counter()
    prefix = packages.parents[2]
    for path in prefix.rglob("*"):
        if path.is_file() and not path.is_symlink():
            inside = path.is_relative_to(packages)
            name = path.relative_to(packages).parts[0] if inside else "programs"
            sizes[name] += path.stat().st_size
    return sizes


if __name__ == "__main__":
    main()
