"""Service Quotas: what an account may have of what, and more of it where somebody asks.

AWS looks at a request for more, and grants it hours or days later; here it is granted at once."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from moto.core.exceptions import JsonRESTError
from moto.core.utils import unix_time
from moto.servicequotas.models import servicequotas_backends
from moto.servicequotas.responses import ServiceQuotasResponse

HOME = "us-east-1"
"""Region that knows the quotas of a whole account."""
GRANTED = "APPROVED"


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One of quotas.yaml."""

    service: str
    service_name: str
    code: str
    name: str
    default: float
    granted: float
    follows: str | None
    of_account: bool


def load() -> None:
    for function in OPERATIONS:
        setattr(ServiceQuotasResponse, function.__name__, function)


@cache
def table() -> dict[str, Quota]:
    """Return all, by code."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())["services"]
    return {
        code: Quota(
            service=service,
            service_name=found["name"],
            code=code,
            name=each["name"],
            default=float(each["default"]),
            granted=float(each.get("granted", each["default"])),
            follows=each.get("follows"),
            of_account=found.get("global", False),
        )
        for service, found in services.items()
        for code, each in found["quotas"].items()
    }


def value(account: str, region: str, code: str) -> float:
    """Return what the account may have. region: any, of what is counted in the whole account."""
    quota = table()[code]
    asked: list[float] = [
        each["DesiredValue"]
        for each in _requests(account, HOME if quota.of_account else region)
        if each["QuotaCode"] in (code, quota.follows)
    ]
    return max(quota.granted, *asked) if asked else quota.granted


def _requests(account: str, region: str) -> list[dict[str, Any]]:
    """Those of before, the oldest first."""
    return vars(servicequotas_backends[account][region]).setdefault("requests", [])


def _error(code: str, message: str) -> JsonRESTError:
    return JsonRESTError(code, message)


def _of_service(response: Any) -> list[Quota]:
    service: str = response._get_param("ServiceCode")
    found = [
        each
        for each in table().values()
        if each.service == service and (not each.of_account or response.region == HOME)
    ]
    if not found:
        raise _error("NoSuchResourceException", "The request failed because the specified service does not exist.")
    return found


def _quota(response: Any) -> Quota:
    code: str = response._get_param("QuotaCode")
    found = next((each for each in _of_service(response) if each.code == code), None)
    if found is None:
        raise _error("NoSuchResourceException", f"The quota {code} does not exist in the emulated account.")
    return found


def _described(response: Any, quota: Quota, *, default: bool = False) -> dict[str, Any]:
    """default: as every account has it."""
    account, region = response.current_account, response.region
    owner = "" if default else account
    return {
        "ServiceCode": quota.service,
        "ServiceName": quota.service_name,
        "QuotaArn": f"arn:{response.partition}:servicequotas:{region}:{owner}:{quota.service}/{quota.code}",
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": quota.default if default else value(account, region, quota.code),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": quota.of_account,
    }


def get_service_quota(self: Any) -> str:
    return json.dumps({"Quota": _described(self, _quota(self))})


def get_aws_default_service_quota(self: Any) -> str:
    return json.dumps({"Quota": _described(self, _quota(self), default=True)})


def list_service_quotas(self: Any) -> str:
    return json.dumps({"Quotas": [_described(self, each) for each in _of_service(self)]})


def list_aws_default_service_quotas(self: Any) -> str:
    return json.dumps({"Quotas": [_described(self, each, default=True) for each in _of_service(self)]})


def list_services(self: Any) -> str:
    names = {each.service: each.service_name for each in table().values() if not each.of_account or self.region == HOME}
    return json.dumps({"Services": [{"ServiceCode": code, "ServiceName": name} for code, name in names.items()]})


def request_service_quota_increase(self: Any) -> str:
    quota, desired = _quota(self), float(self._get_param("DesiredValue"))
    described = _described(self, quota)
    if desired <= described["Value"]:
        raise _error("IllegalArgumentException", "You must provide a quota value greater than the current quota value.")
    now = unix_time()
    request = {
        **{name: described[name] for name in described if name not in ("Value", "Adjustable")},
        "Id": uuid4().hex,
        "DesiredValue": desired,
        "Status": GRANTED,
        "Created": now,
        "LastUpdated": now,
        "Requester": json.dumps({"accountId": self.current_account}),
    }
    _requests(self.current_account, self.region).append(request)
    return json.dumps({"RequestedQuota": request})


def get_requested_service_quota_change(self: Any) -> str:
    asked: str = self._get_param("RequestId")
    for each in _requests(self.current_account, self.region):
        if each["Id"] == asked:
            return json.dumps({"RequestedQuota": each})
    raise _error("NoSuchResourceException", f"The request {asked} does not exist.")


def list_requested_service_quota_change_history(self: Any) -> str:
    """Of a service and a status, where these are given."""
    wanted = {"ServiceCode": self._get_param("ServiceCode"), "Status": self._get_param("Status")}
    return _history(self, wanted)


def list_requested_service_quota_change_history_by_quota(self: Any) -> str:
    quota = _quota(self)
    return _history(self, {"ServiceCode": quota.service, "QuotaCode": quota.code, "Status": self._get_param("Status")})


def _history(response: Any, wanted: dict[str, str | None]) -> str:
    found = [
        each
        for each in _requests(response.current_account, response.region)
        if all(value in (None, each[name]) for name, value in wanted.items())
    ]
    return json.dumps({"RequestedQuotas": found})


OPERATIONS = (
    get_service_quota,
    get_aws_default_service_quota,
    list_service_quotas,
    list_aws_default_service_quotas,
    list_services,
    request_service_quota_increase,
    get_requested_service_quota_change,
    list_requested_service_quota_change_history,
    list_requested_service_quota_change_history_by_quota,
)
