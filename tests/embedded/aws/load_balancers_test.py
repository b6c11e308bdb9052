"""What Services want of load balancers. tests/embedded/providers/aws/eks_test.py has one."""

from typing import Any

import pytest

from embedded.aws.load_balancers import FINALIZER, LoadBalancers, Requested, is_balanced, requested

PREFIX = "service.beta.kubernetes.io/aws-load-balancer"


def service(kind: str = "LoadBalancer", finalizers: tuple[str, ...] = (), **annotations: str) -> dict[str, Any]:
    given = {f"{PREFIX}-{name.replace('_', '-')}": value for name, value in annotations.items()}
    return {
        "metadata": {
            "name": "entry",
            "namespace": "dev-gateway",
            "uid": "7c5fd0de-6a5c-4c5f-9d0e-3f7a1c1d2e3f",
            "resourceVersion": "5",
            "finalizers": list(finalizers),
            "annotations": given,
        },
        "spec": {"type": kind, "clusterIP": "10.94.64.20"},
    }


class Account:
    def __init__(self) -> None:
        self.made: dict[str, Requested] = {}

    def create(self, requested: Requested) -> str:
        self.made[requested.name] = requested
        return f"{requested.name}.elb.example"

    def delete(self, name: str) -> None:
        self.made.pop(name, None)


class Api:
    """Keeps what is changed, by path."""

    def __init__(self) -> None:
        self.changes: dict[str, Any] = {}

    def patch(self, path: str, change: Any) -> None:
        self.changes[path] = change


PATH = "/api/v1/namespaces/dev-gateway/services/entry"


@pytest.fixture
def balancers() -> LoadBalancers:
    api: Any = Api()
    return LoadBalancers(api, cluster="groundwork-dev", account=Account())


def test_a_service_is_held_before_it_has_a_load_balancer_and_let_go_after(balancers: LoadBalancers) -> None:
    api: Any = balancers.client
    account: Any = balancers.account
    balancers.service(service())
    assert account.made == {}
    assert api.changes.pop(PATH) == {"metadata": {"finalizers": [FINALIZER], "resourceVersion": "5"}}
    held = service(finalizers=("other", FINALIZER))
    balancers.service(held)
    (name,) = account.made
    (ingress,) = api.changes.pop(f"{PATH}/status")["status"]["loadBalancer"]["ingress"]
    assert ingress == {"hostname": f"{name}.elb.example", "ip": "10.94.64.20", "ipMode": "Proxy"}
    balancers.service(held | {"status": {"loadBalancer": {"ingress": [ingress]}}})
    assert api.changes == {}
    held["metadata"]["deletionTimestamp"] = "2027-11-30T00:00:00Z"
    balancers.service(held)
    assert account.made == {}
    assert api.changes[PATH]["metadata"]["finalizers"] == ["other"]


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (service(), True),
        (service(type="nlb"), True),
        (service("ClusterIP"), False),
        (service(type="external"), False),
    ],
)
def test_only_services_that_ask_the_cluster_for_one_have_one(given: dict[str, Any], answer: bool) -> None:
    assert is_balanced(given) is answer


def test_what_a_service_asks_for_is_in_its_annotations() -> None:
    found = requested(service(internal="true", additional_resource_tags="owner=a,expiry=2027-12-31"), "groundwork-dev")
    assert found.internal
    assert found.tags == {
        "owner": "a",
        "expiry": "2027-12-31",
        "kubernetes.io/cluster/groundwork-dev": "owned",
        "kubernetes.io/service-name": "dev-gateway/entry",
    }
    assert len(found.name) == 32
    assert not requested(service(), "groundwork-dev").internal
