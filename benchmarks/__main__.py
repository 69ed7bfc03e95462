"""``python -m benchmarks``: what can be measured, and how."""

from __future__ import annotations

import ast
from pathlib import Path

#: The benchmarks; the other files here are theirs.
BENCHMARKS = (
    "time_to_accuracy",
    "tricks",
    "startup",
    "serving_image",
    "import_table",
    "import_deepfashion",
    "transfer",
    "loading",
    "tags",
    "catalogue",
    "search",
    "landmark_attention",
    "masks_memory",
    "drawn_deepfashion",
    "drawn_scenes",
    "parsing",
    "four_in_one",
    "labels_given",
    "inference",
    "bulk",
    "processes",
    "serving_load",
    "s3_transfer",
)


def main() -> None:
    """Print each benchmark with the first line of its text."""
    for name in BENCHMARKS:
        module = ast.parse((Path(__file__).with_name(f"{name}.py")).read_text("utf-8"))
        print(f"  {name:18} {(ast.get_docstring(module) or '').splitlines()[0]}")
    print("\nRun one:      make bench NAME=startup ARGS='--out runs/startup ...'")
    print("Its options:  make bench NAME=startup ARGS=--help")


if __name__ == "__main__":
    main()
