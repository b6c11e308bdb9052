"""What each consumer of a PostgreSQL gets: a role and a database, made by a Job, and a Secret by which it connects."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pulumi
import pulumi_kubernetes as k8s

from modules.core.access import DATABASE
from modules.core.component import Component
from modules.core.contracts import Cluster, Registry
from modules.core.naming import canonical_json, hashed
from modules.core.pods import Container, checksum, mount, plain, pod, secret_volume
from modules.core.settings import resources

from .documents import uri

CLIENT_SECRET = "database-credentials"
CA = "ca.crt"
CONSUMERS = "/var/run/groundwork/consumers"


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where a PostgreSQL is, and who may make roles and databases in it."""

    host: pulumi.Input[str]
    port: int
    administrator: str
    database: str = "postgres"
    """That the administrator connects to."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of its clients: see `database_variables`."""
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    """Connections at once by role; where a role is not there, whatever its server allows."""
    mark: str = ""
    """By which the environment's own roles and databases are known, where there may be others'."""


def client_secret(
    component: Component,
    client: str,
    *,
    role: str,
    database: str,
    password: pulumi.Output[str],
    host: pulumi.Input[str],
    port: int,
    namespace: pulumi.Input[str],
    ca: pulumi.Input[str] | None = None,
) -> k8s.core.v1.Secret:
    """Create the Secret of a consumer. ca: content of the PEM file of the CA that the server's certificate is of."""
    return component.secret(
        f"{component.name}-{client}-credentials",
        CLIENT_SECRET,
        values={
            "username": role,
            "password": password,
            "uri": pulumi.Output.all(password, host).apply(
                lambda known: uri(role, known[0], host=known[1], port=port, database=database)
            ),
            **({} if ca is None else {CA: ca}),
        },
        namespace=namespace,
    )


def consumers_job(
    component: Component,
    *,
    server: Server,
    passwords: Mapping[str, pulumi.Output[str]],
    administrator: k8s.core.v1.Secret,
    cluster: Cluster,
    image: str,
    registry: Registry,
    namespace: pulumi.Input[str],
) -> None:
    """Create the Job that makes roles and databases. passwords: by the name of the role, and of its database.
    administrator: a Secret with the key password and, where the certificate is of no public CA, with that CA's."""
    name = component.name
    account = component.service_account(
        f"{name}-consumers-account", f"{name}-consumers", component="consumers", namespace=namespace, registry=registry
    )
    consumers = component.secret(f"{name}-consumers", "consumers", values=passwords, namespace=namespace)
    k8s.batch.v1.Job(
        f"{name}-consumers",
        metadata=component.meta(
            hashed(f"{name}-consumers", sorted(passwords)), component="consumers", namespace=namespace
        ),
        spec=k8s.batch.v1.JobSpecArgs(
            backoff_limit=4,
            template=k8s.core.v1.PodTemplateSpecArgs(
                metadata=component.pod_meta(
                    cluster=cluster,
                    component="consumers",
                    image=image,
                    annotations={"groundwork.dev/checksum": checksum(*passwords.values())},
                ),
                spec=_pod(
                    server,
                    cluster,
                    image,
                    account=account,
                    secrets={
                        "administrator": administrator.metadata.name,
                        "consumers": consumers.metadata.name,
                    },
                ),
            ),
        ),
        opts=component.child(),
    )


def job_checksum(
    component: Component, *, server: Server, passwords: Mapping[str, pulumi.Output[str]], cluster: Cluster, image: str
) -> pulumi.Output[str]:
    """Return a hash of all that `consumers_job` makes a Job of, its Secrets' names aside: with another one the Job runs
    again."""
    metadata = component.pod_meta(cluster=cluster, component="consumers", image=image)
    spec = _pod(replace(server, host=""), cluster, image, account="", secrets={})
    return checksum(canonical_json([plain(metadata), plain(spec)]), server.host, *passwords.values())


def _pod(
    server: Server,
    cluster: Cluster,
    image: str,
    *,
    account: pulumi.Input[str],
    secrets: Mapping[str, pulumi.Input[str]],
) -> k8s.core.v1.PodSpecArgs:
    return pod(
        cluster=cluster,
        service_account=account,
        restart_policy="Never",
        containers=[_container(server, image)],
        volumes=[secret_volume(name, secret) for name, secret in secrets.items()],
    )


def _container(server: Server, image: str) -> Container:
    return Container(
        name="consumers",
        image=image,
        command=["sh", "/opt/groundwork/consumers.sh"],
        environment={
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": server.administrator,
            "PGDATABASE": server.database,
            **server.variables,
            "MARK": server.mark,
            "LIMITS": " ".join(f"{role}={limit}" for role, limit in sorted(server.limits.items())),
            "ADMINISTRATOR": DATABASE,
            "CONSUMERS": CONSUMERS,
        },
        resources=resources(cpu=("10m", "1"), memory=("16Mi", "64Mi")),
        mounts=[mount("administrator", DATABASE), mount("consumers", CONSUMERS)],
    )
