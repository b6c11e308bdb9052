"""Instances in a network of their own, and in the default one; what lets them be reached."""

import pulumi
from pulumi_aws.ec2 import (
    Eip,
    EipAssociation,
    Instance,
    KeyPair,
    MainRouteTableAssociation,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
    get_ami,
)
from pulumi_aws.iam import InstanceProfile, Role

PUBLIC_KEY = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQD3F6tyPEFEzV0LX3X8BsXdMsQz1x2cEikKDEY0aIj41qgxMCP/iteneqXSIFZBp5vizPvaoI"
    "R3Um9xK7PGoW8giupGn+EPuxIA4cDM4vzOqOkiMPhz5XK0whEjkVzTo4+S0puvDZuwIsdiW9mxhJc7tgBNL0cYlWSYVkz4G/fslNfRPW5mYAM4"
    "9f4fhtxPb5ok4Q2Lg9dPKVHO/Bgeu5woMc7RY0p1ej6D4CKFE6lymSDJpW0YHX/wqE9+cfEauh7xZcG0q9t2ta6F6fmX0agvpFyZo8aFbXeUBr"
    "7osSCJNgvavWbM/06niWrOvYX2xwWdhXmXSrbX8ZbabVohBK41 somebody"
)
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
    ' "Principal": {"Service": "ec2.amazonaws.com"}}]}'
)

config = pulumi.Config()
vpc = Vpc("machines", cidr_block="10.60.0.0/16")
subnet = Subnet("machines", vpc_id=vpc.id, cidr_block="10.60.1.0/24", map_public_ip_on_launch=True)
table = RouteTable("machines", vpc_id=vpc.id)
MainRouteTableAssociation("machines", vpc_id=vpc.id, route_table_id=table.id)
group = SecurityGroup("machines", vpc_id=vpc.id)
everywhere = ["0.0.0.0/0", "10.0.0.0/8"]
for kind, protocol, port in (("ingress", "tcp", 80), ("egress", "-1", 0)):
    SecurityGroupRule(
        kind,
        type=kind,
        security_group_id=group.id,
        protocol=protocol,
        from_port=port,
        to_port=port,
        cidr_blocks=everywhere,
    )
key = KeyPair("machines", public_key=PUBLIC_KEY)
profiles = [
    InstanceProfile(name, role=Role(name, assume_role_policy=TRUST).name).name
    for name in ("machine-one", "machine-two")
]
image = get_ami(most_recent=True, owners=["amazon"], filters=[{"name": "name", "values": ["amzn2-ami-hvm-*"]}])
web = Instance(
    "web",
    ami=image.id,
    instance_type=config.get("type") or "t3.micro",
    subnet_id=subnet.id,
    vpc_security_group_ids=[group.id],
    key_name=key.key_name,
    iam_instance_profile=profiles[config.get_int("profile") or 0],
    user_data=f"#!/bin/sh\necho {config.get('type')}",
    root_block_device={"volume_size": 20},
    metadata_options={"http_tokens": config.get("tokens") or "optional"},
    monitoring=config.get_bool("monitoring") or False,
    tags={"Name": "web"},
)
public = Instance(
    "public",
    ami=image.id,
    instance_type="t3.micro",
    subnet_id=subnet.id,
    vpc_security_group_ids=[group.id],
    associate_public_ip_address=True,
)
Instance("default", ami=image.id, instance_type="t3.micro")
Eip("first", instance=web.id)
EipAssociation("second", instance_id=public.id, allocation_id=Eip("second").id)
pulumi.export("address", public.public_ip)
pulumi.export("web", web.id)
