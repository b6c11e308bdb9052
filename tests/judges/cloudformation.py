"""The AWS resources of a stack as one CloudFormation template, for judges that know templates and nothing of ours.

What a resource refers to by an output of another one becomes a reference of the template (Ref, Fn::GetAtt, Fn::Sub), so
that a judge sees what is connected with what."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml

from modules.core.paths import REPOSITORY
from scripts.aws_table import schemas
from tests.mocks import Declared, Recorder

from . import lake

Json = dict[str, Any]
TYPES: Path = REPOSITORY / "embedded/providers/aws/types"
MORE_TYPES = {
    "aws:cloudwatch/eventTarget:EventTarget": {},
    "aws:ec2/tag:Tag": {},
    "aws:lakeformation/dataLakeSettings:DataLakeSettings": {"schema": "AWS::LakeFormation::DataLakeSettings"},
    "aws:costexplorer/costAllocationTag:CostAllocationTag": {},
    "aws:sqs/queuePolicy:QueuePolicy": {
        "schema": "AWS::SQS::QueuePolicy",
        "cfn": {"policy": "PolicyDocument", "queueUrl": "Queues"},
    },
}
"""Used, and not in the emulated provider's table, or without AWS's schema there."""
NAMES: Mapping[str, Mapping[str, str]] = {
    "AWS::EC2::SecurityGroupIngress": {"cidrIpv4": "CidrIp", "referencedSecurityGroupId": "SourceSecurityGroupId"},
    "AWS::EC2::FlowLog": {"iamRoleArn": "DeliverLogsPermissionArn", "vpcId": "ResourceId"},
    "AWS::IAM::RolePolicy": {"role": "RoleName", "name": "PolicyName", "policy": "PolicyDocument"},
    "AWS::S3::Bucket": {"rules.applyServerSideEncryptionByDefault": "ServerSideEncryptionByDefault"},
    "AWS::RDS::DBInstance": {"vpcSecurityGroupIds": "VPCSecurityGroups", "dbSubnetGroupName": "DBSubnetGroupName"},
}
"""Inputs by what CloudFormation calls them, where neither the schema's spelling nor the provider's table says."""
REFERENCES = {"AWS::EC2::EIP": "AllocationId", "AWS::EC2::SecurityGroup": "GroupId"}
"""Attribute that is the SDK's id, of types whose Ref is another thing."""
WITHOUT_EQUIVALENT = {
    "aws:costexplorer/costAllocationTag:CostAllocationTag": "CloudFormation can't activate cost-allocation tags",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "CloudFormation can't adopt what AWS makes with a VPC",
    "aws:ec2/tag:Tag": "CloudFormation tags a resource in its own properties; this tags what EKS makes",
}
UNMAPPED = {
    "AWS::EC2::InternetGateway.vpcId": "the attachment is a resource of its own",
    "AWS::EC2::LaunchTemplate.updateDefaultVersion": "node groups name the version that they use",
    "AWS::EC2::SecurityGroupIngress.tags": "CloudFormation tags no rules",
    "AWS::Glue::Database.tags": "CloudFormation tags no databases of Glue",
    "AWS::IAM::InstanceProfile.tags": "CloudFormation tags no instance profiles",
}
"""Inputs that no property of CloudFormation holds, and why that hides no fault."""
_TOKEN = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.([A-Za-z0-9.]+))?\}")


def logical(token: str, name: str) -> str:
    """Return a resource's name in the template."""
    words = re.split(r"[^A-Za-z0-9]+", f"{token.rpartition(':')[2]} {name}")
    return "".join(word[0].upper() + word[1:] for word in words if word)


@cache
def declared() -> dict[str, Json]:
    """What the emulated provider's types say of each, by token."""
    found: dict[str, Json] = {}
    for file in sorted(TYPES.glob("*.yaml")):
        types = yaml.load(file.read_bytes(), yaml.CSafeLoader)["types"]
        found |= {f"aws:{token}": entry for token, entry in types.items()}
    return found | MORE_TYPES


def of_bucket(entry: Json) -> bool:
    """Whether it is a resource for the SDK, and a property of the bucket for CloudFormation."""
    return entry.get("schema") == "AWS::S3::Bucket" and "schema_at" in entry


@cache
def schema_of(name: str) -> schemas.Schema:
    return schemas.load(name)


