"""What the database's component declares on AWS, seen through the engine's mocks."""

import json
from base64 import b64decode
from typing import Any

import pytest

from modules.core.aws import AwsAccount
from modules.core.contracts import Consumer
from modules.core.labels import Labels
from modules.core.protection import Protection, safeguards
from modules.database.aws import Place, RdsDatabase
from modules.database.clients_aws import RdsClients, rds_database
from modules.database.external import Home
from modules.database.rds_settings import RdsSettings
from tests.mocks import Declared, Monitor, declare
from tests.neighbours import CLUSTER, REGISTRY

ACCOUNT = AwsAccount(partition="aws", id="123456789012", region="eu-west-1")
TAGS = {"environment": "dev", "owner": "someone"}
CONSUMERS = {
    "mlflow": Consumer(buckets={}, database=True),
    "airflow": Consumer(buckets={}, database=True),
    "iris": Consumer(buckets={}),
}
RANGES = ["10.40.160.0/21", "10.40.168.0/21"]


IMAGE = "registry/postgresql:1@sha256:0"


def declared(
    protection: Protection = "disposable", *, protect: bool = False, image: str = IMAGE, **values: Any
) -> tuple[list[Declared], Monitor]:
    def program() -> None:
        labels = Labels(environment="dev", owner="someone")
        made = RdsDatabase(
            "database",
            settings=RdsSettings(ca="rds.pem", **values),
            account=ACCOUNT,
            server_name="groundwork-dev",
            place=Place(vpc_id="vpc-1", subnets=["subnet-a", "subnet-b"], clients="sg-cluster"),
            ca="certificates",
            safeguards=safeguards(protection),
            protect=protect,
            tags=TAGS,
            labels=labels,
        )
        RdsClients(
            "database",
            server=made.server,
            contract=rds_database(CONSUMERS, RANGES),
            home=Home(namespace="dev-database", cluster=CLUSTER, image=image, registry=REGISTRY),
            namespaces={"mlflow": "dev-mlflow", "airflow": "dev-airflow"},
            labels=labels,
        )

    recorder, monitor = declare(program)
    return recorder.declared, monitor


@pytest.fixture(scope="module")
def resources() -> list[Declared]:
    return declared()[0]


def of_kind(resources: list[Declared], kind: str) -> dict[str, dict[str, Any]]:
    return {each.name: each.inputs for each in resources if each.type.rpartition(":")[2] == kind}


def server(resources: list[Declared]) -> dict[str, Any]:
    (made,) = of_kind(resources, "Instance").values()
    return made


def test_the_server_is_encrypted_private_and_keeps_its_own_password(resources: list[Declared]) -> None:
    made = server(resources)
    assert (made["storageEncrypted"], made["publiclyAccessible"]) == (True, False)
    assert made["manageMasterUserPassword"] is True
    assert "password" not in made
    assert (made["allocatedStorage"], made["maxAllocatedStorage"]) == (20, 100)


def test_nobody_gets_in_without_tls(resources: list[Declared]) -> None:
    (group,) = of_kind(resources, "ParameterGroup").values()
    assert group["family"] == "postgres17"
    parameters = {each["name"]: each["value"] for each in group["parameters"]}
    assert parameters == {"rds.force_ssl": "1", "ssl_min_protocol_version": "TLSv1.2"}
    contract = rds_database(CONSUMERS, RANGES)
    assert (contract.tls, contract.ca) == (True, "ca.crt")


def test_only_the_clusters_nodes_and_pods_connect(resources: list[Declared]) -> None:
    (rule,) = of_kind(resources, "SecurityGroupIngressRule").values()
    assert (rule["referencedSecurityGroupId"], rule["fromPort"], rule["toPort"]) == ("sg-cluster", 5432, 5432)
    reach = rds_database(CONSUMERS, RANGES).reach
    assert (reach.port, list(reach.ranges)) == (5432, RANGES)


def test_a_disposable_server_goes_with_all_that_it_has(resources: list[Declared]) -> None:
    made = server(resources)
    assert (made["multiAz"], made["deletionProtection"], made["backupRetentionPeriod"]) == (False, False, 1)
    assert (made["skipFinalSnapshot"], made["deleteAutomatedBackups"]) == (True, True)
    assert "finalSnapshotIdentifier" not in made


