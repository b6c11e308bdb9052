"""What consumers' namespaces let out, wherever the data services are."""

from dataclasses import replace
from typing import Any

import pulumi

from modules.cluster.settings import QuotaSettings
from modules.core.contracts import (
    LAYERS,
    Cluster,
    Consumer,
    Database,
    Grant,
    Identity,
    ObjectStore,
    PodRules,
    Proxy,
    Reach,
    TableCatalog,
)
from modules.core.labels import Labels
from stacks.foundation.namespaces import deploy_namespaces
from tests.mocks import declare
from tests.neighbours import CLOUD_DATABASE, CLOUD_STORE, database, nobody, somebody, store

CONSUMERS = {
    "airflow": Consumer(buckets={"logs": Grant(write=("",))}, database=True, uses={"database": ("scheduler",)}),
    "iris": Consumer(buckets={"raw": Grant(read=("",))}, tables=("iris",)),
    "jenkins": Consumer(buckets={}),
}

NOBODY = nobody("iris", ())


def egress(
    cluster: Cluster,
    store: ObjectStore,
    database: Database,
    identity: Identity = NOBODY,
    catalog: TableCatalog | None = None,
) -> dict[tuple[str, str], dict[str, Any]]:
    """What is let out, by (namespace, name of the policy)."""

    def program() -> None:
        deploy_namespaces(
            CONSUMERS,
            store=store,
            database=database,
            identity=identity,
            cluster=cluster,
            labels=Labels(environment="local", owner="someone"),
            protected=(),
            catalog=catalog,
            opts=pulumi.ResourceOptions(),
        )

    policies = [each.inputs for each in declare(program)[0].declared if each.type.endswith(":NetworkPolicy")]
    return {
        (policy["metadata"]["namespace"], policy["metadata"]["name"]): policy["spec"]
        for policy in policies
        if "egress" in policy["spec"]
    }


def rule(spec: dict[str, Any]) -> tuple[list[Any], list[int]]:
    """(ends, ports) of the one rule."""
    (found,) = spec["egress"]
    return found["to"], [port["port"] for port in found["ports"]]


def test_only_who_has_buckets_reaches_the_store_and_who_has_a_database_its_server(cluster: Cluster) -> None:
    names = egress(cluster, store(), database()).keys()
    dns = {(f"local-{name}", "allow-dns") for name in CONSUMERS}
    assert names - dns == {
        ("local-airflow", "allow-to-storage"),
        ("local-airflow", "allow-to-database"),
        ("local-iris", "allow-to-storage"),
    }


def test_servers_in_the_cluster_are_reached_by_their_pods(cluster: Cluster) -> None:
    ends, ports = rule(egress(cluster, store(), database())["local-iris", "allow-to-storage"])
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": "local-storage"}}
    pods = {"matchLabels": {"app.kubernetes.io/name": "storage"}}
    assert ends == [{"namespaceSelector": namespace, "podSelector": pods}]
    assert ports == [8333]


def test_servers_outside_of_the_cluster_are_reached_at_their_addresses(cluster: Cluster) -> None:
    found = egress(cluster, CLOUD_STORE, CLOUD_DATABASE)
    ends, ports = rule(found["local-iris", "allow-to-storage"])
    assert ends == [{"ipBlock": {"cidr": "52.218.0.0/17"}}, {"ipBlock": {"cidr": "3.5.64.0/21"}}]
    assert ports == [443]
    spec = found["local-airflow", "allow-to-database"]
    assert rule(spec) == ([{"ipBlock": {"cidr": "10.1.0.0/24"}}], [6432])
    (wanted,) = spec["podSelector"]["matchExpressions"]
    assert wanted["values"] == ["scheduler"]


