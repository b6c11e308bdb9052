"""What SeaweedFS' component declares, seen through the engine's mocks."""

from dataclasses import replace
from typing import Any

import pytest

from modules.core.contracts import ROLES, Cluster, Consumer, Grant
from modules.core.labels import LOCAL_PORT, Labels
from modules.storage.credentials import CLIENT_SECRET
from modules.storage.seaweedfs import ADMIN_SECRET, SeaweedFS, object_store
from modules.storage.settings import StorageSettings
from tests.mocks import Monitor, Objects, declare, namespaces_with
from tests.neighbours import REGISTRY

CONSUMERS = {
    "iris": Consumer(buckets={"raw": Grant(read=("",))}),
    "mlflow": Consumer(buckets={"artifacts": Grant(write=("",))}),
    "jenkins": Consumer(buckets={}),
}
BUCKETS = {role: f"local-{role}" for role in ROLES}


def declared(cluster: Cluster, *, protect: bool = True, **settings: Any) -> tuple[Objects, Monitor]:
    def program() -> None:
        SeaweedFS(
            "storage",
            settings=StorageSettings.model_validate(settings),
            labels=Labels(environment="local", owner="someone"),
            cluster=cluster,
            contract=object_store("storage", "local-storage", BUCKETS, CONSUMERS),
            registry=REGISTRY,
            image="registry/storage:4@sha256:" + "1" * 64,
            namespace="local-storage",
            consumers=CONSUMERS,
            namespaces={name: f"local-{name}" for name in CONSUMERS},
            protect=protect,
        )

    recorder, monitor = declare(program)
    return recorder.objects, monitor


def test_who_has_buckets_gets_a_key_pair_and_nobody_else(cluster: Cluster) -> None:
    objects, _ = declared(cluster)
    assert namespaces_with(objects, CLIENT_SECRET) == {"local-iris", "local-mlflow"}
    assert namespaces_with(objects, ADMIN_SECRET) == {"local-storage"}


def test_the_volume_and_the_key_without_which_nobody_reads_it_are_protected(cluster: Cluster) -> None:
    assert declared(cluster)[1].protected == {"storage-server", "storage-data", "storage-kek"}
    assert declared(cluster, protect=False)[1].protected == set()


def test_the_volume_has_the_size_and_the_class_that_were_asked_for(cluster: Cluster) -> None:
    objects, _ = declared(replace(cluster, storage_class="fast"), volume="3Gi")
    claim = objects["PersistentVolumeClaim", "storage-data"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"]["requests"] == {"storage": "3Gi"}


@pytest.mark.parametrize(("port", "published"), [(8333, True), (None, False)])
def test_it_is_open_to_the_address_that_publishes_it_where_it_is_published(
    cluster: Cluster, port: int | None, published: bool
) -> None:
    objects, _ = declared(cluster, local_port=port)
    assert (LOCAL_PORT in objects["Service", "storage-service"]["metadata"]["annotations"]) == published
    blocks = [
        peer["ipBlock"]["cidr"]
        for (kind, _), inputs in objects.items()
        if kind == "NetworkPolicy"
        for rule in inputs["spec"].get("ingress", [])
        for peer in rule["from"]
        if "ipBlock" in peer
    ]
    assert blocks == ([cluster.publisher] if published else [])


def test_it_is_published_nowhere_on_a_cluster_that_publishes_no_local_ports(cluster: Cluster) -> None:
    objects, _ = declared(replace(cluster, publisher=None), local_port=8333)
    assert LOCAL_PORT not in objects["Service", "storage-service"]["metadata"]["annotations"]
    assert ("NetworkPolicy", "storage-allow-published") not in objects


def test_the_volume_is_of_the_default_class_where_the_cluster_names_none(cluster: Cluster) -> None:
    objects, _ = declared(replace(cluster, storage_class=None))
    (claim,) = objects["StatefulSet", "storage-server"]["spec"]["volumeClaimTemplates"]
    assert "storageClassName" not in claim["spec"]


def test_other_rules_for_a_bucket_are_another_job(cluster: Cluster) -> None:
    """A Job can't be changed: one of another name brings the buckets to what is described now."""
    before, after = (
        declared(cluster, buckets={"logs": {"versioning": False, "expiration_days": days}})[0] for days in (30, 60)
    )
    names = [objects["Job", "storage-buckets"]["metadata"]["name"] for objects in (before, after)]
    assert len(set(names)) == 2
