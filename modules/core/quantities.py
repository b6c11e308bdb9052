"""Kubernetes quantities as settings: checked, comparable."""

import re
from typing import Annotated

from pydantic import AfterValidator

_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_SIZE = re.compile(r"([1-9][0-9]*)(Ki|Mi|Gi|Ti)")
_CPU = re.compile(r"([1-9][0-9]*)(m?)")


def size_bytes(text: str) -> int:
    """Bytes of a size such as 512Mi; ValueError for anything but a positive whole number of Ki, Mi, Gi or Ti."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("a size is a positive whole number with the unit Ki, Mi, Gi or Ti, such as 512Mi")
    return int(match[1]) * _BYTES[match[2]]


def millicores(text: str) -> int:
    """Thousandths of a core of an amount such as 250m or 2; ValueError for anything but positive whole numbers."""
    match = _CPU.fullmatch(text)
    if match is None:
        raise ValueError("an amount of CPU is a positive whole number of cores or of thousandths, such as 2 or 250m")
    return int(match[1]) * (1 if match[2] else 1000)


def _checked_size(text: str) -> str:
    size_bytes(text)
    return text


def _checked_cpu(text: str) -> str:
    millicores(text)
    return text


Size = Annotated[str, AfterValidator(_checked_size)]
Cpu = Annotated[str, AfterValidator(_checked_cpu)]
