"""Functions that programs ask the account by: aws.get_availability_zones() and the like."""

import base64
import json
import zlib
from collections.abc import Callable
from typing import Any

from embedded.providers.base import Object, ProviderError, Secret

from . import lookups
from .account import Account, region_of
from .convert import plain

Ask = Callable[[Account, Object], Object]
BOOLEANS = {"mostRecent", "includeDeprecated", "allowUnsafeFilter", "default", "privateZone", "withDecryption"}
"""Arguments that programs may write as texts; the SDK takes answers with booleans alone."""
TOKEN_SECONDS = 60
"""For how long the URL in a cluster's token is valid; the token's form gives it 15 minutes."""


def availability_zones(account: Account, arguments: Object) -> Object:
    region = region_of(account, arguments)
    zones: Any = account.call("ec2", "describe_availability_zones", {"Filters": lookups.filters_of(arguments)}, region)[
        "AvailabilityZones"
    ]
    state, left_out = arguments.get("state"), arguments.get("excludeNames") or ()
    zones = [zone for zone in zones if state in (None, zone["State"]) and zone["ZoneName"] not in left_out]
    return {
        "id": region,
        "region": region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone.get("GroupName", region) for zone in zones}),
        **arguments,
    }


def caller_identity(account: Account, arguments: Object) -> Object:
    del arguments
    found = account.call("sts", "get_caller_identity", {})
    return {"id": found["Account"], "accountId": found["Account"], "arn": found["Arn"], "userId": found["UserId"]}


def region(account: Account, arguments: Object) -> Object:
    name = region_of(account, arguments)
    return {"id": name, "name": name, "region": name, "endpoint": f"ec2.{name}.amazonaws.com", "description": name}


