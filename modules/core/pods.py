"""The rules for pods that every component follows, as pure builders of typed arguments."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    ConfigMapProjectionArgs,
    ConfigMapVolumeSourceArgs,
    ContainerArgs,
    ContainerPortArgs,
    DownwardAPIProjectionArgs,
    DownwardAPIVolumeFileArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
    ExecActionArgs,
    HTTPGetActionArgs,
    KeyToPathArgs,
    LifecycleArgs,
    ObjectFieldSelectorArgs,
    PersistentVolumeClaimSpecArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    ProbeArgs,
    ProjectedVolumeSourceArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    SecretVolumeSourceArgs,
    SecurityContextArgs,
    ServiceAccountTokenProjectionArgs,
    TolerationArgs,
    VolumeArgs,
    VolumeMountArgs,
    VolumeProjectionArgs,
    VolumeResourceRequirementsArgs,
)

from .contracts import Cluster, PodRules, Toleration
from .documents import plain
from .outside import TRUST, proxy_variables, trust_name, trust_variables
from .settings import Resources
from .simulation import SIMULATED

ACCOUNT_FILES = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where clients of the Kubernetes API look for their token."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container under the restricted standard, on a read-only root, with /tmp. `image` is a reference by digest."""

    name: str
    image: pulumi.Input[str]
    resources: Resources
    command: Sequence[pulumi.Input[str]] = ()
    args: Sequence[pulumi.Input[str]] = ()
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    mounts: Sequence[VolumeMountArgs] = ()
    startup: ProbeArgs | None = None
    readiness: ProbeArgs | None = None
    liveness: ProbeArgs | None = None
    lifecycle: LifecycleArgs | None = None


def pod(
    *,
    cluster: Cluster,
    service_account: pulumi.Input[str],
    containers: Sequence[Container],
    volumes: Sequence[VolumeArgs] = (),
    init_containers: Sequence[Container] = (),
    restart_policy: str | None = None,
    grace_seconds: int | None = None,
    simulated: bool = False,
    priority_class: str | None = None,
) -> PodSpecArgs:
    """A pod under the restricted standard and the cluster's rules: a user of no privilege, default seccomp profile, no
    token. /tmp is the only folder that every container can write to. `simulated`: for the simulated nodes, and no
    others."""
    rules = cluster.pods
    node_selector = {**rules.node_selector, **({SIMULATED: "true"} if simulated else {})}
    own = [TolerationArgs(key=SIMULATED, operator="Exists", effect="NoSchedule")] if simulated else []
    return PodSpecArgs(
        node_selector=node_selector or None,
        tolerations=[*own, *(_toleration(each) for each in rules.tolerations)] or None,
        init_containers=[_container(each, cluster) for each in init_containers] or None,
        service_account_name=service_account,
        automount_service_account_token=False,
        enable_service_links=False,
        security_context=PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=rules.user,
            run_as_group=rules.user,
            fs_group=rules.user,
            fs_group_change_policy="OnRootMismatch",
            seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
        ),
        containers=[_container(each, cluster) for each in containers],
        volumes=[scratch_volume("tmp"), *volumes, *_trust_volumes(rules)],
        restart_policy=restart_policy,
        termination_grace_period_seconds=grace_seconds,
        priority_class_name=priority_class,
    )


def pod_document(
    spec: PodSpecArgs,
    *,
    cluster: Cluster,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
    namespace: str | None = None,
) -> dict[str, Any]:
    """A pod as the document from which somebody else than the engine creates it, under the same rules."""
    rules = cluster.pods
    metadata = {
        "namespace": namespace,
        "labels": {**rules.labels, **labels},
        "annotations": {**rules.annotations, **(annotations or {})},
    }
    given = {key: value for key, value in metadata.items() if value}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": given, "spec": plain(spec)}


def _container(given: Container, cluster: Cluster) -> ContainerArgs:
    environment = {**proxy_variables(cluster), **trust_variables(cluster.pods), **given.environment}
    return ContainerArgs(
        name=given.name,
        image=given.image,
        image_pull_policy=cluster.pods.pull_policy,
        command=list(given.command) or None,
        args=list(given.args) or None,
        env=[EnvVarArgs(name=key, value=value) for key, value in sorted(environment.items())] or None,
        ports=[ContainerPortArgs(name=key, container_port=number) for key, number in given.ports.items()] or None,
        resources=ResourceRequirementsArgs(
            requests=given.resources.requests.model_dump(), limits=given.resources.limits.model_dump()
        ),
        security_context=SecurityContextArgs(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=CapabilitiesArgs(drop=["ALL"]),
        ),
        volume_mounts=[VolumeMountArgs(name="tmp", mount_path="/tmp"), *given.mounts, *_trust_mounts(cluster.pods)],
        startup_probe=given.startup,
        readiness_probe=given.readiness,
        liveness_probe=given.liveness,
        lifecycle=given.lifecycle,
    )


