"""The policies of a network's records of connections, and of its endpoints."""

from modules.core.aws import AwsAccount, Statement, allow, policy

WITHOUT_POLICY = ("eks", "eks-auth")
"""Endpoints that have none: EKS documents none for them, and an endpoint whose service takes none can't be made with
one."""
READS = ("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation")


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


def store_route(account: AwsAccount) -> str:
    """Return what the route to S3 lets through: everything on the account's own buckets, and reading of others', where
    registries keep images and distributions their packages. Nothing is written to somebody else's bucket."""
    own = {"StringEquals": {"aws:ResourceAccount": account.id}}
    return policy(_anyone(allow(("s3:*",), ("*",), **own)), _anyone(allow(READS, ("*",))))


def endpoint(account: AwsAccount, service: str) -> str | None:
    """Return what the endpoint of a service lets through: what the account's own users and roles ask, so that nobody
    carries anything out with keys of another account; None where the service takes no such policy."""
    if service in WITHOUT_POLICY:
        return None
    own = allow(("*",), ("*",), StringEquals={"aws:PrincipalAccount": account.id})
    # Whoever asks for a role by a token is nobody yet: the role that is asked for must be the account's.
    by_token = allow(("sts:AssumeRoleWithWebIdentity",), (account.role("*"),))
    return policy(_anyone(own), *([_anyone(by_token)] if service == "sts" else []))


def _anyone(statement: Statement) -> Statement:
    return {**statement, "Principal": "*"}
