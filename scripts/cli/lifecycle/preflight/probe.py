"""What only a pod can find out: whether nodes pull the images, names resolve, policies are enforced, servers answer.

It runs for some seconds in a namespace of its own, or where it may make none in the environment's first one. Nothing of
it stays; what a run that was killed left is removed by the next one."""

import json
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from modules.core.contracts import Reach
from modules.core.errors import UserError
from modules.core.labels import PART_OF, POD_SECURITY
from scripts.cli.clients.api import Api, Refused
from scripts.cli.clients.kubectl import ENVIRONMENT
from stacks.foundation.existing_settings import DnsSettings
from stacks.foundation.pods import PodsSettings
from stacks.foundation.registry_login import pull_document

from .api_server import SKEW_SECONDS
from .findings import KEY, Context, Finding
from .namespaces import PROBE
from .objects import Object, group, is_ours, listed

SCRIPT = Path(__file__).with_name("files") / "inside.py"
API_PORTS = {443, 6443}
"""At which an API server may listen."""
NAME = "kubernetes.default.svc.cluster.local"
SECONDS = 180.0
"""For the pull of an image, and the answers."""
RETRIED_SECONDS = 30.0
"""A node asks again for an image 10 to 20 s after it was refused one. A busy kubelet that has not seen a pod's pull
secret within a second asks once without it."""
NO_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})


class Server(NamedTuple):
    """What pods use that is not the platform's own, and how network policies will open it."""

    host: str
    port: int
    reach: Reach


class Objects(Protocol):
    def get(self, path: str) -> dict[str, Any] | None: ...


Servers = Mapping[str, Server]
"""By the group of groundwork:foundation that describes it."""
TITLES = {"storage": "object store", "database": "database"}
"""By such a group."""


@dataclass(frozen=True)
class Place:
    """Where the pod runs. temporary: it is made for it, and removed."""

    namespace: str
    temporary: bool

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}"

    @property
    def policies(self) -> str:
        return f"/apis/networking.k8s.io/v1/namespaces/{self.namespace}/networkpolicies"

    @property
    def secrets(self) -> str:
        return f"{self.path}/secrets"

    def made(self) -> list[str]:
        """Return the paths of all that is made here."""
        if self.temporary:
            return [self.path]
        return [f"{parent}/{PROBE}" for parent in (f"{self.path}/pods", self.policies, self.secrets)]


def run(context: Context, image: str, servers: Servers) -> list[Finding]:
    """Return what a pod of an image finds out. The image has a `python`."""
    scope = context.existing.cluster_scope
    place = Place(f"{context.stack}-preflight" if scope else context.namespaces[0], scope)
    login = pull_document(context.existing.registry)
    with _room(context.api, place, context.stack):
        context.api.create(place.policies, policy(context.stack, context.existing.dns, servers))
        if login is not None:
            context.api.create(place.secrets, pull_secret(context.stack, login))
        _create_pod(context.api, place, pod(context.stack, image, servers, context.existing.pods, login=bool(login)))
        ended = ended_pod(context.api, place, 0.0 if login is None else RETRIED_SECONDS)
        if (finding := unfinished(ended, image)) is not None:
            return [finding]
        text = context.api.response(f"{place.path}/pods/{PROBE}/log").text
    opened = any(each.reach.ranges and each.reach.port in API_PORTS for each in servers.values())
    return read(json.loads(text), time.time(), image, api_opened=opened)


@contextmanager
def _room(api: Api, place: Place, stack: str) -> Generator[None]:
    _remove(api, place, stack)
    if place.temporary:
        metadata = {"name": place.namespace, "labels": {**labels(stack), **POD_SECURITY}}
        api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    try:
        yield
    finally:
        _remove(api, place, stack)


def _remove(api: Api, place: Place, stack: str) -> None:
    """Remove what is there of a probe, and wait until it is gone. UserError where it is somebody else's."""
    for path in place.made():
        found = api.get(path)
        if found is None:
            continue
        if not is_ours(found["metadata"], stack):
            raise UserError(f"somebody else has {path}, which a check needs for a moment: give the stack another name")
        api.delete(path)
        _until_gone(api, path)


def _until_gone(api: Api, path: str) -> None:
    until = time.monotonic() + SECONDS
    while api.get(path) is not None:
        if time.monotonic() > until:
            raise UserError(f"{path} was deleted, and is still there: see what holds it (its finalizers)")
        time.sleep(0.3)


def _create_pod(api: Api, place: Place, document: Object) -> None:
    """A namespace has its default service account a moment after it is made; pods are refused before."""
    until = time.monotonic() + 20
    while True:
        try:
            api.create(f"{place.path}/pods", document)
        except Refused as error:
            if "serviceaccount" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.3)
        else:
            return


def ended_pod(api: Objects, place: Place, patience: float) -> Object:
    """Return the pod, once it ended, has had no image for longer than patience (seconds), or took too long."""
    started = time.monotonic()
    refused: float | None = None
    while True:
        found = api.get(f"{place.path}/pods/{PROBE}") or {}
        status = group(found, "status")
        now = time.monotonic()
        refused = (refused or now) if waiting(status).get("reason") in NO_IMAGE else None
        ended = status.get("phase") in {"Succeeded", "Failed"}
        if ended or (refused is not None and now >= refused + patience) or now > started + SECONDS:
            return found
        time.sleep(0.5)