def _toleration(given: Toleration) -> TolerationArgs:
    return TolerationArgs(
        key=given.key,
        operator=given.operator,
        value=given.value,
        effect=given.effect,
        toleration_seconds=given.seconds,
    )


def _trust_volumes(rules: PodRules) -> list[VolumeArgs]:
    return [] if rules.ca is None else [config_volume("trust", trust_name(rules.ca))]


def _trust_mounts(rules: PodRules) -> list[VolumeMountArgs]:
    return [] if rules.ca is None else [mount("trust", TRUST)]


def http_probe(
    path: str, port: str, *, period_seconds: int = 10, failures: int = 3, timeout_seconds: int = 5
) -> ProbeArgs:
    """GET `path` on the container port of that name."""
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path=path, port=port),
        period_seconds=period_seconds,
        failure_threshold=failures,
        timeout_seconds=timeout_seconds,
    )


def command_probe(command: Sequence[str], *, period_seconds: int = 10, failures: int = 3) -> ProbeArgs:
    """Runs the command inside the container; exit code 0 is well."""
    return ProbeArgs(
        exec_=ExecActionArgs(command=list(command)),
        period_seconds=period_seconds,
        failure_threshold=failures,
        timeout_seconds=5,
    )


def scratch_volume(name: str, *, size: str = "256Mi") -> VolumeArgs:
    """A writable folder that ends with the pod, and the pod with it when it outgrows `size`."""
    return VolumeArgs(name=name, empty_dir=EmptyDirVolumeSourceArgs(size_limit=size))


def secret_volume(name: str, secret: pulumi.Input[str], keys: Sequence[str] = ()) -> VolumeArgs:
    """A Secret's keys as files that only the pod's group can read. `keys`: which of them; all where it is empty."""
    items = [KeyToPathArgs(key=key, path=key) for key in keys] or None
    return VolumeArgs(name=name, secret=SecretVolumeSourceArgs(secret_name=secret, items=items, default_mode=0o440))


def token_volume(name: str) -> VolumeArgs:
    """What a client of the Kubernetes API needs at ACCOUNT_FILES: a token of the pod's own account that is renewed
    every hour, and the API's CA certificate. No pod has that unless it mounts this."""
    token = ServiceAccountTokenProjectionArgs(path="token", expiration_seconds=3600)
    ca_certificate = ConfigMapProjectionArgs(
        name="kube-root-ca.crt", items=[KeyToPathArgs(key="ca.crt", path="ca.crt")]
    )
    namespace = DownwardAPIVolumeFileArgs(
        path="namespace", field_ref=ObjectFieldSelectorArgs(field_path="metadata.namespace")
    )
    return VolumeArgs(
        name=name,
        projected=ProjectedVolumeSourceArgs(
            default_mode=0o440,
            sources=[
                VolumeProjectionArgs(service_account_token=token),
                VolumeProjectionArgs(config_map=ca_certificate),
                VolumeProjectionArgs(downward_api=DownwardAPIProjectionArgs(items=[namespace])),
            ],
        ),
    )


def claim_spec(size: str, storage_class: str | None) -> PersistentVolumeClaimSpecArgs:
    """A volume that one pod at a time may write. storage_class: None for the cluster's default."""
    return PersistentVolumeClaimSpecArgs(
        access_modes=["ReadWriteOnce"],
        storage_class_name=storage_class,
        resources=VolumeResourceRequirementsArgs(requests={"storage": size}),
    )


def config_volume(name: str, config_map: pulumi.Input[str]) -> VolumeArgs:
    return VolumeArgs(name=name, config_map=ConfigMapVolumeSourceArgs(name=config_map))


def mount(volume: str, path: str, *, writable: bool = False) -> VolumeMountArgs:
    return VolumeMountArgs(name=volume, mount_path=path, read_only=not writable)


def checksum(*contents: pulumi.Input[str]) -> pulumi.Output[str]:
    """Of contents that a pod reads only when it starts: as an annotation of its template, a change restarts it.

    Not secret, even where the contents are: they hold generated keys, which no one finds again from 16 hex digits.
    """
    digest = pulumi.Output.all(*contents).apply(
        lambda texts: hashlib.sha256("\0".join(map(str, texts)).encode()).hexdigest()[:16]
    )
    return pulumi.Output.unsecret(digest)


def secret_data(values: Mapping[str, pulumi.Input[str]]) -> dict[str, pulumi.Output[str]]:
    """A Secret's data. Not stringData, which the server forgets: a key that left it would stay in the Secret."""
    return {key: pulumi.Output.from_input(value).apply(_base64) for key, value in values.items()}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
