"""Tables of Iceberg in Glue's catalog, which the platform made: here their rows and columns are written.

A commit is a change of the table's entry, which Glue refuses where somebody else changed it meanwhile. Version n is the
snapshot whose sequence number is n + 1. Runs inside the image training-lake of a stack that has a catalog.
"""
# pyarrow has no types.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchIcebergTableError,
    NoSuchPropertyException,
    NoSuchTableError,
    ValidationError,
)
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableResponse, DataScan, Table, Transaction
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.types import DoubleType, PrimitiveType, StringType

from workloads.columns import catalog_name
from workloads.tables import GLUE, RESTORE, Field, NoTable, Overtaken, TableError, parsed, reason

PART = "groundwork.part"
"""Property of a snapshot: what was appended by it."""
UNREADABLE = (OSError, ValueError, ValidationError, NoSuchIcebergTableError, NoSuchPropertyException)
"""What the library raises where a file is gone, or is another one."""
TYPES: dict[str, PrimitiveType] = {"double": DoubleType(), "string": StringType()}


class _Catalog(GlueCatalog):
    """Who is overtaken looks at the table again, which may have the same part by then: the library would append it once
    more by itself. Files of a commit that was overtaken stay, since nothing of a table is deleted."""

    # Each has a name of its own. To ask whether one is there needs the right to list the whole bucket.
    _write_metadata = staticmethod(GlueCatalog._write_metadata_no_exist_check)  # pyright: ignore[reportPrivateUsage]

    def commit_table(self, table: Table, requirements: Any, updates: Any) -> CommitTableResponse:
        try:
            return super().commit_table(table, requirements, updates)
        except CommitFailedException as error:
            raise Overtaken from error


def exists(address: str) -> bool:
    """Return whether somebody wrote a table, glue://database/table."""
    try:
        return _load(address).current_snapshot() is not None
    except NoTable:
        return False


def create(address: str, fields: Sequence[Field], rows: bytes) -> None:
    """Write a table's first rows, CSV without a header, as its version 0, with these columns. One that was written
    stays as it is. Raise TableError where the catalog has none, or one with a column of another type."""
    while (table := _load(address)).current_snapshot() is None:
        try:
            with table.transaction() as change:
                _shape(table, address, change, fields)
                change.append(_arrow(fields, rows))
        except Overtaken:
            continue


def open_table(address: str, version: int | None = None) -> "Iceberg":
    """Open a table at a version; None: the newest. Raise NoTable, or TableError where it can't be read."""
    table = _load(address)
    newest = table.current_snapshot()
    if newest is None:
        raise NoTable(f"the table at {address} has no rows yet, and no version")
    if version is None:
        return Iceberg(address, table, newest)
    for snapshot in table.snapshots():
        if snapshot.sequence_number == version + 1:
            return Iceberg(address, table, snapshot)
    raise TableError(
        f"version {version} of the table at {address} can't be read: its versions begin with 0, and the newest is "
        f"{_version(newest)}"
    )


class Iceberg:
    """A `Table`."""

    def __init__(self, address: str, table: Table, snapshot: Snapshot) -> None:
        self.address, self.table, self.snapshot = address, table, snapshot

    @property
    def version(self) -> int:
        return _version(self.snapshot)

    def name_of(self, column: str) -> str:
        return catalog_name(column)

    def names(self) -> list[str]:
        return [each.name for each in self._scan().projection().fields]

    def fields(self) -> list[Field]:
        return _fields(self.table.schema())

    def has(self, part: str) -> bool:
        summaries = (snapshot.summary for snapshot in self.table.snapshots())
        return any(summary is not None and summary.get(PART) == part for summary in summaries)

    def append(self, fields: Sequence[Field], rows: bytes, part: str, added: Sequence[Field]) -> None:
        with self.table.transaction() as change:
            if added:
                with change.update_schema() as schema:
                    for each in added:
                        schema.add_column(catalog_name(each.name), TYPES[each.type])
            change.append(_arrow(fields, rows), snapshot_properties={PART: part})

    def batches(self) -> Iterator[Any]:
        scan = self._scan()
        try:
            self._require_own_files(scan)
            yield from scan.to_arrow_batch_reader()
        except UNREADABLE as error:
            raise TableError(
                f"version {self.version} of the table at {self.address} can't be read: {reason(error)}; {RESTORE}"
            ) from error

    def _scan(self) -> DataScan:
        return self.table.scan(snapshot_id=self.snapshot.snapshot_id)

    def _require_own_files(self, scan: DataScan) -> None:
        """Raise TableError where the version names a file that isn't below the table, which the library would read with
        this process's keys: what lies elsewhere is no version of this table, and changes without one."""
        below = f"{self.table.location()}/"
        for task in scan.plan_files():
            for file in (task.file, *task.delete_files):
                if not file.file_path.startswith(below):
                    raise TableError(
                        f"version {self.version} of the table at {self.address} names the file {file.file_path}, which "
                        f"is not below {below}: this library writes no such version, so declare another one"
                    )


