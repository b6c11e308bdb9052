"""What AWS refuses since an account would have more of it than its quota (quotas.yaml), and moto takes.

Of vCPUs those of EC2's own instances are counted: the nodes of a cluster are none in the emulated account.
"""

import re
from collections.abc import Mapping
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.eks.exceptions import EKSError
from moto.eks.models import EKSBackend
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend
from moto.iam.exceptions import LimitExceededException
from moto.iam.models import IAMBackend
from moto.rds.exceptions import RDSClientError
from moto.rds.models import RDSBackend
from moto.s3.exceptions import S3ClientError
from moto.s3.models import S3Backend

from . import quotas
from .ec2_rules import ruled

STANDARD = dict.fromkeys(("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"), "L-1216C47A")
ON_DEMAND: Mapping[str, str] = {
    **STANDARD,
    **dict.fromkeys(("g", "gr", "vt"), "L-DB2E81BA"),
    "p": "L-417A185B",
    "inf": "L-1945791B",
    "trn": "L-2C3B7624",
}
"""The quota of the vCPUs of instances, by what their family begins with."""
SPOT: Mapping[str, str] = {
    **dict.fromkeys(STANDARD, "L-34B43A08"),
    **dict.fromkeys(("g", "gr", "vt"), "L-3819A6DF"),
    **dict.fromkeys(("p2", "p3", "p4"), "L-7212CCBC"),
    "p5": "L-C4BD4855",
    "inf": "L-B5D1601B",
    "trn": "L-6B0D517C",
}
RUNS = {"pending", "running"}
VCPUS = (
    "You have requested more vCPU capacity than your current vCPU limit of {limit:g} allows for the instance bucket "
    "that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request "
    "an adjustment to this limit."
)


class ResourceLimitExceededError(EKSError):
    TYPE = "ResourceLimitExceededException"
    STATUS = 400


def load() -> None:
    for backend, rules in RULES.items():
        for rule in rules:
            setattr(backend, rule.__name__, ruled(getattr(backend, rule.__name__), rule))


def left(backend: Any, code: str, used: float) -> float:
    """Return how many more the account may have."""
    return quotas.value(backend.account_id, backend.region_name, code) - used


def create_vpc(backend: Any, *_: Any, **__: Any) -> None:
    if left(backend, "L-F678F1CE", len(backend.vpcs)) < 1:
        raise EC2ClientError("VpcLimitExceeded", "The maximum number of VPCs has been reached.")


def create_internet_gateway(backend: Any, *_: Any, **__: Any) -> None:
    if left(backend, "L-A4707A72", len(backend.internet_gateways)) < 1:
        raise EC2ClientError(
            "InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached."
        )


def create_nat_gateway(backend: Any, subnet_id: str, *_: Any, **__: Any) -> None:
    zone = backend.get_subnet(subnet_id).availability_zone
    there = [each for each in backend.nat_gateways.values() if each.state not in ("deleted", "failed")]
    used = sum(backend.get_subnet(each.subnet_id).availability_zone == zone for each in there)
    if left(backend, "L-FE5A380F", used) < 1:
        raise EC2ClientError(
            "NatGatewayLimitExceeded", f"Performing this operation would exceed the limit of {used} NAT gateways"
        )


def create_subnet(backend: Any, vpc_id: str, *_: Any, **__: Any) -> None:
    used = len(backend.describe_subnets(filters={"vpc-id": [vpc_id]}))
    if left(backend, "L-407747CB", used) < 1:
        raise EC2ClientError("SubnetLimitExceeded", "The maximum number of subnets has been reached.")


def create_vpc_endpoint(
    backend: Any, vpc_id: str, service_name: str, endpoint_type: str | None = None, *_: Any, **__: Any
) -> None:
    del service_name
    kind = (endpoint_type or "Gateway").lower()
    code, vpcs = ("L-1B52E74A", backend.vpcs) if kind == "gateway" else ("L-29B6F2EB", (vpc_id,))
    used = sum(
        each.state != "deleted" and each.vpc_endpoint_type.lower() == kind and each.vpc_id in vpcs
        for each in backend.vpc_end_points.values()
    )
    if kind in ("gateway", "interface") and left(backend, code, used) < 1:
        raise EC2ClientError("VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached.")


def allocate_address(backend: Any, *_: Any, **__: Any) -> None:
    if left(backend, "L-0263D0A3", len(backend.addresses)) < 1:
        raise EC2ClientError("AddressLimitExceeded", "The maximum number of addresses has been reached.")


