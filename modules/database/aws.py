"""The database on AWS: a PostgreSQL of RDS, with a role and a database for each consumer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random
from pulumi_aws.cloudwatch import LogGroup
from pulumi_aws.ec2 import SecurityGroup
from pulumi_aws.iam import Role, RolePolicyAttachment
from pulumi_aws.kms import Alias, Key
from pulumi_aws.rds import Instance, ParameterGroup, ParameterGroupParameterArgs, SubnetGroup
from pulumi_aws.secretsmanager import get_secret_version_output
from pulumi_aws.vpc import SecurityGroupIngressRule

from modules.core.access import database_variables
from modules.core.aws import AwsAccount, log_key, service_trust
from modules.core.component import Component, after
from modules.core.contracts import Consumer, Database, Reach
from modules.core.labels import Labels
from modules.core.protection import Safeguards

from .consumers import CA, CLIENT_SECRET, Server, client_secret, consumers_job, job_checksum
from .documents import PORT
from .external import Home
from .rds_settings import RdsSettings, gib

ADMINISTRATOR = "groundwork"
LOGS = ("postgresql", "upgrade")
"""All that RDS writes of a PostgreSQL."""
MONITORING_SECONDS = 60
"""Between two measurements of its operating system: the longest."""
INSIGHTS_DAYS = 7
"""That Performance Insights keeps, at no cost."""
AUTHORITY = "rds-ca-rsa2048-g1"
"""Of the server's certificate: valid until 2061, in every bundle."""


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
class Place:
    """Where the server is in a network."""

    vpc_id: pulumi.Input[str]
    subnets: Sequence[pulumi.Input[str]]
    """In two zones at least, without a way to the internet."""
    clients: pulumi.Input[str]
    """Id of the security group of those who connect: the cluster's nodes and pods."""


