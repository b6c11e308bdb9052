"""The lake on AWS: databases and tables of Iceberg in Glue's catalog, Lake Formation, a crawler and Athena."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws.athena import (
    Workgroup,
    WorkgroupConfigurationArgs,
    WorkgroupConfigurationEngineVersionArgs,
    WorkgroupConfigurationResultConfigurationArgs,
    WorkgroupConfigurationResultConfigurationEncryptionConfigurationArgs,
)
from pulumi_aws.glue import (
    CatalogDatabase,
    CatalogTable,
    CatalogTableOpenTableFormatInputArgs,
    CatalogTableOpenTableFormatInputIcebergInputArgs,
    CatalogTableStorageDescriptorArgs,
    CatalogTableStorageDescriptorColumnArgs,
    Crawler,
    CrawlerS3TargetArgs,
    CrawlerSchemaChangePolicyArgs,
)
from pulumi_aws.iam import Role, RolePolicy
from pulumi_aws.lakeformation import (
    DataLakeSettings,
    LfTag,
    Permissions,
    PermissionsDatabaseArgs,
    PermissionsDataLocationArgs,
    PermissionsLfTagPolicyArgs,
    PermissionsLfTagPolicyExpressionArgs,
    PermissionsTableArgs,
    Resource,
    ResourceLfTag,
    ResourceLfTagDatabaseArgs,
    ResourceLfTagLfTagArgs,
)

from modules.core.aws import AwsAccount, Statement, policy, service_trust
from modules.core.component import Component, after
from modules.core.contracts import LAYERS, BucketRole, Layer, TableColumn
from modules.core.labels import Labels
from modules.core.lake import (
    DATABASE_PERMISSIONS,
    LOCATION_PERMISSIONS,
    TABLE_PERMISSIONS,
    database_name,
    folder_arns,
    table_name,
)
from modules.core.protection import Safeguards
from modules.core.quantities import size_bytes

from .documents import (
    READERS,
    RESULTS,
    crawler_statements,
    iceberg_columns,
    key,
    location,
    objects,
    tag_key,
)
from .settings import LakeSettings

ICEBERG = "2"
"""Version of the format: the newest that Athena writes."""
LEARNED = ("description", "parameters", "storageDescriptor", "openTableFormatInput")
"""Inputs of a table that its writers change with each commit: what the program wrote back would undo that. A library of
Iceberg drops the description, and one that changes would be written with the columns of the first day."""


ENGINE = "Athena engine version 3"
"""The only one that writes tables of Iceberg."""
CRAWLED = {
    "Version": 1.0,
    # bucket, prefix, workload: below it all files have one workload's columns.
    "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas", "TableLevelConfiguration": 3},
}
UNNAMED = ("glue",)
"""Services of which AWS's documents do not say that they name the account for which they assume a role: a condition on
it would let nobody in. Roles are handed to services in their own account alone."""
Locations = Mapping[BucketRole, pulumi.Output[str]]
"""ARNs of a table's registered files, by the bucket that has them."""
Granted = PermissionsDatabaseArgs | PermissionsTableArgs | PermissionsDataLocationArgs | PermissionsLfTagPolicyArgs


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the lake is in the object store."""

    buckets: Mapping[str, str]
    """Names by role."""
    ready: Mapping[BucketRole, pulumi.Output[str]]
    """The same, known once each is as it must be before anything is in it."""
    key_arn: pulumi.Output[str]
    """That encrypts them."""
    tables: str
    """Prefix of tables."""
    accepted: str
    """Prefix of the files that became part of a data set, in the raw bucket: one folder for each workload."""


@dataclass(frozen=True, kw_only=True)
class User:
    """A role that has tables."""

    arn: pulumi.Input[str]
    tables: Sequence[str]


class AwsLake(Component):
    """`tables`: columns by table. `users`: by role, who
    reads tables and adds rows to them. `protect`: the engine refuses to delete or replace tables, which alone know
    which files are their rows. `tags`: of everything that takes tags, beside its name."""

    granted: Mapping[str, pulumi.Output[str]]
    """ARN of each user's role, known once Lake Formation lets it do what was declared."""

    def __init__(
        self,
        name: str,
        *,
        settings: LakeSettings,
        account: AwsAccount,
        place: Place,
        tables: Mapping[str, Sequence[TableColumn]],
        users: Mapping[str, User],
        protect: bool,
        safeguards: Safeguards,
        tags: Mapping[str, str],
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        self.account, self.place, self.tags = account, place, tags
        self.administered = self._administer(settings.administrators)
        locations, files = self._register(sorted(tables))
        tag = LfTag(
            self.name,
            key=after(tag_key(labels.environment), *self.administered),
            values=list(LAYERS),
            opts=self.child(),
        )
        databases: dict[Layer, pulumi.Output[str]] = {layer: self._database(layer, tag) for layer in LAYERS}
        made: dict[str, dict[Layer, CatalogTable]] = {
            table: {
                # Who deploys is an administrator, who has data locations everywhere.
                layer: self._table(
                    table, columns, layer, after(databases[layer], locations[table][LAYERS[layer]]), protect
                )
                for layer in LAYERS
            }
            for table, columns in sorted(tables.items())
        }
        self.granted = {role: self._user(role, user, databases, made, locations) for role, user in users.items()}
        self._read(settings.readers, tag)
        self._crawl(settings.crawl_hour, databases["raw"], files)
        self._query(settings, forced=not safeguards.deletion_protection)
        self.register_outputs({"granted": self.granted})

    def _named(self, role: str = "") -> str:
        return "-".join(filter(None, ("groundwork", self.labels.environment, role)))

    def _tags(self, role: str) -> dict[str, str]:
        return {**self.tags, "Name": self._named(role)}

    def _administer(self, administrators: Sequence[str]) -> list[pulumi.Output[str]]:
        """Return what is known once the administrators are those of the account. With the list goes Lake Formation's
        default by which IAM alone decides who reads new tables."""
        if not administrators:
            return []
        return [DataLakeSettings(self.name, admins=sorted(administrators), opts=self.child()).id]

    def _role(self, role: str, service: str, statements: pulumi.Output[list[Statement]]) -> pulumi.Output[str]:
        """Return the ARN of a service's role, known once it may do what it must."""
        made = Role(
            f"{self.name}-{role}",
            name=self._named(role),
            description=f"{service.capitalize()} in the lake of {self._named()}",
            assume_role_policy=service_trust(service, None if service in UNNAMED else self.account),
            tags=self._tags(role),
            opts=self.child(),
        )
        rights = RolePolicy(
            f"{self.name}-{role}",
            name="lake",
            role=made.name,
            policy=statements.apply(lambda known: policy(*known)),
            opts=self.child(),
        )
        return after(made.arn, rights.id)

    def _register(self, tables: Sequence[str]) -> tuple[Mapping[str, Locations], pulumi.Output[str]]:
        """Register where tables and new files are: Lake Formation decides who reads them by way of the catalog. Return
        the ARNs of each table's files and of new ones. Each table is a location of its own, so that who may change its
        entry can't have it point to another's files. Whoever has a right in the bucket itself keeps it."""
        buckets, accepted = self.place.buckets, self.place.accepted

        def statements(key_arn: str) -> list[Statement]:
            stored = [
                statement
                for bucket in dict.fromkeys(LAYERS.values())
                for statement in objects(self.account, buckets[bucket], self.place.tables, store=True)
            ]
            read = objects(self.account, buckets["raw"], accepted, store=False)
            return [*stored, *read, key(self.account, key_arn, store=True)]

        role = self._role("lake", "lakeformation", self.place.key_arn.apply(statements))

        def registered(where: str, bucket: BucketRole, arn: str) -> pulumi.Output[str]:
            located = after(arn, self.place.ready[bucket])
            made = Resource(f"{self.name}-{where}", arn=located, role_arn=role, opts=self.child())
            return after(arn, made.id)

        locations: dict[str, Locations] = {
            table: {
                bucket: registered(f"{table}-{bucket}", bucket, arn)
                for bucket, arn in folder_arns(self.account, buckets, self.place.tables, table).items()
            }
            for table in tables
        }
        files = registered("accepted", "raw", f"arn:{self.account.partition}:s3:::{buckets['raw']}/{accepted}")
        return locations, files

    def _database(self, layer: Layer, tag: LfTag) -> pulumi.Output[str]:
        """Return the name of a layer's database, known once it has its LF-tag, by which readers are let in."""
        made = CatalogDatabase(
            f"{self.name}-{layer}",
            name=after(database_name(self.labels.environment, layer), *self.administered),
            description=f"Tables of the layer {layer} of {self._named()}",
            tags=self._tags(layer),
            opts=self.child(),
        )
        tagged = ResourceLfTag(
            f"{self.name}-{layer}",
            database=ResourceLfTagDatabaseArgs(name=made.name),
            lf_tag=ResourceLfTagLfTagArgs(key=tag.key, value=layer),
            opts=self.child(),
        )
        return after(made.name, tagged.id)

    def _table(
        self,
        table: str,
        columns: Sequence[TableColumn],
        layer: Layer,
        database: pulumi.Input[str],
        protect: bool,
    ) -> CatalogTable:
        return CatalogTable(
            f"{self.name}-{table}-{layer}",
            name=table_name(table),
            database_name=database,
            description=f"Workload {table}, layer {layer}",
            table_type="EXTERNAL_TABLE",
            open_table_format_input=CatalogTableOpenTableFormatInputArgs(
                iceberg_input=CatalogTableOpenTableFormatInputIcebergInputArgs(
                    metadata_operation="CREATE", version=ICEBERG
                )
            ),
            storage_descriptor=CatalogTableStorageDescriptorArgs(
                location=location(layer, self.place.buckets, self.place.tables, table),
                columns=[
                    CatalogTableStorageDescriptorColumnArgs(name=name, type=kind)
                    for name, kind in iceberg_columns(columns, layer)
                ],
            ),
            opts=self.child(protect=protect, ignore_changes=LEARNED),
        )

    def _grant(
        self, name: str, principal: pulumi.Input[str], permissions: Sequence[str], what: Granted
    ) -> pulumi.Output[str]:
        """Let somebody do something. Return what is known once they may."""
        return Permissions(
            f"{self.name}-{name}",
            principal=after(principal, *self.administered),
            permissions=list(permissions),
            database=what if isinstance(what, PermissionsDatabaseArgs) else None,
            table=what if isinstance(what, PermissionsTableArgs) else None,
            data_location=what if isinstance(what, PermissionsDataLocationArgs) else None,
            lf_tag_policy=what if isinstance(what, PermissionsLfTagPolicyArgs) else None,
            opts=self.child(),
        ).id

    def _user(
        self,
        role: str,
        user: User,
        databases: Mapping[Layer, pulumi.Output[str]],
        made: Mapping[str, Mapping[Layer, CatalogTable]],
        locations: Mapping[str, Locations],
    ) -> pulumi.Output[str]:
        """Let a role read its tables and add rows to them."""
        described = [
            self._grant(f"{role}-{layer}", user.arn, DATABASE_PERMISSIONS, PermissionsDatabaseArgs(name=database))
            for layer, database in databases.items()
        ]
        changed = [
            self._grant(
                f"{role}-{layer}-{table}",
                user.arn,
                TABLE_PERMISSIONS,
                PermissionsTableArgs(database_name=entry.database_name, name=entry.name),
            )
            for table in user.tables
            for layer, entry in made[table].items()
        ]
        located = [
            self._grant(
                f"{role}-files-{table}-{bucket}", user.arn, LOCATION_PERMISSIONS, PermissionsDataLocationArgs(arn=arn)
            )
            for table in user.tables
            for bucket, arn in locations[table].items()
        ]
        return after(user.arn, *described, *changed, *located)

    def _read(self, readers: Sequence[str], tag: LfTag) -> None:
        """Let people's roles read what has the LF-tag of a checked layer, now and later."""
        layers = PermissionsLfTagPolicyExpressionArgs(key=tag.key, values=list(READERS))
        for reader in readers:
            for kind, permissions in (("DATABASE", DATABASE_PERMISSIONS), ("TABLE", ("DESCRIBE", "SELECT"))):
                tagged = PermissionsLfTagPolicyArgs(resource_type=kind, expressions=[layers])
                self._grant(f"{reader.partition(':role/')[2]}-{kind.lower()}", reader, permissions, tagged)

    def _crawl(self, hour: int | None, database: pulumi.Input[str], files: pulumi.Input[str]) -> None:
        """Enter the files that became part of data sets in the catalog: a table for each workload, whose columns are
        those of the files."""
        bucket, prefix = self.place.buckets["raw"], self.place.accepted
        role = self._role(
            "crawler",
            "glue",
            self.place.key_arn.apply(
                lambda key_arn: [
                    *objects(self.account, bucket, prefix, store=False),
                    key(self.account, key_arn, store=False),
                    *crawler_statements(self.account, self.labels.environment),
                ]
            ),
        )
        granted = [
            self._grant("crawler", role, ("CREATE_TABLE", "DESCRIBE"), PermissionsDatabaseArgs(name=database)),
            self._grant("crawler-files", role, LOCATION_PERMISSIONS, PermissionsDataLocationArgs(arn=files)),
        ]
        Crawler(
            f"{self.name}-accepted",
            name=self._named("accepted"),
            description=f"Files that became part of data sets of {self._named()}",
            role=after(role, *granted),
            database_name=database,
            table_prefix=f"{prefix}_",
            s3_targets=[CrawlerS3TargetArgs(path=f"s3://{bucket}/{prefix}/")],
            schedule=None if hour is None else f"cron(0 {hour} * * ? *)",
            # Versions of objects stay, and so does what is known of them.
            schema_change_policy=CrawlerSchemaChangePolicyArgs(
                update_behavior="UPDATE_IN_DATABASE", delete_behavior="LOG"
            ),
            configuration=json.dumps(CRAWLED),
            tags=self._tags("accepted"),
            opts=self.child(),
        )

    def _query(self, settings: LakeSettings, *, forced: bool) -> None:
        """forced: it is deleted with its history and the queries that people saved in it."""
        logs = self.place.ready["logs"]
        encrypted = WorkgroupConfigurationResultConfigurationEncryptionConfigurationArgs(
            encryption_option="SSE_KMS", kms_key_arn=self.place.key_arn
        )
        Workgroup(
            f"{self.name}-queries",
            name=self._named(),
            description=f"Queries of the lake of {self._named()}",
            configuration=WorkgroupConfigurationArgs(
                # What a client asks for its own queries is not heard: neither other places nor more.
                enforce_workgroup_configuration=True,
                publish_cloudwatch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=size_bytes(settings.scan_limit),
                engine_version=WorkgroupConfigurationEngineVersionArgs(selected_engine_version=ENGINE),
                result_configuration=WorkgroupConfigurationResultConfigurationArgs(
                    output_location=pulumi.Output.concat("s3://", logs, f"/{RESULTS}/"),
                    expected_bucket_owner=self.account.id,
                    encryption_configuration=encrypted,
                ),
            ),
            force_destroy=forced,
            tags=self._tags("queries"),
            opts=self.child(),
        )
