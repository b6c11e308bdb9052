"""What a workload's role may do is enough for its tables in the catalog, and for no other's: pods are held to it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modules.core.aws import AwsAccount
from modules.core.contracts import LAYERS
from modules.core.grants import object_statements
from modules.core.lake import database_name, folder, table_name, table_statements
from tests.embedded.providers.aws.conftest import REGION, clients, serving
from workloads import lake
from workloads.artifacts import TABLES
from workloads.columns import Column
from workloads.service import members
from workloads.settings import WorkloadSettings

SERVER = """
import logging
from threading import Thread
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from embedded.aws import extension
from embedded.aws.extension.authorization import PodRequests

logging.getLogger("werkzeug").setLevel(logging.ERROR)
extension.load()
application = DomainDispatcherApplication(create_backend_app)
pods = PodRequests(application)

def as_aws(environ, start):
    # S3 says of an object that is not there only to who may list the whole bucket.
    def started(status, headers, error=None):
        return start("403 Forbidden" if status.startswith("404") else status, headers, error)
    return pods(environ, started)

doors = [
    make_server("127.0.0.1", 0, each, threaded=True, request_handler=MotoRequestHandler)
    for each in (application, as_aws)
]
print(*(door.server_port for door in doors), flush=True)
Thread(target=doors[0].serve_forever, daemon=True).start()
doors[1].serve_forever()
"""
ACCOUNT = AwsAccount(partition="aws", id="123456789012", region=REGION)
FIELDS = lake.fields_of([Column("width", minimum=0, maximum=10)])
DEEPER = lake.fields_of([Column("width", minimum=0, maximum=10), Column("depth", minimum=0, maximum=1, optional=True)])


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with tables of two workloads; this process is a pod of one's training."""
    with serving("-c", SERVER) as (owner, pods):
        aws = clients(owner)
        for bucket in ("raw", "features"):
            aws("s3").create_bucket(Bucket=bucket)
        for layer, bucket in LAYERS.items():
            database = database_name("dev", layer)
            aws("glue").create_database(DatabaseInput={"Name": database})
            for workload in ("toys", "games"):
                described = {
                    "Location": f"s3://{bucket}/{folder(TABLES, workload)}/{layer}",
                    "Columns": [{"Name": "width", "Type": "string" if layer == "raw" else "double"}],
                }
                aws("glue").create_table(
                    DatabaseName=database,
                    TableInput={"Name": table_name(workload), "StorageDescriptor": described},
                    OpenTableFormatInput={"IcebergInput": {"MetadataOperation": "CREATE", "Version": "2"}},
                )
        consumer = members({"toys": WorkloadSettings()})["toys-training"]
        statements: list[Any] = [
            *table_statements(ACCOUNT, "dev", consumer.tables),
            *(
                each
                for role in ("raw", "features")
                for each in object_statements(f"arn:aws:s3:::{role}", consumer.buckets[role])
            ),
        ]
        aws("iam").create_user(UserName="toys")
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        aws("iam").put_user_policy(UserName="toys", PolicyName="own", PolicyDocument=document)
        made = aws("iam").create_access_key(UserName="toys")["AccessKey"]
        variables = {"AWS_ENDPOINT_URL": pods, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
        keys = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
        for name, value in {**variables, **keys}.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.usefixtures("doors")
def test_a_training_writes_and_reads_its_own_tables_and_nobody_elses() -> None:
    own, others = (f"glue://{database_name('dev', 'features')}/{name}" for name in ("toys", "games"))
    lake.create(own, FIELDS, b"1.5\n")
    assert lake.append(own, DEEPER, b"2.5,0.5\n", "a")
    assert lake.read(own).content == b"width,depth\n1.5,\n2.5,0.5\n"
    assert lake.read(own, 0).content == b"width\n1.5\n"
    assert lake.append(f"glue://{database_name('dev', 'raw')}/toys", [lake.Field("width", "string")], b"2.50\n", "a")
    for use in (lambda: lake.create(others, FIELDS, b"1.5\n"), lambda: lake.read(others)):
        with pytest.raises(ClientError, match="is not authorized to perform: glue:GetTable"):
            use()