def test_name_servers_are_asked_where_the_cluster_has_them(cluster: Cluster) -> None:
    """In pods of their own, and beside them on each node."""
    dns = Reach(port=53, ranges=("169.254.20.10/32",), namespace="kube-system", labels={"k8s-app": "kube-dns"})
    (found,) = egress(replace(cluster, dns=dns), store(), database())["local-jenkins", "allow-dns"]["egress"]
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}
    assert found["to"] == [
        {"namespaceSelector": namespace, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}},
        {"ipBlock": {"cidr": "169.254.20.10/32"}},
    ]
    assert [(port["protocol"], port["port"]) for port in found["ports"]] == [("UDP", 53), ("TCP", 53)]


def test_who_uses_the_store_without_keys_gets_tokens_and_nobody_else_does(cluster: Cluster) -> None:
    found = egress(cluster, replace(CLOUD_STORE, credentials={"airflow": "keys"}), CLOUD_DATABASE, somebody("iris", ()))
    assert {namespace for namespace, name in found if name == "allow-to-identity"} == {"local-iris"}
    assert rule(found["local-iris", "allow-to-identity"]) == ([{"ipBlock": {"cidr": "52.94.0.0/22"}}], [443])


def test_who_has_tables_reaches_the_catalog_that_has_them(cluster: Cluster) -> None:
    reach = Reach(port=443, ranges=("52.94.8.0/22",))
    catalog = TableCatalog(scheme="glue", reach=reach, databases=dict.fromkeys(LAYERS, "d"))
    found = egress(cluster, CLOUD_STORE, CLOUD_DATABASE, catalog=catalog)
    assert {namespace for namespace, name in found if name == "allow-to-catalog"} == {"local-iris"}
    assert rule(found["local-iris", "allow-to-catalog"]) == ([{"ipBlock": {"cidr": "52.94.8.0/22"}}], [443])


def test_who_uses_a_store_outside_of_the_cluster_reaches_the_proxy_to_it(cluster: Cluster) -> None:
    proxy = Proxy(https="http://10.0.0.9:3128", reach=(Reach(port=3128, ranges=("10.0.0.9/32",)),))
    behind = replace(cluster, pods=PodRules(proxy=proxy))
    found = egress(behind, CLOUD_STORE, CLOUD_DATABASE)
    assert {namespace for namespace, name in found if "proxy" in name} == {"local-airflow", "local-iris"}
    assert rule(found["local-iris", "allow-to-proxy-3128"]) == ([{"ipBlock": {"cidr": "10.0.0.9/32"}}], [3128])
    assert not [name for _, name in egress(behind, store(), database()) if "proxy" in name]


def declared_quotas(cluster: Cluster, quota: QuotaSettings | None) -> list[tuple[str, dict[str, Any]]]:
    """(kind and namespace, specification) of what bounds the namespaces."""

    def program() -> None:
        deploy_namespaces(
            {"jenkins": CONSUMERS["jenkins"]},
            store=store(),
            database=database(),
            identity=NOBODY,
            cluster=cluster,
            labels=Labels(environment="local", owner="someone"),
            protected=(),
            quota=quota,
            opts=pulumi.ResourceOptions(),
        )

    return [
        (f"{each.type.rpartition(':')[2]} {each.inputs['metadata']['namespace']}", each.inputs["spec"])
        for each in declare(program)[0].declared
        if each.type.endswith((":ResourceQuota", ":LimitRange"))
    ]


def test_a_namespace_has_bounds_and_a_container_without_figures_gets_some(cluster: Cluster) -> None:
    found = dict(declared_quotas(cluster, QuotaSettings(pods=7)))
    assert found["ResourceQuota local-jenkins"]["hard"] == {
        "pods": "7",
        "requests.cpu": "16",
        "requests.memory": "16Gi",
        "limits.cpu": "64",
        "limits.memory": "32Gi",
    }
    (limits,) = found["LimitRange local-jenkins"]["limits"]
    assert limits["max"] == {"cpu": "16", "memory": "16Gi"}
    assert (limits["default"], limits["defaultRequest"]) == (
        {"cpu": "500m", "memory": "512Mi"},
        {"cpu": "50m", "memory": "64Mi"},
    )


def test_without_a_quota_nothing_bounds_a_namespace(cluster: Cluster) -> None:
    assert declared_quotas(cluster, None) == []
