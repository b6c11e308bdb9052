"""What others made, looked up by name, id, tags and filters."""

import pulumi
from pulumi_aws import ecr, get_service_principal, iam, kms, route53, s3, sns, sqs
from pulumi_aws.ec2 import (
    Instance,
    get_instance_output,
    get_route_table,
    get_security_group,
    get_subnet,
    get_subnets,
    get_vpc,
    get_vpcs,
)

TRUST = '{"Version": "2012-10-17", "Statement": []}'

vpc = get_vpc(default=True)
subnets = get_subnets(filters=[{"name": "vpc-id", "values": [vpc.id]}]).ids
group = get_security_group(vpc_id=vpc.id, name="default")
by_id = get_subnet(id=subnets[0])
role = iam.Role("role", assume_role_policy=TRUST)
bucket = s3.Bucket("bucket")
key = kms.Key("key")
alias = kms.Alias("alias", target_key_id=key.key_id)
zone = route53.Zone("zone", name="example.com")
topic = sns.Topic("topic")
queue = sqs.Queue("queue")
machine = Instance("machine", ami="ami-12c6146b", instance_type="t3.micro")
repository = ecr.Repository("repository")
pulumi.export("group", group.vpc_id == vpc.id)
pulumi.export("subnet", by_id.vpc_id == vpc.id and by_id.availability_zone)
pulumi.export("table", get_route_table(vpc_id=vpc.id).vpc_id == vpc.id)
pulumi.export("vpcs", vpc.id in get_vpcs().ids)
pulumi.export("managed", iam.get_policy(arn="arn:aws:iam::aws:policy/ReadOnlyAccess").name)
pulumi.export("principal", get_service_principal(service_name="ec2").name)
pulumi.export("login", ecr.get_authorization_token().user_name)
pairs = {
    "role": (role.arn, iam.get_role_output(name=role.name).arn),
    "bucket": (bucket.arn, s3.get_bucket_output(bucket=bucket.bucket).arn),
    "key": (key.arn, kms.get_key_output(key_id=key.key_id).arn),
    "alias": (key.arn, kms.get_alias_output(name=alias.name).target_key_arn),
    "zone": (zone.zone_id, route53.get_zone_output(name=zone.name).zone_id),
    "topic": (topic.arn, sns.get_topic_output(name=topic.name).arn),
    "queue": (queue.arn, sqs.get_queue_output(name=queue.name).arn),
    "machine": (machine.private_ip, get_instance_output(instance_id=machine.id).private_ip),
    "repository": (repository.repository_url, ecr.get_repository_output(name=repository.name).repository_url),
}
for name, (own, found) in pairs.items():
    pulumi.export(name, pulumi.Output.all(own, found).apply(lambda both: bool(both[0]) and both[0] == both[1]))
