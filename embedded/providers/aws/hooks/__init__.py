"""What a type needs beyond its declared calls. Each is a function of the live resource, by the name in the table."""

from collections.abc import Callable
from typing import Any

from . import (
    athena,
    buckets,
    budgets,
    ec2,
    eks,
    events,
    iam,
    instances,
    kms,
    lakeformation,
    logs,
    rds,
    s3,
    servicequotas,
    sns,
    sqs,
)

MODULES = (
    athena,
    buckets,
    budgets,
    ec2,
    eks,
    events,
    iam,
    instances,
    kms,
    lakeformation,
    logs,
    rds,
    s3,
    servicequotas,
    sns,
    sqs,
)
HOOKS: dict[str, Callable[[Any], Any]] = {
    name: function
    for module in MODULES
    for name, function in vars(module).items()
    if callable(function) and not name.startswith("_") and getattr(function, "__module__", "") == module.__name__
}
