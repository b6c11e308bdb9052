"""What is in an account, by plain boto3."""

from collections.abc import Callable
from typing import Any

ACCOUNT = "123456789012"
Aws = Callable[[str], Any]
"""A service's name -> a client."""


def left(aws: Aws) -> list[str]:
    """What a search finds of what a person can make here, but for what every account has."""
    ec2, found = aws("ec2"), list[str]()
    found += [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    found += [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"] if not subnet["DefaultForAz"]]
    found += [
        group["GroupId"]
        for group in ec2.describe_security_groups()["SecurityGroups"]
        if group["GroupName"] != "default"
    ]
    found += [gateway["InternetGatewayId"] for gateway in ec2.describe_internet_gateways()["InternetGateways"]]
    found += [
        gateway["NatGatewayId"]
        for gateway in ec2.describe_nat_gateways()["NatGateways"]
        if gateway["State"] != "deleted"
    ]
    found += [address["AllocationId"] for address in ec2.describe_addresses()["Addresses"]]
    found += [
        endpoint["VpcEndpointId"]
        for endpoint in ec2.describe_vpc_endpoints()["VpcEndpoints"]
        if endpoint["State"] != "deleted"
    ]
    found += [flow["FlowLogId"] for flow in ec2.describe_flow_logs()["FlowLogs"]]
    found += [template["LaunchTemplateId"] for template in ec2.describe_launch_templates()["LaunchTemplates"]]
    found += [entry["NetworkInterfaceId"] for entry in ec2.describe_network_interfaces()["NetworkInterfaces"]]
    found += [volume["VolumeId"] for volume in ec2.describe_volumes()["Volumes"]]
    found += [
        entry["InstanceId"]
        for reservation in ec2.describe_instances()["Reservations"]
        for entry in reservation["Instances"]
        if entry["State"]["Name"] != "terminated"
    ]
    found += [entry["KeyName"] for entry in ec2.describe_key_pairs()["KeyPairs"]]
    found += [bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"]]
    found += [role["RoleName"] for role in aws("iam").list_roles()["Roles"]]
    found += [policy["Arn"] for policy in aws("iam").list_policies(Scope="Local")["Policies"]]
    found += [profile["Arn"] for profile in aws("iam").list_instance_profiles()["InstanceProfiles"]]
    found += [entry["Arn"] for entry in aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    found += aws("eks").list_clusters()["clusters"]
    found += [entry["DBInstanceIdentifier"] for entry in aws("rds").describe_db_instances()["DBInstances"]]
    found += [entry["DBSubnetGroupName"] for entry in aws("rds").describe_db_subnet_groups()["DBSubnetGroups"]]
    parameters = [
        entry["DBParameterGroupName"] for entry in aws("rds").describe_db_parameter_groups()["DBParameterGroups"]
    ]
    found += [name for name in parameters if not name.startswith("default.")]
    found += [entry["TagKey"] for entry in aws("ce").list_cost_allocation_tags(Status="Active")["CostAllocationTags"]]
    found += [entry["Name"] for entry in aws("secretsmanager").list_secrets()["SecretList"]]
    found += [entry["repositoryName"] for entry in aws("ecr").describe_repositories()["repositories"]]
    found += [entry["Name"] for entry in aws("glue").get_databases()["DatabaseList"]]
    found += [entry["Name"] for entry in aws("glue").get_crawlers()["Crawlers"]]
    found += [entry["Name"] for entry in aws("athena").list_work_groups()["WorkGroups"] if entry["Name"] != "primary"]
    found += [entry["ResourceArn"] for entry in aws("lakeformation").list_resources()["ResourceInfoList"]]
    found += [entry["TagKey"] for entry in aws("lakeformation").list_lf_tags()["LFTags"]]
    found += [str(entry) for entry in aws("lakeformation").list_permissions()["PrincipalResourcePermissions"]]
    found += [entry["BudgetName"] for entry in aws("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]]
    found += aws("sqs").list_queues().get("QueueUrls", [])
    found += [entry["TopicArn"] for entry in aws("sns").list_topics()["Topics"]]
    found += [entry["SubscriptionArn"] for entry in aws("sns").list_subscriptions()["Subscriptions"]]
    buses = [entry["Name"] for entry in aws("events").list_event_buses()["EventBuses"]]
    found += [name for name in buses if name != "default"]
    found += [rule["Name"] for rule in aws("events").list_rules()["Rules"]]
    found += [group["logGroupName"] for group in aws("logs").describe_log_groups()["logGroups"]]
    kms = aws("kms")
    aliases = kms.list_aliases()["Aliases"]
    own = {alias.get("TargetKeyId") for alias in aliases if alias["AliasName"].startswith("alias/aws/")}
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    found += [key["KeyId"] for key in keys if key["KeyState"] != "PendingDeletion" and key["KeyId"] not in own]
    found += [alias["AliasName"] for alias in aliases if not alias["AliasName"].startswith("alias/aws/")]
    return found