class References(Recorder):
    """Mocks whose outputs are references of the template."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, Json]:
        made_id, made = super().new_resource(args)
        entry = declared().get(args.typ, {})
        if not (cloudformation := entry.get("schema")) or of_bucket(entry):
            return made_id, made
        name = logical(args.typ, args.name)
        attributes = {path[-1] for path in schemas.paths(schema_of(cloudformation), "readOnlyProperties") if path}
        if arn := schemas.find("arn", dict.fromkeys(attributes), cloudformation.rpartition(":")[2]):
            made["arn"] = f"${{{name}.{arn}}}"
        made |= {
            "AWS::EC2::LaunchTemplate": {"latestVersion": f"${{{name}.LatestVersionNumber}}"},
            "AWS::SQS::Queue": {"url": f"${{{name}}}"},
            "AWS::EKS::Cluster": {
                "vpcConfig": {"clusterSecurityGroupId": f"${{{name}.ClusterSecurityGroupId}}", "subnetIds": []}
            },
        }.get(cloudformation, {})
        attribute = REFERENCES.get(cloudformation)
        return f"${{{name}.{attribute}}}" if attribute else f"${{{name}}}", made


@dataclass
class Template:
    """A template, and what it could not hold. unmapped: inputs that CloudFormation has no property for, by type;
    without: types that it does not have."""

    resources: dict[str, Json] = field(default_factory=dict[str, Json])
    unmapped: set[str] = field(default_factory=set[str])
    without: set[str] = field(default_factory=set[str])

    def document(self) -> Json:
        return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": self.resources}

    def add(self, resource: Declared) -> None:
        """Add one; what is part of another one in CloudFormation goes into that, which must be there already."""
        if resource.type in WITHOUT_EQUIVALENT:
            self.without.add(resource.type)
        elif resource.type in PARTS:
            PARTS[resource.type](self, resource.inputs)
        else:
            self._add(resource)

    def _add(self, resource: Declared) -> None:
        entry = declared()[resource.type]
        name = entry["schema"]
        by_hand, taken = BY_HAND.get(resource.type, (None, set[str]()))
        taken = {*taken, "bucket"} if of_bucket(entry) else taken
        properties = Properties(name, entry, self.unmapped).of(
            {key: value for key, value in resource.inputs.items() if key not in taken}
        )
        if by_hand is not None:
            by_hand(properties, resource.inputs)
        if of_bucket(entry):
            bucket = self.find("AWS::S3::Bucket", "BucketName", resource.inputs["bucket"])
            merge(bucket, properties)
            return
        made = logical(resource.type, resource.name)
        if name == "AWS::EC2::InternetGateway":  # which the SDK attaches itself
            attached = {"VpcId": resource.inputs["vpcId"], "InternetGatewayId": f"${{{made}}}"}
            self.resources[f"{made}Attached"] = {"Type": "AWS::EC2::VPCGatewayAttachment", "Properties": attached}
        self.resources[made] = {"Type": name, "Properties": properties}

    def find(self, kind: str, key: str, value: str) -> Json:
        """Return the properties of the resource of that type that a value names: by its key, or by a reference."""
        for name, each in self.resources.items():
            if each["Type"] == kind and (each["Properties"].get(key) == value or value == f"${{{name}}}"):
                return each["Properties"]
        raise LookupError(f"no {kind} has {key} {value!r}")


@dataclass
class Properties:
    """Renders the inputs of one type."""

    name: str
    entry: Json
    unmapped: set[str]

    def of(self, inputs: Mapping[str, Any]) -> Json:
        schema = schema_of(self.name)
        unsent = {key for group in ("own", "recorded") for key in self.entry.get(group, ())}
        made: Json = {}
        for key, value in inputs.items():
            if value is None or key in unsent or key == "region":
                continue
            where = self._place(schema, key)
            if where is None:
                self.unmapped.add(f"{self.name}.{key}")
                continue
            node: Any = schema
            for part in where:
                node = schemas.properties(schema, node)[part]
            inner = made
            for part in where[:-1]:
                inner = inner.setdefault(part, {})
            merge(inner, {where[-1]: self.value(schema, node, value, key)})
        return made

    def _place(self, schema: schemas.Schema, key: str) -> list[str] | None:
        """Return the path of an input in the schema."""
        if "schema_at" in self.entry:
            path = self.entry["schema_at"].get(key)
            return path.split(".") if path else None
        known = schemas.properties(schema, schema)
        kind = self.name.rpartition(":")[2]
        if found := self._find(key, known, kind):
            return [found]
        prefix = self.entry.get("prefix", "")
        if prefix in known and (found := self._find(key, schemas.properties(schema, known[prefix]), kind)):
            return [prefix, found]
        return None

    def _find(self, path: str, known: Json, kind: str = "") -> str | None:
        names = (NAMES.get(self.name, {}), self.entry.get("cfn", {}), self.entry.get("renames", {}))
        aliases = [*(names[path] for names in names if path in names), path.rpartition(".")[2]]
        return next((found for alias in aliases if (found := schemas.find(alias, known, kind))), None)

    def value(self, schema: schemas.Schema, node: Any, value: Any, path: str) -> Any:
        node = schemas.follow(schema, node)
        kinds = node.get("type", "array" if "items" in node else "object" if "properties" in node else "")
        kinds = {kinds} if isinstance(kinds, str) else set(kinds)
        if isinstance(value, str) and value.startswith("{") and "object" in kinds:
            return json.loads(value)
        if "array" in kinds:
            items = schemas.follow(schema, node.get("items", {}))
            if path.rpartition(".")[2] == "tags" and isinstance(value, Mapping):
                return pairs(cast(Json, value))
            values: Sequence[Any] = cast(Sequence[Any], value) if isinstance(value, list) else [value]
            return [self.value(schema, items, each, path) for each in values]
        if isinstance(value, list) and len(cast(list[Any], value)) == 1:
            (value,) = cast(list[Any], value)
        if isinstance(value, Mapping):
            return self._group(schema, node, cast(Json, value), path)
        return scalar(value, kinds)

    def _group(self, schema: schemas.Schema, node: Any, value: Json, path: str) -> Json:
        known = schemas.properties(schema, node)
        if not known:
            return value
        made: Json = {}
        for key, each in value.items():
            if each is None:
                continue
            if found := self._find(f"{path}.{key}", known):
                made[found] = self.value(schema, known[found], each, f"{path}.{key}")
            else:
                self.unmapped.add(f"{self.name}.{path}.{key}")
        return made


def scalar(value: Any, kinds: set[str]) -> Any:
    """A value of one of the schema's types: programs write some numbers and booleans as text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and "boolean" in kinds and value in {"true", "false"}:
        return value == "true"
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and kinds == {"string"} else value


