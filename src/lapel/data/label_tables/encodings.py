"""How a text file is encoded, where nobody says it."""

from __future__ import annotations

import codecs
from pathlib import Path

from lapel.schema.errors import Fault, FormatError, UsageError

#: Byte order marks and the encodings that they announce, the longest first.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: The same mark, decoded.
MARK = "\ufeff"

#: Bytes are Korean if at least this share of what is not ASCII are syllables in daily use.
KOREAN = 0.9


def decoded(path: Path, data: bytes, encoding: str | None) -> tuple[str, str]:
    """The text of a file's bytes, without a byte order mark, and its encoding.

    Args:
        path: named in messages.
        data: the file's bytes.
        encoding: by default what a byte order mark says, else UTF-8, else CP949 where that gives
            Korean (Excel writes it on a Korean Windows), else CP1252, Windows' Latin letters.

    Raises:
        UsageError: no such encoding.
        FormatError: bytes that are no text in it.
    """
    candidates = [encoding] if encoding else _candidates(data)
    for candidate in candidates:
        try:
            text = data.decode(candidate)
        except LookupError:
            raise UsageError(
                f"no encoding is called {candidate!r}; try utf-8, utf-16, cp1252 or cp949"
            ) from None
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            # Who names UTF-8 may have a file with a mark all the same: Excel writes one.
            return text.removeprefix(MARK), candidate
    expected = f"text in {' or '.join(candidates)}; name its encoding with --encoding"
    raise FormatError([Fault(file=str(path), found="bytes that are no text", expected=expected)])


def _candidates(data: bytes) -> list[str]:
    announced = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if announced:
        return [announced]
    return ["utf-8", "cp949", "cp1252"] if _is_korean(data) else ["utf-8", "cp1252"]


def _is_korean(data: bytes) -> bool:
    """Whether CP949 gives Korean.

    The 2,350 syllables of KS X 1001 lie at 0xB0A1 to 0xC8FE. CP949 has 8,822 more, which hardly
    occur, and whose bytes are also Latin texts: ``don\u2019t`` in CP1252 would be one.
    """
    try:
        letters = [letter for letter in data.decode("cp949") if not letter.isascii()]
    except UnicodeDecodeError:
        return False
    usual = sum(b"\xb0\xa1" <= letter.encode("cp949") <= b"\xc8\xfe" for letter in letters)
    return bool(letters) and usual >= KOREAN * len(letters)
