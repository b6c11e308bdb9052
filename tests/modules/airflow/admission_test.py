"""What the policies say. What they refuse is tried in tests/integration/airflow_test.py."""

from typing import Any

import pytest

from modules.airflow.admission import exec_policy, pods_policy
from modules.core.documents import plain


def pod(
    image: str, *, account: str = "iris-training", secrets: tuple[str, ...] = ("s3-credentials",)
) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app.kubernetes.io/name": "iris", "app.kubernetes.io/component": "task"}},
        "spec": {
            "serviceAccountName": account,
            "containers": [{"name": "task", "image": image}],
            "volumes": [{"name": "tmp", "emptyDir": {}}, *({"secret": {"secretName": name}} for name in secrets)],
        },
    }


def rules(*pods: dict[str, Any]) -> list[dict[str, Any]]:
    return plain(pods_policy(pods, accounts_of="local-airflow", images=["xcom@sha256:2"]))["validations"]


@pytest.mark.parametrize(
    "allowed",
    [
        'serviceAccountName in ["iris-training"]',
        'c.image in ["training@sha256:1","xcom@sha256:2"]',
        'v.secret.secretName in ["mlflow-login","s3-credentials"]',
        "'app.kubernetes.io/name'] in [\"iris\"]",
        "'app.kubernetes.io/component'] in [\"task\"]",
    ],
)
def test_exactly_what_the_pods_of_all_tasks_have_is_allowed(allowed: str) -> None:
    found = rules(pod("training@sha256:1"), pod("training@sha256:1", secrets=("mlflow-login",)))
    assert [each for each in found if allowed in each["expression"]]


def test_a_workload_without_tasks_starts_no_pod() -> None:
    assert "object.spec.serviceAccountName in []" in rules()[0]["expression"]


def test_a_refusal_says_what_is_allowed() -> None:
    messages = [each["message"] for each in rules(pod("training@sha256:1"))]
    assert 'Airflow may not do that: serviceAccountName is none of ["iris-training"]' in messages


def test_a_policy_that_can_not_be_evaluated_refuses() -> None:
    for policy in (pods_policy([], accounts_of="local-airflow"), exec_policy(accounts_of="local-airflow")):
        assert plain(policy)["failurePolicy"] == "Fail"


def test_a_policy_is_for_the_accounts_of_airflow_alone() -> None:
    (condition,) = plain(exec_policy(accounts_of="local-airflow"))["matchConditions"]
    assert condition["expression"] == "'system:serviceaccounts:local-airflow' in request.userInfo.groups"