def pairs(tags: Mapping[str, str]) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def merge(into: Json, more: Json) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], cast(Json, value))
        elif isinstance(value, list) and isinstance(into.get(key), list):
            into[key] += value
        else:
            into[key] = value


def references(value: Any, known: set[str]) -> Any:
    """With each mark of a resource of the template as a reference."""
    if isinstance(value, Mapping):
        return {key: references(each, known) for key, each in cast(Json, value).items()}
    if isinstance(value, list):
        return [references(each, known) for each in cast(list[Any], value)]
    if not isinstance(value, str) or not (found := [m for m in _TOKEN.finditer(value) if m[1] in known]):
        return value
    if found[0][0] == value:
        return {"Fn::GetAtt": [found[0][1], found[0][2]]} if found[0][2] else {"Ref": found[0][1]}
    return {"Fn::Sub": value}


def _eks(properties: Json, inputs: Mapping[str, Any]) -> None:
    kinds = [{"Type": each} for each in inputs["enabledClusterLogTypes"]]
    properties["Logging"] = {"ClusterLogging": {"EnabledTypes": kinds}}


def _flow_log(properties: Json, inputs: Mapping[str, Any]) -> None:
    del inputs
    properties["ResourceType"] = "VPC"


def _launch_template(properties: Json, inputs: Mapping[str, Any]) -> None:
    properties["TagSpecifications"] = [{"ResourceType": "launch-template", "Tags": pairs(inputs["tags"])}]


def _instance(properties: Json, inputs: Mapping[str, Any]) -> None:
    if key := inputs.get("masterUserSecretKmsKeyId"):
        properties["MasterUserSecret"] = {"KmsKeyId": key}


def _parameters(properties: Json, inputs: Mapping[str, Any]) -> None:
    properties["Parameters"] = {each["name"]: each["value"] for each in inputs["parameters"]}


