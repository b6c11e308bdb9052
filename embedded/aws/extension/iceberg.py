"""Glue: a table of Iceberg has metadata from its first day, and a change of an entry that somebody else changed is
refused. moto has neither: libraries of Iceberg could read nothing, and of two writers at once one would lose its rows.
"""

import json
import re
import time
import uuid
from threading import Lock
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.glue.models import FakeTable
from moto.glue.responses import GlueResponse
from moto.s3.models import s3_backends

TYPES = {"tinyint": "int", "smallint": "int", "bigint": "long", "varchar": "string", "char": "string"}
"""Of Iceberg, where Hive's name is another one."""
SAME = {"boolean", "int", "float", "double", "string", "binary", "date", "timestamp"}
COMMIT = Lock()
"""Held from the look at an entry's version to its change."""


def load() -> None:
    create, update = GlueResponse.create_table, GlueResponse.update_table

    def create_table(self: Any) -> ActionResult:
        given: dict[str, Any] = self.parameters
        formats: dict[str, Any] = given.get("OpenTableFormatInput") or {}
        iceberg = formats.get("IcebergInput")
        document = None if iceberg is None else first_metadata(given["TableInput"], iceberg)
        answer = create(self)
        if document is not None:
            _store(self, document)
        return answer

    def update_table(self: Any) -> ActionResult:
        given: dict[str, Any] = self.parameters
        with COMMIT:
            table = self.glue_backend.get_table(given["DatabaseName"], given["TableInput"]["Name"])
            if given.get("VersionId") not in (None, table.as_dict()["VersionId"]):
                raise JsonRESTError(
                    "ConcurrentModificationException", "Update table failed due to concurrent modifications."
                )
            return update(self)

    GlueResponse.create_table = create_table
    GlueResponse.update_table = update_table


def first_metadata(table: dict[str, Any], iceberg: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a table without rows, as the Iceberg specification has it (Table Metadata Fields). No
    column of such a table is required. Raise the error of AWS for what it takes no table of.

    table, iceberg: TableInput and IcebergInput of the request."""
    version = int(iceberg.get("Version", "2"))
    if iceberg.get("MetadataOperation") != "CREATE" or version not in (1, 2):
        raise JsonRESTError("InvalidInputException", f"Cannot create an Iceberg table by {json.dumps(iceberg)}")
    described = table.get("StorageDescriptor", {})
    location: str = described.get("Location", "")
    columns: list[dict[str, Any]] = described.get("Columns", [])
    if not location.startswith("s3://") or not columns:
        raise JsonRESTError("InvalidInputException", "An Iceberg table needs a location in S3, and columns")
    fields = [
        {"id": number, "name": each["Name"], "required": False, "type": _type(each["Type"])}
        | ({"doc": each["Comment"]} if each.get("Comment") else {})
        for number, each in enumerate(columns, start=1)
    ]
    schema: dict[str, Any] = {"type": "struct", "schema-id": 0, "fields": fields}
    document: dict[str, Any] = {
        "format-version": version,
        "table-uuid": str(uuid.uuid4()),
        "location": location.rstrip("/"),
        "last-updated-ms": int(time.time() * 1000),
        "last-column-id": len(fields),
        "schemas": [schema],
        "current-schema-id": 0,
        "partition-specs": [{"spec-id": 0, "fields": []}],
        "default-spec-id": 0,
        "last-partition-id": 999,
        "sort-orders": [{"order-id": 0, "fields": []}],
        "default-sort-order-id": 0,
        "properties": {},
        "current-snapshot-id": -1,
        "refs": {},
        "snapshots": [],
        "snapshot-log": [],
        "metadata-log": [],
    }
    return document | ({"last-sequence-number": 0} if version == 2 else {"schema": schema, "partition-spec": []})


def _type(hive: str) -> str:
    name, _, size = hive.lower().partition("(")
    known = TYPES.get(name, name if name in SAME else None)
    if known is not None:
        return known
    if name == "decimal" and re.fullmatch(r"\d+ *, *\d+\)", size):
        return f"decimal({size}"
    raise JsonRESTError("InvalidInputException", f"The emulated account makes no Iceberg table with a column of {hive}")


def _store(response: Any, document: dict[str, Any]) -> None:
    """Write the metadata to where the table is. Without a bucket there is no table."""
    given: dict[str, Any] = response.parameters
    database, name = given["DatabaseName"], given["TableInput"]["Name"]
    bucket, _, folder = document["location"].removeprefix("s3://").partition("/")
    key = f"{folder}/metadata/00000-{uuid.uuid4()}.metadata.json"
    try:
        s3_backends[response.current_account][response.partition].put_object(bucket, key, json.dumps(document).encode())
    except Exception as error:  # moto has a class for each code of S3
        response.glue_backend.delete_table(database, name)
        raise JsonRESTError("InvalidInputException", f"Cannot write to {document['location']}: {error}") from error
    table: FakeTable = response.glue_backend.get_table(database, name)
    entry = table.get_version("1")
    entry["Parameters"] = {**entry["Parameters"], "metadata_location": f"s3://{bucket}/{key}"}
