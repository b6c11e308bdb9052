"""The policies of a network's records of connections."""

from modules.core.aws import AwsAccount, allow, policy


def log_group(cluster: str) -> str:
    """Return the name of the log group of the records."""
    return f"/aws/vpc/{cluster}/flow-logs"


def writer(account: AwsAccount, cluster: str) -> str:
    """Return what the role of the records may do: write them to their group."""
    group = account.arn("logs", f"log-group:{log_group(cluster)}:*")
    return policy(
        allow(("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"), (group,)),
        allow(("logs:DescribeLogGroups",), ("*",)),
    )


def key(account: AwsAccount, cluster: str) -> str:
    """Return who may use the key of the records: the account's administrators by IAM, and CloudWatch Logs for this one
    log group."""
    group = account.arn("logs", f"log-group:{log_group(cluster)}")
    return policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{account.partition}:iam::{account.id}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{account.region}.amazonaws.com"},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": group}},
        },
    )
