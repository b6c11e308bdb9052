"""What the lake's component declares on AWS, seen through the engine's mocks."""

import json
from typing import Any

import pulumi
import pytest

from modules.core.aws import AwsAccount
from modules.core.contracts import ROLES, TableColumn
from modules.core.labels import Labels
from modules.core.protection import Protection, safeguards
from modules.lake.aws import AwsLake, Place, User
from modules.lake.settings import LakeSettings
from tests.mocks import Declared, Monitor, declare
from tests.neighbours import CLOUD_STORE

ACCOUNT = AwsAccount(partition="aws", id="123456789012", region="eu-west-1")
TAGS = {"environment": "dev-a", "owner": "someone"}
ADMINISTRATOR = "arn:aws:iam::123456789012:role/deployer"
READER = "arn:aws:iam::123456789012:role/people/analyst"
TRAINER = "groundwork-dev-a-ear-marks-training"
TRAINER_ARN = f"arn:aws:iam::123456789012:role/{TRAINER}"
BUCKETS = CLOUD_STORE.buckets
COLUMNS = [
    TableColumn(name="width", type="double", optional=False),
    TableColumn(name="kind", type="string", optional=True),
]
DATABASES = {layer: f"groundwork_dev_a_{layer}" for layer in ("raw", "curated", "features")}


def declared(
    protection: Protection = "full",
    *,
    protect: bool = True,
    **settings: Any,
) -> tuple[list[Declared], Monitor]:
    def program() -> None:
        AwsLake(
            "lake",
            settings=LakeSettings.model_validate({"administrators": [ADMINISTRATOR], "readers": [READER], **settings}),
            account=ACCOUNT,
            place=Place(
                buckets=BUCKETS,
                ready={role: pulumi.Output.from_input(BUCKETS[role]) for role in ROLES},
                key_arn=pulumi.Output.from_input("arn:aws:kms:eu-west-1:123456789012:key/1"),
                tables="tables",
                accepted="accepted",
            ),
            tables={"ear-marks": COLUMNS},
            users={TRAINER: User(arn=TRAINER_ARN, tables=["ear-marks"])},
            protect=protect,
            safeguards=safeguards(protection),
            tags=TAGS,
            labels=Labels(environment="dev-a", owner="someone"),
        )

    recorder, monitor = declare(program)
    return recorder.declared, monitor


@pytest.fixture(scope="module")
def resources() -> list[Declared]:
    return declared()[0]


def of_kind(resources: list[Declared], kind: str) -> dict[str, dict[str, Any]]:
    found = {each.name: each.inputs for each in resources if each.type.rpartition(":")[2] == kind}
    return {name.removeprefix("lake-"): inputs for name, inputs in found.items()}


def grants(resources: list[Declared], principal: str) -> dict[str, set[str]]:
    """What Lake Formation lets somebody do, by what it is for."""
    found: dict[str, set[str]] = {}
    for each in of_kind(resources, "Permissions").values():
        if each["principal"] == principal:
            (what,) = (each[key] for key in ("database", "table", "dataLocation", "lfTagPolicy") if each.get(key))
            found[json.dumps(what, sort_keys=True)] = set(each["permissions"])
    return found


def test_each_layer_has_a_database_that_athena_can_name_with_a_tag_of_its_layer(resources: list[Declared]) -> None:
    assert {layer: each["name"] for layer, each in of_kind(resources, "CatalogDatabase").items()} == DATABASES
    assert {
        layer: (each["database"]["name"], each["lfTag"]) for layer, each in of_kind(resources, "ResourceLfTag").items()
    } == {layer: (name, {"key": "groundwork-dev-a-layer", "value": layer}) for layer, name in DATABASES.items()}
    (tag,) = of_kind(resources, "LfTag").values()
    assert tag["values"] == [*DATABASES]


def test_a_table_of_iceberg_is_in_each_layer_with_the_declared_columns(resources: list[Declared]) -> None:
    tables = of_kind(resources, "CatalogTable")
    assert {each["databaseName"] for each in tables.values()} == {*DATABASES.values()}
    for layer in DATABASES:
        each = tables[f"ear-marks-{layer}"]
        assert each["name"] == "ear_marks"
        assert each["openTableFormatInput"]["icebergInput"] == {"metadataOperation": "CREATE", "version": "2"}
        bucket = BUCKETS["raw" if layer == "raw" else "features"]
        stored = each["storageDescriptor"]
        assert stored["location"] == f"s3://{bucket}/tables/ear-marks/iceberg/{layer}"
        width = "string" if layer == "raw" else "double"
        assert stored["columns"] == [{"name": "width", "type": width}, {"name": "kind", "type": "string"}]


def test_what_writers_change_in_the_catalog_is_not_written_back_and_tables_are_protected_with_the_data() -> None:
    tables = {f"lake-ear-marks-{layer}" for layer in DATABASES}
    _, monitor = declared(protect=True)
    assert monitor.protected == tables
    written = {"description", "parameters", "storageDescriptor", "openTableFormatInput"}
    assert {name: set(paths) for name, paths in monitor.ignored.items()} == dict.fromkeys(tables, written)
    assert declared(protect=False)[1].protected == set()


def test_a_workloads_role_reads_its_tables_and_adds_rows_and_nothing_else(resources: list[Declared]) -> None:
    wanted = {json.dumps({"name": name}): {"DESCRIBE"} for name in DATABASES.values()}
    for name in DATABASES.values():
        wanted[json.dumps({"databaseName": name, "name": "ear_marks"})] = {"ALTER", "DESCRIBE", "INSERT", "SELECT"}
    # Who may change an entry needs the location that it points to: of its own files alone.
    for role in ("raw", "features"):
        wanted[json.dumps({"arn": f"arn:aws:s3:::{BUCKETS[role]}/tables/ear-marks/iceberg"})] = {"DATA_LOCATION_ACCESS"}
    assert grants(resources, TRAINER_ARN) == wanted


