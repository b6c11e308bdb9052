"""The CIS Kubernetes Benchmark on a platform that runs: each row holds, or is named here with its reason."""

import pytest

from embedded.cluster import Cluster

from .cis import ROWS, Reading

BY_THE_LETTER = {
    "1.1.12": "there is no user etcd: its socket and data are root's, as every part is",
    "1.2.23": "etcd is reached by a unix socket that only root may open, not by TCP",
    "1.2.26": "as above",
    "2.1-2": "as above",
    "2.4-5": "there is one member",
    "4.2.6": "kube-proxy works with nftables and has chains of its own",
    "4.2.7": "the node's name is the cluster's, not this machine's",
    "4.2.10": "the authority is ours: certificates are renewed in time in the files that the kubelet reads again",
    "5.1.5": "every pod of the platform says so itself, and none has the default account's token",
    "5.4.2": "keys are in etcd, encrypted, and in the stack's state, encrypted",
}
"""What holds in another way than the row asks for."""
FAILS = {
    "1.2.11": "images are named by digest, and what a node has it need not ask a registry for, which may be gone",
    "3.1.1": "a machine of one's own has no identity provider",
    "5.1.4": "Airflow's accounts start the pods of tasks, and admission policies say which",
}


@pytest.fixture(scope="module")
def reading(cluster: Cluster) -> Reading:
    return Reading(cluster)


@pytest.mark.parametrize(("item", "title", "holds"), ROWS, ids=[f"{item} {title}" for item, title, _ in ROWS])
def test_a_row_holds_or_has_its_reason(reading: Reading, item: str, title: str, holds: object) -> None:
    assert callable(holds)
    assert holds(reading) is (item not in {**BY_THE_LETTER, **FAILS}), title
