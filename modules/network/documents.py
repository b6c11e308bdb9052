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
