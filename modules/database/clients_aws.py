"""What each consumer of a server of RDS gets in the cluster: whoever made the server, and in whichever stack."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random
from pulumi_aws.secretsmanager import get_secret_version_output

from modules.core.access import database_variables
from modules.core.component import Component
from modules.core.contracts import Consumer, Database, Reach
from modules.core.labels import Labels

from .consumers import CA, CLIENT_SECRET, Server, client_secret, consumers_job, job_checksum
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
    databases."""

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
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        passwords = {client: self._generated(client) for client in contract.databases}
        job = Server(
            host=server.address, port=PORT, administrator=ADMINISTRATOR, variables=database_variables(contract)
        )
        content = job_checksum(self, server=job, passwords=passwords, cluster=home.cluster, image=home.image)
        consumers_job(
            self,
            server=job,
            passwords=passwords,
            administrator=self._administrator(content, server, home),
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

    def _administrator(self, job: pulumi.Output[str], server: RdsServer, home: Home) -> k8s.core.v1.Secret:
        """Create the Secret of the administrator. job: a hash of what reads it.

        A password that RDS changes later changes nothing here, or each week a preview would show it. Where the Job runs
        again, the Secret is replaced, as its name changes, and then has the password of that moment."""
        return self.secret(
            f"{self.name}-administrator",
            pulumi.Output.concat("administrator-", job),
            values={"password": self._master_password(server.password_secret), CA: server.ca},
            namespace=home.namespace,
            opts=self.child(ignore_changes=["data.password"]),
        )

    def _master_password(self, secret: pulumi.Input[str]) -> pulumi.Output[str]:
        """Of the administrator, as it is now: RDS makes it, keeps it in Secrets Manager, and changes it each week."""
        known = get_secret_version_output(secret_id=secret, opts=pulumi.InvokeOutputOptions(parent=self))
        return pulumi.Output.secret(known.secret_string.apply(lambda text: str(json.loads(text)["password"])))

    def _generated(self, client: str) -> pulumi.Output[str]:
        return random.RandomPassword(
            f"{self.name}-{client}-password", length=40, special=False, opts=self.child()
        ).result
