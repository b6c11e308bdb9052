"""One role for each service account, with exactly what was declared."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from modules.core.aws import AwsAccount, TokenIssuer
from modules.core.contracts import Consumer, Grant, Reach
from modules.core.errors import UserError
from modules.core.labels import Labels
from modules.identity.access import Access, differences, identity, matrix, page, role_name, rows
from modules.identity.aws import Roles
from tests.mocks import Declared, declare
from tests.neighbours import CLOUD_STORE

ACCOUNT = AwsAccount(partition="aws", id="123456789012", region="eu-west-1")
ISSUER = TokenIssuer(provider="arn:aws:iam::123456789012:oidc-provider/oidc.example/id/1", url="oidc.example/id/1")
ALIAS = "alias/groundwork-dev-objects"
TAGS = {"environment": "dev", "owner": "someone"}
REACH = Reach(port=443, ranges=("52.94.0.0/22",))
CONSUMERS = {
    "iris": Consumer(buckets={"artifacts": Grant(read=("models/iris/",))}, accounts=("iris-serving",)),
    "iris-training": Consumer(
        buckets={"raw": Grant(read=("sha256/",), write=("incoming/iris/",)), "features": Grant(add=("iris/",))},
        accounts=("iris-training",),
        tables=("iris",),
    ),
    "airflow": Consumer(buckets={"logs": Grant(write=("airflow/",))}, accounts=("airflow-worker", "scheduler")),
    "mlflow": Consumer(buckets={}, database=True, accounts=("mlflow",)),
}
BUCKETS = CLOUD_STORE.buckets


def access(consumers: Mapping[str, Consumer] = CONSUMERS, alias: str | None = ALIAS) -> list[Access]:
    return matrix("dev", consumers, store=CLOUD_STORE, account=ACCOUNT, alias=alias, lake="tables")


def may(each: Access, action: str) -> set[str]:
    return {resource for row in each.statements if action in row["Action"] for resource in row["Resource"]}


def one(account: str, alias: str | None = ALIAS) -> Access:
    (found,) = (each for each in access(alias=alias) if each.account == account)
    return found


def test_every_account_with_data_has_a_role_of_its_own_and_no_other_has_one() -> None:
    assert {each.account: each.role for each in access()} == {
        "airflow-worker": "groundwork-dev-airflow-worker",
        "scheduler": "groundwork-dev-airflow-scheduler",
        "iris-serving": "groundwork-dev-iris-serving",
        "iris-training": "groundwork-dev-iris-training",
    }
    assert {each.account: each.namespace for each in access()}["iris-training"] == "dev-iris-training"


def test_an_account_may_do_what_was_declared_below_the_prefixes_that_were_named() -> None:
    training, raw, features = (
        one("iris-training"),
        f"arn:aws:s3:::{BUCKETS['raw']}",
        f"arn:aws:s3:::{BUCKETS['features']}",
    )
    assert may(training, "s3:GetObject") == {f"{raw}/sha256/*", f"{raw}/incoming/iris/*", f"{features}/iris/*"}
    assert may(training, "s3:PutObject") == {f"{raw}/incoming/iris/*", f"{features}/iris/*"}
    assert may(training, "s3:DeleteObject") == {f"{raw}/incoming/iris/*"}
    assert may(training, "s3:DeleteObjectVersion") == set()


def test_an_account_that_reads_stores_nothing() -> None:
    serving = one("iris-serving")
    assert may(serving, "s3:GetObject") == {f"arn:aws:s3:::{BUCKETS['artifacts']}/models/iris/*"}
    assert may(serving, "s3:PutObject") == may(serving, "s3:DeleteObject") == set()
    assert may(serving, "kms:Decrypt") == {"arn:aws:kms:eu-west-1:123456789012:key/*"}
    assert may(serving, "kms:GenerateDataKey") == set()


def test_an_account_with_tables_looks_up_and_commits_to_those_and_no_others() -> None:
    training = one("iris-training")
    catalog = "arn:aws:glue:eu-west-1:123456789012:"
    databases = {f"{catalog}database/groundwork_dev_{layer}" for layer in ("raw", "curated", "features")}
    tables = {f"{catalog}table/groundwork_dev_{layer}/iris" for layer in ("raw", "curated", "features")}
    assert may(training, "glue:UpdateTable") == {f"{catalog}catalog", *databases, *tables}
    assert training.permissions == {
        **dict.fromkeys(databases, ("DESCRIBE",)),
        **dict.fromkeys(tables, ("ALTER", "DESCRIBE", "INSERT", "SELECT")),
        **{
            f"arn:aws:s3:::{BUCKETS[role]}/tables/iris/iceberg": ("DATA_LOCATION_ACCESS",)
            for role in ("raw", "features")
        },
    }
    assert one("iris-serving").permissions == {}
    assert may(one("iris-serving"), "glue:GetTable") == set()


def test_permissions_of_lake_formation_are_rows_of_the_matrix_and_without_a_lake_there_are_none() -> None:
    found = [row for row in rows(access()) if row["actions"][0].startswith("lakeformation:")]
    assert [row["actions"] for row in found] == [
        ["lakeformation:ALTER", "lakeformation:DESCRIBE", "lakeformation:INSERT", "lakeformation:SELECT"],
        ["lakeformation:DATA_LOCATION_ACCESS"],
        ["lakeformation:DESCRIBE"],
    ]
    without = matrix("dev", CONSUMERS, store=CLOUD_STORE, account=ACCOUNT, alias=ALIAS, lake=None)
    assert "glue:" not in str(rows(without))
    assert not any(each.permissions for each in without)


def test_the_key_of_the_buckets_is_used_through_s3_alone() -> None:
    (statement,) = (each for each in one("iris-training").statements if "kms:GenerateDataKey" in each["Action"])
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"},
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": ALIAS},
    }
    assert may(one("iris-training", alias=None), "kms:Decrypt") == set()


def test_no_right_is_for_everything() -> None:
    for row in rows(access()):
        assert not any(action.endswith("*") for action in row["actions"]), row
        assert "*" not in row["resources"], row


def test_keys_of_a_bucket_that_is_shared_begin_with_the_environments_own() -> None:
    shared = replace(CLOUD_STORE, prefixes={"artifacts": "dev/artifacts/"})
    found = matrix("dev", {"iris": CONSUMERS["iris"]}, store=shared, account=ACCOUNT, alias=None, lake="tables")
    assert may(found[0], "s3:GetObject") == {f"arn:aws:s3:::{BUCKETS['artifacts']}/dev/artifacts/models/iris/*"}
    (listed,) = (each for each in found[0].statements if each["Action"] == ["s3:ListBucket"])
    assert listed["Condition"] == {"StringLike": {"s3:prefix": ["dev/artifacts/models/iris/*"]}}


def test_the_contract_names_the_role_of_each_account_that_has_one() -> None:
    made = identity(CONSUMERS, access(), ACCOUNT, REACH)
    assert made.of("iris", "iris-serving").annotations == {
        "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/groundwork-dev-iris-serving"
    }
    assert made.of("mlflow", "mlflow").annotations == {}
    assert made.reach == REACH


def test_two_accounts_never_have_the_same_role() -> None:
    assert role_name("dev", "iris", "iris-serving") != role_name("dev", "iris-serving", "training")
    assert role_name("dev", "airflow", "scheduler") != role_name("dev", "iris", "scheduler")


def test_a_name_that_is_too_long_for_iam_is_refused() -> None:
    with pytest.raises(UserError, match=r"role 'groundwork-dev-a+': 65 characters, at most 64 are allowed"):
        role_name("dev", "a" * 50, "a" * 50)


def test_the_matrix_is_data_and_a_page() -> None:
    assert json.loads(json.dumps(rows(access()))) == rows(access())
    text = page(access())
    assert text.startswith("| service account | role | actions | resources |\n|---|---|---|---|\n")
    assert (
        f"| dev-iris/iris-serving | groundwork-dev-iris-serving | s3:ListBucket | arn:aws:s3:::{BUCKETS['artifacts']}"
        in text
    )
    assert "(keys models/iris/*)" in text
    assert (
        "key/* (kms:ViaService: s3.eu-west-1.amazonaws.com; kms:ResourceAliases: alias/groundwork-dev-objects)" in text
    )
    assert len(text.splitlines()) == 2 + len(rows(access()))


def granted() -> dict[str, list[Any]]:
    return {each.role: [dict(row) for row in each.statements] for each in access()}


def test_what_was_declared_and_granted_does_not_differ() -> None:
    assert differences(access(), granted()) == []


@pytest.mark.parametrize(
    ("role", "extra", "message"),
    [
        ("groundwork-dev-iris-serving", "s3:PutObject", "s3:PutObject on arn:aws:s3:::b is granted, but no service"),
        ("groundwork-dev-other", "s3:GetObject", "s3:GetObject on arn:aws:s3:::b is granted, but no service"),
    ],
)
def test_a_right_that_nobody_declared_is_found(role: str, extra: str, message: str) -> None:
    found = granted()
    found.setdefault(role, []).append({"Effect": "Allow", "Action": extra, "Resource": "arn:aws:s3:::b"})
    (difference,) = differences(access(), found)
    assert re.match(rf"role {role}: {re.escape(message)}", difference)


def test_a_right_that_was_declared_and_is_missing_is_found() -> None:
    found = granted()
    del found["groundwork-dev-iris-serving"]
    missing = differences(access(), found)
    assert missing
    assert all(each.startswith("role groundwork-dev-iris-serving: ") for each in missing)
    assert all(each.endswith(" is declared, but not granted") for each in missing)


def test_a_right_without_its_condition_is_another_right() -> None:
    found = granted()
    for statement in found["groundwork-dev-iris-serving"]:
        statement.pop("Condition", None)
    assert any("is granted, but no service" in each for each in differences(access(), found))


def declared_roles() -> list[Declared]:
    def program() -> None:
        Roles(
            "identity",
            access=access(),
            issuer=ISSUER,
            tags=TAGS,
            labels=Labels(environment="dev", owner="someone"),
        )

    return declare(program)[0].declared


def test_roles_are_assumed_by_their_account_alone_and_have_one_policy() -> None:
    resources = declared_roles()
    roles = {each.inputs["name"]: each.inputs for each in resources if each.type.endswith(":Role")}
    policies = {each.inputs["role"]: each.inputs for each in resources if each.type.endswith(":RolePolicy")}
    assert set(roles) == {each.role for each in access()}
    for each in access():
        (trust,) = json.loads(roles[each.role]["assumeRolePolicy"])["Statement"]
        subject = trust["Condition"]["StringEquals"]["oidc.example/id/1:sub"]
        assert subject == f"system:serviceaccount:{each.namespace}:{each.account}"
        assert roles[each.role]["tags"] == {**TAGS, "Name": each.role}
    stated = {
        role.removeprefix("identity-"): json.loads(inputs["policy"])["Statement"] for role, inputs in policies.items()
    }
    assert differences(access(), stated) == []
