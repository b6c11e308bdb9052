"""Tensors as raw bytes, as the protocol's binary-data extension and gRPC's `raw_input_contents` carry them.

Numbers are little-endian, in row-major order; of BYTES each element is its length (4 bytes, little-endian, unsigned)
and that many bytes, which are UTF-8 text here.
"""

import math
from collections.abc import Sequence
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.server.errors import BadRequestError, shown

DATATYPES: dict[str, np.dtype[Any]] = {
    **{f"FP{bits}": np.dtype(f"<f{bits // 8}") for bits in (64, 32, 16)},
    **{f"INT{bits}": np.dtype(f"<i{bits // 8}") for bits in (64, 32, 16, 8)},
    **{f"UINT{bits}": np.dtype(f"<u{bits // 8}") for bits in (64, 32, 16, 8)},
    "BOOL": np.dtype(np.bool_),
    "BYTES": np.dtype(np.object_),
}
"""Of the protocol, and how numpy holds each: BYTES as an array of str."""
LENGTH = Struct("<I")
_NAMES = {dtype: name for name, dtype in DATATYPES.items()}


def datatype_of(array: NDArray[Any]) -> str:
    """The protocol's name of what the array holds."""
    return _NAMES[array.dtype]


def decode(data: bytes | memoryview, datatype: str, shape: Sequence[int], where: str) -> NDArray[Any]:
    """An array of its own memory. Refuses another number of bytes than the shape means, and text that isn't UTF-8.

    where: the place in the request, for the message.
    """
    count = math.prod(shape)
    if datatype == "BYTES":
        return np.array(_texts(data, count, where), dtype=np.object_).reshape(shape)
    dtype = DATATYPES[datatype]
    if len(data) != count * dtype.itemsize:
        raise BadRequestError(
            f"{where}: {len(data)} bytes, but the shape {list(shape)} of {datatype} means {count * dtype.itemsize}"
        )
    if datatype == "BOOL":  # numpy would take any byte for a truth value, and compute with its other bits
        return np.frombuffer(data, dtype=np.uint8).reshape(shape) != 0
    return np.frombuffer(data, dtype=dtype).reshape(shape).copy()


def _texts(data: bytes | memoryview, count: int, where: str) -> list[str]:
    texts: list[str] = []
    position, end = 0, len(data)
    while position < end and len(texts) < count:
        if position + LENGTH.size > end:
            raise BadRequestError(f"{where}: ends within the length of element {len(texts)}")
        (size,) = LENGTH.unpack_from(data, position)
        position += LENGTH.size
        if position + size > end:
            raise BadRequestError(f"{where}: element {len(texts)} has {size} bytes, but {end - position} are left")
        texts.append(text_of(data[position : position + size], f"{where}[{len(texts)}]"))
        position += size
    if len(texts) != count or position != end:
        found = f"{len(texts)} elements" if position == end else f"{end - position} bytes after {count} elements"
        raise BadRequestError(f"{where}: {found}, but the shape means {count}")
    return texts


def text_of(element: bytes | memoryview, where: str) -> str:
    try:
        return str(element, "utf-8")
    except UnicodeDecodeError as error:
        raise BadRequestError(f"{where}: {shown(bytes(element[:20]))} is not UTF-8 text: {error.reason}") from error


def _with_length(text: bytes) -> bytes:
    return LENGTH.pack(len(text)) + text


def encode(array: NDArray[Any]) -> bytes:
    """Of any array whose type is among `DATATYPES`."""
    if array.dtype == np.object_:
        elements: list[Any] = array.ravel().tolist()
        encoded = {element: _with_length(str(element).encode()) for element in set(elements)}  # labels are few
        return b"".join([encoded[element] for element in elements])
    return array.tobytes()