def partition(account: Account, arguments: Object) -> Object:
    del arguments
    return {
        "id": account.partition,
        "partition": account.partition,
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def policy_document(account: Account, arguments: Object) -> Object:
    """A document of the statements that a program lists, after those of source documents."""
    del account
    statements: list[Object] = []
    for source in arguments.get("sourcePolicyDocuments") or ():
        statements += json.loads(source).get("Statement", [])
    statements += [_statement(entry) for entry in arguments.get("statements") or ()]
    for source in arguments.get("overridePolicyDocuments") or ():
        for entry in json.loads(source).get("Statement", []):
            statements = [kept for kept in statements if not kept.get("Sid") or kept.get("Sid") != entry.get("Sid")]
            statements.append(entry)
    document: Object = {"Version": arguments.get("version") or "2012-10-17"}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    document["Statement"] = statements
    text = json.dumps(document, indent=2)
    return {
        "id": str(zlib.crc32(text.encode())),  # the same in each run, as the official provider makes it
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
        **arguments,
    }


def _statement(entry: Object) -> Object:
    made: Object = {"Sid": entry["sid"]} if entry.get("sid") else {}
    made["Effect"] = entry.get("effect") or "Allow"
    for name, key in (
        ("actions", "Action"),
        ("notActions", "NotAction"),
        ("resources", "Resource"),
        ("notResources", "NotResource"),
    ):
        if entry.get(name):
            made[key] = _single(entry[name])
    for name, key in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if entry.get(name):
            made[key] = _principals(entry[name])
    conditions: Object = {}
    for condition in entry.get("conditions") or ():
        conditions.setdefault(condition["test"], {})[condition["variable"]] = _single(condition["values"])
    return {**made, **({"Condition": conditions} if conditions else {})}


def _principals(entries: list[Object]) -> Any:
    if any(entry["type"] == "*" for entry in entries):
        return "*"
    made: dict[str, list[str]] = {}
    for entry in entries:
        made.setdefault(entry["type"], []).extend(entry["identifiers"])
    return {kind: _single(names) for kind, names in made.items()}


def _single(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else sorted(values)


def ami(account: Account, arguments: Object) -> Object:
    asked: Object = {"Filters": lookups.filters_of(arguments), "Owners": arguments.get("owners") or []}
    found: Any = account.call(
        "ec2", "describe_images", {k: v for k, v in asked.items() if v}, region_of(account, arguments)
    )["Images"]
    if not found:
        raise ProviderError(f"aws:ec2/getAmi:getAmi: no image matches {asked}")
    if len(found) > 1 and not arguments.get("mostRecent"):
        raise ProviderError(
            f"aws:ec2/getAmi:getAmi: {len(found)} images match {asked}; set mostRecent or filter further"
        )
    image = max(found, key=lambda entry: entry.get("CreationDate", ""))
    tags = {tag["Key"]: tag["Value"] for tag in image.pop("Tags", ())}
    return {**plain(image), "id": image["ImageId"], "tags": tags, **arguments}


def vpc(account: Account, arguments: Object) -> Object:
    asked = lookups.filters_of(arguments)
    if "default" in arguments:
        asked.append({"Name": "is-default", "Values": [str(arguments["default"]).lower()]})
    asked += _by_tags(arguments)
    if arguments.get("cidrBlock"):
        asked.append({"Name": "cidr", "Values": [arguments["cidrBlock"]]})
    parameters: Object = {"VpcIds": [arguments["id"]]} if arguments.get("id") else {}
    where = region_of(account, arguments)
    found: Any = account.call("ec2", "describe_vpcs", {**parameters, "Filters": asked}, where)["Vpcs"]
    if len(found) != 1:
        raise ProviderError(f"aws:ec2/getVpc:getVpc: {len(found)} VPCs match {parameters or asked}; exactly one must")
    one: Any = found[0]
    tags = {tag["Key"]: tag["Value"] for tag in one.pop("Tags", ())}
    arn = f"arn:{account.partition}:ec2:{where}:{account.id}:vpc/{one['VpcId']}"
    return {
        **plain(one),
        "id": one["VpcId"],
        "arn": arn,
        "default": one.get("IsDefault", False),
        "tags": tags,
        "region": where,
    }


def _by_tags(arguments: Object) -> list[Object]:
    tags: dict[str, str] = arguments.get("tags") or {}
    return [{"Name": f"tag:{name}", "Values": [value]} for name, value in tags.items()]


def subnets(account: Account, arguments: Object) -> Object:
    where = region_of(account, arguments)
    asked = [*lookups.filters_of(arguments), *_by_tags(arguments)]
    found: Any = account.call("ec2", "describe_subnets", {"Filters": asked}, where)["Subnets"]
    return {**arguments, "id": where, "region": where, "ids": sorted(entry["SubnetId"] for entry in found)}


def parameter(account: Account, arguments: Object) -> Object:
    decrypted = arguments.get("withDecryption", True)
    asked = {"Name": arguments["name"], "WithDecryption": decrypted}
    found = account.call("ssm", "get_parameter", asked, region_of(account, arguments))["Parameter"]
    return {
        "id": found["Name"],
        "name": found["Name"],
        "type": found["Type"],
        "value": Secret(found["Value"]),
        "arn": found["ARN"],
        "version": found["Version"],
        "withDecryption": decrypted,
        "insecureValue": found["Value"] if found["Type"] != "SecureString" else None,
    }


def secret_version(account: Account, arguments: Object) -> Object:
    """What is in a secret. The official provider marks it as secret, so that no state and no output shows it."""
    where = region_of(account, arguments)
    stage = None if arguments.get("versionId") else arguments.get("versionStage") or "AWSCURRENT"
    asked = {"SecretId": arguments["secretId"], "VersionId": arguments.get("versionId"), "VersionStage": stage}
    given = {name: value for name, value in asked.items() if value}
    found = account.call("secretsmanager", "get_secret_value", given, where)
    binary: bytes = found.get("SecretBinary", b"")
    return {
        "id": f"{arguments['secretId']}|{arguments.get('versionId') or stage}",
        "secretId": arguments["secretId"],
        "secretArn": found["ARN"],
        "arn": found["ARN"],
        "createdDate": plain(found["CreatedDate"]),
        "region": where,
        "secretString": Secret(found.get("SecretString", "")),
        "secretBinary": Secret(binary.decode(errors="replace")),
        "versionId": found["VersionId"],
        "versionStage": stage,
        "versionStages": found["VersionStages"],
    }


def service_quota(account: Account, arguments: Object) -> Object:
    """By its code, or by its name."""
    where, service = region_of(account, arguments), arguments["serviceCode"]
    known: Any = account.call("service-quotas", "list_service_quotas", {"ServiceCode": service}, where)["Quotas"]
    code, name = arguments.get("quotaCode"), arguments.get("quotaName")
    found = next(
        (each for each in known if code in (None, each["QuotaCode"]) and name in (None, each["QuotaName"])), None
    )
    if found is None or code is name is None:
        raise ProviderError(f"aws:servicequotas/getServiceQuota:getServiceQuota: {service} has no quota {code or name}")
    names = {"ServiceCode": service, "QuotaCode": found["QuotaCode"]}
    default = account.call("service-quotas", "get_aws_default_service_quota", names, where)["Quota"]
    return {
        "id": found["QuotaArn"],
        "arn": found["QuotaArn"],
        "adjustable": found["Adjustable"],
        "defaultValue": default["Value"],
        "globalQuota": found["GlobalQuota"],
        "quotaCode": found["QuotaCode"],
        "quotaName": found["QuotaName"],
        "region": where,
        "serviceCode": service,
        "serviceName": found["ServiceName"],
        "usageMetrics": [],
        "value": found["Value"],
    }


def cluster_auth(account: Account, arguments: Object) -> Object:
    """A token as `aws eks get-token` makes it: a signed URL of the caller's identity, for this cluster only."""
    client = account.client("sts", region_of(account, arguments))

    def add_cluster(request: Any, **_: Any) -> None:
        request.headers.add_header("x-k8s-aws-id", arguments["name"])

    client.meta.events.register("before-sign.sts.GetCallerIdentity", add_cluster, unique_id="cluster-auth")
    try:
        url: str = client.generate_presigned_url("get_caller_identity", ExpiresIn=TOKEN_SECONDS, HttpMethod="GET")
    finally:
        client.meta.events.unregister("before-sign.sts.GetCallerIdentity", unique_id="cluster-auth")
    token = "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return {"id": arguments["name"], "name": arguments["name"], "token": Secret(token)}


def ask(account: Account, token: str, arguments: Object) -> Object:
    given = {name: value for name, value in arguments.items() if value is not None}
    given.update({name: given[name] in (True, "true") for name in BOOLEANS & given.keys()})
    return INVOKES[token](account, given) if token in INVOKES else lookups.answer(account, token, given)


def answers(token: str) -> bool:
    return token in INVOKES or lookups.knows(token)


INVOKES: dict[str, Ask] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": caller_identity,
    "aws:index/getRegion:getRegion": region,
    "aws:index/getPartition:getPartition": partition,
    "aws:iam/getPolicyDocument:getPolicyDocument": policy_document,
    "aws:ec2/getAmi:getAmi": ami,
    "aws:ec2/getVpc:getVpc": vpc,
    "aws:ec2/getSubnets:getSubnets": subnets,
    "aws:ssm/getParameter:getParameter": parameter,
    "aws:secretsmanager/getSecretVersion:getSecretVersion": secret_version,
    "aws:servicequotas/getServiceQuota:getServiceQuota": service_quota,
    "aws:eks/getClusterAuth:getClusterAuth": cluster_auth,
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": lookups.authorization_token,
    "aws:ecr/getCredentials:getCredentials": lookups.credentials,
    "aws:index/getServicePrincipal:getServicePrincipal": lookups.service_principal,
}
