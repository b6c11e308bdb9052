import itertools
from typing import Any

import numpy as np
import pytest

from workloads.server.binary import DATATYPES
from workloads.server.elements import LARGEST, array_of, check_finite
from workloads.server.errors import BadRequestError

VALUES: list[Any] = [
    *(0, 1, -1, 127, 128, -128, -129, 255, 256, 65504, 65505, 2**31, -(2**31) - 1, 2**63, 2**64 - 1, 2**64, 10**400),
    *(0.0, -0.5, 65504.0, 65520.0, 3.4e38, 3.41e38, -3.41e38, 1e39, 1.7e308, float("inf"), float("-inf"), float("nan")),
    *(True, False, None, "", "1", "a", [], [1], {}, {"a": 1}),
]


def place(index: int) -> str:
    return f"[{index}]"


def taken(items: list[Any], datatype: str, largest: float | None) -> bool:
    try:
        array_of(items, datatype, place, largest)
    except BadRequestError:
        return False
    return True


@pytest.mark.parametrize(("datatype", "largest"), [("FP64", LARGEST), *((each, None) for each in DATATYPES)])
def test_many_elements_are_taken_exactly_where_each_of_them_is(datatype: str, largest: float | None) -> None:
    alone = [taken([value], datatype, largest) for value in VALUES]
    assert any(alone)
    assert not all(alone)
    for (one, fits), (other, others) in itertools.product(zip(VALUES, alone, strict=True), repeat=2):
        assert taken([one, other, one], datatype, largest) == (fits and others), (one, other)


@pytest.mark.parametrize("datatype", DATATYPES)
def test_the_first_wrong_element_is_the_one_that_is_named(datatype: str) -> None:
    right = next(value for value in VALUES if taken([value], datatype, None))
    wrong = [value for value in VALUES if not taken([value], datatype, None)]
    for index in (0, 1, 7, 99):
        items = [right] * index + wrong + [right] * (100 - index)
        with pytest.raises(BadRequestError, match=f"^\\[{index}\\]: "):
            array_of(items, datatype, place)


@pytest.mark.parametrize(
    ("value", "datatype", "message"),
    [
        (True, "FP64", "True is not a number"),
        (True, "INT8", "True is not an integer"),
        (1.0, "INT8", "1.0 is not an integer"),
        (200, "INT8", "200 is not within the range of INT8"),
        (-1, "UINT64", "-1 is not within the range of UINT64"),
        (70000, "FP16", "70000 is not within the range of FP16"),
        (1, "BOOL", "1 is not true or false"),
        (1, "BYTES", "1 is not a string"),
    ],
)
def test_a_wrong_element_is_refused_by_what_its_type_takes(value: Any, datatype: str, message: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        array_of([value], datatype, place)
    assert str(refused.value) == f"[0]: {message}"


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1e39])
def test_the_first_number_that_is_not_finite_is_named(wrong: float) -> None:
    check_finite(np.array([[1.0, -LARGEST]]), LARGEST, place)
    with pytest.raises(BadRequestError, match=r"^\[2\]: .* is not a finite 32-bit number"):
        check_finite(np.array([[1.0, 2], [wrong, wrong]]), LARGEST, place)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_number_of_any_width_that_is_not_finite_is_refused_with_its_place(dtype: str, wrong: float) -> None:
    check_finite(np.array([[1, 6e4]], dtype=dtype), LARGEST, str)
    with pytest.raises(BadRequestError, match=r"^2: .* is not a finite 32-bit number"):
        check_finite(np.array([[1, 2], [wrong, 3]], dtype=dtype), LARGEST, str)
