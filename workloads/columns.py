"""What the columns of a data set may hold, as workload.yaml declares them. Runs inside the training image."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""As programs write decimal numbers. Python reads more as one: 1_2, surrounding blanks, digits of other scripts."""


def catalog_name(column: str) -> str:
    """Return the name of a column in a catalog of tables: in small letters, digits and underscores, as Athena can write
    it."""
    return re.sub(r"[^a-z0-9_]+", "_", column.lower())


@dataclass(frozen=True)
class Column:
    """What the values of a column may be: numbers between two bounds, or labels."""

    name: str
    minimum: float | None = None
    maximum: float | None = None
    labels: Sequence[str] | None = None
    optional: bool = False
    """Whether a row may have no value, which is the empty text."""

    @property
    def allowed(self) -> str:
        empty = ", or nothing" if self.optional else ""
        if self.labels is not None:
            return f"one of {', '.join(self.labels)}{empty}"
        return f"a decimal number from {self.minimum:g} to {self.maximum:g}{empty}"

    def accepts(self, value: str) -> bool:
        if self.optional and not value:
            return True
        if self.labels is not None:
            return value in self.labels
        assert self.minimum is not None
        assert self.maximum is not None
        return NUMBER.fullmatch(value) is not None and self.minimum <= float(value) <= self.maximum

    def canonical(self, value: str) -> str:
        """The one spelling of all equal values."""
        return value if self.labels is not None or not value else repr(float(value))


def read_columns(document: str) -> list[Column]:
    """From the JSON of workloads/documents.py."""
    return [Column(**each) for each in json.loads(document)]


def of_header(line: str, columns: Sequence[Column]) -> list[Column]:
    """Return the columns that a header names, in their order, where it leaves out none but optional ones; else none."""
    names = line.split(",")
    found = [column for column in columns if column.name in names or not column.optional]
    return found if [column.name for column in found] == names else []
