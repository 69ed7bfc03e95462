"""``glossary.json``: English beside labels of another language.

Labels stay what the layout calls them, everywhere; the glossary is for eyes that cannot read
them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lapel.schema.errors import DatasetError
from lapel.storage.local import write_atomically

GLOSSARY_FILE = "glossary.json"


def write_glossary(folder: Path, english: Mapping[str, str]) -> None:
    """Write ``glossary.json``: label to English, whole or not at all.

    Raises:
        StorageError: it could not be written.
    """
    text = json.dumps(dict(english), ensure_ascii=False, indent=1)
    write_atomically(folder / GLOSSARY_FILE, f"{text}\n".encode())


def read_glossary(folder: Path) -> dict[str, str]:
    """Task and label names to English; empty where the dataset has no glossary.

    Raises:
        DatasetError: the file is torn or holds something else.
    """
    path = folder / GLOSSARY_FILE
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} could not be read ({error}); import again") from error
    if not isinstance(value, dict) or not all(isinstance(word, str) for word in value.values()):
        raise DatasetError(f"{path}: expected an object of texts; import again")
    return value