def test_a_protected_server_is_in_two_zones_backed_up_and_leaves_a_snapshot() -> None:
    made = server(declared("full")[0])
    assert (made["multiAz"], made["deletionProtection"], made["backupRetentionPeriod"]) == (True, True, 14)
    assert (made["skipFinalSnapshot"], made["deleteAutomatedBackups"]) == (False, False)
    (own,) = of_kind(declared("full")[0], "RandomId")
    assert own == "database-final"
    assert made["finalSnapshotIdentifier"].startswith("groundwork-dev-final-0")


def test_a_server_that_is_removed_leaves_a_snapshot_that_can_still_be_read() -> None:
    resources, monitor = declared("removable")
    made = server(resources)
    assert (made["deletionProtection"], made["skipFinalSnapshot"], made["multiAz"]) == (False, False, True)
    assert monitor.retained == declared("full")[1].retained == {"database-data"}
    assert declared("disposable")[1].retained == set()


def test_the_engine_deletes_neither_a_protected_server_nor_its_key() -> None:
    assert declared(protect=True)[1].protected == {"database-server", "database-data"}
    assert declared()[1].protected == set()


def test_its_logs_are_encrypted_and_there_before_rds_would_make_them(resources: list[Declared]) -> None:
    groups = of_kind(resources, "LogGroup").values()
    assert {each["name"] for each in groups} == {
        "/aws/rds/instance/groundwork-dev/postgresql",
        "/aws/rds/instance/groundwork-dev/upgrade",
    }
    assert all(each["retentionInDays"] == 30 and each["kmsKeyId"] for each in groups)
    order = [each.type.rpartition(":")[2] for each in resources]
    assert order.index("LogGroup") < order.index("Instance")


def test_each_consumer_with_a_database_has_a_role_of_its_own_at_the_servers_address(resources: list[Declared]) -> None:
    secrets = {
        each["metadata"]["namespace"]: {key: b64decode(value).decode() for key, value in each["data"]["value"].items()}
        for each in of_kind(resources, "Secret").values()
        if each["metadata"]["name"] == "database-credentials"
    }
    assert secrets.keys() == {"dev-mlflow", "dev-airflow"}
    assert secrets["dev-mlflow"]["uri"].startswith("postgresql://mlflow:")
    assert secrets["dev-mlflow"]["uri"].endswith("@db.example:5432/mlflow")
    assert secrets["dev-mlflow"]["ca.crt"] == "certificates"


def administrator_of(resources: list[Declared]) -> dict[str, Any]:
    (found,) = (
        each for each in of_kind(resources, "Secret").values() if each["metadata"]["name"].startswith("administrator-")
    )
    return found


def test_a_password_that_rds_changes_leaves_nothing_to_do_until_the_job_runs_again() -> None:
    (resources, monitor), (other, _) = declared(), declared(image="registry/postgresql:2@sha256:1")
    assert monitor.ignored == {"database-administrator": ["data.password"]}
    name = administrator_of(resources)["metadata"]["name"]
    (job,) = of_kind(resources, "Job").values()
    assert name in {each.get("secret", {}).get("secretName") for each in job["spec"]["template"]["spec"]["volumes"]}
    assert administrator_of(other)["metadata"]["name"] != name
    assert administrator_of(declared()[0])["metadata"]["name"] == name


def test_roles_are_made_with_the_password_that_rds_has_now(resources: list[Declared]) -> None:
    administrator = administrator_of(resources)
    assert b64decode(administrator["data"]["value"]["password"]) == b"made-by-rds"
    (job,) = of_kind(resources, "Job").values()
    (container,) = job["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert (variables["PGHOST"], variables["PGUSER"]) == ("db.example", "groundwork")
    assert variables["PGSSLMODE"] == "verify-full"


def test_a_server_of_another_major_version_gets_parameters_of_its_own() -> None:
    groups = of_kind(declared(version="16")[0], "ParameterGroup")
    assert {name: each["name"] for name, each in groups.items()} == {"database-parameters-16": "groundwork-dev-16"}


def test_a_major_version_can_be_raised(resources: list[Declared]) -> None:
    """RDS refuses one where this is not said."""
    assert server(resources)["allowMajorVersionUpgrade"] is True


def test_everything_that_takes_tags_has_all_of_them(resources: list[Declared]) -> None:
    tagged = ("Instance", "Key", "LogGroup", "ParameterGroup", "Role", "SecurityGroup", "SubnetGroup")
    for kind in tagged:
        for each in of_kind(resources, kind).values():
            assert each["tags"].items() >= TAGS.items()


def test_rds_measures_for_this_account_alone(resources: list[Declared]) -> None:
    (role,) = of_kind(resources, "Role").values()
    (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "monitoring.rds.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
