"""RDS: parameters of a group that differ from its family's."""

from typing import TYPE_CHECKING, Any

from embedded.providers.base import Object

if TYPE_CHECKING:
    from ..resource import Live

AT_A_TIME = 20
"""Parameters that one request takes."""


def changed_parameters(live: "Live") -> list[Object]:
    found: list[Any] = []
    asked = {"DBParameterGroupName": live.id, "Source": "user"}
    for page in live.account.pages("rds", "describe_db_parameters", asked, live.region):
        found += page["Parameters"]
    return [
        {
            "name": entry["ParameterName"],
            "value": entry["ParameterValue"],
            "applyMethod": entry.get("ApplyMethod", "immediate"),
        }
        for entry in found
        if "ParameterValue" in entry
    ]


def set_parameters(live: "Live") -> None:
    wanted: list[Object] = live.values.get("parameters") or []
    names = {entry["name"] for entry in wanted}
    gone = [entry for entry in live.old.get("parameters") or () if entry["name"] not in names]
    for call, entries in (("modify_db_parameter_group", wanted), ("reset_db_parameter_group", gone)):
        sent = [_parameter(entry, value=call.startswith("modify")) for entry in entries]
        for start in range(0, len(sent), AT_A_TIME):
            live.call(call, {"DBParameterGroupName": live.id, "Parameters": sent[start : start + AT_A_TIME]})


def _parameter(entry: Object, *, value: bool) -> Object:
    made: Object = {"ParameterName": entry["name"], "ApplyMethod": entry.get("applyMethod") or "immediate"}
    return {**made, "ParameterValue": str(entry["value"])} if value else made
