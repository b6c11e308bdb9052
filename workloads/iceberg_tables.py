"""Tables of Iceberg in Glue's catalog, which the platform made: here their rows and columns are written.

A commit is a change of the table's entry, which Glue refuses where somebody else changed it meanwhile. Version n is the
snapshot whose sequence number is n + 1. Runs inside the image training-lake of a stack that has a catalog.
"""
# pyarrow has no types.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import io
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchIcebergTableError,
    NoSuchPropertyException,
    NoSuchTableError,
    ValidationError,
)
from pyiceberg.io import PY_IO_IMPL, FileIO, InputFile, OutputFile
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableResponse, DataScan, Table, Transaction
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.typedef import EMPTY_DICT, Properties
from pyiceberg.types import DoubleType, PrimitiveType, StringType

from workloads.artifacts import add_object, object_store, split_s3
from workloads.columns import catalog_name
from workloads.tables import GLUE, RESTORE, Field, NoTable, Overtaken, TableError, parsed, reason

PART = "groundwork.part"
"""Property of a snapshot: what was appended by it."""
UNREADABLE = (OSError, ValueError, ValidationError, NoSuchIcebergTableError, NoSuchPropertyException)
"""What the library raises where a file is gone, or is another one."""
TYPES: dict[str, PrimitiveType] = {"double": DoubleType(), "string": StringType()}


class Objects(FileIO):
    """The object store as boto3 reaches it: with its keys, authorities and proxies, for all of which the library's own
    ways have settings of their own. Nothing is deleted: files of a commit that was overtaken stay."""

    def __init__(self, properties: Properties = EMPTY_DICT) -> None:
        super().__init__(properties)
        self.client = object_store()

    def new_input(self, location: str) -> "Object":
        return Object(location, self.client)

    def new_output(self, location: str) -> "Object":
        return Object(location, self.client)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        pass


class Object(InputFile, OutputFile):
    """A file of a table, which is in memory as a whole. Each has a name of its own, so that whether there is one is not
    asked, for which S3 wants the right to list the whole bucket."""

    def __init__(self, location: str, client: Any) -> None:
        super().__init__(location)
        self.client, (self.bucket, self.key) = client, split_s3(location)

    def __len__(self) -> int:
        return self.client.head_object(Bucket=self.bucket, Key=self.key)["ContentLength"]

    def exists(self) -> bool:
        return False

    def open(self, seekable: bool = True) -> Any:  # noqa: ARG002
        try:
            return io.BytesIO(self.client.get_object(Bucket=self.bucket, Key=self.key)["Body"].read())
        except ClientError as error:
            raise OSError(f"{self.location}: {error}") from error

    def to_input_file(self) -> InputFile:
        return self

    def create(self, overwrite: bool = False) -> Any:  # noqa: ARG002
        return _Written(self)


class _Written(io.BytesIO):
    """What is written to an object, which is there once this is closed."""

    def __init__(self, target: Object) -> None:
        super().__init__()
        self.target = target

    def close(self) -> None:
        if not self.closed:
            add_object(self.target.client, self.target.bucket, self.target.key, self.getvalue())
        super().close()


class _Catalog(GlueCatalog):
    """Who is overtaken looks at the table again, which may have the same part by then: the library would append it once
    more by itself."""

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
    import boto3

    library: Any = boto3
    return _Catalog("glue", client=library.client("glue"), **{PY_IO_IMPL: f"{__name__}.{Objects.__name__}"})


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
