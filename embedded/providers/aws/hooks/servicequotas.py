"""Service Quotas: more of what an account may have."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..resource import Live


def request_quota(live: "Live") -> None:
    """Ask for the value where it is more than what the account has. One that is less is refused by AWS as a change, and
    changes nothing as the resource is created."""
    names = {"ServiceCode": live.values["serviceCode"], "QuotaCode": live.values["quotaCode"]}
    current = live.call("get_service_quota", names)["Quota"]["Value"]
    wanted = live.values["value"]
    if wanted > current or (live.old and wanted < current):
        live.call("request_service_quota_increase", {**names, "DesiredValue": wanted})
