"""Functions by which programs look up one resource that others made: aws.ec2.get_subnet(), aws.iam.get_role() and the
like. Each answers what the resource itself would have as outputs."""

import base64
import json
from typing import Any

from embedded.providers.base import Object, ProviderError

from .account import Account, ApiError, region_of
from .recorded import Recorded
from .resource import Live
from .table import Entry, entry_of

DESCRIBED = {
    "aws:ec2/getSubnet:getSubnet": ("aws:ec2/subnet:Subnet", "describe_subnets", "Subnets", "SubnetId"),
    "aws:ec2/getSecurityGroup:getSecurityGroup": (
        "aws:ec2/securityGroup:SecurityGroup",
        "describe_security_groups",
        "SecurityGroups",
        "GroupId",
    ),
    "aws:ec2/getRouteTable:getRouteTable": (
        "aws:ec2/routeTable:RouteTable",
        "describe_route_tables",
        "RouteTables",
        "RouteTableId",
    ),
    "aws:ec2/getInternetGateway:getInternetGateway": (
        "aws:ec2/internetGateway:InternetGateway",
        "describe_internet_gateways",
        "InternetGateways",
        "InternetGatewayId",
    ),
    "aws:ec2/getNatGateway:getNatGateway": (
        "aws:ec2/natGateway:NatGateway",
        "describe_nat_gateways",
        "NatGateways",
        "NatGatewayId",
    ),
    "aws:ec2/getInstance:getInstance": (
        "aws:ec2/instance:Instance",
        "describe_instances",
        "Reservations[].Instances",
        "InstanceId",
    ),
    "aws:ec2/getVpcEndpoint:getVpcEndpoint": (
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "describe_vpc_endpoints",
        "VpcEndpoints",
        "VpcEndpointId",
    ),
    "aws:ec2/getElasticIp:getElasticIp": ("aws:ec2/eip:Eip", "describe_addresses", "Addresses", "AllocationId"),
}
"""Token -> type, EC2's call, where its answer lists them, and which member is the id."""
FILTERS = {
    "availabilityZone": "availability-zone",
    "cidrBlock": "cidr-block",
    "defaultForAz": "default-for-az",
    "gatewayId": "association.gateway-id",
    "name": "group-name",
    "publicIp": "public-ip",
    "serviceName": "service-name",
    "state": "state",
    "subnetId": "subnet-id",
    "vpcId": "vpc-id",
}
"""Arguments that narrow a search, as EC2 names its filters."""
IDS = {"id", "subnetId", "routeTableId", "internetGatewayId", "natGatewayId", "instanceId", "allocationId"}
LISTED = {
    "aws:ec2/getVpcs:getVpcs": ("describe_vpcs", "Vpcs", "VpcId"),
    "aws:ec2/getSecurityGroups:getSecurityGroups": ("describe_security_groups", "SecurityGroups", "GroupId"),
    "aws:ec2/getRouteTables:getRouteTables": ("describe_route_tables", "RouteTables", "RouteTableId"),
    "aws:ec2/getInstances:getInstances": ("describe_instances", "Reservations[].Instances", "InstanceId"),
    "aws:ec2/getNetworkInterfaces:getNetworkInterfaces": (
        "describe_network_interfaces",
        "NetworkInterfaces",
        "NetworkInterfaceId",
    ),
}
BY = ("id", "arn", "name", "bucket", "identifier", "url")
"""Arguments that are a resource's id, in the order in which they are tried."""


def knows(token: str) -> bool:
    return token in DESCRIBED or token in LISTED or _type_of(token) is not None


def answer(account: Account, token: str, arguments: Object) -> Object:
    if token in LISTED:
        return _listed(account, token, arguments)
    if token in DESCRIBED:
        kind, call, where, key = DESCRIBED[token]
        found = _described(account, call, where, arguments)
        if len(found) != 1:
            raise ProviderError(f"{token}: {len(found)} match {arguments}; exactly one must")
        return _read(account, token, entry_of(kind), found[0][key], arguments)
    entry = _type_of(token)
    assert entry is not None
    return (
        _recorded(account, token, entry, arguments) if "recorded" in entry else _known(account, token, entry, arguments)
    )


def _type_of(token: str) -> Entry | None:
    """The type that a function of the form aws:iam/getRole:getRole looks up."""
    path, _, name = token.partition(":")[2].partition(":")
    if not name.startswith("get"):
        return None
    kind = name.removeprefix("get")
    module = path.partition("/")[0]
    try:
        return entry_of(f"aws:{module}/{kind[:1].lower()}{kind[1:]}:{kind}")
    except ProviderError:
        return None


def filters_of(arguments: Object) -> list[Object]:
    """Return the filters that a program gives, as EC2 takes them."""
    return [{"Name": entry["name"], "Values": entry["values"]} for entry in arguments.get("filters") or ()]


