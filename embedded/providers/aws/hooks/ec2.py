"""EC2: rules of security groups, routes of a table, versions of a launch template."""

from typing import TYPE_CHECKING, Any

from embedded.providers.base import Object

from ..convert import same

if TYPE_CHECKING:
    from ..resource import Live

EVERY_PROTOCOL = "-1"
TARGETS = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
    "transitGatewayId": "TransitGatewayId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
    "networkInterfaceId": "NetworkInterfaceId",
    "carrierGatewayId": "CarrierGatewayId",
    "localGatewayId": "LocalGatewayId",
    "coreNetworkArn": "CoreNetworkArn",
    "vpcEndpointId": "VpcEndpointId",
}
DESTINATIONS = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}


def rule_permission(live: "Live") -> Object:
    """One rule of a group as EC2 takes it."""
    values = live.values
    made: Object = {"IpProtocol": values["ipProtocol"]}
    if values["ipProtocol"] != EVERY_PROTOCOL:
        made.update(FromPort=values.get("fromPort"), ToPort=values.get("toPort"))
    text = {"Description": values["description"]} if values.get("description") else {}
    if values.get("cidrIpv4"):
        made["IpRanges"] = [{"CidrIp": values["cidrIpv4"], **text}]
    if values.get("cidrIpv6"):
        made["Ipv6Ranges"] = [{"CidrIpv6": values["cidrIpv6"], **text}]
    if values.get("prefixListId"):
        made["PrefixListIds"] = [{"PrefixListId": values["prefixListId"], **text}]
    if values.get("referencedSecurityGroupId"):
        made["UserIdGroupPairs"] = [{"GroupId": values["referencedSecurityGroupId"], **text}]
    return {name: value for name, value in made.items() if value is not None}


def modify_rule(live: "Live") -> None:
    values = live.values
    names = {
        "CidrIpv4": "cidrIpv4",
        "CidrIpv6": "cidrIpv6",
        "Description": "description",
        "PrefixListId": "prefixListId",
    }
    names |= {"ReferencedGroupId": "referencedSecurityGroupId", "IpProtocol": "ipProtocol"}
    rule: Object = {name: values[source] for name, source in names.items() if values.get(source)}
    every = values["ipProtocol"] == EVERY_PROTOCOL
    rule.update(FromPort=-1 if every else values.get("fromPort"), ToPort=-1 if every else values.get("toPort"))
    rules = [{"SecurityGroupRuleId": live.id, "SecurityGroupRule": rule}]
    live.call("modify_security_group_rules", {"GroupId": values["securityGroupId"], "SecurityGroupRules": rules})


def security_group_rules(live: "Live") -> None:
    """A group has the rules that its own inputs list and no others, where they list any; a new group has none at all,
    not even the one that lets everything out."""
    live.find(more=False)
    for property, direction, key in (
        ("ingress", "ingress", "IpPermissions"),
        ("egress", "egress", "IpPermissionsEgress"),
    ):
        wanted: Any = live.values.get(property)
        if wanted is None and live.old:
            continue
        current: list[Object] = live.item.get(key) or []
        asked = [_permission(rule, live.id) for rule in wanted or ()]
        if same({"unordered": True}, current, asked):
            continue
        if current:
            live.call(f"revoke_security_group_{direction}", {"GroupId": live.id, "IpPermissions": current})
        if asked:
            live.call(f"authorize_security_group_{direction}", {"GroupId": live.id, "IpPermissions": asked})


def _permission(rule: Object, group: str) -> Object:
    text = {"Description": rule["description"]} if rule.get("description") else {}
    groups = [*(rule.get("securityGroups") or ()), *([group] if rule.get("self") else [])]
    made: Object = {"IpProtocol": str(rule["protocol"]).replace("all", EVERY_PROTOCOL)}
    if made["IpProtocol"] != EVERY_PROTOCOL:
        made.update(FromPort=rule["fromPort"], ToPort=rule["toPort"])
    members = {
        "IpRanges": [{"CidrIp": range, **text} for range in rule.get("cidrBlocks") or ()],
        "Ipv6Ranges": [{"CidrIpv6": range, **text} for range in rule.get("ipv6CidrBlocks") or ()],
        "PrefixListIds": [{"PrefixListId": list, **text} for list in rule.get("prefixListIds") or ()],
        "UserIdGroupPairs": [{"GroupId": name, **text} for name in groups],
    }
    return {**made, **{name: value for name, value in members.items() if value}}


