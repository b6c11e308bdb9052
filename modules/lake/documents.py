"""What the lake on AWS holds and who may do what, as plain data."""

from collections.abc import Iterable, Mapping, Sequence

from modules.core.aws import AwsAccount, Statement, allow
from modules.core.contracts import LAYERS, Layer, TableColumn
from modules.core.lake import database_name, folder

READERS: Sequence[Layer] = ("curated", "features")
"""Layers that people read: rows that were checked."""
RESULTS = "athena"
"""Prefix of the results of queries, in the bucket of logs."""
READ = ("s3:GetObject", "s3:GetObjectVersion")
STORE = ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
"""What Athena does for those whom Lake Formation lets change rows: it deletes what it rewrote."""
CRAWLER_LOGS = "/aws-glue/crawlers"
"""Log group of all crawlers of an account, which Glue makes."""


def tag_key(environment: str) -> str:
    """Return the key of the LF-tag of databases: an account has one of each key in a region."""
    return f"groundwork-{environment}-layer"


def location(layer: Layer, buckets: Mapping[str, str], tables: str, table: str) -> str:
    """Return the address of a table of Iceberg: within what its owner may add to, beside its tables of Delta Lake.

    tables: prefix of all tables in the buckets."""
    return f"s3://{buckets[LAYERS[layer]]}/{folder(tables, table)}/{layer}"


def iceberg_columns(columns: Sequence[TableColumn], layer: Layer) -> list[tuple[str, str]]:
    """Return names and types of a table's columns in a layer. As it came every column is text."""
    return [(each.name, "string" if layer == "raw" else each.type) for each in columns]


def objects(account: AwsAccount, bucket: str, prefix: str, *, store: bool) -> list[Statement]:
    """Return what lets a role of AWS's services read, and store, below a prefix of a bucket."""
    arn = f"arn:{account.partition}:s3:::{bucket}"
    return [
        allow(["s3:GetBucketLocation"], [arn]),
        allow(["s3:ListBucket"], [arn], StringLike={"s3:prefix": [f"{prefix}/*", prefix]}),
        allow([*READ, *(STORE if store else ())], [f"{arn}/{prefix}/*"]),
    ]


def key(account: AwsAccount, key_arn: str, *, store: bool) -> Statement:
    """Return what lets a role use the key of the buckets, through S3 alone."""
    actions = ["kms:Decrypt", *(["kms:GenerateDataKey"] if store else [])]
    return allow(actions, [key_arn], StringEquals={"kms:ViaService": f"s3.{account.region}.amazonaws.com"})


def crawler_statements(account: AwsAccount, environment: str) -> list[Statement]:
    """Return what the crawler may do in the catalog: make and change tables of the raw layer, never delete one; and
    write what it did."""
    database = database_name(environment, "raw")
    catalog = [account.arn("glue", each) for each in ("catalog", f"database/{database}", f"table/{database}/*")]
    logs = account.arn("logs", f"log-group:{CRAWLER_LOGS}")
    actions: Iterable[str] = (
        *("GetDatabase", "GetTable", "GetTables", "CreateTable", "UpdateTable"),
        *("GetPartition", "GetPartitions", "BatchGetPartition", "CreatePartition", "BatchCreatePartition"),
        *("UpdatePartition", "BatchUpdatePartition"),
    )
    return [
        allow([f"glue:{each}" for each in actions], catalog),
        allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], [logs, f"{logs}:*"]),
    ]
