"""The rules for pods that every component follows, as pure builders of typed arguments."""

import base64
import hashlib
from collections.abc import Mapping, Sequence

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
    HTTPHeaderArgs,
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

from .settings import Resources
from .simulation import SIMULATED

ACCOUNT_FILES = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where clients of the Kubernetes API look for their token."""
USER = 10001
"""User and group of every container: the images' own (modules/registry/base)."""


def pod(
    *,
    service_account: pulumi.Input[str],
    containers: Sequence[ContainerArgs],
    volumes: Sequence[VolumeArgs] = (),
    init_containers: Sequence[ContainerArgs] = (),
    restart_policy: str | None = None,
    grace_seconds: int | None = None,
    simulated: bool = False,
) -> PodSpecArgs:
    """A pod under the restricted standard: UID 10001, default seccomp profile, no token. /tmp is the only folder that
    every container can write to. `simulated`: for the simulated nodes, and no others."""
    return PodSpecArgs(
        node_selector={SIMULATED: "true"} if simulated else None,
        tolerations=[TolerationArgs(key=SIMULATED, operator="Exists", effect="NoSchedule")] if simulated else None,
        init_containers=list(init_containers) or None,
        service_account_name=service_account,
        automount_service_account_token=False,
        enable_service_links=False,
        security_context=PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
            fs_group_change_policy="OnRootMismatch",
            seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
        ),
        containers=list(containers),
        volumes=[scratch_volume("tmp"), *volumes],
        restart_policy=restart_policy,
        termination_grace_period_seconds=grace_seconds,
    )


def container(
    *,
    name: str,
    image: pulumi.Input[str],
    resources: Resources,
    command: Sequence[pulumi.Input[str]] | None = None,
    args: Sequence[pulumi.Input[str]] | None = None,
    environment: Mapping[str, pulumi.Input[str]] | None = None,
    ports: Mapping[str, int] | None = None,
    mounts: Sequence[VolumeMountArgs] = (),
    startup: ProbeArgs | None = None,
    readiness: ProbeArgs | None = None,
    liveness: ProbeArgs | None = None,
    lifecycle: LifecycleArgs | None = None,
) -> ContainerArgs:
    """A container under the restricted standard, on a read-only root, with /tmp. `image` is a reference by digest."""
    return ContainerArgs(
        name=name,
        image=image,
        command=list(command) if command else None,
        args=list(args) if args else None,
        env=[EnvVarArgs(name=key, value=value) for key, value in sorted((environment or {}).items())] or None,
        ports=[ContainerPortArgs(name=key, container_port=number) for key, number in (ports or {}).items()] or None,
        resources=ResourceRequirementsArgs(
            requests=resources.requests.model_dump(), limits=resources.limits.model_dump()
        ),
        security_context=SecurityContextArgs(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=CapabilitiesArgs(drop=["ALL"]),
        ),
        volume_mounts=[VolumeMountArgs(name="tmp", mount_path="/tmp"), *mounts],
        startup_probe=startup,
        readiness_probe=readiness,
        liveness_probe=liveness,
        lifecycle=lifecycle,
    )


def http_probe(
    path: str,
    port: str,
    *,
    host: str | None = None,
    period_seconds: int = 10,
    failures: int = 3,
    timeout_seconds: int = 5,
) -> ProbeArgs:
    """GET `path` on the container port of that name, under the name `host` if the server minds how it is called."""
    headers = [HTTPHeaderArgs(name="Host", value=host)] if host else None
    return ProbeArgs(
        http_get=HTTPGetActionArgs(path=path, port=port, http_headers=headers),
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


def secret_volume(name: str, secret: pulumi.Input[str]) -> VolumeArgs:
    """A Secret's keys as files that only the pod's group can read."""
    return VolumeArgs(name=name, secret=SecretVolumeSourceArgs(secret_name=secret, default_mode=0o440))


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