def inline_ingress(live: "Live") -> list[Object]:
    return [_rule(entry, live.id) for entry in live.item.get("IpPermissions") or ()]


def inline_egress(live: "Live") -> list[Object]:
    return [_rule(entry, live.id) for entry in live.item.get("IpPermissionsEgress") or ()]


def _rule(permission: Object, group: str) -> Object:
    pairs: list[Object] = permission.get("UserIdGroupPairs") or []
    ranges: list[Object] = permission.get("IpRanges") or []
    ranges6: list[Object] = permission.get("Ipv6Ranges") or []
    lists: list[Object] = permission.get("PrefixListIds") or []
    texts = [entry["Description"] for entry in [*ranges, *ranges6, *lists, *pairs] if entry.get("Description")]
    found: Object = {
        "protocol": permission["IpProtocol"],
        "fromPort": permission.get("FromPort", 0),
        "toPort": permission.get("ToPort", 0),
        "cidrBlocks": [entry["CidrIp"] for entry in ranges],
        "ipv6CidrBlocks": [entry["CidrIpv6"] for entry in ranges6],
        "prefixListIds": [entry["PrefixListId"] for entry in lists],
        "securityGroups": [pair["GroupId"] for pair in pairs if pair.get("GroupId") != group],
        "self": any(pair.get("GroupId") == group for pair in pairs),
        "description": texts[0] if texts else "",
    }
    return {name: value for name, value in found.items() if name.endswith("Port") or value}


def routes(live: "Live") -> None:
    """A table has the routes that its own inputs list, where they list any."""
    live.find(more=False)
    current = {_destination(route): route for route in _own(live.item)}
    wanted = {_destination_of(route): route for route in live.values.get("routes") or ()}
    for name, value in sorted(current.keys() - wanted.keys()):
        live.call("delete_route", {"RouteTableId": live.id, name: value})
    for (name, value), route in wanted.items():
        targets = {api: route[source] for source, api in TARGETS.items() if route.get(source)}
        call = "replace_route" if (name, value) in current else "create_route"
        live.call(call, {"RouteTableId": live.id, name: value, **targets})


def _own(table: Object) -> list[Object]:
    """Without those that come with the table, and those of gateway endpoints."""
    found: list[Object] = table.get("Routes") or []
    return [
        r for r in found if r.get("Origin") == "CreateRoute" and not str(r.get("GatewayId", "")).startswith("vpce-")
    ]


def _destination(route: Object) -> tuple[str, str]:
    return next((name, route[name]) for name in DESTINATIONS.values() if route.get(name))


def _destination_of(route: Object) -> tuple[str, str]:
    return next((api, route[name]) for name, api in DESTINATIONS.items() if route.get(name))


def inline_routes(live: "Live") -> list[Object]:
    names = {**TARGETS, **DESTINATIONS}
    return [{name: route[api] for name, api in names.items() if route.get(api)} for route in _own(live.item)]


def default_version(live: "Live") -> None:
    """The version that is named, or the newest, where the template keeps it the default."""
    live.find()
    wanted: Any = live.values.get("defaultVersion")
    if live.values.get("updateDefaultVersion"):
        wanted = live.item["template"]["LatestVersionNumber"]
    if wanted and str(wanted) != str(live.item["template"]["DefaultVersionNumber"]):
        live.call("modify_launch_template", {"LaunchTemplateId": live.id, "DefaultVersion": str(wanted)})


def public_dns(live: "Live") -> str:
    address: str = live.item.get("PublicIp", "")
    place = "compute-1" if live.region == "us-east-1" else f"{live.region}.compute"
    return f"ec2-{address.replace('.', '-')}.{place}.amazonaws.com" if address else ""
