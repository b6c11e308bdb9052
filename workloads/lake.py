"""Tables of the lake, written and read without a JVM: Delta Lake in the object store, or Iceberg in a catalog.

The address of a table says which: s3://bucket/key, or glue://database/table. All else is the same. A table has the
columns that workload.yaml declares. Each write is one version, all of it or nothing; versions never change, and nothing
is deleted, so that each can be read as long as the table is there. Runs inside the image training-lake.
"""

import csv
import io
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from random import random
from typing import Any

from workloads.columns import Column
from workloads.tables import GLUE, Field, NoTable, Overtaken, Table, TableError

LINES_AT_ONCE = 100_000
"""Lines that are sorted at a time, as objects of Python."""
ATTEMPTS = 100
"""At a commit, where others commit meanwhile."""


@dataclass(frozen=True)
class Snapshot:
    """What a version of a table holds."""

    version: int
    content: bytes
    """As CSV with a header. The lines are sorted: a table has no order, and files of any layout give the same bytes."""


def fields_of(columns: Sequence[Column]) -> list[Field]:
    """Return the fields of a table with these columns: double for numbers, string for labels."""
    return [Field(column.name, "double" if column.labels is None else "string", column.optional) for column in columns]


def exists(address: str) -> bool:
    """Return whether there is a table at an address. One of a catalog that nobody wrote yet is none."""
    return _library(address).exists(address)


def has(address: str, part: str) -> bool:
    """Return whether a part was appended to a table. Raise TableError where there is none."""
    return _open(address).has(part)


def create(address: str, fields: Sequence[Field], rows: bytes) -> None:
    """Make a table of these rows, CSV without a header, as its version 0. One that is there stays as it is."""
    _library(address).create(address, fields, rows)


def append(address: str, fields: Sequence[Field], rows: bytes, part: str) -> bool:
    """Append rows, CSV without a header, to a table, which is made where there is none, as one version; return False
    where this part (a digest, say) was appended before.

    Raise TableError where the table has other columns, or the store would lose a commit. Optional columns that it does
    not have yet are added to it: earlier rows have no value there.
    """
    try:
        table = _open(address)
    except NoTable:
        create(address, fields, b"")
        table = _open(address)
    for _ in range(ATTEMPTS):
        if table.has(part):
            return False
        added = _added(table, address, fields)
        try:
            table.append(fields, rows, part, added)
        except Overtaken:
            time.sleep(random())  # else the writers would meet again
            table = _open(address)
        else:
            return True
    raise TableError(f"{address} was changed by others {ATTEMPTS} times while rows were appended: try again")


def read(address: str, version: int | None = None, columns: Sequence[Column] = ()) -> Snapshot:
    """Return what a version of a table holds; None: the newest. Raise TableError where there is no such version, or a
    file of it is gone.

    columns: the declared ones, by whose names the content has them; a catalog has names of its own for some."""
    table = _open(address, version)
    names = table.names()
    declared = {table.name_of(each.name): each.name for each in columns}
    content = io.BytesIO()
    content.writelines(_lines([[declared.get(name, name) for name in names]]))
    content.writelines(_sorted(_rows(table, names)))
    return Snapshot(table.version, content.getvalue())


def rows(address: str, fields: Sequence[Field]) -> Iterator[bytes]:
    """Yield the rows of a table's newest version in any order, as lines of CSV with these fields; where the table has
    none of that name, rows have no value. They are never in memory together. Raise TableError as `read`."""
    table = _open(address)
    yield from _rows(table, [table.name_of(field.name) for field in fields])


def canonical(content: bytes) -> bytes:
    """Return a data set, CSV with a header and one row a line, as a table of it is read: with sorted lines."""
    header, *lines = content.splitlines(keepends=True)
    return b"".join([header, *sorted(lines)])


def _library(address: str) -> Any:
    """The module that knows tables at such an address: each image has the libraries of one."""
    if address.startswith(GLUE):
        from workloads import iceberg_tables

        return iceberg_tables
    from workloads import delta_tables

    return delta_tables


def _open(address: str, version: int | None = None) -> Table:
    return _library(address).open_table(address, version)


def _rows(table: Table, names: Sequence[str]) -> Iterator[bytes]:
    """Yield each row as a line of CSV with the columns of these names."""
    there = {*table.names()}
    for batch in table.batches():
        columns = [_values(batch.column(name)) if name in there else [""] * batch.num_rows for name in names]
        yield from _lines(zip(*columns, strict=True))


def _sorted(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines in order: in memory once, sorted in parts of which each is one object, since a short line as an
    object of its own takes three times what is in it."""
    parts: list[tuple[bytes, array[int]]] = []
    while part := sorted(islice(lines, LINES_AT_ONCE)):
        parts.append((b"".join(part), array("I", map(len, part))))
    yield from merge(*(_cut(*each) for each in parts))


def _cut(joined: bytes, lengths: "array[int]") -> Iterator[bytes]:
    start = 0
    for length in lengths:
        yield joined[start : start + length]
        start += length


def _added(table: Table, address: str, fields: Sequence[Field]) -> list[Field]:
    """Return the fields that a write would add. Raise TableError for all else by which they differ."""
    found = {each.name: each for each in table.fields()}
    wanted = {table.name_of(each.name): each for each in fields}
    added = [each for name, each in wanted.items() if name not in found]
    problems = [
        *(f"{name} is in the table, and not among the columns" for name in found if name not in wanted),
        *(
            f"{each.name} is not in the table: only optional columns can be added"
            for each in added
            if not each.optional
        ),
        *(
            f"{each.name} is {_described(found[name])} in the table, and {_described(each)} here"
            for name, each in wanted.items()
            if name in found and (found[name].type, found[name].optional) != (each.type, each.optional)
        ),
    ]
    if problems:
        raise TableError(
            f"rows of other columns than those of the table at {address}: {'; '.join(problems)}. "
            "Declare the table's columns in workload.yaml, new ones with optional: true"
        )
    return added


def _described(field: Field) -> str:
    return f"an optional {field.type}" if field.optional else f"a {field.type}"


def _values(column: Any) -> list[str]:
    return ["" if value is None else repr(value) if isinstance(value, float) else value for value in column.to_pylist()]


def _lines(rows: Any) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow(row)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
