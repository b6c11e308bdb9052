from typing import Any

import pytest

from scripts.cli.lifecycle.services import describe, rows, table


def service(port: str = "http", **annotations: str) -> dict[str, Any]:
    metadata = {"name": "mlflow", "namespace": "local-mlflow", "annotations": annotations}
    ports = [{"name": port, "port": 5000}]
    return {"metadata": metadata, "spec": {"clusterIP": "10.80.64.9", "selector": {"app": "mlflow"}, "ports": ports}}


def pod(
    status: dict[str, Any], labels: dict[str, str] | None = None, namespace: str = "local-mlflow"
) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "labels": {"app": "mlflow", **(labels or {})}}, "status": status}


READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def test_a_published_service_shows_its_address_on_this_machine() -> None:
    assert (
        describe(service(**{"groundwork.dev/local-port": "5001"}), [], {}, routable=True).address
        == "http://127.0.0.1:5001"
    )


def test_a_service_that_is_not_published_shows_its_own_address_where_this_machine_reaches_it() -> None:
    assert describe(service(), [], {}, routable=True).address == "http://10.80.64.9:5000"
    assert describe(service("postgresql"), [], {}, routable=True).address == "postgresql://10.80.64.9:5000"
    theirs = describe(service("postgresql"), [], {}, routable=False)
    assert (theirs.address, theirs.inside) == (None, "postgresql://mlflow.local-mlflow.svc:5000")


def test_who_has_no_address_is_opened_by_a_command() -> None:
    theirs = describe(service(), [], {}, routable=False)
    (column,) = (column for column in table([theirs]).columns if column.header == "address")
    assert list(column.cells) == ["groundwork open mlflow"]


NOTHING: list[dict[str, Any]] = []
UNPULLED = {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such digest"}}}]}
UNPLACED = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes: Insufficient cpu"}]}


@pytest.mark.parametrize(
    ("pods", "health"),
    [
        (NOTHING, "no pod"),
        ([pod(READY, namespace="elsewhere")], "no pod"),
        ([pod(READY)], "healthy"),
        ([pod(UNPULLED)], "ImagePullBackOff no such digest"),
        ([pod(UNPLACED)], "0/1 nodes: Insufficient cpu"),
        ([pod(READY), pod({"phase": "Pending"})], "Pending"),
    ],
)
def test_health_is_the_first_reason_that_kubernetes_gives(pods: list[dict[str, Any]], health: str) -> None:
    assert describe(service(), pods, {}, routable=True).health == health


def test_a_pod_that_is_ending_does_not_count_beside_another() -> None:
    ending = pod({"phase": "Running"})
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert describe(service(), [ending, pod(READY)], {}, routable=True).health == "healthy"
    assert describe(service(), [ending], {}, routable=True).health == "Running"


def test_a_service_on_a_simulated_node_says_so_and_why() -> None:
    simulated = pod(READY, labels={"groundwork.dev/simulated": "true"})
    simulated["metadata"]["annotations"] = {"groundwork.dev/simulated-because": "no image"}
    described = describe(service(), [simulated], {}, routable=True)
    assert (described.kind, described.because) == ("simulated", "no image")
    assert (
        describe(service(), [pod(READY)], {}, routable=True).kind,
        describe(service(), [pod(READY)], {}, routable=True).because,
    ) == ("real", None)


def test_the_version_is_that_of_the_pods_of_each_where_they_differ() -> None:
    pods = [pod(READY, labels={"app.kubernetes.io/version": number}) for number in ("3.2", "3.1", "3.2")]
    assert describe(service(), pods, {}, routable=True).version == "3.1, 3.2"
    assert describe(service(), [], {}, routable=True).version == ""


def test_a_list_of_services_and_pods_becomes_rows_by_name_without_services_that_have_no_address() -> None:
    def named(name: str, address: str) -> dict[str, Any]:
        made = service()
        return {
            **made,
            "kind": "Service",
            "metadata": {**made["metadata"], "name": name},
            "spec": {**made["spec"], "clusterIP": address},
        }

    objects = [
        named("web", "10.80.64.9"),
        named("peers", "None"),
        {**pod(READY), "kind": "Pod"},
        named("api", "10.80.64.8"),
    ]
    entry = named("entry", "10.80.64.7")
    entry["spec"]["type"] = "LoadBalancer"
    found = rows([*objects, entry], {"web": "https://localhost:8443/web"}, routable=True)
    assert [(each.name, each.address, each.health) for each in found] == [
        ("api", "http://10.80.64.8:5000", "healthy"),
        ("web", "https://localhost:8443/web", "healthy"),
    ]
