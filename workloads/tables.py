"""What a table of the lake is, whatever library writes it: its columns, its rows as CSV, what can be wrong with it."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

GLUE = "glue://"
"""Address of a table in the catalog of AWS: glue://database/table."""
ROWS_AT_ONCE = 10_000
"""Rows that are Python's objects at a time, which take ten times as much memory as Arrow's."""
RESTORE = "restore the files that the table had (the store keeps earlier objects where its bucket is versioned)"
"""What to do where a version can't be read: nothing of the platform deletes its files."""
Value = float | str | None


class TableError(Exception):
    """A table that can't be read or written so; the message says which, why, and what is allowed."""


class NoTable(TableError):
    """There is none."""


class Overtaken(Exception):
    """Somebody else committed first: nothing of this commit is in the table."""


@dataclass(frozen=True)
class Field:
    """A column of a table."""

    name: str
    type: str
    """The format's name of it: double or string, and others in tables that somebody else made."""
    optional: bool = False
    """Whether a row may have no value."""


class Table(Protocol):
    """A table as it was when it was opened, at one version."""

    @property
    def version(self) -> int:
        """0 is the first."""
        ...

    def name_of(self, column: str) -> str:
        """Return the table's name of a declared column."""
        ...

    def names(self) -> list[str]:
        """Return the names of this version's columns, in their order."""
        ...

    def fields(self) -> list[Field]:
        """Return the columns that rows which are appended must have."""
        ...

    def has(self, part: str) -> bool:
        """Return whether a part was appended to it."""
        ...

    def append(self, fields: Sequence[Field], rows: bytes, part: str, added: Sequence[Field]) -> None:
        """Append rows, CSV without a header, as one version. Raise Overtaken, or TableError where the store would lose
        a commit.

        added: those of the fields that the table does not have yet, and gets."""
        ...

    def batches(self) -> Iterator[Any]:
        """Yield the rows of this version, in batches of Arrow. Raise TableError where a file of it is gone."""
        ...


def reason(error: Exception) -> str:
    """Return what a library says, without the stack that follows."""
    return str(error).partition("\n")[0]


def parsed(fields: Sequence[Field], rows: bytes) -> Iterator[list[list[Value]]]:
    """Yield the values of rows, CSV without a header, column by column; never more than ROWS_AT_ONCE of each. An empty
    cell of an optional column is no value."""
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(rows), encoding="utf-8", newline=""))
    filled = (line for line in lines if line)
    while chunk := list(islice(filled, ROWS_AT_ONCE)):
        columns = zip(*chunk, strict=True)
        yield [[_value(each, cell) for cell in cells] for each, cells in zip(fields, columns, strict=True)]


def _value(field: Field, cell: str) -> Value:
    if field.optional and not cell:
        return None
    return float(cell) if field.type == "double" else cell