def run_instances(backend: Any, image_id: str, count: int, *_: Any, **given: Any) -> None:
    del image_id
    template = given.get("launch_template")
    kind: str = given.get("instance_type") or ""
    if template and given.get("is_instance_type_default"):
        kind = backend._get_template_from_args(template).data.get("InstanceType") or kind
    spot = given.get("lifecycle") == "spot" or bool(given.get("instance_market_options"))
    code = vcpu_quota(kind, spot=spot)
    if code is None:
        return
    used = sum(
        vcpus(each.instance_type)
        for each in backend.all_instances()
        if vars(each)["_state"].name in RUNS and vcpu_quota(each.instance_type, spot=each.lifecycle == "spot") == code
    )
    if left(backend, code, used) < count * vcpus(kind):
        if spot:
            raise EC2ClientError("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
        limit = quotas.value(backend.account_id, backend.region_name, code)
        raise EC2ClientError("VcpuLimitExceeded", VCPUS.format(limit=limit))


def vcpu_quota(instance_type: str, *, spot: bool) -> str | None:
    """Return the code of the quota that an instance's vCPUs count for; None where none of the table is. Pure."""
    family = re.match(r"([a-z]+)([0-9]?)", instance_type)
    if family is None:
        return None
    known = SPOT if spot else ON_DEMAND
    return known.get(family[1], known.get(f"{family[1]}{family[2]}"))


def vcpus(instance_type: str) -> int:
    facts: Any = INSTANCE_TYPES.get(instance_type)
    return int(facts["VCpuInfo"]["DefaultVCpus"]) if facts else 0


def create_cluster(backend: Any, *_: Any, **__: Any) -> None:
    if left(backend, "L-1194D53C", len(backend.clusters)) < 1:
        raise ResourceLimitExceededError(message="The maximum number of clusters has been reached.")


def create_nodegroup(backend: Any, cluster_name: str, *_: Any, **__: Any) -> None:
    cluster = backend.clusters.get(cluster_name)
    if cluster and left(backend, "L-6D54EA21", len(cluster.nodegroups)) < 1:
        raise ResourceLimitExceededError(message="The maximum number of managed node groups has been reached.")


def create_db_instance(backend: Any, *_: Any, **__: Any) -> None:
    if left(backend, "L-7B6409FD", len(backend.databases)) < 1:
        raise RDSClientError(
            "InstanceQuotaExceeded",
            "The request would result in the user exceeding the allowed number of DB instances.",
        )


def create_load_balancer(backend: Any, *_: Any, loadbalancer_type: str | None = None, **__: Any) -> None:
    used = sum(each.loadbalancer_type == "network" for each in backend.load_balancers.values())
    if loadbalancer_type == "network" and left(backend, "L-69A177A2", used) < 1:
        raise ELBClientError("TooManyLoadBalancers", "The maximum number of load balancers has been reached.")


def create_bucket(backend: Any, *_: Any, **__: Any) -> None:
    if left(backend, "L-DC2B2D3D", len(backend.buckets)) < 1:
        raise S3ClientError("TooManyBuckets", "You have attempted to create more buckets than allowed")


def create_role(backend: Any, *_: Any, **__: Any) -> None:
    _refuse_entity(backend, "L-FE177D64", len(backend.roles), "RolesPerAccount")


def create_policy(backend: Any, *_: Any, **__: Any) -> None:
    own = sum(arn.split(":")[4] == backend.account_id for arn in backend.managed_policies)
    _refuse_entity(backend, "L-E95E4862", own, "PoliciesPerAccount")


def create_instance_profile(backend: Any, *_: Any, **__: Any) -> None:
    _refuse_entity(backend, "L-6E65F664", len(backend.instance_profiles), "InstanceProfilesPerAccount")


def _refuse_entity(backend: Any, code: str, used: int, name: str) -> None:
    if left(backend, code, used) < 1:
        raise LimitExceededException(f"Cannot exceed quota for {name}: {used}")


RULES: Mapping[type, tuple[Any, ...]] = {
    EC2Backend: (
        create_vpc,
        create_internet_gateway,
        create_nat_gateway,
        create_subnet,
        create_vpc_endpoint,
        allocate_address,
        run_instances,
    ),
    EKSBackend: (create_cluster, create_nodegroup),
    RDSBackend: (create_db_instance,),
    ELBv2Backend: (create_load_balancer,),
    S3Backend: (create_bucket,),
    IAMBackend: (create_role, create_policy, create_instance_profile),
}
