"""Tables of the lake: Delta Lake in the object store, written and read without a JVM.

A table has the columns that workload.yaml declares. Each write is one version, all of it or nothing; versions never
change, and nothing is deleted, so that each can be read as long as the table is there. Writers do not wait for each
other: a commit is an object that the store makes only where none is (`If-None-Match: *`), and who comes second commits
behind the first. Runs inside the image training-lake.
"""
# deltalake and arro3 leave some of their arguments and results untyped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import csv
import io
import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from workloads.artifacts import object_store, split_s3
from workloads.columns import Column

if TYPE_CHECKING:
    from arro3.core import RecordBatch
    from deltalake import DeltaTable

ROWS_AT_ONCE = 10_000
"""Rows that are Python's objects at a time, which take ten times as much memory as Arrow's."""
LINES_AT_ONCE = 100_000
"""Lines that are sorted at a time, as objects of Python."""
ATTEMPTS = 10
"""At a commit, where others changed the columns or wrote the same part meanwhile. Behind mere appends it is tried
again COMMITS times by the library itself."""
COMMITS = 100
STAYS = {"PreconditionFailed", "ConditionalRequestConflict"}
"""What a store answers that makes an object only where none is: there is one, or somebody else is just making it."""
KEPT = {"delta.enableExpiredLogCleanup": "false"}
"""Without it a checkpoint deletes commits of more than 30 days ago, and with them what an older version was."""
RESTORE = "restore the files that the table had (the store keeps earlier objects where its bucket is versioned)"
"""What to do where a version can't be read: nothing of the platform deletes its files."""


class TableError(Exception):
    """A table that can't be read or written so; the message says which, why, and what is allowed."""


class _NoTable(TableError):
    """There is none."""


@dataclass(frozen=True)
class Field:
    """A column of a table."""

    name: str
    type: str
    """Delta's name of it: double or string, and others in tables that somebody else made."""
    optional: bool = False
    """Whether a row may have no value."""


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
    """Return whether there is a table at an address, s3://bucket/key."""
    from deltalake import DeltaTable

    return DeltaTable.is_deltatable(address, storage_options=storage_options())


def has(address: str, part: str) -> bool:
    """Return whether a part was appended to a table. Raise TableError where there is none."""
    return _open(address).transaction_version(part) is not None


def create(address: str, fields: Sequence[Field], rows: bytes) -> None:
    """Make a table of these rows, CSV without a header, as its version 0. One that is there stays as it is."""
    from deltalake import write_deltalake
    from deltalake.exceptions import DeltaError

    try:
        write_deltalake(
            address, _reader(fields, rows), mode="error", configuration=KEPT, storage_options=storage_options()
        )
    except DeltaError:
        if not exists(address):
            raise


def append(address: str, fields: Sequence[Field], rows: bytes, part: str) -> bool:
    """Append rows, CSV without a header, to a table, which is made where there is none, as one version; return False
    where this part (a digest, say) was appended before.

    Raise TableError where the table has other columns, or the store would lose a commit. Optional columns that it does
    not have yet are added to it: earlier rows have no value there.
    """
    from deltalake import CommitProperties, Transaction, write_deltalake
    from deltalake.exceptions import CommitFailedError

    try:
        table = _open(address)
    except _NoTable:
        create(address, fields, b"")
        table = _open(address)
    if address.startswith("s3://"):
        require_commits_to_stay(object_store(), address, table.version())
    for _ in range(ATTEMPTS):
        if table.transaction_version(part) is not None:
            return False
        added = _added(table, address, fields)
        commit = CommitProperties(max_commit_retries=COMMITS, app_transactions=[Transaction(part, 1)])
        try:
            write_deltalake(
                table,
                _reader(fields, rows),
                mode="append",
                schema_mode="merge" if added else None,
                commit_properties=commit,
            )
        except CommitFailedError:
            table = _open(address)
        else:
            return True
    raise TableError(f"{address} was changed by others {ATTEMPTS} times while rows were appended: try again")


def require_commits_to_stay(client: Any, address: str, version: int) -> None:
    """Raise TableError where a store makes an object again although one is there: of two writers at once it would lose
    one's rows, and say nothing. Tried with the commit of this version of a table, which is the same afterwards."""
    from botocore.exceptions import ClientError

    bucket, key = split_s3(address)
    commit = f"{key}/_delta_log/{version:020}.json"
    content = client.get_object(Bucket=bucket, Key=commit)["Body"].read()
    try:
        client.put_object(Bucket=bucket, Key=commit, Body=content, IfNoneMatch="*")
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in STAYS:
            raise
    else:
        raise TableError(
            f"the store of {address} ignores If-None-Match, so that it would lose rows of two writers at once: nothing "
            "was appended; use a store that knows it, as AWS's S3 and SeaweedFS do"
        )


def read(address: str, version: int | None = None) -> Snapshot:
    """Return what a version of a table holds; None: the newest. Raise TableError where there is no such version, or a
    file of it is gone."""
    table = _open(address, version)
    names = [field.name for field in table.schema().fields]
    content = io.BytesIO()
    content.writelines(_lines([names]))
    content.writelines(_sorted(_rows(table, address, names)))
    return Snapshot(table.version(), content.getvalue())


def rows(address: str, fields: Sequence[Field]) -> Iterator[bytes]:
    """Yield the rows of a table's newest version in any order, as lines of CSV with these fields; where the table has
    none of that name, rows have no value. They are never in memory together. Raise TableError as `read`."""
    yield from _rows(_open(address), address, [field.name for field in fields])


