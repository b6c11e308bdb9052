"""RDS: a subnet group that is modified stays, parameters go back to their defaults, and what AWS refuses is refused."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult
from moto.rds.exceptions import (
    InvalidParameterCombination,
    InvalidParameterValue,
    KMSKeyNotAccessibleFault,
    RDSClientError,
)
from moto.rds.models import RDSBackend
from moto.rds.responses import RDSResponse

from .roles import why_not

INSIGHTS = {"performance_insights_kms_key_id": "alias/aws/rds", "performance_insights_retention_period": 7}
"""What RDS chooses where a request does not: CreateDBInstance. By moto's own names."""


def load() -> None:
    plain = RDSBackend.modify_db_subnet_group

    def modify_db_subnet_group(self: Any, subnet_name: str, description: str, subnets: list[Any]) -> Any:
        refuse_one_zone(subnets)
        group = plain(self, subnet_name, description, subnets)
        self.subnet_groups[subnet_name] = group
        return group

    create = RDSBackend.create_db_instance

    def create_db_instance(self: Any, db_kwargs: dict[str, Any]) -> Any:
        refuse_instance(db_kwargs)
        refuse_missing(self.account_id, self.region_name, db_kwargs)
        instance = create(self, db_kwargs)
        _keep_insights(instance, db_kwargs)
        return instance

    modify = RDSBackend.modify_db_instance

    def modify_db_instance(self: Any, db_instance_identifier: str, db_kwargs: dict[str, Any]) -> Any:
        (instance,) = self.describe_db_instances(db_instance_identifier)
        refuse_version(instance.engine, db_kwargs.get("engine_version"))
        refuse_missing(self.account_id, self.region_name, db_kwargs)
        instance = modify(self, db_instance_identifier, db_kwargs)
        _keep_insights(instance, db_kwargs)
        return instance

    create_group = RDSBackend.create_subnet_group

    def create_subnet_group(self: Any, subnet_name: str, description: str, subnets: list[Any], tags: Any) -> Any:
        refuse_one_zone(subnets)
        return create_group(self, subnet_name, description, subnets, tags)

    create_parameters = RDSBackend.create_db_parameter_group

    def create_db_parameter_group(self: Any, db_parameter_group_kwargs: dict[str, Any]) -> Any:
        refuse_family(db_parameter_group_kwargs.get("db_parameter_group_family") or "")
        return create_parameters(self, db_parameter_group_kwargs)

    RDSBackend.create_db_parameter_group = create_db_parameter_group
    RDSBackend.create_subnet_group = create_subnet_group
    RDSBackend.modify_db_subnet_group = modify_db_subnet_group
    RDSBackend.create_db_instance = create_db_instance
    RDSBackend.modify_db_instance = modify_db_instance
    RDSResponse.reset_db_parameter_group = reset_db_parameter_group  # pyright: ignore[reportAttributeAccessIssue]


ENGINES = Path(__file__).with_name("rds_engines.json")
"""scripts/aws_table writes it."""
INSTANCE_CLASS = r"db\.[a-z][a-z0-9]*\.(micro|small|medium|large|\d*xlarge)(\.tpc[12]\.mem[0-9]x)?"
"""As "DB instance classes" in the RDS user guide names them."""
RANGES = {"backup_retention_period": (0, 35), "port": (1150, 65535)}
"""CreateDBInstance, by moto's own names."""
FAMILY = r"(aurora-mysql|aurora-postgresql|mariadb|mysql|postgres)([0-9.]+)"
"""Of a parameter group: an engine and a part of its version."""
LEAST_ZONES = 2
LEAST_GIB = {"gp2": 20, "gp3": 20, "io1": 100, "io2": 100, "standard": 5}
"""Of MariaDB, MySQL and PostgreSQL, by "Amazon RDS DB instance storage" in the RDS user guide."""


@cache
def _versions() -> dict[str, list[str]]:
    return json.loads(ENGINES.read_text())["versions"]


