"""CloudWatch Logs: for how long events are kept."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..resource import Live


def retention(live: "Live") -> None:
    days = live.values.get("retentionInDays")
    if days:
        live.call("put_retention_policy", {"logGroupName": live.id, "retentionInDays": days})
    elif live.old:
        live.call("delete_retention_policy", {"logGroupName": live.id})