def test_people_read_what_has_the_tag_of_a_checked_layer_and_nothing_of_raw(resources: list[Declared]) -> None:
    expression = [{"key": "groundwork-dev-a-layer", "values": ["curated", "features"]}]
    assert grants(resources, READER) == {
        json.dumps({"expressions": expression, "resourceType": "DATABASE"}): {"DESCRIBE"},
        json.dumps({"expressions": expression, "resourceType": "TABLE"}): {"DESCRIBE", "SELECT"},
    }


def test_files_are_registered_with_a_role_that_reaches_those_alone(resources: list[Declared]) -> None:
    registered = {each["arn"] for each in of_kind(resources, "Resource").values()}
    raw, features = (f"arn:aws:s3:::{BUCKETS[role]}" for role in ("raw", "features"))
    tables = {f"{bucket}/tables/ear-marks/iceberg" for bucket in (raw, features)}
    assert registered == {*tables, f"{raw}/accepted"}
    statements = json.loads(of_kind(resources, "RolePolicy")["lake"]["policy"])["Statement"]
    stored = {each for row in statements if "s3:PutObject" in row["Action"] for each in row["Resource"]}
    read = {each for row in statements if "s3:GetObject" in row["Action"] for each in row["Resource"]}
    assert stored == {f"{raw}/tables/*", f"{features}/tables/*"}
    assert read == {*stored, f"{raw}/accepted/*"}
    role = of_kind(resources, "Role")["lake"]
    (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "lakeformation.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_the_crawler_makes_tables_of_accepted_files_in_the_raw_layer_and_deletes_none(
    resources: list[Declared],
) -> None:
    (crawler,) = of_kind(resources, "Crawler").values()
    assert (crawler["databaseName"], crawler["tablePrefix"]) == (DATABASES["raw"], "accepted_")
    assert crawler["s3Targets"] == [{"path": f"s3://{BUCKETS['raw']}/accepted/"}]
    assert crawler["schemaChangePolicy"]["deleteBehavior"] == "LOG"
    assert "schedule" not in crawler
    (trust,) = json.loads(of_kind(resources, "Role")["crawler"]["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "glue.amazonaws.com"}
    assert "Condition" not in trust
    text = of_kind(resources, "RolePolicy")["crawler"]["policy"]
    assert "Delete" not in text
    assert {"glue:CreateTable", "glue:CreatePartition", "glue:BatchUpdatePartition"} <= {
        action for row in json.loads(text)["Statement"] for action in row["Action"]
    }
    assert "PutObject" not in text
    assert "curated" not in text


def test_the_crawler_runs_at_the_hour_that_was_chosen() -> None:
    (crawler,) = of_kind(declared(crawl_hour=3)[0], "Crawler").values()
    assert crawler["schedule"] == "cron(0 3 * * ? *)"


def test_results_of_queries_are_encrypted_and_a_query_reads_no_more_than_is_allowed() -> None:
    (group,) = of_kind(declared(scan_limit="1Gi")[0], "Workgroup").values()
    given = group["configuration"]
    assert given["enforceWorkgroupConfiguration"] is True
    assert given["bytesScannedCutoffPerQuery"] == 2**30
    assert given["resultConfiguration"] == {
        "outputLocation": f"s3://{BUCKETS['logs']}/athena/",
        "expectedBucketOwner": "123456789012",
        "encryptionConfiguration": {
            "encryptionOption": "SSE_KMS",
            "kmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1",
        },
    }


@pytest.mark.parametrize(("protection", "forced"), [("disposable", True), ("removable", True), ("full", False)])
def test_saved_queries_go_with_the_workgroup_unless_all_is_protected(protection: Protection, forced: bool) -> None:
    (group,) = of_kind(declared(protection)[0], "Workgroup").values()
    assert group["forceDestroy"] is forced


def test_lake_formation_has_its_administrators_before_anybody_is_granted_anything() -> None:
    resources, monitor = declared()
    (settings,) = (each for each in resources if each.type.endswith(":DataLakeSettings"))
    assert settings.inputs["admins"] == [ADMINISTRATOR]
    kinds = (":Permissions", ":LfTag", ":CatalogDatabase")
    for each in resources:
        if each.type.endswith(kinds):
            assert str(settings) in monitor.all_before(str(each)), str(each)
    # What an administrator may anyway, a grant can neither add nor take away.
    assert grants(resources, ADMINISTRATOR) == {}


@pytest.mark.parametrize("administrators", [[ADMINISTRATOR], []])
def test_files_of_a_table_are_registered_before_the_table_is_made(administrators: list[str]) -> None:
    resources, monitor = declared(administrators=administrators)
    places = {each.inputs["arn"]: str(each) for each in resources if each.type.endswith(":Resource")}
    tables = [each for each in resources if each.type.endswith(":CatalogTable")]
    assert len(tables) == len(DATABASES)
    for table in tables:
        bucket, _, key = table.inputs["storageDescriptor"]["location"].removeprefix("s3://").partition("/")
        assert places[f"arn:aws:s3:::{bucket}/{key.rpartition('/')[0]}"] in monitor.all_before(str(table))


def test_without_administrators_of_its_own_those_of_the_account_stay() -> None:
    resources, _ = declared(administrators=[])
    assert not of_kind(resources, "DataLakeSettings")
    assert grants(resources, TRAINER_ARN)
