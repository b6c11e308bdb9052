"""What is made on AWS is closed, encrypted, recorded and tagged: each type that the platform uses has a rule, or says
that there is nothing to hold it to."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from modules.core.aws import REQUIRED_TAGS
from policies.pods import Document, group

EVERYONE = {"0.0.0.0/0", "::/0"}
ALL_RIGHTS = {"AdministratorAccess", "PowerUserAccess"}
"""Policies of AWS by which nearly everything is allowed; those that end in FullAccess are refused too."""
LONGEST_KEPT = 3653
"""Days that CloudWatch Logs keeps records at most; none is for ever."""


def problems(resource_type: str, props: Document) -> list[str]:
    """What is wrong with a resource of AWS, one line each; nothing is with others."""
    if not resource_type.startswith("aws:"):
        return []
    kind = kind_of(resource_type)
    if kind not in RULES and kind not in WITHOUT_RULE:
        return [f"no rule is known for {resource_type}: add it to policies/aws.py, or say there that it needs none"]
    found = RULES[kind](props) if kind in RULES else []
    return [*found, *(() if kind in UNTAGGED else _tags(props))]


def kind_of(resource_type: str) -> str:
    """Return a type as programs import it: eks.Cluster of aws:eks/cluster:Cluster."""
    _, module, name = resource_type.split(":")
    return f"{module.partition('/')[0]}.{name}"


def _tags(props: Document) -> list[str]:
    return [
        f"tags lack {key}: by it its cost is counted, and it is found when it is left over"
        for key in REQUIRED_TAGS
        if not group(props, "tags").get(key)
    ]


def _is(key: str, wanted: object, remedy: str) -> Callable[[Document], list[str]]:
    """The value at a path is this one."""

    def check(props: Document) -> list[str]:
        *outer, last = key.split(".")
        place = props
        for each in outer:
            place = group(place, each)
        return [] if place.get(last) == wanted else [f"{key} is {place.get(last)!r}: {remedy}"]

    return check


def _launch_template(props: Document) -> list[str]:
    metadata = group(props, "metadataOptions")
    found: list[str] = []
    if metadata.get("httpTokens") != "required" or metadata.get("httpPutResponseHopLimit") != 1:
        found.append(
            "metadataOptions let pods have the node's identity: set httpTokens to required and the hop limit to 1"
        )
    devices: Sequence[Document] = props.get("blockDeviceMappings") or ()
    if not devices or any(str(group(each, "ebs").get("encrypted")).lower() != "true" for each in devices):
        found.append("blockDeviceMappings have a disk that is not encrypted: set encrypted to true")
    return found


def _emptied(props: Document) -> list[str]:
    rules = [side for side in ("ingress", "egress") if props.get(side)]
    return [
        f"{side} has rules: what has no security group of its own would be in this one: leave it empty"
        for side in rules
    ]


def _ingress(props: Document) -> list[str]:
    ranges = {str(props.get(key)) for key in ("cidrIpv4", "cidrIpv6")} & EVERYONE
    return [f"{each} is everyone: name the ranges that may come in" for each in sorted(ranges)]


def _security_group(props: Document) -> list[str]:
    rules: Sequence[Document] = props.get("ingress") or ()
    return [
        f"ingress lets in {each}, which is everyone: name the ranges that may come in"
        for rule in rules
        for each in sorted(EVERYONE & {*(rule.get("cidrBlocks") or ()), *(rule.get("ipv6CidrBlocks") or ())})
    ]


def _public_access(props: Document) -> list[str]:
    keys = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    return [f"{key} is {props.get(key)!r}: set it to true" for key in keys if props.get(key) is not True]


def _bucket_encryption(props: Document) -> list[str]:
    rules: Sequence[Document] = props.get("rules") or ()
    known = [group(rule, "applyServerSideEncryptionByDefault").get("sseAlgorithm") for rule in rules]
    return [] if known and all(known) else ["rules name no algorithm: objects must be encrypted"]


def _bucket_policy(props: Document) -> list[str]:
    found = _statements(props.get("policy"))
    if not any(
        each.get("Effect") == "Deny" and group(group(each, "Condition"), "Bool").get("aws:SecureTransport") == "false"
        for each in found
    ):
        return ["policy takes requests without TLS: deny them where aws:SecureTransport is false"]
    return _open_to_everyone(found)


def _allowed_to_everyone(props: Document) -> list[str]:
    return _open_to_everyone(_statements(props.get("policy")))


def _open_to_everyone(statements: Sequence[Document]) -> list[str]:
    everyone: tuple[object, ...] = ("*", {"AWS": "*"}, ["*"], {"AWS": ["*"]})
    return [
        "policy allows everyone what it allows: name the accounts or services"
        for each in statements
        if each.get("Effect") == "Allow" and each.get("Principal") in everyone and not each.get("Condition")
    ]


def _rights(props: Document) -> list[str]:
    found = _statements(props.get("policy"))
    others = [
        f"policy allows all but what {key} names: name the actions and the resources"
        for each in found
        if each.get("Effect") == "Allow"
        for key in ("NotAction", "NotResource")
        if key in each
    ]
    return others + [
        f"policy allows {action} on everything: name the actions and the resources"
        for each in found
        if each.get("Effect") == "Allow" and "*" in _texts(each.get("Resource"))
        for action in _texts(each.get("Action"))
        if action.endswith("*")
    ]


def _attached(props: Document) -> list[str]:
    name = str(props.get("policyArn")).rpartition("/")[2]
    wide = name in ALL_RIGHTS or name.endswith("FullAccess")
    return [f"policyArn is {name}, which allows everything: name what is needed"] if wide else []


def _trust(props: Document) -> list[str]:
    found = _open_to_everyone(_statements(props.get("assumeRolePolicy")))
    for each in _statements(props.get("assumeRolePolicy")):
        equals = group(group(each, "Condition"), "StringEquals")
        if "AssumeRoleWithWebIdentity" in str(each.get("Action")) and not any(key.endswith(":sub") for key in equals):
            found.append("assumeRolePolicy trusts every service account of the cluster: name one by :sub")
    return found


def _log_group(props: Document) -> list[str]:
    days = props.get("retentionInDays") or 0
    kept = [] if 0 < days <= LONGEST_KEPT else ["retentionInDays is missing: records would be kept, and paid, for ever"]
    # By the names alone: before the key is made, nobody may ask for the value.
    return [*kept, *([] if "kmsKeyId" in set(props) else ["kmsKeyId is missing: name a key of the platform's own"])]


def _cluster(props: Document) -> list[str]:
    network = group(props, "vpcConfig")
    found: list[str] = []
    ranges: Sequence[str] = network.get("publicAccessCidrs") or ()
    if network.get("endpointPublicAccess") is not False and (not ranges or EVERYONE & {*ranges}):
        found.append("vpcConfig lets everyone reach the API: set endpointPublicAccess to false, or name the ranges")
    if "encryptionConfig" not in set(props):  # by its name: the key may not be made yet
        found.append("encryptionConfig is missing: Secrets must be encrypted with a key of the platform's own")
    if "audit" not in (props.get("enabledClusterLogTypes") or ()):
        found.append("enabledClusterLogTypes lack audit: nobody would know who did what")
    return found


def _all(*checks: Callable[[Document], list[str]]) -> Callable[[Document], list[str]]:
    return lambda props: [problem for check in checks for problem in check(props)]


def _parameters(props: Document) -> list[str]:
    given: Sequence[Document] = props.get("parameters") or ()
    forced = any(each.get("name") == "rds.force_ssl" and each.get("value") == "1" for each in given)
    return [] if forced else ["parameters take connections without TLS: set rds.force_ssl to 1"]


def _repository_key(props: Document) -> list[str]:
    given: Sequence[Document] = props.get("encryptionConfigurations") or ()
    known = any(each.get("encryptionType") == "KMS" for each in given)
    return [] if known else ["encryptionConfigurations are missing: name a key of the platform's own"]


def _statements(document: Any) -> list[Document]:
    """Of a policy; none where it is not known yet."""
    if not isinstance(document, str):
        return []
    found: Any = json.loads(document).get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(cast(Sequence[Document], found))


def _texts(value: Any) -> Iterator[str]:
    yield from [value] if isinstance(value, str) else value or ()


def _workgroup(props: Document) -> list[str]:
    given = group(props, "configuration")
    results = group(group(given, "resultConfiguration"), "encryptionConfiguration")
    found: list[str] = []
    if given.get("enforceWorkgroupConfiguration") is False:
        found.append("configuration.enforceWorkgroupConfiguration is False: clients would choose where results go")
    if results.get("encryptionOption") not in {"SSE_KMS", "CSE_KMS"}:
        found.append("configuration.resultConfiguration names no key: results must be encrypted with one")
    if not given.get("bytesScannedCutoffPerQuery"):
        found.append("configuration.bytesScannedCutoffPerQuery is missing: a query may cost anything")
    return found


def _granted(props: Document) -> list[str]:
    everyone = str(props.get("principal")) in {"IAM_ALLOWED_PRINCIPALS", "*"}
    found = ["principal is everyone whom IAM lets in: name a role"] if everyone else []
    given = {*(props.get("permissions") or ()), *(props.get("permissionsWithGrantOptions") or ())}
    wide = sorted(given & {"ALL", "SUPER"})
    return [*found, *(f"permissions are {each}, which is everything: name what is needed" for each in wide)]


RULES: Mapping[str, Callable[[Document], list[str]]] = {
    "athena.Workgroup": _workgroup,
    "cloudwatch.LogGroup": _log_group,
    "ec2.DefaultSecurityGroup": _emptied,
    "ec2.FlowLog": _is("trafficType", "ALL", "record all connections, not only those that were accepted or refused"),
    "ec2.LaunchTemplate": _launch_template,
    "ec2.SecurityGroup": _security_group,
    "ec2.Subnet": _is("mapPublicIpOnLaunch", False, "set it to false: only load balancers have public addresses"),
    "ecr.Repository": _all(
        _is("imageTagMutability", "IMMUTABLE", "set it to IMMUTABLE: a tag must always mean the same image"),
        _is("imageScanningConfiguration.scanOnPush", True, "set it to true"),
        _repository_key,
    ),
    "eks.Cluster": _cluster,
    "iam.Role": _trust,
    "iam.RolePolicy": _rights,
    "iam.RolePolicyAttachment": _attached,
    "kms.Key": _all(_is("enableKeyRotation", True, "set it to true"), _allowed_to_everyone),
    "lakeformation.Permissions": _granted,
    "rds.Instance": _all(
        _is("storageEncrypted", True, "set it to true"),
        _is("publiclyAccessible", False, "set it to false: only the cluster's pods connect"),
        _is("manageMasterUserPassword", True, "set it to true: a password of one's own would be in the stack's state"),
    ),
    "rds.ParameterGroup": _parameters,
    "s3.BucketOwnershipControls": _is("rule.objectOwnership", "BucketOwnerEnforced", "set it to BucketOwnerEnforced"),
    "s3.BucketPolicy": _bucket_policy,
    "s3.BucketPublicAccessBlock": _public_access,
    "s3.BucketServerSideEncryptionConfiguration": _bucket_encryption,
    "sqs.Queue": _is("sqsManagedSseEnabled", True, "set it to true"),
    "sqs.QueuePolicy": _allowed_to_everyone,
    "vpc.SecurityGroupIngressRule": _ingress,
}
"""By type, as programs import it: service and class."""
WITHOUT_RULE: Mapping[str, str] = {
    "budgets.Budget": "counts costs; opens and holds nothing",
    "cloudwatch.EventRule": "chooses events; who gets them is the queue's policy",
    "cloudwatch.EventTarget": "names a queue, whose policy says who may send to it",
    "costexplorer.CostAllocationTag": "counts costs; opens and holds nothing",
    "ec2.Eip": "an address alone: what has it is held to rules of its own",
    "ec2.InternetGateway": "opens nothing without a route and a public address",
    "ec2.NatGateway": "leads out alone",
    "ec2.Route": "opens nothing: subnets give no public addresses, and security groups decide who gets in",
    "ec2.RouteTable": "a list of routes, which are resources of their own",
    "ec2.RouteTableAssociation": "opens nothing: as a route",
    "ec2.Tag": "is a tag",
    "ec2.Vpc": "has no rule of its own: its default security group, subnets and flow log are held to theirs",
    "ec2.VpcEndpoint": "is reached by its security group, which is held to a rule; some services take no policy of it",
    "ecr.LifecyclePolicy": "deletes images that nobody pulls; opens nothing",
    "eks.AccessEntry": "gives no right by itself; settings name who administers",
    "eks.AccessPolicyAssociation": "settings name who administers and who only looks",
    "eks.Addon": "its rights are its role's, which is held to a rule",
    "eks.NodeGroup": "its disks and metadata are of the launch template, its rights of the role",
    "glue.CatalogDatabase": "names tables; Lake Formation says who reads them",
    "glue.CatalogTable": "names files, which are held to the rules of their bucket",
    "glue.Crawler": "its rights are its role's, which is held to a rule",
    "iam.InstanceProfile": "hands on a role, which is held to a rule",
    "iam.OpenIdConnectProvider": "gives no right by itself: roles say which service account they trust",
    "kms.Alias": "is a name of a key",
    "lakeformation.DataLakeSettings": "settings name who administers",
    "lakeformation.LfTag": "gives no right by itself: permissions name it",
    "lakeformation.Resource": "its rights are its role's, which is held to a rule",
    "lakeformation.ResourceLfTag": "gives no right by itself: permissions name it",
    "rds.SubnetGroup": "names subnets, which are held to a rule",
    "s3.Bucket": "AWS encrypts and closes each; what makes sure of it are resources of their own",
    "s3.BucketLifecycleConfiguration": "settings say how long objects are kept",
    "s3.BucketLogging": "adds a record; opens nothing",
    "s3.BucketVersioning": "settings say by role whether versions are kept",
}
"""Types that are held to no rule but that of tags, and why."""
UNTAGGED = {
    *("cloudwatch.EventTarget", "costexplorer.CostAllocationTag", "ec2.Route", "ec2.RouteTableAssociation", "ec2.Tag"),
    *("ecr.LifecyclePolicy", "eks.AccessPolicyAssociation", "iam.RolePolicy", "iam.RolePolicyAttachment", "kms.Alias"),
    *("glue.CatalogTable", "lakeformation.DataLakeSettings", "lakeformation.LfTag", "lakeformation.Permissions"),
    *("lakeformation.Resource", "lakeformation.ResourceLfTag"),
    *("sqs.QueuePolicy", "s3.BucketLifecycleConfiguration", "s3.BucketLogging", "s3.BucketOwnershipControls"),
    *("s3.BucketPolicy", "s3.BucketPublicAccessBlock", "s3.BucketServerSideEncryptionConfiguration"),
    "s3.BucketVersioning",
}
"""What takes no tags."""