def _described(account: Account, call: str, where: str, arguments: Object) -> list[Object]:
    import jmespath

    region = region_of(account, arguments)
    asked = filters_of(arguments)
    tags: dict[str, str] = {**(arguments.get("tags") or {}), **(arguments.get("instanceTags") or {})}
    asked += [{"Name": f"tag:{name}", "Values": [value]} for name, value in tags.items()]
    for name, filter in FILTERS.items():
        value = arguments.get(name)
        if value is not None and not (name == "subnetId" and call == "describe_subnets"):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            shown = "association.subnet-id" if (name, call) == ("subnetId", "describe_route_tables") else filter
            asked.append({"Name": shown, "Values": [text]})
    given = {name: arguments[name] for name in IDS if arguments.get(name) and (name != "subnetId" or "subnets" in call)}
    answer = account.call("ec2", call, {"Filters": asked} if asked else {}, region)
    found: list[Object] = jmespath.search(f"{where}[]", answer) or []
    return [entry for entry in found if set(given.values()) <= {v for v in entry.values() if isinstance(v, str)}]


def _listed(account: Account, token: str, arguments: Object) -> Object:
    call, where, key = LISTED[token]
    found = _described(account, call, where, arguments)
    region = region_of(account, arguments)
    ids = sorted(entry[key] for entry in found)
    addresses = {name: [entry.get(api) or "" for entry in found] for name, api in ADDRESSES.items()}
    return {**arguments, **addresses, "id": region, "region": region, "ids": ids}


ADDRESSES = {"privateIps": "PrivateIpAddress", "publicIps": "PublicIpAddress"}


def _read(account: Account, token: str, entry: Entry, id: str, arguments: Object) -> Object:
    live = Live(account, entry, dict(arguments), id)
    live.take_parts()
    if not live.find():
        raise ProviderError(f"{token}: nothing is there by {arguments}")
    found = live.outputs()
    tags: dict[str, str] = found.pop("tagsAll", {})
    return {**found, **arguments, "id": live.id, "tags": tags}


def _known(account: Account, token: str, entry: Entry, arguments: Object) -> Object:
    """By what the type's id consists of, or by another name of it."""
    declared: Object = entry.get("id", {})
    names: list[str] = declared.get("names", [])
    if names and all(arguments.get(name) for name in names):
        id = declared.get("separator", "").join(str(arguments[name]) for name in names)
        return _read(account, token, entry, id, arguments)
    for name in (*BY, *(name for name in arguments if name.lower().endswith(("id", "name", "identifier")))):
        if not arguments.get(name):
            continue
        try:
            return _read(account, token, entry, _id(account, entry, arguments, str(arguments[name])), arguments)
        except ApiError:
            continue
    raise ProviderError(f"{token}: nothing is there by {arguments}")


def _id(account: Account, entry: Entry, arguments: Object, text: str) -> str:
    """What a text is: the id, or the name with which the ARN ends that is the id. That ARN is of the form that the SDK
    documents for imports."""
    if entry.get("arn") != "$id" or text.startswith("arn:"):
        return text
    _, _, service, region, owner, resource = entry["import"].split(":", 5)
    prefix = resource[: max(resource.rfind("/"), resource.rfind(":")) + 1]
    where = region_of(account, arguments) if region else ""
    return f"arn:{account.partition}:{service}:{where}:{account.id if owner else ''}:{prefix}{text}"


def _recorded(account: Account, token: str, entry: Entry, arguments: Object) -> Object:
    """The one record that has what was asked for."""
    region = region_of(account, arguments)
    answer = account.call("cloudcontrol", "list_resources", {"TypeName": entry["schema"]}, region)
    documents = [json.loads(each["Properties"]) for each in answer["ResourceDescriptions"]]
    asked = {name: value for name, value in arguments.items() if name in {*entry["inputs"], *entry["outputs"], "id"}}
    found = [
        each for each in documents if all({**each, "id": each["Identifier"]}.get(n) == v for n, v in asked.items())
    ]
    if len(found) != 1:
        raise ProviderError(f"{token}: {len(found)} records match {arguments}; exactly one must")
    live = Recorded(account, entry, dict(arguments), found[0]["Identifier"], item=found[0])
    return {**live.outputs(), **arguments, "id": live.id}


def authorization_token(account: Account, arguments: Object) -> Object:
    """Of the account's registry: what `docker login` takes."""
    region = region_of(account, arguments)
    (data,) = account.call("ecr", "get_authorization_token", {}, region)["authorizationData"]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return {
        "id": region,
        "region": region,
        "authorizationToken": data["authorizationToken"],
        "expiresAt": data["expiresAt"].isoformat(),
        "proxyEndpoint": data["proxyEndpoint"],
        "userName": user,
        "password": password,
    }


def credentials(account: Account, arguments: Object) -> Object:
    found: Any = authorization_token(account, arguments)
    names = ("id", "region", "authorizationToken", "expiresAt", "proxyEndpoint")
    return {"registryId": arguments.get("registryId") or account.id, **{name: found[name] for name in names}}


def service_principal(account: Account, arguments: Object) -> Object:
    region, service = region_of(account, arguments), arguments["serviceName"]
    name = f"{service}.amazonaws.com"
    return {
        "id": f"{service}.{region}.amazonaws.com",
        "name": name,
        "region": region,
        "serviceName": service,
        "suffix": "amazonaws.com",
    }
