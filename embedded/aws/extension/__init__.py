"""What moto lacks, added to its own classes, so that every client of the account sees it."""

from . import (
    authorization,
    budgets,
    costs,
    ec2,
    ec2_rules,
    ecr,
    eks,
    events,
    iam,
    iceberg,
    lake,
    quota_rules,
    quotas,
    rds,
    rds_servers,
    roles,
    s3,
    ssm,
    sts,
)

RULES = (ec2_rules, quota_rules)
"""They are asked before anything else that an operation does."""
MODULES = (
    authorization,
    budgets,
    costs,
    ec2,
    ecr,
    eks,
    events,
    iam,
    iceberg,
    lake,
    quotas,
    rds,
    rds_servers,
    roles,
    s3,
    ssm,
    sts,
    *RULES,
)


def load() -> None:
    """Once in a process, before its first request."""
    for module in MODULES:
        module.load()