def _lifecycle(properties: Json, inputs: Mapping[str, Any]) -> None:
    made: list[Json] = []
    for rule in inputs["rules"]:
        one = {"Id": rule["id"], "Status": rule["status"]}
        if rule.get("expiration"):
            one["ExpirationInDays"] = int(rule["expiration"]["days"])
        if rule.get("noncurrentVersionExpiration"):
            days = int(rule["noncurrentVersionExpiration"]["noncurrentDays"])
            one["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
        if rule.get("abortIncompleteMultipartUpload"):
            days = int(rule["abortIncompleteMultipartUpload"]["daysAfterInitiation"])
            one["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
        made.append(one)
    properties["LifecycleConfiguration"] = {"Rules": made}


def _logging(properties: Json, inputs: Mapping[str, Any]) -> None:
    where = {"DestinationBucketName": inputs["targetBucket"], "LogFilePrefix": inputs["targetPrefix"]}
    properties["LoggingConfiguration"] = where


def _budget(properties: Json, inputs: Mapping[str, Any]) -> None:
    properties["Budget"]["CostFilters"] = {each["name"]: each["values"] for each in inputs.get("costFilters") or ()}
    properties["ResourceTags"] = pairs(inputs["tags"])
    properties["NotificationsWithSubscribers"] = [
        {
            "Notification": {
                "NotificationType": each["notificationType"],
                "ComparisonOperator": each["comparisonOperator"],
                "Threshold": each["threshold"],
                "ThresholdType": each["thresholdType"],
            },
            "Subscribers": [
                {"SubscriptionType": "EMAIL", "Address": address} for address in each["subscriberEmailAddresses"]
            ],
        }
        for each in inputs["notifications"]
    ]


def _attachment(template: Template, inputs: Mapping[str, Any]) -> None:
    role = template.find("AWS::IAM::Role", "RoleName", inputs["role"])
    role.setdefault("ManagedPolicyArns", []).append(inputs["policyArn"])


def _access_policy(template: Template, inputs: Mapping[str, Any]) -> None:
    entry = template.find("AWS::EKS::AccessEntry", "PrincipalArn", inputs["principalArn"])
    scope = {"Type": inputs["accessScope"]["type"]}
    entry.setdefault("AccessPolicies", []).append({"PolicyArn": inputs["policyArn"], "AccessScope": scope})


def _target(template: Template, inputs: Mapping[str, Any]) -> None:
    rule = template.find("AWS::Events::Rule", "Name", inputs["rule"])
    rule.setdefault("Targets", []).append({"Id": inputs.get("targetId") or "target", "Arn": inputs["arn"]})


def _image_rules(template: Template, inputs: Mapping[str, Any]) -> None:
    repository = template.find("AWS::ECR::Repository", "RepositoryName", inputs["repository"])
    repository["LifecyclePolicy"] = {"LifecyclePolicyText": inputs["policy"]}


BY_HAND: Mapping[str, tuple[Callable[[Json, Mapping[str, Any]], None], set[str]]] = {
    "aws:budgets/budget:Budget": (_budget, {"costFilters", "notifications", "tags"}),
    "aws:ec2/flowLog:FlowLog": (_flow_log, set()),
    "aws:ec2/launchTemplate:LaunchTemplate": (_launch_template, {"tags"}),
    "aws:eks/cluster:Cluster": (_eks, {"enabledClusterLogTypes"}),
    "aws:rds/instance:Instance": (_instance, {"masterUserSecretKmsKeyId"}),
    "aws:rds/parameterGroup:ParameterGroup": (_parameters, {"parameters"}),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (_lifecycle, {"rules"}),
    "aws:s3/bucketLogging:BucketLogging": (_logging, {"targetBucket", "targetPrefix"}),
    **lake.BY_HAND,
}
"""What renders the inputs that CloudFormation arranges otherwise, and their names."""
PARTS: Mapping[str, Callable[[Template, Mapping[str, Any]], None]] = {
    "aws:cloudwatch/eventTarget:EventTarget": _target,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _image_rules,
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _access_policy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _attachment,
}
"""Types that are part of another one's properties in CloudFormation."""


def render(resources: Sequence[Declared]) -> Template:
    """Return the template of a stack's resources, as the mocks of this module recorded them."""
    template = Template()
    in_aws = [each for each in resources if each.type.startswith("aws:")]
    # Wholes before their parts: the mocks record them in the order in which they were ready.
    for each in sorted(in_aws, key=lambda one: one.type in PARTS or of_bucket(declared()[one.type])):
        template.add(each)
    template.resources = references(template.resources, set(template.resources))
    return template
