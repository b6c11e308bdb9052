"""A PostgreSQL that somebody else runs: no server is created, and what is in it already is left alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_random as random

from modules.core.access import database_variables
from modules.core.component import Component
from modules.core.contracts import Cluster, Consumer, Database, Registry
from modules.core.labels import Labels

from .consumers import CA, CLIENT_SECRET, Server, client_secret, consumers_job
from .external_settings import ADMIN, ExternalDatabaseSettings, mark, role_name


def external_database(
    settings: ExternalDatabaseSettings, environment: str, consumers: Mapping[str, Consumer]
) -> Database:
    """Return the contract with the clients of somebody else's server."""
    wanting = [client for client, consumer in sorted(consumers.items()) if consumer.database]
    return Database(
        host=settings.host,
        reach=settings.reach(settings.port),
        databases={
            client: role_name(environment, client) if settings.admin else settings.roles[client].database
            for client in wanting
        },
        credentials=dict.fromkeys(wanting, CLIENT_SECRET),
        tls=settings.tls,
        ca=None if settings.ca is None else CA,
    )


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where the administrator's Job runs, and what it runs."""

    namespace: pulumi.Input[str]
    cluster: Cluster
    image: str
    registry: Registry


class ExternalDatabase(Component):
    """Each consumer's credentials. `contract`: what `external_database` says. `passwords`: that the stack's file gives.
    `ca`: content of the PEM file of the CA that the server's certificate is of. `home`: of the administrator's Job,
    where there is one."""

    granted: Mapping[str, pulumi.Output[str]]
    """The namespace of each consumer that has a database, known once its credentials are in it."""

    def __init__(
        self,
        name: str,
        *,
        settings: ExternalDatabaseSettings,
        labels: Labels,
        contract: Database,
        passwords: Mapping[str, pulumi.Output[str]],
        ca: str | None,
        namespaces: Mapping[str, pulumi.Input[str]],
        home: Home | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        roles = {
            client: contract.databases[client] if settings.admin else settings.roles[client].role
            for client in contract.databases
        }
        own = {client: self._generated(client) for client in roles} if settings.admin else passwords
        if settings.admin is not None:
            assert home is not None
            server = Server(
                host=settings.host,
                port=settings.port,
                administrator=settings.admin.role,
                database=settings.admin.database,
                variables=database_variables(contract),
                mark=mark(labels.environment),
            )
            self._job(server, home, {roles[client]: own[client] for client in roles}, passwords[ADMIN], ca)
        secrets = {
            client: client_secret(
                self,
                client,
                role=role,
                database=contract.databases[client],
                password=own[client],
                host=settings.host,
                port=settings.port,
                namespace=namespaces[client],
                ca=ca,
            )
            for client, role in roles.items()
        }
        self.granted = {client: secret.metadata.namespace for client, secret in secrets.items()}
        self.register_outputs({})

    def _generated(self, client: str) -> pulumi.Output[str]:
        return random.RandomPassword(
            f"{self.name}-{client}-password", length=40, special=False, opts=self.child()
        ).result

    def _job(
        self,
        server: Server,
        home: Home,
        passwords: Mapping[str, pulumi.Output[str]],
        password: pulumi.Output[str],
        ca: str | None,
    ) -> None:
        administrator = self.secret(
            f"{self.name}-administrator",
            "administrator",
            values={"password": password, **({} if ca is None else {CA: ca})},
            namespace=home.namespace,
        )
        consumers_job(
            self,
            server=server,
            passwords=passwords,
            administrator=administrator,
            cluster=home.cluster,
            image=home.image,
            registry=home.registry,
            namespace=home.namespace,
        )
