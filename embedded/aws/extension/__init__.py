"""What moto lacks, added to its own classes, so that every client of the account sees it."""

from . import authorization, budgets, costs, ec2, ec2_rules, ecr, eks, iam, lake, rds, rds_servers, s3, ssm, sts


def load() -> None:
    """Once in a process, before its first request."""
    for module in (authorization, budgets, costs, ec2, ec2_rules, ecr, eks, iam, lake, rds, rds_servers, s3, ssm, sts):
        module.load()
