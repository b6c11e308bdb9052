"""RDS: a subnet group that is modified stays, and parameters go back to their defaults."""

from typing import Any

from moto.core.responses import ActionResult
from moto.rds.models import RDSBackend
from moto.rds.responses import RDSResponse


def load() -> None:
    plain = RDSBackend.modify_db_subnet_group

    def modify_db_subnet_group(self: Any, subnet_name: str, description: str, subnets: list[Any]) -> Any:
        group = plain(self, subnet_name, description, subnets)
        self.subnet_groups[subnet_name] = group
        return group

    RDSBackend.modify_db_subnet_group = modify_db_subnet_group
    RDSResponse.reset_db_parameter_group = reset_db_parameter_group  # pyright: ignore[reportAttributeAccessIssue]


def reset_db_parameter_group(self: Any) -> ActionResult:
    (group,) = self.backend.describe_db_parameter_groups(
        {"db_parameter_group_name": self.params["DBParameterGroupName"]}
    )
    if self.params.get("ResetAllParameters"):
        group.parameters.clear()
    for parameter in self.params.get("Parameters", ()):
        group.parameters.pop(parameter.original_dict()["ParameterName"], None)
    return ActionResult({"DBParameterGroupName": group.name})
