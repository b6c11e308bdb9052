"""EC2: what an instance is started with and how it changes, the main table of a VPC, and rules of the older kind."""

import base64
from typing import TYPE_CHECKING, Any

from embedded.providers.base import Object

from ..templates import MISSING

if TYPE_CHECKING:
    from ..resource import Live

EVERY_PROTOCOL = "-1"
DEVICE = {
    "deleteOnTermination": "DeleteOnTermination",
    "encrypted": "Encrypted",
    "iops": "Iops",
    "kmsKeyId": "KmsKeyId",
    "snapshotId": "SnapshotId",
    "throughput": "Throughput",
    "volumeSize": "VolumeSize",
    "volumeType": "VolumeType",
}
ROOT_DEVICE = "/dev/xvda"
METADATA = {
    "httpEndpoint": "HttpEndpoint",
    "httpProtocolIpv6": "HttpProtocolIpv6",
    "httpPutResponseHopLimit": "HttpPutResponseHopLimit",
    "httpTokens": "HttpTokens",
    "instanceMetadataTags": "InstanceMetadataTags",
}


def user_data(live: "Live") -> Any:
    """As the program wrote it: boto3 encodes it."""
    encoded = live.values.get("userDataBase64")
    if encoded:
        return base64.b64decode(encoded).decode(errors="surrogateescape")
    return live.values.get("userData") or MISSING


def instance_interfaces(live: "Live") -> Any:
    """What the program lists, or one interface where it decides on a public address: EC2 takes that only there."""
    listed: list[Object] = live.values.get("networkInterfaces") or []
    if listed:
        return [
            {"DeviceIndex": each["deviceIndex"], "NetworkInterfaceId": each["networkInterfaceId"]} for each in listed
        ]
    public = live.values.get("associatePublicIpAddress")
    if public is None:
        return MISSING
    own: Object = {
        "SubnetId": live.values.get("subnetId"),
        "Groups": live.values.get("vpcSecurityGroupIds"),
        "PrivateIpAddress": live.values.get("privateIp"),
    }
    kept = {name: value for name, value in own.items() if value}
    return [{"DeviceIndex": 0, "AssociatePublicIpAddress": public, **kept}]


def instance_subnet(live: "Live") -> Any:
    return _unless_interfaces(live, "subnetId")


def instance_groups(live: "Live") -> Any:
    return _unless_interfaces(live, "vpcSecurityGroupIds")


def instance_address(live: "Live") -> Any:
    return _unless_interfaces(live, "privateIp")


def _unless_interfaces(live: "Live", name: str) -> Any:
    return live.values.get(name) or MISSING if instance_interfaces(live) is MISSING else MISSING


def instance_devices(live: "Live") -> Any:
    root: Object = live.values.get("rootBlockDevice") or {}
    devices = [{"DeviceName": root.get("deviceName") or ROOT_DEVICE, "Ebs": _device(root)}] if _device(root) else []
    others: list[Object] = live.values.get("ebsBlockDevices") or []
    devices += [{"DeviceName": each["deviceName"], "Ebs": _device(each)} for each in others]
    return devices or MISSING


def _device(given: Object) -> Object:
    """The official provider has volumes deleted with their instance where a program does not say."""
    if not given:
        return {}
    return {"DeleteOnTermination": True} | {
        api: given[name] for name, api in DEVICE.items() if given.get(name) not in (None, "")
    }


def instance_template(live: "Live") -> Any:
    given: Object = live.values.get("launchTemplate") or {}
    names = {"id": "LaunchTemplateId", "name": "LaunchTemplateName", "version": "Version"}
    return {api: given[name] for name, api in names.items() if given.get(name)} or MISSING


def change_stopped_instance(live: "Live") -> None:
    """EC2 changes the type and the user data of an instance that is stopped."""
    one = {"InstanceIds": [live.id]}
    live.call("stop_instances", one)
    if live.changed("instanceType"):
        live.call(
            "modify_instance_attribute", {"InstanceId": live.id, "InstanceType": {"Value": live.values["instanceType"]}}
        )
    if live.changed("userData") or live.changed("userDataBase64"):
        data = user_data(live)
        text = "" if data is MISSING else base64.b64encode(data.encode(errors="surrogateescape")).decode()
        live.call("modify_instance_attribute", {"InstanceId": live.id, "Attribute": "userData", "Value": text})
    live.call("start_instances", one)


def instance_profile(live: "Live") -> None:
    asked = {"Filters": [{"Name": "instance-id", "Values": [live.id]}]}
    for each in live.call("describe_iam_instance_profile_associations", asked)["IamInstanceProfileAssociations"]:
        live.call("disassociate_iam_instance_profile", {"AssociationId": each["AssociationId"]})
    name = live.values.get("iamInstanceProfile")
    if name:
        live.call("associate_iam_instance_profile", {"InstanceId": live.id, "IamInstanceProfile": {"Name": name}})


def instance_metadata(live: "Live") -> None:
    given: Object = live.values.get("metadataOptions") or {}
    options = {api: given[name] for name, api in METADATA.items() if given.get(name) is not None}
    live.call("modify_instance_metadata_options", {"InstanceId": live.id, **options})


def instance_monitoring(live: "Live") -> None:
    live.call(
        "monitor_instances" if live.values.get("monitoring") else "unmonitor_instances", {"InstanceIds": [live.id]}
    )


def main_association(live: "Live") -> str:
    """Of the table that a VPC's subnets have when nobody says otherwise."""
    table, association = _main(live)
    live.values.setdefault("originalRouteTableId", table)
    return association


def original_main_table(live: "Live") -> str | None:
    return live.values.get("originalRouteTableId")


def restore_main_table(live: "Live") -> None:
    original = live.values.get("originalRouteTableId")
    if original:
        asked = {"AssociationId": live.id, "RouteTableId": original}
        live.call("replace_route_table_association", asked)


def _main(live: "Live") -> tuple[str, str]:
    filters = [{"Name": "vpc-id", "Values": [live.values["vpcId"]]}, {"Name": "association.main", "Values": ["true"]}]
    (table,) = live.call("describe_route_tables", {"Filters": filters})["RouteTables"]
    association = next(each["RouteTableAssociationId"] for each in table["Associations"] if each.get("Main"))
    return table["RouteTableId"], association


def classic_permission(live: "Live") -> Object:
    """All that one resource of the older kind lets through."""
    values = live.values
    text = {"Description": values["description"]} if values.get("description") else {}
    source = values.get("sourceSecurityGroupId")
    groups = [*([source] if source else []), *([values["securityGroupId"]] if values.get("self") else [])]
    protocol = EVERY_PROTOCOL if str(values["protocol"]).lower() == "all" else str(values["protocol"])
    ports: Object = {} if protocol == EVERY_PROTOCOL else {"FromPort": values["fromPort"], "ToPort": values["toPort"]}
    members = {
        "IpRanges": [{"CidrIp": each, **text} for each in values.get("cidrBlocks") or ()],
        "Ipv6Ranges": [{"CidrIpv6": each, **text} for each in values.get("ipv6CidrBlocks") or ()],
        "PrefixListIds": [{"PrefixListId": each, **text} for each in values.get("prefixListIds") or ()],
        "UserIdGroupPairs": [{"GroupId": each, **text} for each in groups],
    }
    return {"IpProtocol": protocol, **ports, **{name: value for name, value in members.items() if value}}


def classic_rules(live: "Live") -> list[str]:
    return live.id.split(",")