def labels(stack: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": PROBE, "app.kubernetes.io/part-of": PART_OF, ENVIRONMENT: stack}


def waiting(status: Object) -> dict[str, Any]:
    """What the pod's container waits for."""
    states = [group(each, "state") for each in listed(status, "containerStatuses")]
    return group(states[0], "waiting") if states else {}


def pull_secret(stack: str, document: str) -> dict[str, Any]:
    """The registry's login, as all namespaces of the platform get it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": PROBE, "labels": labels(stack)},
        "stringData": {".dockerconfigjson": document},
    }


def pod(stack: str, image: str, servers: Servers, rules: PodsSettings, *, login: bool) -> dict[str, Any]:
    """A pod as all of the platform are. login: whether its image is pulled by the Secret beside it."""
    asked = json.dumps({"name": NAME, "servers": {name: (each.host, each.port) for name, each in servers.items()}})
    container = {
        "name": "probe",
        "image": image,
        "imagePullPolicy": rules.pull_policy or "IfNotPresent",
        "command": ["python", "-c", SCRIPT.read_text(), asked],
        "resources": {kind: {"cpu": "50m", "memory": "64Mi"} for kind in ("requests", "limits")},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": PROBE,
            "labels": {**rules.labels, **labels(stack)},
            "annotations": dict(rules.annotations),
        },
        "spec": {
            "restartPolicy": "Never",
            "imagePullSecrets": [{"name": PROBE}] if login else [],
            "nodeSelector": dict(rules.node_selector),
            "tolerations": [each.model_dump(exclude_none=True) for each in rules.tolerations],
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                **({} if rules.user is None else {"runAsUser": rules.user}),
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }


def policy(stack: str, dns: DnsSettings, servers: Servers) -> dict[str, Any]:
    """What the pod may do: ask the name servers, and reach the servers that it is to try as all pods will."""
    names = Reach(port=dns.port, ranges=dns.ranges, namespace=dns.namespace, labels=dns.labels)
    rules = [_egress(names, "UDP", "TCP"), *(_egress(each.reach, "TCP") for each in servers.values())]
    spec = {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": PROBE}},
        "policyTypes": ["Ingress", "Egress"],
        "egress": rules,
    }
    metadata = {"name": PROBE, "labels": labels(stack)}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _egress(reach: Reach, *protocols: str) -> dict[str, Any]:
    to: list[dict[str, Any]] = [{"ipBlock": {"cidr": each}} for each in reach.ranges]
    if reach.namespace is not None:
        named = {"kubernetes.io/metadata.name": reach.namespace}
        to.append({"namespaceSelector": {"matchLabels": named}, "podSelector": {"matchLabels": dict(reach.labels)}})
    return {"to": to, "ports": [{"port": reach.port, "protocol": each} for each in protocols]}


def unfinished(found: Object, image: str) -> Finding | None:
    """Why a pod said nothing; None where it did."""
    status = group(found, "status")
    if status.get("phase") == "Succeeded":
        return None
    why = waiting(status)
    if why.get("reason") in NO_IMAGE:
        return Finding(
            check="images on nodes",
            state="refused",
            detail=f"a node can't pull {image}: {why.get('message') or why['reason']}",
            action=f"let the nodes reach {KEY}.registry.pull, trust its certificate, and log in",
        )
    conditions = [each.get("message", "") for each in listed(status, "conditions") if each["status"] == "False"]
    said = why.get("message") or why.get("reason") or "; ".join(filter(None, conditions)) or status.get("phase", "gone")
    return Finding(check="a pod", state="refused", detail=f"it did not run: {said}", action="have that put right")


def read(answer: Mapping[str, Any], now: float, image: str, *, api_opened: bool = False) -> list[Finding]:
    """api_opened: whether what the pod's policy opens may be where the Kubernetes API is, which it is not to reach."""
    registry = image.partition("/")[0]
    servers: Mapping[str, str | None] = answer["servers"]
    return [
        Finding(check="images on nodes", state="ok", detail=f"a node pulls from {registry}"),
        names(answer["names"]),
        policies(bool(answer["closed"]), api_opened=api_opened),
        clocks(float(answer["time"]) - now),
        *(server(group, why) for group, why in servers.items()),
    ]


def names(why: str | None) -> Finding:
    if why is None:
        return Finding(check="names in pods", state="ok", detail="resolved by way of the policies that are made")
    return Finding(
        check="names in pods",
        state="refused",
        detail=f"a pod can't resolve {NAME}: {why}",
        action=f"say by {KEY}.dns where the cluster's name servers are: namespace, labels, port, ranges",
    )


def policies(enforced: bool, *, api_opened: bool = False) -> Finding:
    if enforced:
        return Finding(check="network policies", state="ok", detail="enforced: a pod that may reach nothing does not")
    if api_opened:
        return Finding(
            check="network policies",
            state="not known",
            detail="a pod reached the Kubernetes API, maybe by what is opened for the object store or the database",
            action=f"name the addresses of these by ranges: {KEY}.storage.ranges, {KEY}.database.ranges",
        )
    return Finding(
        check="network policies",
        state="warning",
        detail="NOT enforced: policies are made, and have no effect; any pod of the cluster reaches any other",
        action="nothing, or have the admin run a network plugin that enforces them (Calico, Cilium, kube-router)",
    )


def clocks(seconds: float) -> Finding:
    """seconds: that the node's clock is ahead of this machine's; the pod's answer is a moment old."""
    detail = f"within {abs(seconds):.0f} s of this machine's"
    if abs(seconds) <= SKEW_SECONDS:
        return Finding(check="clocks of nodes", state="ok", detail=detail)
    return Finding(check="clocks of nodes", state="refused", detail=detail, action="set the clock that is wrong")


def server(group: str, why: str | None) -> Finding:
    check = f"{TITLES[group]} from a pod"
    if why is None:
        return Finding(check=check, state="ok", detail="reached")
    return Finding(
        check=check,
        state="refused",
        detail=f"not reached: {why}",
        action=f"open its port to the cluster's pods, and say by {KEY}.{group}.ranges, or .pods, where it is",
    )
