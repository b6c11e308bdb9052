"""The load balancers that a cluster of EKS makes for Services: records of the account, at the Service's own address.

As on AWS, a Service is gone only once its load balancer is. All are network load balancers: a Service that does not ask
for one has a classic one there. What a Service asks for is found by pure functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from embedded.cluster.api import Client, Json

from .follow import Follower

SERVICES = "/api/v1/services"
FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer-"
OTHERS = {"external", "nlb-ip"}
"""Types that AWS's own controller makes, where somebody runs it in the cluster."""
NAME_LENGTH = 32
"""Of a load balancer, by the API reference of Elastic Load Balancing."""


@dataclass(frozen=True, kw_only=True)
class Requested:
    name: str
    internal: bool
    """Whether it has addresses of the network alone."""
    tags: dict[str, str]


class Account(Protocol):
    """What is asked of Elastic Load Balancing."""

    def create(self, requested: Requested) -> str:
        """Return the host name of a new load balancer, or of that which has the name."""
        ...

    def delete(self, name: str) -> None:
        """One that is gone already is no error."""
        ...


class LoadBalancers:
    """Of one cluster, from now until the end."""

    def __init__(self, client: Client, *, cluster: str, account: Account) -> None:
        self.client, self.cluster, self.account = client, cluster, account

    def start(self) -> None:
        self._follower = Follower(self.client, SERVICES, self.service, name=f"load balancers of {self.cluster}")

    def end(self) -> None:
        self._follower.end()

    def service(self, service: Json) -> None:
        """Make or delete the load balancer of a Service."""
        metadata = service["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/services/{metadata['name']}"
        kept: list[str] = metadata.get("finalizers") or []
        others = [each for each in kept if each != FINALIZER]
        if is_balanced(service):
            if FINALIZER not in kept:  # before there is one: what it cleans up may be there a moment later
                self.client.patch(path, finalizers(service, [*others, FINALIZER]))
                return
            found = ingress(service, self.account.create(requested(service, self.cluster)))
            if service.get("status", {}).get("loadBalancer", {}).get("ingress") != found:
                self.client.patch(f"{path}/status", {"status": {"loadBalancer": {"ingress": found}}})
        elif FINALIZER in kept:
            self.account.delete(name_of(service))
            self.client.patch(f"{path}/status", {"status": {"loadBalancer": {"ingress": None}}})
            self.client.patch(path, {"metadata": {"finalizers": others}})


def is_balanced(service: Json) -> bool:
    """Whether a Service has a load balancer that the cluster itself makes. Pure."""
    spec = service["spec"]
    asked: dict[str, str] = service["metadata"].get("annotations") or {}
    own = not spec.get("loadBalancerClass") and asked.get(f"{ANNOTATION}type") not in OTHERS
    return own and spec["type"] == "LoadBalancer" and not service["metadata"].get("deletionTimestamp")


def name_of(service: Json) -> str:
    """Return the name that Kubernetes gives a Service's load balancer. Pure."""
    return f"a{service['metadata']['uid'].replace('-', '')}"[:NAME_LENGTH]


def requested(service: Json, cluster: str) -> Requested:
    """Return what a Service asks for. Pure."""
    metadata = service["metadata"]
    asked: dict[str, str] = metadata.get("annotations") or {}
    extra = asked.get(f"{ANNOTATION}additional-resource-tags", "")
    pairs = (pair.partition("=") for pair in extra.split(",") if pair)
    return Requested(
        name=name_of(service),
        internal=asked.get(f"{ANNOTATION}internal") == "true",
        tags={
            **{key: value for key, _, value in pairs},
            f"kubernetes.io/cluster/{cluster}": "owned",
            "kubernetes.io/service-name": f"{metadata['namespace']}/{metadata['name']}",
        },
    )


def ingress(service: Json, host: str) -> Sequence[Json]:
    """Return where a Service is reached: by the name of its load balancer, which no name server outside knows, and at
    the address that answers on this machine. Pure."""
    return [{"hostname": host, "ip": service["spec"]["clusterIP"], "ipMode": "Proxy"}]


def finalizers(service: Json, names: Sequence[str]) -> Json:
    """Return the change to a Service, refused where it is another one by now. Pure."""
    return {"metadata": {"finalizers": list(names), "resourceVersion": service["metadata"]["resourceVersion"]}}
