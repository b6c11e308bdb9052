import numpy as np
import pytest

from workloads.server.binary import DATATYPES, datatype_of, decode, encode
from workloads.server.errors import BadRequestError


@pytest.mark.parametrize("datatype", DATATYPES)
def test_tensors_come_back_as_they_went(datatype: str) -> None:
    values = ["", "€", "a" * 300, "b", "c", "d"] if datatype == "BYTES" else [0, 1, 1, 0, 1, 100]
    array = np.array(values, dtype=DATATYPES[datatype]).reshape(2, 3)
    found = decode(encode(array), datatype, (2, 3), "tensor")
    assert found.dtype == array.dtype
    assert found.tolist() == array.tolist()
    assert found.flags.writeable
    assert datatype_of(array) == datatype


def test_an_array_in_another_order_is_written_row_by_row() -> None:
    assert encode(np.array([[1, 2], [3, 4]], dtype=np.int8).T) == b"\x01\x03\x02\x04"


def test_any_byte_but_zero_is_true() -> None:
    assert decode(b"\x00\x01\x02", "BOOL", (3,), "tensor").tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("data", "datatype", "shape", "message"),
    [
        (b"1234567", "FP64", [1], "tensor: 7 bytes, but the shape [1] of FP64 means 8"),
        (b"", "BYTES", [1], "tensor: 0 elements, but the shape means 1"),
        (b"\0\0\0\0" * 3, "BYTES", [2], "tensor: 4 bytes after 2 elements, but the shape means 2"),
        (b"\0\0\0\0", "BYTES", [10**15], "tensor: 1 elements, but the shape means 1000000000000000"),
        (b"\x05\0\0\0abc", "BYTES", [1], "tensor: element 0 has 5 bytes, but 3 are left"),
        (b"\x05\0", "BYTES", [1], "tensor: ends within the length of element 0"),
        (b"\x01\0\0\0\xff", "BYTES", [1], "tensor[0]: b'\\xff' is not UTF-8 text: invalid start byte"),
    ],
)
def test_bytes_that_are_not_the_tensor_are_refused(data: bytes, datatype: str, shape: list[int], message: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        decode(data, datatype, shape, "tensor")
    assert str(refused.value) == message
