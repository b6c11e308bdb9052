"""Every right in somebody else's cluster that the platform needs, in one place: for the program, the engine and the
commands, and the documents by which an admin grants them. The commands read it, without the engine's SDK."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from modules.core import naming
from modules.core.labels import POD_SECURITY
from modules.gateway.service import GATEWAY
from stacks.foundation.existing_settings import ExistingSettings
from stacks.foundation.reached import ReachedSettings
from stacks.settings import PlatformSettings

RBAC = "rbac.authorization.k8s.io"
Subject = tuple[Literal["User", "Group"], str]
"""Whom an admin lets in. A service account is the user system:serviceaccount:NAMESPACE:NAME."""
Document = dict[str, Any]


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one kind of resource."""

    group: str
    resource: str
    """With its subresource: pods/log."""
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{'.' + self.group if self.group else ''}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Verbs on resources of one group, and what they are for."""

    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    purpose: str
    group: str = ""

    def rights(self) -> Iterator[Right]:
        for resource in self.resources:
            for verb in self.verbs:
                yield Right(self.group, resource, verb)


MANAGE = ("create", "delete", "get", "list", "patch", "watch")
"""What the engine does with an object that the program declares: it applies it (patch, and create where it is not
there), reads it, waits for it, and deletes it."""
ENTRY = "how the gateway is reached"
READ = ("get", "list", "watch")
DECLARED: tuple[Rule, ...] = (
    Rule(
        resources=("configmaps", "persistentvolumeclaims", "secrets", "serviceaccounts", "services"),
        verbs=MANAGE,
        purpose="objects of the platform",
    ),
    Rule(group="apps", resources=("deployments", "statefulsets"), verbs=MANAGE, purpose="objects of the platform"),
    Rule(group="batch", resources=("cronjobs", "jobs"), verbs=MANAGE, purpose="objects of the platform, training"),
    Rule(group="networking.k8s.io", resources=("networkpolicies",), verbs=MANAGE, purpose="objects of the platform"),
    Rule(group="policy", resources=("poddisruptionbudgets",), verbs=MANAGE, purpose="objects of the platform"),
    Rule(group=RBAC, resources=("roles", "rolebindings"), verbs=MANAGE, purpose="what starts pods for tasks"),
)
"""In the environment's namespaces: a test holds it to the kinds that the program declares."""
USED: tuple[Rule, ...] = (
    Rule(resources=("endpoints", "events"), verbs=READ, purpose="the engine waits for what it made"),
    Rule(group="apps", resources=("replicasets",), verbs=READ, purpose="the engine waits for what it made"),
    Rule(resources=("pods",), verbs=MANAGE, purpose="the engine waits for them; granted to what starts tasks' pods"),
    Rule(resources=("pods/log",), verbs=("get",), purpose="logs of trainings; granted to what starts tasks' pods"),
    Rule(resources=("pods/exec",), verbs=("create", "get"), purpose="granted to what starts tasks' pods"),
    Rule(resources=("pods/portforward",), verbs=("create",), purpose="commands reach services by it"),
    Rule(resources=("namespaces",), verbs=("get",), purpose="whose a namespace is, and what it enforces"),
)
"""In the environment's namespaces, beside what the program declares. Who grants a right must have it."""
QUOTAS = Rule(resources=("limitranges", "resourcequotas"), verbs=MANAGE, purpose="bounds of namespaces it makes")
"""Not needed where `foundation.quota` is null."""
CLUSTER_DECLARED: tuple[Rule, ...] = (
    Rule(resources=("namespaces",), verbs=MANAGE, purpose="the platform makes its namespaces"),
    QUOTAS,
    Rule(
        group="admissionregistration.k8s.io",
        resources=("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
        verbs=MANAGE,
        purpose="which pods Airflow may start",
    ),
)
"""Outside of namespaces: all that goes with `cluster_scope: false`."""
CLUSTER_USED: tuple[Rule, ...] = (
    Rule(
        group="storage.k8s.io", resources=("storageclasses",), verbs=("get", "list"), purpose="volumes: how they bind"
    ),
)
"""Outside of namespaces, and needed in any case."""
CLUSTER_OPTIONAL: tuple[Rule, ...] = (
    Rule(resources=("nodes",), verbs=("list",), purpose="whether CPU, memory and architecture suffice"),
)
"""Outside of namespaces: without them less is known beforehand, and all works."""

NAMESPACED = (*DECLARED, *USED)


def entry_rules(reached: ReachedSettings) -> tuple[Rule, ...]:
    """Return what the way to the gateway needs in its namespace, beside a Service."""
    if reached.by == "gateway-api":
        through = reached.gateway is not None and reached.gateway.passthrough
        kinds = ("tlsroutes",) if through else ("backendtlspolicies", "httproutes")
        return (Rule(group="gateway.networking.k8s.io", resources=kinds, verbs=MANAGE, purpose=ENTRY),)
    if reached.by != "ingress":
        return ()
    ingress = Rule(group="networking.k8s.io", resources=("ingresses",), verbs=MANAGE, purpose=ENTRY)
    if "traefik" not in (reached.controller, reached.ingress_class):
        return (ingress,)
    return ingress, Rule(group="traefik.io", resources=("serverstransports",), verbs=MANAGE, purpose=ENTRY)


def resource_of(kind: str) -> str:
    """Return the resource of a kind: networkpolicies of NetworkPolicy."""
    name = kind.lower()
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith("s") else f"{name}s"


def rights_of(rules: Iterable[Rule]) -> list[Right]:
    return sorted({right for rule in rules for right in rule.rights()})


def required(
    namespaces: Iterable[str], *, cluster_scope: bool, further: Mapping[str, Iterable[Rule]], quotas: bool = True
) -> dict[str | None, list[Right]]:
    """Return what is needed by namespace; None: in all of them, and outside of them. further: beside what is needed in
    every namespace, by namespace. quotas: whether namespaces that it makes get some.

    An environment that makes its namespaces needs everything everywhere: none of them is there beforehand."""
    if cluster_scope:
        anywhere = (rule for rules in further.values() for rule in rules)
        declared = (rule for rule in CLUSTER_DECLARED if quotas or rule is not QUOTAS)
        return {None: rights_of((*NAMESPACED, *declared, *CLUSTER_USED, *anywhere))}
    inside = {name: rights_of((*NAMESPACED, *further.get(name, ()))) for name in namespaces}
    return {None: rights_of(CLUSTER_USED), **inside}


def rights_in(
    environment: str, settings: PlatformSettings, existing: ExistingSettings
) -> dict[str | None, list[Right]]:
    """Return what an environment needs, as `required` has it."""
    gateway = {naming.namespace(environment, GATEWAY.name): entry_rules(existing.reached)}
    names, quotas = settings.namespaces(environment), existing.namespace_quota is not None
    return required(names, cluster_scope=existing.cluster_scope, further=gateway, quotas=quotas)


def role_documents(name: str, granted: Mapping[str | None, Iterable[Right]], subject: Subject) -> list[Document]:
    """Return the roles and their bindings that grant these rights, as `required` has them."""
    documents: list[Document] = []
    for namespace, rights in granted.items():
        if rules := _policy_rules(rights):
            kind = "ClusterRole" if namespace is None else "Role"
            metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
            documents += [
                {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata, "rules": rules},
                {
                    "apiVersion": f"{RBAC}/v1",
                    "kind": f"{kind}Binding",
                    "metadata": metadata,
                    "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
                    "subjects": [{"apiGroup": RBAC, "kind": subject[0], "name": subject[1]}],
                },
            ]
    return documents


def namespace_documents(namespaces: Iterable[str]) -> list[Document]:
    """Return the namespaces that an admin makes for an environment that may not."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(POD_SECURITY)}}
        for name in namespaces
    ]


def _policy_rules(rights: Iterable[Right]) -> list[Document]:
    """The rules of a role, those together that differ in nothing but the resource."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in sorted(rights):
        verbs.setdefault((right.group, right.resource), []).append(right.verb)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), allowed in verbs.items():
        together.setdefault((group, tuple(allowed)), []).append(resource)
    return [
        {"apiGroups": [group], "resources": resources, "verbs": list(allowed)}
        for (group, allowed), resources in together.items()
    ]
