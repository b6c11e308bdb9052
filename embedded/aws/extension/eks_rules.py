"""What EKS refuses, and moto takes: things that a request names and the account lacks, or that do not fit."""

from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES
from moto.eks.exceptions import InvalidParameterException

from .roles import why_not

LEAST_ZONES = 2
ARCHITECTURES = {"x86_64": "x86_64", "ARM_64": "arm64"}
"""Of machine images, by a part of their kind's name: as EC2 calls them."""
VERSIONS = ("1.32", "1.33", "1.34", "1.35", "1.36")
"""Of Kubernetes, in standard or extended support on 30 November 2026 by "Kubernetes versions" in the EKS user guide."""


def refuse_cluster(account: str, region: str, role: str, network: dict[str, Any]) -> Any:
    """The VPC of the cluster's subnets. Refused: a role or a subnet that is not there, one zone only, several VPCs."""
    refuse_role(account, role, "eks")
    subnets = find_subnets(account, region, network.get("subnetIds") or [])
    zones = sorted({subnet.availability_zone for subnet in subnets})
    if len(zones) < LEAST_ZONES:
        raise InvalidParameterException(
            message=f"Subnets specified must be in at least two different AZs; {', '.join(zones) or 'none'} given"
        )
    vpcs = {subnet.vpc_id for subnet in subnets}
    if len(vpcs) > 1:
        raise InvalidParameterException(message=f"Subnets of one VPC are needed, not of {', '.join(sorted(vpcs))}")
    return _ec2(account, region).get_vpc(vpcs.pop())


def refuse_node_group(
    account: str,
    region: str,
    *,
    subnets: list[str],
    instance_types: list[str] | None,
    ami_type: str | None,
    scaling_config: dict[str, int] | None,
    node_role: str,
) -> None:
    refuse_role(account, node_role, "ec2")
    zones = {subnet.availability_zone for subnet in find_subnets(account, region, subnets)}
    for name in instance_types or ():
        _refuse_type(region, zones, name, ami_type or "")
    scaling = scaling_config or {}
    low, size, high = (scaling.get(name, 1) for name in ("minSize", "desiredSize", "maxSize"))
    if not low <= size <= high:
        raise InvalidParameterException(
            message=f"minSize {low}, desiredSize {size} and maxSize {high} must not decrease in this order"
        )


def _refuse_type(region: str, zones: set[str], name: str, ami_type: str) -> None:
    """Of a type that EC2 has not, of another architecture than the image's, or offered in no zone of the group."""
    if name not in INSTANCE_TYPES:
        raise InvalidParameterException(message=f"[{name}] is not a valid instance type")
    built: list[str] = INSTANCE_TYPES[name]["ProcessorInfo"]["SupportedArchitectures"]
    wanted = next((each for part, each in ARCHITECTURES.items() if part in ami_type), None)
    if wanted and wanted not in built:
        raise InvalidParameterException(
            message=f"[{name}] is not a valid instance type for requested amiType {ami_type}: it is {', '.join(built)}"
        )
    offers = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region)  # of some new regions nobody knows any
    offered = {each["Location"] for each in offers or () if each["InstanceType"] == name}
    if offers and not zones & offered:
        where = f"offered in {', '.join(sorted(offered))}" if offered else f"not offered in {region}"
        raise InvalidParameterException(
            message=f"[{name}] is {where}, and the subnets are in {', '.join(sorted(zones))}"
        )


def refuse_version(version: str | None, *, cluster: str = VERSIONS[-1]) -> None:
    """cluster: the version of the control plane, which its nodes may not be newer than."""
    if version is not None and version not in VERSIONS:
        raise InvalidParameterException(
            message=f"unsupported Kubernetes version {version}; supported are {', '.join(VERSIONS)}"
        )
    if version is not None and VERSIONS.index(version) > VERSIONS.index(cluster):
        raise InvalidParameterException(
            message=f"Requested Nodegroup Kubernetes version {version} is newer than the cluster's, {cluster}"
        )


def refuse_role(account: str, role: str, service: str) -> None:
    """service: that is to assume it."""
    if reason := why_not(account, role, service):
        raise InvalidParameterException(message=reason)


def find_subnets(account: str, region: str, names: list[str]) -> list[Any]:
    from moto.ec2.exceptions import InvalidSubnetIdError

    found: list[Any] = []
    for name in names:
        try:
            found.append(_ec2(account, region).get_subnet(name))
        except InvalidSubnetIdError:
            raise InvalidParameterException(message=f"The subnet ID '{name}' does not exist") from None
    return found


def _ec2(account: str, region: str) -> Any:
    from moto.ec2.models import ec2_backends

    return ec2_backends[account][region]
