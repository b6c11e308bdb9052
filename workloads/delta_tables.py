"""Tables of Delta Lake in the object store.

Writers do not wait for each other: a commit is an object that the store makes only where none is (`If-None-Match: *`),
and who comes second commits behind the first. Runs inside the image training-lake of a stack without a catalog.
"""
# deltalake and arro3 leave some of their arguments and results untyped.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from workloads.artifacts import object_store, split_s3
from workloads.tables import RESTORE, Field, NoTable, Overtaken, TableError, parsed, reason

if TYPE_CHECKING:
    from arro3.core import RecordBatch
    from deltalake import DeltaTable

COMMITS = 100
"""Tries of a commit by the library itself, behind mere appends of others."""
STAYS = {"PreconditionFailed", "ConditionalRequestConflict"}
"""What a store answers that makes an object only where none is: there is one, or somebody else is just making it."""
KEPT = {"delta.enableExpiredLogCleanup": "false"}
"""Without it a checkpoint deletes commits of more than 30 days ago, and with them what an older version was."""


def exists(address: str) -> bool:
    """Return whether there is a table at an address, s3://bucket/key."""
    from deltalake import DeltaTable

    return DeltaTable.is_deltatable(address, storage_options=storage_options())


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


def open_table(address: str, version: int | None = None) -> "Delta":
    """Open a table at a version; None: the newest. Raise NoTable, or TableError where it can't be read."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        table = DeltaTable(address, storage_options=storage_options())
    except TableNotFoundError as error:
        raise NoTable(f"there is no table at {address}") from error
    except DeltaError as error:
        raise TableError(f"the table at {address} can't be read: {reason(error)}; {RESTORE}") from error
    if version is not None:
        try:
            table.load_as_version(version)
        except DeltaError as error:
            raise TableError(
                f"version {version} of the table at {address} can't be read: {reason(error)}; versions begin with 0"
            ) from error
    _require_own_files(table, address)
    return Delta(address, table)


class Delta:
    """A `Table`."""

    def __init__(self, address: str, table: "DeltaTable") -> None:
        self.address, self.table = address, table

    @property
    def version(self) -> int:
        return self.table.version()

    def name_of(self, column: str) -> str:
        return column

    def names(self) -> list[str]:
        return [each.name for each in self.fields()]

    def fields(self) -> list[Field]:
        return [Field(each.name, each.type.type, each.nullable) for each in self.table.schema().fields]

    def has(self, part: str) -> bool:
        return self.table.transaction_version(part) is not None

    def append(self, fields: Sequence[Field], rows: bytes, part: str, added: Sequence[Field]) -> None:
        from deltalake import CommitProperties, Transaction, write_deltalake
        from deltalake.exceptions import CommitFailedError

        if self.address.startswith("s3://"):
            require_commits_to_stay(object_store(), self.address, self.version)
        commit = CommitProperties(max_commit_retries=COMMITS, app_transactions=[Transaction(part, 1)])
        try:
            write_deltalake(
                self.table,
                _reader(fields, rows),
                mode="append",
                schema_mode="merge" if added else None,
                commit_properties=commit,
            )
        except CommitFailedError as error:
            raise Overtaken from error

    def batches(self) -> Iterator[Any]:
        from deltalake import QueryBuilder

        try:
            found: Any = QueryBuilder().register("rows", self.table).execute("select * from rows")
            yield from found
        except Exception as error:  # the library has no class of its own for files that are gone
            raise TableError(
                f"version {self.version} of the table at {self.address} can't be read: {reason(error)}; {RESTORE}"
            ) from error


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


def _reader(fields: Sequence[Field], rows: bytes) -> Any:
    """A stream of Arrow's batches."""
    from arro3.core import DataType, RecordBatchReader, Schema
    from arro3.core import Field as ArrowField

    types = {"double": DataType.float64(), "string": DataType.utf8()}
    schema = Schema([ArrowField(each.name, types[each.type], nullable=each.optional) for each in fields])
    return RecordBatchReader.from_batches(schema, list(_batches(schema, fields, rows)))


def _batches(schema: Any, fields: Sequence[Field], rows: bytes) -> Iterator["RecordBatch"]:
    from arro3.core import Array, RecordBatch

    for columns in parsed(fields, rows):
        arrays = [Array(values, schema.field(each.name)) for each, values in zip(fields, columns, strict=True)]
        yield RecordBatch.from_arrays(arrays, schema=schema)
