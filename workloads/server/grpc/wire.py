"""Looks at a large message before protobuf does, which takes 240 bytes of memory for an empty tensor of two bytes."""

from workloads.server.bounds import INLINE_BYTES
from workloads.server.errors import BadRequestError

MAX_FIELDS = 20_000
"""Of a message, nested ones not counted: tensors with their data, outputs and parameters."""
FIXED = {1: 8, 5: 4}
"""Bytes of a value, by wire type."""


def check_fields(message: bytes) -> None:
    """Refuse a message of more than INLINE_BYTES with more than MAX_FIELDS fields, and one that is cut off."""
    position, end, fields = 0, len(message), 0
    if end <= INLINE_BYTES:
        return
    try:
        while position < end:
            fields += 1
            if fields > MAX_FIELDS:
                raise BadRequestError(f"the message has more than {MAX_FIELDS} tensors, outputs and parameters")
            tag, position = _varint(message, position)
            kind = tag & 7
            if kind == 0:
                _, position = _varint(message, position)
            elif kind == 2:
                size, position = _varint(message, position)
                position += size
            else:
                position += FIXED[kind]
    except (IndexError, KeyError) as error:
        raise BadRequestError(f"the message is not one of protobuf: byte {position} begins no field") from error


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """(number, position after it). Seven bits a byte, the least ones first; the last byte, at most the tenth, is below
    128."""
    number = 0
    for shift in range(0, 70, 7):
        byte = message[position]
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, position
    raise IndexError(position)
