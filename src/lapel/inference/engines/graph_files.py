"""Whether an ONNX graph wants to read files of the machine that runs it.

A tensor of a graph may say "my values lie in the file of this name" (``external_data``). A graph of
a stranger must not read what lies on the machine. ONNX Runtime refuses such a tensor where a graph
comes as bytes; OpenVINO reads the file. So graphs are looked through before it gets them.

Only what is needed of the encoding is read here: protobuf's wire format
(https://protobuf.dev/programming-guides/encoding/) and numbers of some fields of ``onnx.proto``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lapel.schema.errors import BundleError

#: Message to the fields of it that may hold a tensor, further down, and the messages they are.
HOLDS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}

#: Fields of a tensor that say where its values lie.
EXTERNAL_DATA, DATA_LOCATION = 13, 14

#: Kinds of value on the wire, and the bytes of those of a fixed length.
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED = {FIXED64: 8, FIXED32: 4}

#: Graphs within graphs: so deep and no deeper.
DEEPEST = 100


def refuse_files(graph: bytes) -> None:
    """See that the tensors of a graph lie in the graph itself.

    Args:
        graph: the bytes of an ONNX file.

    Raises:
        BundleError: one of them is to be read from a file, or the bytes are no graph.
    """
    try:
        outside = _reads_files(memoryview(graph), "model", 0)
    except (IndexError, ValueError) as error:
        raise BundleError(f"these bytes are no graph ({error}); export the model again") from error
    if outside:
        raise BundleError(
            "this network wants to read a file of this machine for its weights, expected all of "
            "them inside; do not use it if you cannot say who made it, or export the model again"
        )


def _reads_files(message: memoryview, kind: str, depth: int) -> bool:
    if depth > DEEPEST:
        raise ValueError(f"graphs more than {DEEPEST} deep within each other")
    for number, value in _fields(message):
        if kind == "tensor" and (number == EXTERNAL_DATA or (number == DATA_LOCATION and value)):
            return True
        inner = HOLDS[kind].get(number)
        if (
            inner is not None
            and isinstance(value, memoryview)
            and _reads_files(value, inner, depth + 1)
        ):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field; of a message, a text or bytes as they lie there."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == BYTES:
            length, place = _varint(message, place)
        elif kind in FIXED:
            length = FIXED[kind]
        else:
            raise ValueError(f"a field of kind {kind}")
        if place + length > len(message):
            raise ValueError("a field is longer than what holds it")
        yield number, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number without an end")
