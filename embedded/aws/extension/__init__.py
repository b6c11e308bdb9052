"""What moto lacks, added to its own classes, so that every client of the account sees it."""

from . import budgets, costs, ec2, ec2_rules, ecr, eks, iam, lake, rds, rds_servers, s3, ssm


def load() -> None:
    """Once in a process, before its first request."""
    for module in (budgets, costs, ec2, ec2_rules, ecr, eks, iam, lake, rds, rds_servers, s3, ssm):
        module.load()
