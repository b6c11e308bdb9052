"""What CloudFormation arranges otherwise of the lake: see `cloudformation`."""

from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]
CATALOG = {"Ref": "AWS::AccountId"}
"""The catalog of an account, which the SDK takes where none is named."""


def _in_catalog(properties: Json, inputs: Mapping[str, Any]) -> None:
    del inputs
    properties["CatalogId"] = CATALOG


def _crawler(properties: Json, inputs: Mapping[str, Any]) -> None:
    properties["Targets"] = {"S3Targets": [{"Path": each["path"]} for each in inputs["s3Targets"]]}
    if hour := inputs.get("schedule"):
        properties["Schedule"] = {"ScheduleExpression": hour}
    properties["Tags"] = dict(inputs["tags"])


def _settings(properties: Json, inputs: Mapping[str, Any]) -> None:
    properties["Admins"] = [{"DataLakePrincipalIdentifier": each} for each in inputs["admins"]]


def _location(properties: Json, inputs: Mapping[str, Any]) -> None:
    del inputs
    properties["UseServiceLinkedRole"] = False


def _resource(inputs: Mapping[str, Any]) -> Json:
    if database := inputs.get("database"):
        return {"Database": {"CatalogId": CATALOG, "Name": database["name"]}}
    if table := inputs.get("table"):
        return {"Table": {"CatalogId": CATALOG, "DatabaseName": table["databaseName"], "Name": table["name"]}}
    if location := inputs.get("dataLocation"):
        return {"DataLocation": {"CatalogId": CATALOG, "ResourceArn": location["arn"]}}
    tagged = inputs["lfTagPolicy"]
    expression = [{"TagKey": each["key"], "TagValues": each["values"]} for each in tagged["expressions"]]
    return {"LFTagPolicy": {"CatalogId": CATALOG, "ResourceType": tagged["resourceType"], "Expression": expression}}


def _permissions(properties: Json, inputs: Mapping[str, Any]) -> None:
    properties |= {
        "Principal": {"DataLakePrincipalIdentifier": inputs["principal"]},
        "Resource": _resource(inputs),
        "Permissions": inputs["permissions"],
        "PermissionsWithGrantOption": [],
    }


def _tagged(properties: Json, inputs: Mapping[str, Any]) -> None:
    tag = inputs["lfTag"]
    properties["Resource"] = _resource(inputs)
    properties["LFTags"] = [{"CatalogId": CATALOG, "TagKey": tag["key"], "TagValues": [tag["value"]]}]


BY_HAND: Mapping[str, tuple[Callable[[Json, Mapping[str, Any]], None], set[str]]] = {
    "aws:glue/catalogDatabase:CatalogDatabase": (_in_catalog, set()),
    "aws:glue/catalogTable:CatalogTable": (_in_catalog, set()),
    "aws:glue/crawler:Crawler": (_crawler, {"s3Targets", "schedule", "tags"}),
    "aws:lakeformation/dataLakeSettings:DataLakeSettings": (_settings, {"admins"}),
    "aws:lakeformation/lfTag:LfTag": (_in_catalog, set()),
    "aws:lakeformation/permissions:Permissions": (
        _permissions,
        {"principal", "permissions", "database", "table", "dataLocation", "lfTagPolicy"},
    ),
    "aws:lakeformation/resource:Resource": (_location, set()),
    "aws:lakeformation/resourceLfTag:ResourceLfTag": (_tagged, {"database", "lfTag"}),
}
"""What renders the inputs that CloudFormation arranges otherwise, and their names."""