def refuse_version(engine: str, version: str | None) -> None:
    """Of an engine of RDS; a major version alone is RDS's choice of a minor one."""
    known = _versions().get(engine)
    if version is not None and known is not None and not any(f"{each}.".startswith(f"{version}.") for each in known):
        raise InvalidParameterCombination(f"Cannot find version {version} for {engine}")


def refuse_family(family: str) -> None:
    found = re.fullmatch(FAMILY, family)
    if found and not any(f"{each}.".startswith(f"{found[2]}.") for each in _versions()[found[1]]):
        raise InvalidParameterValue(f"ParameterGroupFamily {family} is not a valid parameter group family")


def refuse_instance(given: dict[str, Any]) -> None:
    """given: by moto's own names."""
    name, size = given.get("db_instance_class") or "", given.get("allocated_storage")
    if not re.fullmatch(INSTANCE_CLASS, name):
        raise InvalidParameterValue(f"Invalid DB Instance class: {name}")
    kind = given.get("storage_type") or "gp2"
    least = LEAST_GIB.get(kind, 0)
    if size is not None and int(size) < least and not str(given.get("engine")).startswith("aurora"):
        raise InvalidParameterValue(f"Invalid storage size for storage type {kind}: {size}; at least {least} GiB")
    for key, (low, high) in RANGES.items():
        if given.get(key) is not None and not low <= int(given[key]) <= high:
            raise InvalidParameterValue(f"Invalid {key.replace('_', ' ')}: {given[key]}; {low} to {high} allowed")
    refuse_version(str(given.get("engine")), given.get("engine_version"))
    if given.get("manage_master_user_password") and given.get("master_user_password"):
        raise InvalidParameterCombination("You can't specify MasterUserPassword with ManageMasterUserPassword")


def refuse_one_zone(subnets: list[Any]) -> None:
    zones = sorted({subnet.availability_zone for subnet in subnets})
    if len(zones) < LEAST_ZONES:
        raise RDSClientError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: "
            f"{', '.join(zones)}. Add subnets to cover at least {LEAST_ZONES} AZs.",
        )


def refuse_missing(account: str, region: str, given: dict[str, Any]) -> None:
    """Of what an instance names: a security group, a key or the role of its measurements that the account lacks. given:
    by moto's own names."""
    from moto.ec2.models import ec2_backends
    from moto.kms.models import kms_backends

    groups, keys = ec2_backends[account][region], kms_backends[account][region]
    for group in given.get("vpc_security_group_ids") or ():
        if groups.get_security_group_from_id(group) is None:
            raise InvalidParameterValue(f"Invalid security group , groupId= {group}, groupName=.")
    for name in ("kms_key_id", "master_user_secret_kms_key_id", "performance_insights_kms_key_id"):
        if (
            (key := given.get(name))
            and not str(key).startswith("alias/")
            and keys.any_id_to_key_id(key) not in keys.keys
        ):
            raise KMSKeyNotAccessibleFault(key)
    role = given.get("monitoring_role_arn")
    if role and (reason := why_not(account, role, "monitoring.rds")):
        raise InvalidParameterValue(
            "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING: "
            f"{reason}"
        )


def _keep_insights(instance: Any, given: dict[str, Any]) -> None:
    """Keep what a request says of Performance Insights, which moto drops. given: by moto's own names."""
    if "enable_performance_insights" in given:
        instance.performance_insights_enabled = given["enable_performance_insights"]
    enabled: bool = getattr(instance, "performance_insights_enabled", False)
    for name, default in INSIGHTS.items():
        value = given.get(name) or getattr(instance, name, None) or default
        setattr(instance, name, value if enabled else None)


def reset_db_parameter_group(self: Any) -> ActionResult:
    (group,) = self.backend.describe_db_parameter_groups(
        {"db_parameter_group_name": self.params["DBParameterGroupName"]}
    )
    if self.params.get("ResetAllParameters"):
        group.parameters.clear()
    for parameter in self.params.get("Parameters", ()):
        group.parameters.pop(parameter.original_dict()["ParameterName"], None)
    return ActionResult({"DBParameterGroupName": group.name})
