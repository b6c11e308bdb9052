"""The lake of the platform on the emulated account: what it makes there, changes, takes back and leaves behind."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modules.core.paths import REPOSITORY
from workloads import lake as tables
from workloads.columns import Column

from ..project import Project
from .conftest import REGION
from .search import ACCOUNT, Aws, left

PROGRAM = (Path(__file__).parent / "programs" / "lake.py").read_text()
LAYERS = ("raw", "curated", "features")
WRITER = """
import sys
from workloads import lake
from workloads.tables import Field
fields = [Field("width", "double"), Field("kind", "string")]
for number in range(8):
    assert lake.append(sys.argv[1], fields, f"{number}.0,{sys.argv[2]}\\n".encode(), f"{sys.argv[2]}{number}")
"""


@pytest.fixture
def lake(cloud: Project, aws: Aws) -> Project:
    cloud.write(PROGRAM)
    cloud.up()
    del aws
    return cloud


def grants(aws: Aws, principal: str) -> list[tuple[Any, list[str]]]:
    listed: Any = aws("lakeformation").list_permissions()["PrincipalResourcePermissions"]
    return [
        (each["Resource"], each["Permissions"])
        for each in listed
        if each["Principal"]["DataLakePrincipalIdentifier"].endswith(principal)
    ]


def test_tables_of_all_layers_and_who_may_do_what_are_in_the_account_and_nothing_is_left_of_them(
    lake: Project, aws: Aws
) -> None:
    glue, formation = aws("glue"), aws("lakeformation")
    for layer in LAYERS:
        table = glue.get_table(DatabaseName=f"groundwork_dev_{layer}", Name="iris")["Table"]
        assert table["Parameters"]["table_type"] == "ICEBERG"
        assert [each["Name"] for each in table["StorageDescriptor"]["Columns"]] == ["width", "kind"]
        tags = formation.get_resource_lf_tags(Resource={"Database": {"Name": f"groundwork_dev_{layer}"}})
        assert [each["TagValues"] for each in tags["LFTagOnDatabase"]] == [[layer]]
    described = [(resource, what) for resource, what in grants(aws, "/trainer") if "Database" in resource]
    assert sorted(resource["Database"]["Name"] for resource, _ in described) == sorted(
        f"groundwork_dev_{layer}" for layer in LAYERS
    )
    changed = [what for resource, what in grants(aws, "/trainer") if "Table" in resource]
    assert changed == [["ALTER", "DESCRIBE", "INSERT", "SELECT"]] * 3
    assert {resource["LFTagPolicy"]["ResourceType"] for resource, _ in grants(aws, "/analyst")} == {"DATABASE", "TABLE"}
    settings = formation.get_data_lake_settings()["DataLakeSettings"]
    assert settings["DataLakeAdmins"] == [{"DataLakePrincipalIdentifier": f"arn:aws:iam::{ACCOUNT}:role/deployer"}]
    group = aws("athena").get_work_group(WorkGroup="groundwork-dev")["WorkGroup"]["Configuration"]
    assert group["BytesScannedCutoffPerQuery"] == 10 * 2**30
    assert group["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
    lake.run("preview", "--expect-no-changes")
    lake.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    lake.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == []


def test_settings_change_in_place_and_what_writers_did_to_a_table_stays(lake: Project, aws: Aws) -> None:
    glue = aws("glue")
    table = glue.get_table(DatabaseName="groundwork_dev_features", Name="iris")["Table"]
    committed = {**table["Parameters"], "metadata_location": "s3://somewhere/metadata/00001.metadata.json"}
    wider = {**table["StorageDescriptor"], "Columns": [*table["StorageDescriptor"]["Columns"], {"Name": "depth"}]}
    entry = {"Name": "iris", "TableType": "EXTERNAL_TABLE", "Parameters": committed, "StorageDescriptor": wider}
    glue.update_table(DatabaseName="groundwork_dev_features", TableInput=entry)
    settings = {"limit": "20Gi", "crawl": "true", "second": "true", "owner": "others", "depth": "true"}
    for name, value in settings.items():
        lake.run("config", "set", name, value)
    lake.run("refresh", "--yes", "--skip-preview")
    output = lake.up()
    assert "replaced" not in output
    group = aws("athena").get_work_group(WorkGroup="groundwork-dev")["WorkGroup"]["Configuration"]
    assert group["BytesScannedCutoffPerQuery"] == 20 * 2**30
    crawler = glue.get_crawler(Name="groundwork-dev-accepted")["Crawler"]
    assert crawler["Schedule"]["ScheduleExpression"] == "cron(0 3 * * ? *)"
    kept = glue.get_table(DatabaseName="groundwork_dev_features", Name="iris")["Table"]
    assert kept["Parameters"]["metadata_location"] == committed["metadata_location"]
    assert [each["Name"] for each in kept["StorageDescriptor"]["Columns"]] == ["width", "kind", "depth"]
    lake.run("preview", "--expect-no-changes")
    lake.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == []


def test_a_right_that_somebody_took_away_is_seen_and_given_back(lake: Project, aws: Aws) -> None:
    formation = aws("lakeformation")
    principal = {"DataLakePrincipalIdentifier": f"arn:aws:iam::{ACCOUNT}:role/trainer"}
    (resource,) = (
        resource
        for resource, _ in grants(aws, "/trainer")
        if resource.get("Table", {}).get("DatabaseName") == "groundwork_dev_raw"
    )
    formation.revoke_permissions(Principal=principal, Resource=resource, Permissions=["INSERT"])
    database = {"Database": {"Name": "groundwork_dev_raw"}}
    tag: Any = {"TagKey": "groundwork-dev-layer", "TagValues": ["raw"]}
    formation.remove_lf_tags_from_resource(Resource=database, LFTags=[tag])
    lake.run("refresh", "--yes", "--skip-preview")
    lake.up()
    restored = [what for each, what in grants(aws, "/trainer") if each == resource]
    assert restored == [["ALTER", "DESCRIBE", "INSERT", "SELECT"]]
    assert formation.get_resource_lf_tags(Resource=database)["LFTagOnDatabase"][0]["TagValues"] == ["raw"]
    lake.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == []


def test_a_workload_writes_its_table_and_the_program_changes_nothing_of_it(
    lake: Project, aws: Aws, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"AWS_ENDPOINT_URL": account, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    for name, value in {**variables, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    address = "glue://groundwork_dev_features/iris"
    columns = [Column("width", minimum=0, maximum=10), Column("kind", labels=["small", "large"])]
    depth = Column("depth", minimum=0, maximum=1, optional=True)
    tables.create(address, tables.fields_of(columns), b"9.0,large\n")
    command = [sys.executable, "-c", WRITER, address]
    writers = [subprocess.Popen([*command, name], cwd=REPOSITORY) for name in ("small", "large")]
    assert [writer.wait(timeout=300) for writer in writers] == [0, 0]
    wider = tables.fields_of([*columns, depth])
    with pytest.raises(tables.TableError, match="kind is in the table, and not among the columns"):
        tables.append(address, tables.fields_of([columns[0], depth]), b"1.0,\n", "a")
    assert tables.append(address, wider, b"1.5,small,0.5\n", "a")
    whole = tables.read(address)
    assert (whole.version, len(whole.content.splitlines())) == (17, 1 + 1 + 16 + 1)
    assert tables.read(address, 0).content == b"width,kind\n9.0,large\n"
    lake.run("preview", "--expect-no-changes")
    lake.run("refresh", "--yes", "--skip-preview")
    lake.run("preview", "--expect-no-changes")
    lake.run("config", "set", "depth", "true")
    lake.up()
    assert tables.read(address) == whole
    lake.run("destroy", "--yes", "--skip-preview")
    assert left(aws) == []
