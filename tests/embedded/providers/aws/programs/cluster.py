import json

import pulumi
from pulumi_aws import get_availability_zones
from pulumi_aws.ec2 import LaunchTemplate, Subnet, Vpc
from pulumi_aws.eks import (
    AccessEntry,
    AccessPolicyAssociation,
    Addon,
    Cluster,
    NodeGroup,
    PodIdentityAssociation,
    get_cluster_auth,
)
from pulumi_aws.iam import OpenIdConnectProvider, Role, RolePolicyAttachment
from pulumi_aws.kms import Key

config = pulumi.Config()
version = config.get("version") or "1.33"
most = config.get_int("most") or 3
team = config.get("team") or "a"
tags = {"owner": "team"}


def role(name: str, service: str, *policies: str) -> Role:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    made = Role(name, assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}), tags=tags)
    for policy in policies:
        RolePolicyAttachment(f"{name}-{policy}", role=made.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}")
    return made


vpc = Vpc("eks", cidr_block="10.40.0.0/16", tags=tags)
zones = get_availability_zones(state="available").names
subnets = [
    Subnet(f"eks-{n}", vpc_id=vpc.id, cidr_block=f"10.40.{n}.0/24", availability_zone=zones[n], tags=tags)
    for n in range(2)
]
key = Key("secrets", deletion_window_in_days=7)
cluster = Cluster(
    "main",
    role_arn=role("cluster", "eks.amazonaws.com", "AmazonEKSClusterPolicy").arn,
    version=version,
    vpc_config={
        "subnet_ids": [subnet.id for subnet in subnets],
        "endpoint_private_access": True,
        "endpoint_public_access": False,
    },
    access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
    encryption_config={"provider": {"key_arn": key.arn}, "resources": ["secrets"]},
    enabled_cluster_log_types=["api", "audit"],
    tags=tags,
)
worker = role("worker", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
template = LaunchTemplate(
    "worker",
    metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1},
    block_device_mappings=[{"device_name": "/dev/xvda", "ebs": {"volume_size": 40, "encrypted": "true"}}],
    tag_specifications=[{"resource_type": kind, "tags": tags} for kind in ("instance", "volume")],
    tags=tags,
)
NodeGroup(
    "system",
    cluster_name=cluster.name,
    node_role_arn=worker.arn,
    subnet_ids=[subnet.id for subnet in subnets],
    instance_types=["m6i.large"],
    scaling_config={"min_size": 1, "desired_size": 1, "max_size": most},
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    labels={"pool": "system", "team": team},
    taints=[{"key": "system", "value": "true", "effect": "NO_SCHEDULE"}],
    update_config={"max_unavailable": 1},
    tags=tags,
)
Addon("pods", cluster_name=cluster.name, addon_name="eks-pod-identity-agent", tags=tags)
admin = role("admin", "ec2.amazonaws.com")
entry = AccessEntry("admin", cluster_name=cluster.name, principal_arn=admin.arn, kubernetes_groups=[team], tags=tags)
AccessPolicyAssociation(
    "admin",
    cluster_name=cluster.name,
    principal_arn=entry.principal_arn,
    policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
    access_scope={"type": "cluster"},
)
PodIdentityAssociation(
    "trainer",
    cluster_name=cluster.name,
    namespace="workloads",
    service_account="trainer",
    role_arn=role("trainer", "pods.eks.amazonaws.com").arn,
    tags=tags,
)
OpenIdConnectProvider(
    "cluster", url=cluster.identities[0].oidcs[0].issuer, client_id_lists=["sts.amazonaws.com"], tags=tags
)
pulumi.export("cluster", cluster.name)
pulumi.export("group", cluster.vpc_config.cluster_security_group_id)
pulumi.export("authority", cluster.certificate_authority.data)
pulumi.export("token", cluster.name.apply(lambda name: get_cluster_auth(name=name).token.split(".")[0]))
