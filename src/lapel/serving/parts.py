"""The pictures of a request: the body itself, or the files of a form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from lapel.inference.pictures import name_of
from lapel.serving.faults import Refusal

if TYPE_CHECKING:  # it exists for type checkers alone
    from python_multipart.multipart import MultipartCallbacks

#: Types of a body that is a picture, beside ``image/...``. Its content says which kind of picture.
PICTURE_TYPES = ("application/octet-stream", "application/x-image", "binary/octet-stream")

FORM = "multipart/form-data"

#: What ``curl --data-binary`` says where it is told nothing.
_CURLS_OWN = "application/x-www-form-urlencoded"

#: Lengths of a head of a part, and of a name, in bytes and characters.
_HEADS, _HEAD_BYTES, LONGEST_NAME = 16, 4096, 255


@dataclass(frozen=True, slots=True)
class Sent:
    """A picture as it was sent.

    Attributes:
        name: of its file; ``image[0]``, ``image[1]``, ... where it has none.
        data: the bytes of the file.
    """

    name: str
    data: bytes


async def pictures_of(request: Request, *, most: int) -> list[Sent]:
    """Read the pictures of a request.

    Args:
        request: its body is one picture, or a form with a file for each.
        most: so many may be sent at once.

    Raises:
        Refusal: 400, 413 or 415: a body that is neither, is torn, or holds too many.
    """
    header = request.headers.get("content-type", "")
    kind, options = parse_options_header(header)
    media_type = kind.decode("latin-1").lower()
    try:
        if media_type == FORM:
            return await _of_form(request.stream(), options.get(b"boundary", b""), most)
        if not media_type or is_picture_type(media_type):
            return [Sent(name_of(b"", 0), await _whole(request.stream()))]
    except ClientDisconnect:
        raise Refusal(400, "the body ended before it was whole; send it again") from None
    hint = (
        "; with curl: -H 'Content-Type: image/jpeg' --data-binary @photo.jpg, or -F file=@photo.jpg"
        if media_type == _CURLS_OWN
        else ""
    )
    raise Refusal(
        415,
        f"found a body of type {media_type[:80]!r}, expected a picture (image/..., "
        f"application/octet-stream) or {FORM}{hint}",
    )


def is_picture_type(media_type: str) -> bool:
    """Whether bytes of a type may be a picture."""
    return media_type.startswith("image/") or media_type in PICTURE_TYPES


async def _whole(pieces: AsyncIterator[bytes]) -> bytes:
    # Not a list that is joined: its many small pieces would leave holes in the memory.
    data = bytearray()
    async for piece in pieces:
        data += piece
    if not data:
        raise Refusal(400, "the body is empty; send the bytes of a picture", code="no_picture")
    return bytes(data)


async def _of_form(pieces: AsyncIterator[bytes], boundary: bytes, most: int) -> list[Sent]:
    if not boundary:
        raise Refusal(400, f"a body of type {FORM} names a boundary; this one names none")
    form = _Form(most)
    try:
        parser = MultipartParser(
            boundary, form.callbacks(), max_header_count=_HEADS, max_header_size=_HEAD_BYTES
        )
        async for piece in pieces:
            parser.write(piece)
        parser.finalize()
    except FormParserError as error:
        raise Refusal(
            400, f"the form cannot be read ({str(error)[:200]}); send it again", code="bad_form"
        ) from None
    return form.pictures()


@dataclass(slots=True)
class _Form:
    """Takes down the parts of a form, as they are read."""

    most: int
    sent: list[Sent] = field(default_factory=list)
    whole: bool = False
    _field: str = ""
    _name: str = ""
    _is_file: bool = False
    _head: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _data: bytearray = field(default_factory=bytearray)

    def callbacks(self) -> MultipartCallbacks:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_head,
            "on_header_value": self._add_value,
            "on_header_end": self._end_head,
            "on_headers_finished": self._check,
            "on_part_data": self._add_data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def pictures(self) -> list[Sent]:
        """All files.

        Raises:
            Refusal: 400, a form that is torn, or without any.
        """
        if not self.whole:
            raise Refusal(400, "the form ends before its last boundary; send it again")
        if not self.sent:
            raise Refusal(
                400,
                "the form holds no file; with curl: -F file=@photo.jpg",
                code="no_picture",
            )
        return self.sent

    def _begin(self) -> None:
        self._field = self._name = ""
        self._is_file = False
        if len(self.sent) >= self.most:
            raise Refusal(
                413,
                f"more than {self.most} pictures in one request, which is the limit; send the rest "
                "in another one",
                code="too_many_pictures",
            )

    def _add_head(self, data: bytes, start: int, end: int) -> None:
        self._head += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_head(self) -> None:
        name, value = bytes(self._head).lower(), bytes(self._value)
        self._head.clear()
        self._value.clear()
        if name == b"content-disposition":
            _, options = parse_options_header(value)
            self._field = options.get(b"name", b"").decode("utf-8", "replace")
            if b"filename" in options:
                self._is_file = True
                self._name = options[b"filename"].decode("utf-8", "replace")[:LONGEST_NAME]
        elif name == b"content-type" and is_picture_type(value.decode("latin-1").strip().lower()):
            self._is_file = True

    def _check(self) -> None:
        if not self._is_file:
            raise Refusal(
                400,
                f"the form's field {self._field[:80]!r} is no file; parameters stand in the "
                "address: /v1/predict?top=3",
                code="unexpected_field",
            )

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def _end(self) -> None:
        self.sent.append(Sent(self._name or name_of(b"", len(self.sent)), bytes(self._data)))
        self._data = bytearray()

    def _finish(self) -> None:
        self.whole = True
