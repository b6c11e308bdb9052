"""Tables of the lake in the platform's object store, with the key of a workload's training."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from modules.core.naming import bucket, namespace
from modules.core.paths import REPOSITORY
from scripts.cli.clients import kubectl
from scripts.cli.clients.store import store
from scripts.cli.environment import Environment
from workloads import lake
from workloads.columns import Column
from workloads.lake import TableError

from .s3 import remove_versions

COLUMNS = [Column("width", minimum=0, maximum=1000), Column("writer", labels=["one", "other"])]
FIELDS = lake.fields_of(COLUMNS)
WRITES = 20
WRITER = f"""
import sys
from tests.integration.lake_test import FIELDS
from workloads.lake import append
address, name = sys.argv[1:]
for number in range({WRITES}):
    assert append(address, FIELDS, f"{{number}}.0,{{name}}\\n".encode(), f"{{name}}-{{number}}")
"""
PREFIX = "tables/iris/lake-test/"


def act_as(consumer: str, platform: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on this process has the variables of a consumer's pods; at the test's end those of before."""
    keys = kubectl.secret(platform, namespace(platform.stack, consumer), "s3-credentials")
    assert keys is not None
    variables = {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{platform.settings.ports()['storage']}",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": keys["access-key-id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret-access-key"],
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    # It holds the keys with which it was used first: those of this test would be those of all that follow.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture
def table(platform: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a table of one row that a training of iris made; this process has its key."""
    act_as("iris-training", platform, monkeypatch)
    address = f"s3://{bucket(platform.stack, 'features')}/{PREFIX}table"
    lake.create(address, FIELDS, b"1000.0,one\n")
    yield address
    remove_versions(store(platform), bucket(platform.stack, "features"), PREFIX)


def test_two_processes_that_write_at_once_lose_nothing_and_an_older_version_stays(table: str) -> None:
    command = [sys.executable, "-c", WRITER, table]
    writers = [subprocess.Popen([*command, name], cwd=REPOSITORY, env=os.environ) for name in ("one", "other")]
    assert [writer.wait(timeout=300) for writer in writers] == [0, 0]
    lines = lake.read(table).content.decode().splitlines()
    assert sorted(lines[1:]) == sorted(
        ["1000.0,one", *(f"{number}.0,{name}" for number in range(WRITES) for name in ("one", "other"))]
    )
    assert lake.read(table).version == 2 * WRITES
    assert lake.read(table, 0) == lake.Snapshot(0, b"width,writer\n1000.0,one\n")


def test_another_schema_is_refused_and_a_declared_optional_column_accepted(table: str) -> None:
    with pytest.raises(TableError, match="writer is in the table, and not among the columns"):
        lake.append(table, FIELDS[:1], b"1.0\n", "narrow")
    wider = lake.fields_of([*COLUMNS, Column("depth", minimum=0, maximum=1, optional=True)])
    assert lake.append(table, wider, b"1.0,other,0.5\n", "wide")
    assert lake.read(table).content == b"width,writer,depth\n1.0,other,0.5\n1000.0,one,\n"
    assert lake.read(table, 0).content == b"width,writer\n1000.0,one\n"


def test_no_file_of_a_table_is_written_over_but_the_pointer_to_its_last_checkpoint(
    platform: Environment, table: str
) -> None:
    lake.append(table, FIELDS, b"1.0,other\n", "one")
    listed: Any = store(platform).list_object_versions(Bucket=bucket(platform.stack, "features"), Prefix=PREFIX)
    old = {each["Key"].rpartition("/")[2] for each in listed["Versions"] if not each["IsLatest"]}
    assert old <= {"_last_checkpoint"}
    assert not listed.get("DeleteMarkers")


def test_tables_of_others_are_neither_read_nor_written(
    platform: Environment, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Exception, match=r"(?i)denied|forbidden|403"):
        lake.create(table.replace("/iris/", "/rose/"), FIELDS, b"1.0,one\n")
    act_as("iris", platform, monkeypatch)
    with pytest.raises(Exception, match=r"(?i)denied|forbidden|403"):
        lake.read(table)
