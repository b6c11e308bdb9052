"""Elements of JSON to arrays, checked all at once; only where one is wrong, it is looked for."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.server.binary import DATATYPES
from workloads.server.errors import BadRequestError, shown

LARGEST = 3.4e38
"""What a classifier over named columns takes: its trees compare 32-bit floats."""
FEW = 32
"""Elements that Python compares sooner than NumPy does."""
Place = Callable[[int], str]
"""Where the element of this index, in row-major order, is in the request."""


def _taken(dtype: np.dtype[Any]) -> tuple[frozenset[type], str]:
    """Python's types for the elements, exactly: a bool is no number. And how a message calls them."""
    match dtype.kind:
        case "f":
            return frozenset({int, float}), "a number"
        case "b":
            return frozenset({bool}), "true or false"
        case "O":
            return frozenset({str}), "a string"
        case _:
            return frozenset({int}), "an integer"


TAKEN = {datatype: _taken(dtype) for datatype, dtype in DATATYPES.items()}
LIMITS = {name: float(np.finfo(dtype).max) for name, dtype in DATATYPES.items() if dtype.kind == "f"}


def array_of(items: Sequence[Any], datatype: str, place: Place, largest: float | None = None) -> NDArray[Any]:
    """A flat array of the datatype. Refuses, with its place, the first item that is of another type, infinite, or
    beyond the datatype or `largest`."""
    found = _array(items, datatype, largest)
    if found is None:
        index = _first_wrong(len(items), lambda start, end: _array(items[start:end], datatype, largest) is None)
        raise BadRequestError(
            f"{place(index)}: {shown(items[index])} is not {_wanted(items[index], datatype, largest)}"
        )
    return found


def check_finite(array: NDArray[Any], largest: float, place: Place) -> None:
    """Refuses, with its place, the first element that is infinite, no number, or beyond `largest`."""
    if array.size <= FEW and all(-largest <= each <= largest for each in array.ravel().tolist()):
        return
    if not float(np.abs(array).max()) <= largest:  # as a 16-bit number the limit would be infinite
        index = int(np.argmin(np.abs(array.ravel().astype(np.float64)) <= largest))
        raise BadRequestError(f"{place(index)}: {shown(float(array.flat[index]))} is not a finite 32-bit number")


def _array(items: Sequence[Any], datatype: str, largest: float | None) -> NDArray[Any] | None:
    """None where any item is wrong: whether an item is does not depend on its neighbours."""
    if not TAKEN[datatype][0].issuperset(map(type, items)):
        return None
    dtype = DATATYPES[datatype]
    try:
        if dtype.kind != "f":
            return np.array(items, dtype=dtype)
        array = np.array(items, dtype=np.float64)
    except OverflowError:
        return None
    if not _within(items, array, LIMITS[datatype] if largest is None else largest):
        return None
    return array.astype(dtype, copy=False)


def _within(items: Sequence[Any], array: NDArray[np.float64], limit: float) -> bool:
    """Whether all items are, of which the array is. NaN is not."""
    if len(items) <= FEW:
        return all(-limit <= item <= limit for item in items)
    return bool(np.abs(array).max() <= limit)


def _first_wrong(count: int, wrong: Callable[[int, int], bool]) -> int:
    """Index of the first wrong one, by halves: a client can send a million with the last one wrong."""
    start, end = 0, count
    while end - start > 1:
        middle = (start + end) // 2
        if wrong(start, middle):
            end = middle
        else:
            start = middle
    return start


def _wanted(item: Any, datatype: str, largest: float | None) -> str:
    types, kind = TAKEN[datatype]
    if type(item) not in types:
        return kind
    return "a finite 32-bit number" if largest == LARGEST else f"within the range of {datatype}"