def canonical(content: bytes) -> bytes:
    """Return a data set, CSV with a header and one row a line, as a table of it is read: with sorted lines."""
    header, *lines = content.splitlines(keepends=True)
    return b"".join([header, *sorted(lines)])


def storage_options() -> dict[str, str]:
    """Return how the library gets into the object store: with the keys that boto3 finds, at the same address. The
    authorities that are to be trusted it reads from this process's environment."""
    import boto3

    library: Any = boto3
    session = library.Session()
    keys = session.get_credentials().get_frozen_credentials()
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3")
    if authorities := os.environ.get("AWS_CA_BUNDLE"):
        os.environ["SSL_CERT_FILE"] = authorities
    return {
        "region": session.region_name,
        "access_key_id": keys.access_key,
        "secret_access_key": keys.secret_key,
        "conditional_put": "etag",
        **({"session_token": keys.token} if keys.token else {}),
        **({"endpoint": endpoint, "allow_http": str(endpoint.startswith("http://")).lower()} if endpoint else {}),
    }


def _open(address: str, version: int | None = None) -> "DeltaTable":
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        table = DeltaTable(address, storage_options=storage_options())
    except TableNotFoundError as error:
        raise _NoTable(f"there is no table at {address}") from error
    except DeltaError as error:
        raise TableError(f"the table at {address} can't be read: {_reason(error)}; {RESTORE}") from error
    if version is not None:
        try:
            table.load_as_version(version)
        except DeltaError as error:
            raise TableError(
                f"version {version} of the table at {address} can't be read: {_reason(error)}; versions begin with 0"
            ) from error
    _require_own_files(table, address)
    return table


def _require_own_files(table: "DeltaTable", address: str) -> None:
    """Raise TableError where a commit names a file that isn't below the table, which the library would read with this
    process's keys: what lies elsewhere is no version of this table, and changes without one."""
    added: Any = table.get_add_actions()
    for path in added.column("path").to_pylist():
        plain = unquote(path)
        if ":" in plain.partition("/")[0] or plain.startswith("/") or ".." in plain.split("/"):
            raise TableError(
                f"version {table.version()} of the table at {address} names the file {path}, which is not below it: "
                "this library writes no such commit, so remove it, or restore the table's folder _delta_log"
            )


def _rows(table: "DeltaTable", address: str, names: Sequence[str]) -> Iterator[bytes]:
    """Yield each row as a line of CSV with the columns of these names."""
    there = {field.name for field in table.schema().fields}
    for batch in _stored(table, address):
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


def _stored(table: "DeltaTable", address: str) -> Iterator[Any]:
    """Yield the rows in Arrow's batches."""
    from deltalake import QueryBuilder

    try:
        found: Any = QueryBuilder().register("rows", table).execute("select * from rows")
        yield from found
    except Exception as error:  # the library has no class of its own for files that are gone
        raise TableError(
            f"version {table.version()} of the table at {address} can't be read: {_reason(error)}; {RESTORE}"
        ) from error


def _reason(error: Exception) -> str:
    """What the library says, without the stack that follows."""
    return str(error).partition("\n")[0]


def _added(table: "DeltaTable", address: str, fields: Sequence[Field]) -> list[str]:
    """Return the names of columns that a write would add. Raise TableError for all else by which they differ."""
    found = {each.name: Field(each.name, each.type.type, each.nullable) for each in table.schema().fields}
    wanted = {each.name: each for each in fields}
    added = [each for each in fields if each.name not in found]
    problems = [
        *(f"{name} is in the table, and not among the columns" for name in found if name not in wanted),
        *(
            f"{each.name} is not in the table: only optional columns can be added"
            for each in added
            if not each.optional
        ),
        *(
            f"{name} is {_described(found[name])} in the table, and {_described(each)} here"
            for name, each in wanted.items()
            if name in found and found[name] != each
        ),
    ]
    if problems:
        raise TableError(
            f"rows of other columns than those of the table at {address}: {'; '.join(problems)}. "
            "Declare the table's columns in workload.yaml, new ones with optional: true"
        )
    return [each.name for each in added]


def _described(field: Field) -> str:
    return f"an optional {field.type}" if field.optional else f"a {field.type}"


def _reader(fields: Sequence[Field], rows: bytes) -> Any:
    """A stream of Arrow's batches; an empty cell of an optional column is no value."""
    from arro3.core import DataType, RecordBatchReader, Schema
    from arro3.core import Field as ArrowField

    types = {"double": DataType.float64(), "string": DataType.utf8()}
    schema = Schema([ArrowField(each.name, types[each.type], nullable=each.optional) for each in fields])
    return RecordBatchReader.from_batches(schema, list(_batches(schema, fields, rows)))


def _batches(schema: Any, fields: Sequence[Field], rows: bytes) -> Iterator["RecordBatch"]:
    from arro3.core import Array, RecordBatch

    lines = csv.reader(io.TextIOWrapper(io.BytesIO(rows), encoding="utf-8", newline=""))
    while chunk := list(islice(filter(None, lines), ROWS_AT_ONCE)):
        columns = zip(*chunk, strict=True)
        arrays = [
            Array([_value(each, cell) for cell in cells], schema.field(each.name))
            for each, cells in zip(fields, columns, strict=True)
        ]
        yield RecordBatch.from_arrays(arrays, schema=schema)


def _value(field: Field, cell: str) -> float | str | None:
    if field.optional and not cell:
        return None
    return float(cell) if field.type == "double" else cell


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
