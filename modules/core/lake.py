"""What the tables of the lake are called on AWS, and what whoever adds rows to one may do there. Plain data, no SDK."""

from collections.abc import Mapping, Sequence

from .aws import AwsAccount, Statement, allow
from .contracts import LAYERS, BucketRole, Layer

DATABASE_PERMISSIONS = ("DESCRIBE",)
"""Of Lake Formation, for those who have a table in a database."""
TABLE_PERMISSIONS = ("ALTER", "DESCRIBE", "INSERT", "SELECT")
"""Of Lake Formation, for those who read a table and add rows to it: each commit to a table of Iceberg is a change of
its entry in the catalog. Nobody deletes rows or the table."""
LOCATION_PERMISSIONS = ("DATA_LOCATION_ACCESS",)
"""Of Lake Formation, for those who may change an entry that points to registered files: it wants both (Lake Formation
developer guide, Troubleshooting: who has ALTER or CREATE_TABLE needs it on the location too)."""


def database_name(environment: str, layer: Layer) -> str:
    """Return the name of a layer's database: Athena takes no dashes."""
    return f"groundwork_{environment.replace('-', '_')}_{layer}"


def table_name(table: str) -> str:
    """Return the name of a table in the database of each layer."""
    return table.replace("-", "_")


def folder(prefix: str, table: str) -> str:
    """Return where the files of a table are in a bucket. prefix: of all tables."""
    return f"{prefix}/{table}/iceberg"


def folder_arns(account: AwsAccount, buckets: Mapping[str, str], prefix: str, table: str) -> dict[BucketRole, str]:
    """Return the ARNs of a table's files, by the bucket that has them. buckets: names by role; prefix: of all
    tables."""
    return {
        role: f"arn:{account.partition}:s3:::{buckets[role]}/{folder(prefix, table)}"
        for role in dict.fromkeys(LAYERS.values())
    }


def database_arns(account: AwsAccount, environment: str) -> list[str]:
    """Return the ARNs of all layers' databases."""
    return [account.arn("glue", f"database/{database_name(environment, layer)}") for layer in LAYERS]


def table_arns(account: AwsAccount, environment: str, tables: Sequence[str]) -> list[str]:
    """Return the ARNs of tables, each in all layers."""
    return [
        account.arn("glue", f"table/{database_name(environment, layer)}/{table_name(each)}")
        for each in tables
        for layer in LAYERS
    ]


def table_permissions(
    account: AwsAccount, environment: str, tables: Sequence[str], buckets: Mapping[str, str], prefix: str
) -> dict[str, Sequence[str]]:
    """Return what Lake Formation lets those do who read tables and add rows, by the ARN of a database, table or folder.
    buckets, prefix: see `folder_arns`."""
    if not tables:
        return {}
    return {
        **dict.fromkeys(database_arns(account, environment), DATABASE_PERMISSIONS),
        **dict.fromkeys(table_arns(account, environment, tables), TABLE_PERMISSIONS),
        **{
            arn: LOCATION_PERMISSIONS
            for table in tables
            for arn in folder_arns(account, buckets, prefix, table).values()
        },
    }


def table_statements(account: AwsAccount, environment: str, tables: Sequence[str]) -> list[Statement]:
    """Return what IAM allows those who read tables and add rows: to look them up in the catalog, and to commit to
    them. Their files are objects, which a grant in the bucket is for."""
    if not tables:
        return []
    databases = [account.arn("glue", "catalog"), *database_arns(account, environment)]
    return [
        allow(["glue:GetDatabase"], databases),
        # Glue wants the right on the catalog and the database too.
        allow(["glue:GetTable", "glue:UpdateTable"], [*databases, *table_arns(account, environment, tables)]),
    ]
