"""The base of every component: its type token and how its objects are named and labelled."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from .contracts import Account, Cluster, Registry
from .images import version_of
from .labels import VERSION, Labels, selector
from .pods import claim_spec, secret_data
from .simulation import SIMULATED, SIMULATION_REASON

OURS: Mapping[str, str] = {
    "pulumi.com/patchForce": "true",
    "pulumi.com/patchFieldManager": "pulumi-kubernetes-groundwork",
}
"""Annotations of every object. A field that a person changed by hand (`kubectl scale`, `kubectl edit`) is taken back
when the object changes next, which would be refused otherwise; what the program doesn't declare stays as it is. And one
name for every run in place of a random one: what a run that was killed has set belongs to the next one, which can take
it away again."""

CLAIM_TEMPLATES = "spec.volumeClaimTemplates"
"""Of a StatefulSet; see `Component.volume_claim`."""
APP_PROTOCOLS = {"grpc": "kubernetes.io/h2c"}
"""What is spoken at a Service's port of this name, where something in the cluster must know: HTTP/2 without TLS."""
NOBODY = Account()
"""An account that the cluster alone knows."""


class Component(pulumi.ComponentResource):
    """`X(name, *, settings, labels, <neighbour contracts>, opts=None)`.

    Children get `self.child()` as options and nothing else: their provider comes from the parent.
    Subclasses end their constructor with `self.register_outputs({})`.
    """

    def __init__(self, name: str, *, labels: Labels, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(type_token(type(self)), name, None, opts)
        self.name = name
        self.labels = labels

    def child(
        self, *, protect: bool = False, retain: bool = False, ignore_changes: Sequence[str] = ()
    ) -> pulumi.ResourceOptions:
        """protect: the engine refuses to delete or replace it, for data would go with it. retain: it stays where it is
        when the engine forgets it. ignore_changes: paths of inputs that stay as they were first."""
        return pulumi.ResourceOptions(
            parent=self,
            protect=protect or None,
            retain_on_delete=retain or None,
            ignore_changes=list(ignore_changes) or None,
        )

    def meta(
        self,
        name: pulumi.Input[str],
        *,
        component: str,
        namespace: pulumi.Input[str] | None = None,
        annotations: Mapping[str, pulumi.Input[str]] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> k8s.meta.v1.ObjectMetaArgs:
        """Metadata of one of this component's objects, labelled. `labels`: beside those that every object has."""
        return k8s.meta.v1.ObjectMetaArgs(
            name=name,
            namespace=namespace,
            labels={**(labels or {}), **self.labels.of(self.name, component=component)},
            annotations={**OURS, **(annotations or {})},
        )

    def pod_meta(
        self,
        *,
        cluster: Cluster,
        component: str,
        image: str,
        annotations: Mapping[str, pulumi.Input[str]] | None = None,
        simulated: str | None = None,
    ) -> k8s.meta.v1.ObjectMetaArgs:
        """Metadata of a pod template. `image`: of the pod's main container, whose version is a label.
        `simulated`: why it only pretends to run; None where it runs."""
        labels = {**self.labels.of(self.name, component=component), VERSION: version_of(image)}
        marks = {**cluster.pods.annotations, **(annotations or {})}
        if simulated is not None:
            labels |= {SIMULATED: "true"}
            marks |= {SIMULATION_REASON: simulated}
        return k8s.meta.v1.ObjectMetaArgs(labels={**cluster.pods.labels, **labels}, annotations=marks or None)

    def volume_claim(
        self,
        volume: str,
        *,
        stateful_set: str,
        size: str,
        storage_class: str | None,
        namespace: pulumi.Input[str],
        protect: bool = False,
    ) -> k8s.core.v1.PersistentVolumeClaimArgs:
        """Create the claim of a StatefulSet's only pod. Return the template by which the StatefulSet finds it.

        A claim can grow, a template never changes: the StatefulSet takes a claim of the template's name as it is, and
        is declared with `ignore_changes=[CLAIM_TEMPLATES]`."""
        spec = claim_spec(size, storage_class)
        claim = k8s.core.v1.PersistentVolumeClaim(
            f"{self.name}-{volume}",
            metadata=self.meta(f"{volume}-{stateful_set}-0", component="server", namespace=namespace),
            spec=spec,
            opts=self.child(protect=protect),
        )
        # The claim comes first: a StatefulSet that is there before it makes one of its own.
        name = claim.metadata.apply(lambda _: volume)
        return k8s.core.v1.PersistentVolumeClaimArgs(metadata=k8s.meta.v1.ObjectMetaArgs(name=name), spec=spec)

    def service_account(
        self,
        resource: str,
        name: str,
        *,
        component: str,
        namespace: pulumi.Input[str],
        registry: Registry,
        identity: Account = NOBODY,
    ) -> pulumi.Output[str]:
        """Create a service account whose token no pod gets unasked. Return its name, known once it is there.
        Its pods pull images with the registry's login. `identity`: who it is outside of the cluster."""
        pull_secrets = (
            None if registry.pull_secret is None else [k8s.core.v1.LocalObjectReferenceArgs(name=registry.pull_secret)]
        )
        made = k8s.core.v1.ServiceAccount(
            resource,
            metadata=self.meta(
                name,
                component=component,
                namespace=namespace,
                annotations=identity.annotations,
                labels=identity.labels,
            ),
            automount_service_account_token=False,
            image_pull_secrets=pull_secrets,
            opts=self.child(),
        )
        return made.metadata.apply(lambda metadata: metadata.name or "")

    def secret(
        self,
        resource: str,
        name: pulumi.Input[str],
        *,
        values: Mapping[str, pulumi.Input[str]],
        namespace: pulumi.Input[str],
        component: str = "credentials",
        kind: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> k8s.core.v1.Secret:
        """Create a Secret with these keys and values. kind: its type, where Kubernetes itself reads it. opts: None is
        `child()`."""
        return k8s.core.v1.Secret(
            resource,
            metadata=self.meta(name, component=component, namespace=namespace),
            type=kind,
            data=secret_data(values),
            opts=opts or self.child(),
        )

    def config_map(
        self, resource: str, name: str, *, files: Mapping[str, str], component: str, namespace: pulumi.Input[str]
    ) -> k8s.core.v1.ConfigMap:
        """Create a ConfigMap that never changes: its name holds a hash of these files (`naming.hashed`)."""
        return k8s.core.v1.ConfigMap(
            resource,
            metadata=self.meta(name, component=component, namespace=namespace),
            data=dict(files),
            immutable=True,
            opts=self.child(),
        )

    def service(
        self,
        resource: str,
        name: str,
        *,
        component: str,
        namespace: pulumi.Input[str],
        ports: Mapping[str, int],
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Create a Service for the pods of a part, whose ports are its pods' ports of the same names."""
        k8s.core.v1.Service(
            resource,
            metadata=self.meta(name, component=component, namespace=namespace, annotations=annotations),
            spec=k8s.core.v1.ServiceSpecArgs(
                selector=self.selector(component=component),
                ports=[
                    k8s.core.v1.ServicePortArgs(
                        name=port, port=number, target_port=port, app_protocol=APP_PROTOCOLS.get(port)
                    )
                    for port, number in ports.items()
                ],
            ),
            opts=self.child(),
        )

    def selector(self, *, component: str) -> dict[str, str]:
        """What picks the pods of one of this component's parts."""
        return selector(self.name, component=component)


def type_token(component: type) -> str:
    """groundwork:<module>:<Class>, where the module is the folder below modules/, or else the top one."""
    folder, *inner = component.__module__.split(".")
    return f"groundwork:{inner[0] if folder == 'modules' else folder}:{component.__name__}"


def after(value: pulumi.Input[str], *others: pulumi.Input[Any]) -> pulumi.Output[str]:
    """Return the value; what takes it is made after the others, and deleted before. A preview knows it where it knows
    the value, whatever it knows of the others: else one more of them would be shown as a replacement of all that is
    after it."""
    known = pulumi.Output.from_input(value).apply(str)
    return pulumi.Output.all(*others).apply(lambda _: known, run_with_unknowns=True)