def _version(snapshot: Snapshot) -> int:
    assert snapshot.sequence_number is not None
    return snapshot.sequence_number - 1


def _load(address: str) -> Table:
    database, _, name = address.removeprefix(GLUE).partition("/")
    try:
        return _catalog().load_table((database, name))
    except NoSuchTableError as error:
        raise NoTable(
            f"there is no table {name} in the database {database} of Glue: the platform makes it where foundation.lake "
            "is set, so bring it up"
        ) from error
    except UNREADABLE as error:
        raise TableError(f"the table at {address} can't be read: {reason(error)}; {RESTORE}") from error


def _catalog() -> _Catalog:
    """The catalog and the object store, with the keys that boto3 finds, at its addresses."""
    import boto3

    library: Any = boto3
    session = library.Session()
    keys = session.get_credentials().get_frozen_credentials()
    if authorities := os.environ.get("AWS_CA_BUNDLE"):
        os.environ["SSL_CERT_FILE"] = authorities  # which pyarrow looks at as it is imported
    properties: dict[str, str | None] = {
        "s3.region": session.region_name,
        "s3.access-key-id": keys.access_key,
        "s3.secret-access-key": keys.secret_key,
        "s3.session-token": keys.token,
        "s3.endpoint": os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
        "s3.proxy-uri": _proxy(session.client("s3").meta.endpoint_url),
    }
    given = {name: value for name, value in properties.items() if value is not None}
    return _Catalog("glue", client=session.client("glue"), **given)


def _proxy(url: str) -> str | None:
    """The proxy to the object store, which boto3 finds by itself, and pyarrow does not."""
    address = urlsplit(url)
    return None if proxy_bypass(address.netloc) else getproxies().get(address.scheme)


def _fields(schema: Schema) -> list[Field]:
    return [Field(each.name, str(each.field_type), not each.required) for each in schema.fields]


def _shape(table: Table, address: str, change: Transaction, fields: Sequence[Field]) -> None:
    """Give a table without rows these columns, in this order: what the platform made has those that were declared then,
    and no optional ones."""
    there = {each.name: each.type for each in _fields(table.schema())}
    wanted = {catalog_name(each.name): each for each in fields}
    other = [
        f"{each.name} is a {there[name]}" for name, each in wanted.items() if there.get(name, each.type) != each.type
    ]
    if other:
        raise TableError(
            f"the table at {address} was made for other columns: {'; '.join(other)}. It has no rows: delete its entry "
            "in the catalog, and bring the platform up again"
        )
    # Nothing of this is incompatible with rows that are not there.
    with change.update_schema(allow_incompatible_changes=True) as schema:
        for name in there.keys() - wanted.keys():
            schema.delete_column(name)
        before = None
        for name, each in wanted.items():
            if name not in there:
                schema.add_column(name, TYPES[each.type], required=not each.optional)
            else:
                schema.update_column(name, required=not each.optional)
            if before is None:
                schema.move_first(name)
            else:
                schema.move_after(name, before)
            before = name


def _arrow(fields: Sequence[Field], rows: bytes) -> Any:
    import pyarrow

    types = {"double": pyarrow.float64(), "string": pyarrow.string()}
    schema: Any = pyarrow.schema(
        [pyarrow.field(catalog_name(each.name), types[each.type], nullable=each.optional) for each in fields]
    )
    return pyarrow.Table.from_batches(
        [
            pyarrow.record_batch(
                [pyarrow.array(values, each.type) for values, each in zip(columns, schema, strict=True)], schema=schema
            )
            for columns in parsed(fields, rows)
        ],
        schema=schema,
    )
