"""What each consumer of a server of RDS gets in the cluster: whoever made the server, and in whichever stack."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi_aws.secretsmanager import get_secret_version_output

from modules.core.access import database_variables
from modules.core.component import Component
from modules.core.contracts import Consumer, Database, Reach
from modules.core.labels import Labels

from .consumers import CA, CLIENT_SECRET, Server, client_secret, consumers_job
from .documents import PORT
from .external import Home

ADMINISTRATOR = "groundwork"


def rds_database(consumers: Mapping[str, Consumer], ranges: Sequence[str]) -> Database:
    """Return the contract. ranges: CIDRs of the subnets where the server is."""
    wanting = [client for client, consumer in sorted(consumers.items()) if consumer.database]
    return Database(
        host=None,
        reach=Reach(port=PORT, ranges=ranges),
        databases={client: client for client in wanting},
        credentials=dict.fromkeys(wanting, CLIENT_SECRET),
        tls=True,
        ca=CA,
    )


@dataclass(frozen=True, kw_only=True)
class RdsServer:
    """A server that is there, and where its administrator's password is."""

    address: pulumi.Input[str]
    """Host name."""
    password_secret: pulumi.Input[str]
    """ARN of the secret of Secrets Manager in which RDS keeps the password."""
    ca: str
    """Content of the PEM file of RDS's authorities."""


class RdsClients(Component):
    """A role, a database and a Secret for each consumer of `contract`. `home`: of the Job that makes roles and
    databases. `formerly`: the component whose children these were, if any, so that they stay what they are."""

    granted: Mapping[str, pulumi.Output[str]]
    """The namespace of each consumer that has a database, known once its credentials are in it."""

    def __init__(
        self,
        name: str,
        *,
        server: RdsServer,
        contract: Database,
        home: Home,
        namespaces: Mapping[str, pulumi.Input[str]],
        formerly: pulumi.Resource | None,
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.formerly = formerly
        passwords = {client: self._generated(client) for client in contract.databases}
        administrator = self.secret(
            f"{name}-administrator",
            "administrator",
            values={"password": self._master_password(server.password_secret), CA: server.ca},
            namespace=home.namespace,
        )
        consumers_job(
            self,
            server=Server(
                host=server.address, port=PORT, administrator=ADMINISTRATOR, variables=database_variables(contract)
            ),
            passwords=passwords,
            administrator=administrator,
            cluster=home.cluster,
            image=home.image,
            registry=home.registry,
            namespace=home.namespace,
        )
        secrets = {
            client: client_secret(
                self,
                client,
                role=client,
                database=client,
                password=password,
                host=server.address,
                port=PORT,
                namespace=namespaces[client],
                ca=server.ca,
            )
            for client, password in passwords.items()
        }
        self.granted = {client: secret.metadata.namespace for client, secret in secrets.items()}
        self.register_outputs({})

    def child(
        self, *, protect: bool = False, retain: bool = False, ignore_changes: Sequence[str] = ()
    ) -> pulumi.ResourceOptions:
        options = super().child(protect=protect, retain=retain, ignore_changes=ignore_changes)
        if self.formerly is not None:
            options.aliases = [pulumi.Alias(parent=self.formerly)]
        return options

    def _master_password(self, secret: pulumi.Input[str]) -> pulumi.Output[str]:
        """Of the administrator, as it is now: RDS makes it, keeps it in Secrets Manager, and changes it each week."""
        known = get_secret_version_output(secret_id=secret, opts=pulumi.InvokeOutputOptions(parent=self))
        return pulumi.Output.secret(known.secret_string.apply(lambda text: str(json.loads(text)["password"])))

    def _generated(self, client: str) -> pulumi.Output[str]:
        return random.RandomPassword(
            f"{self.name}-{client}-password", length=40, special=False, opts=self.child()
        ).result
