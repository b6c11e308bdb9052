"""Budgets: the fields of a budget, and its alarms, each with those who get it."""

import datetime
from typing import TYPE_CHECKING, Any

from embedded.providers.base import Object, ProviderError

if TYPE_CHECKING:
    from ..resource import Live

TIME = "%Y-%m-%d_%H:%M"
"""As the SDK documents it: 2026-11-01_00:00."""


def budget_fields(live: "Live") -> Object:
    values = live.values
    made: Object = {"BudgetName": values["name"], "BudgetType": values["budgetType"], "TimeUnit": values["timeUnit"]}
    if values.get("limitAmount"):
        made["BudgetLimit"] = {"Amount": str(values["limitAmount"]), "Unit": values.get("limitUnit", "USD")}
    filters: list[Object] = values.get("costFilters") or []
    if filters:
        made["CostFilters"] = {entry["name"]: entry["values"] for entry in filters}
    planned: list[Object] = values.get("plannedLimits") or []
    if planned:
        made["PlannedBudgetLimits"] = {
            str(int(_time(entry["startTime"]).timestamp())): {"Amount": entry["amount"], "Unit": entry["unit"]}
            for entry in planned
        }
    period = {"Start": values.get("timePeriodStart"), "End": values.get("timePeriodEnd")}
    if any(period.values()):
        made["TimePeriod"] = {name: _time(value) for name, value in period.items() if value}
    costs = live.lookup("costTypes")
    if isinstance(costs, dict):
        made["CostTypes"] = {name[:1].upper() + name[1:]: value for name, value in values["costTypes"].items()}
    return made


def _time(text: str) -> datetime.datetime:
    try:
        return datetime.datetime.strptime(text, TIME).replace(tzinfo=datetime.UTC)
    except ValueError:
        raise ProviderError(f"{text!r} is no time; expected the form 2026-11-01_00:00") from None


def budget_notifications(live: "Live") -> list[Object]:
    return [_alarm(entry) for entry in live.values.get("notifications") or ()]


def _alarm(entry: Object) -> Object:
    notification: Object = {
        "NotificationType": entry["notificationType"],
        "ComparisonOperator": entry["comparisonOperator"],
        "Threshold": entry["threshold"],
        "ThresholdType": entry["thresholdType"],
    }
    kinds = (("EMAIL", "subscriberEmailAddresses"), ("SNS", "subscriberSnsTopicArns"))
    people = [
        {"SubscriptionType": kind, "Address": address} for kind, name in kinds for address in entry.get(name) or ()
    ]
    return {"Notification": notification, "Subscribers": people}


def budget_inputs(live: "Live") -> Object:
    """What was read, in the form of the inputs. Alarms come with the budget's own subscribers only."""
    item = live.item
    filters: dict[str, list[str]] = item.get("CostFilters") or {}
    period: dict[str, datetime.datetime] = item.get("TimePeriod") or {}
    planned: dict[str, Object] = item.get("PlannedBudgetLimits") or {}
    limit: Object = item.get("BudgetLimit") or {}
    return {
        "limitAmount": _number(limit.get("Amount")),
        "costFilters": [{"name": name, "values": values} for name, values in sorted(filters.items())],
        "timePeriodStart": _text(period.get("Start")),
        "timePeriodEnd": _text(period.get("End")),
        "plannedLimits": [
            {"startTime": _text(_moment(start)), "amount": _number(entry["Amount"]), "unit": entry["Unit"]}
            for start, entry in sorted(planned.items())
        ],
        "notifications": [_shown(live, entry) for entry in _alarms(live)],
    }


def _moment(seconds: str) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)


def _text(time: datetime.datetime | None) -> str | None:
    return time.astimezone(datetime.UTC).strftime(TIME) if time else None


def _number(text: Any) -> str | None:
    """AWS writes 100 as 100.0."""
    return None if text is None else f"{float(text):g}"


def _name(live: "Live") -> Object:
    return {"AccountId": live.lookup("accountId"), "BudgetName": live.values["name"]}


def _alarms(live: "Live") -> list[Any]:
    found: list[Any] = live.call("describe_notifications_for_budget", _name(live)).get("Notifications") or []
    keys = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
    return [{key: entry[key] for key in keys} for entry in found]


def _shown(live: "Live", notification: Object) -> Object:
    asked = {**_name(live), "Notification": notification}
    people: list[Any] = live.call("describe_subscribers_for_notification", asked).get("Subscribers") or []
    shown = {name[:1].lower() + name[1:]: value for name, value in notification.items()}
    for kind, name in (("EMAIL", "subscriberEmailAddresses"), ("SNS", "subscriberSnsTopicArns")):
        if addresses := [entry["Address"] for entry in people if entry["SubscriptionType"] == kind]:
            shown[name] = addresses
    return shown


def update_budget(live: "Live") -> None:
    live.call("update_budget", {"AccountId": live.lookup("accountId"), "NewBudget": budget_fields(live)})


def update_notifications(live: "Live") -> None:
    for entry in _alarms(live):
        live.call("delete_notification", {**_name(live), "Notification": entry})
    for alarm in budget_notifications(live):
        live.call("create_notification", {**_name(live), **alarm})