class RdsDatabase(Component):
    """`server_name`: the physical one. `contract`: what `rds_database` says. `ca`: content of the PEM file of RDS's
    authorities. `home`: of the Job that makes roles and databases. `protect`: the engine refuses to delete the server,
    and the key without which its snapshots can't be read. `tags`: of everything that takes tags, beside its name."""

    granted: Mapping[str, pulumi.Output[str]]
    """The namespace of each consumer that has a database, known once its credentials are in it."""

    def __init__(
        self,
        name: str,
        *,
        settings: RdsSettings,
        account: AwsAccount,
        server_name: str,
        place: Place,
        contract: Database,
        ca: str,
        home: Home,
        namespaces: Mapping[str, pulumi.Input[str]],
        safeguards: Safeguards,
        protect: bool,
        tags: Mapping[str, str],
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.account, self.server_name, self.safeguards, self.tags = account, server_name, safeguards, tags
        self.protect = protect
        instance = self._server(settings, place)
        passwords = {client: self._generated(client) for client in contract.databases}
        job = Server(
            host=instance.address, port=PORT, administrator=ADMINISTRATOR, variables=database_variables(contract)
        )
        content = job_checksum(self, server=job, passwords=passwords, cluster=home.cluster, image=home.image)
        consumers_job(
            self,
            server=job,
            passwords=passwords,
            administrator=self._administrator(content, instance, home, ca),
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
                host=instance.address,
                port=PORT,
                namespace=namespaces[client],
                ca=ca,
            )
            for client, password in passwords.items()
        }
        self.granted = {client: secret.metadata.namespace for client, secret in secrets.items()}
        self.register_outputs({})

    def _named(self, role: str) -> str:
        return f"{self.server_name}-{role}"

    def _tags(self, role: str) -> dict[str, str]:
        return {**self.tags, "Name": self._named(role)}

    def _server(self, settings: RdsSettings, place: Place) -> Instance:
        # Without its key nobody could read the snapshot that it leaves.
        key = self._key("data", None, protect=self.protect, retain=self.safeguards.final_snapshot)
        snapshot = self._final_snapshot()
        return Instance(
            f"{self.name}-server",
            # Its name by the log groups: RDS would make these itself, and keep them for ever.
            identifier=self._logs(),
            engine="postgres",
            engine_version=settings.version,
            # Another major version is one that the settings name: without this RDS refuses it.
            allow_major_version_upgrade=True,
            auto_minor_version_upgrade=True,
            instance_class=settings.instance_class,
            storage_type="gp3",
            allocated_storage=gib(settings.volume),
            max_allocated_storage=gib(settings.largest_volume),
            storage_encrypted=True,
            kms_key_id=key,
            username=ADMINISTRATOR,
            manage_master_user_password=True,
            master_user_secret_kms_key_id=key,
            db_subnet_group_name=self._subnets(place),
            vpc_security_group_ids=[self._security_group(place)],
            publicly_accessible=False,
            port=PORT,
            ca_cert_identifier=AUTHORITY,
            parameter_group_name=self._parameters(settings.version),
            multi_az=self.safeguards.several_zones,
            backup_retention_period=self.safeguards.backup_days,
            copy_tags_to_snapshot=True,
            deletion_protection=self.safeguards.deletion_protection,
            delete_automated_backups=not self.safeguards.final_snapshot,
            skip_final_snapshot=not self.safeguards.final_snapshot,
            final_snapshot_identifier=snapshot if self.safeguards.final_snapshot else None,
            enabled_cloudwatch_logs_exports=LOGS,
            monitoring_interval=MONITORING_SECONDS,
            monitoring_role_arn=self._monitoring(),
            performance_insights_enabled=True,
            performance_insights_kms_key_id=key,
            performance_insights_retention_period=INSIGHTS_DAYS,
            # What `up` reports as done is done, not waiting for the next window of maintenance.
            apply_immediately=True,
            tags={**self.tags, "Name": self.server_name},
            opts=self.child(protect=self.protect),
        )

    def _final_snapshot(self) -> pulumi.Output[str]:
        """Return the name of the snapshot at the end: another one for each server that ever has this one's name, since
        RDS refuses to delete one whose snapshot would have the name of an earlier one's."""
        own = random.RandomId(f"{self.name}-final", byte_length=4, opts=self.child())
        return own.hex.apply(lambda digits: self._named(f"final-{digits}"))

    def _key(self, role: str, policy: str | None, *, protect: bool, retain: bool = False) -> pulumi.Output[str]:
        """Create a key. Return its ARN. policy: None is the account's administrators by IAM."""
        key = Key(
            f"{self.name}-{role}",
            description=f"{role.capitalize()} of the database of {self.server_name}",
            enable_key_rotation=True,
            deletion_window_in_days=self.safeguards.key_days,
            policy=policy,
            tags=self._tags(f"database-{role}"),
            opts=self.child(protect=protect, retain=retain),
        )
        Alias(
            f"{self.name}-{role}",
            name=f"alias/{self._named(f'database-{role}')}",  # the cluster has a key of logs too
            target_key_id=key.key_id,
            opts=self.child(),
        )
        return key.arn

    def _logs(self) -> pulumi.Output[str]:
        """Create the groups of the server's logs. Return its name, known once they are there."""
        groups = {each: f"/aws/rds/instance/{self.server_name}/{each}" for each in LOGS}
        key = self._key("logs", log_key(self.account, *groups.values()), protect=False)
        made = [
            LogGroup(
                f"{self.name}-{each}-logs",
                name=group,
                retention_in_days=self.safeguards.log_days,
                kms_key_id=key,
                tags=self._tags(each),
                opts=self.child(),
            ).arn
            for each, group in groups.items()
        ]
        return after(self.server_name, *made)

    def _subnets(self, place: Place) -> pulumi.Output[str]:
        return SubnetGroup(
            f"{self.name}-subnets",
            name=self.server_name,
            description=f"Of {self.server_name}",
            subnet_ids=place.subnets,
            tags=self._tags("subnets"),
            opts=self.child(),
        ).name

    def _security_group(self, place: Place) -> pulumi.Output[str]:
        """Return its id, known once the cluster's nodes and pods get in, and nobody else."""
        group = SecurityGroup(
            f"{self.name}-server",
            name=self.server_name,
            description=f"Of {self.server_name}",
            vpc_id=place.vpc_id,
            tags=self._tags("server"),
            opts=self.child(),
        )
        rule = SecurityGroupIngressRule(
            f"{self.name}-clients",
            security_group_id=group.id,
            referenced_security_group_id=place.clients,
            ip_protocol="tcp",
            from_port=PORT,
            to_port=PORT,
            tags=self._tags("clients"),
            opts=self.child(),
        )
        return after(group.id, rule.id)

    def _parameters(self, version: str) -> pulumi.Output[str]:
        """Without TLS nobody gets in. A group is of one major version: another one has another."""
        forced = {"rds.force_ssl": "1", "ssl_min_protocol_version": "TLSv1.2"}
        return ParameterGroup(
            f"{self.name}-parameters-{version}",
            name=self._named(version),
            family=f"postgres{version}",
            description=f"Of {self.server_name}",
            parameters=[
                ParameterGroupParameterArgs(name=key, value=value, apply_method="immediate")
                for key, value in forced.items()
            ],
            tags=self._tags("parameters"),
            opts=self.child(),
        ).name

    def _monitoring(self) -> pulumi.Output[str]:
        """Return the ARN of the role of measurements, known once it may store them."""
        role = Role(
            f"{self.name}-monitoring",
            name=self._named("monitoring"),
            assume_role_policy=service_trust("monitoring.rds", self.account),
            tags=self._tags("monitoring"),
            opts=self.child(),
        )
        allowed = RolePolicyAttachment(
            f"{self.name}-monitoring",
            role=role.name,
            policy_arn=self.account.managed_policy("service-role/AmazonRDSEnhancedMonitoringRole"),
            opts=self.child(),
        )
        return after(role.arn, allowed.id)

    def _administrator(self, job: pulumi.Output[str], instance: Instance, home: Home, ca: str) -> k8s.core.v1.Secret:
        """Create the Secret of the administrator. job: a hash of what reads it.

        A password that RDS changes later changes nothing here, or each week a preview would show it. Where the Job runs
        again, the Secret is replaced, as its name changes, and then has the password of that moment."""
        return self.secret(
            f"{self.name}-administrator",
            pulumi.Output.concat("administrator-", job),
            values={"password": self._master_password(instance), CA: ca},
            namespace=home.namespace,
            opts=self.child(ignore_changes=["data.password"]),
        )

    def _master_password(self, instance: Instance) -> pulumi.Output[str]:
        """Of the administrator, as it is now: RDS makes it, keeps it in Secrets Manager, and changes it each week."""
        secret = instance.master_user_secrets.apply(lambda secrets: secrets[0].secret_arn or "")
        known = get_secret_version_output(secret_id=secret, opts=pulumi.InvokeOutputOptions(parent=self))
        return pulumi.Output.secret(known.secret_string.apply(lambda text: str(json.loads(text)["password"])))

    def _generated(self, client: str) -> pulumi.Output[str]:
        return random.RandomPassword(
            f"{self.name}-{client}-password", length=40, special=False, opts=self.child()
        ).result
