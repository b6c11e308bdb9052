"""Budgets: changes of a budget, alarms that there are already, who gets them, and its tags."""

import json
from typing import Any

from moto.budgets.exceptions import DuplicateRecordException, NotFoundException
from moto.budgets.responses import BudgetsResponse
from moto.core.utils import unix_time

TAGS: dict[str, dict[str, str]] = {}
"""By a budget's ARN."""


def load() -> None:
    create, delete = BudgetsResponse.create_budget, BudgetsResponse.delete_budget
    add = BudgetsResponse.create_notification

    def create_budget(self: Any) -> str:
        answer = create(self)
        tags: list[dict[str, str]] = self._get_param("ResourceTags") or []
        TAGS[_arn(self, self._get_param("Budget")["BudgetName"])] = {tag["Key"]: tag["Value"] for tag in tags}
        return answer

    def delete_budget(self: Any) -> str:
        TAGS.pop(_arn(self, self._get_param("BudgetName")), None)
        return delete(self)

    def create_notification(self: Any) -> str:
        new: dict[str, Any] = self._get_param("Notification")
        budget: str = self._get_param("BudgetName")
        if any(notification.details == new for notification in _budget(self, budget).notifications):
            raise DuplicateRecordException("notification", budget)
        return add(self)

    functions = (create_budget, create_notification, delete_budget, update_budget)
    more = (describe_subscribers_for_notification, tag_resource, untag_resource, list_tags_for_resource)
    for function in (*functions, *more):
        setattr(BudgetsResponse, function.__name__, function)


def _arn(response: Any, name: str) -> str:
    return f"arn:{response.partition}:budgets::{response.current_account}:budget/{name}"


def _budget(response: Any, name: str) -> Any:
    found = response.backend.budgets[response._get_param("AccountId")].get(name)
    if found is None:
        raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
    return found


def update_budget(self: Any) -> str:
    """The whole budget is replaced, but for when it began, if the request leaves that out."""
    new: dict[str, Any] = self._get_param("NewBudget")
    kept = _budget(self, new["BudgetName"])
    kept.budget = {"TimePeriod": kept.budget["TimePeriod"], **new, "LastUpdatedTime": unix_time()}
    return json.dumps({})


def describe_subscribers_for_notification(self: Any) -> str:
    requested = self._get_param("Notification")
    for notification in _budget(self, self._get_param("BudgetName")).notifications:
        if all(notification.details.get(name) == value for name, value in requested.items()):
            return json.dumps({"Subscribers": notification.subscribers})
    raise NotFoundException("Unable to find the notification.")


def _tags(response: Any) -> dict[str, str]:
    arn: str = response._get_param("ResourceARN")
    if arn not in TAGS:
        raise NotFoundException(f"Resource {arn} doesn't exist.")
    return TAGS[arn]


def tag_resource(self: Any) -> str:
    _tags(self).update({tag["Key"]: tag["Value"] for tag in self._get_param("ResourceTags")})
    return json.dumps({})


def untag_resource(self: Any) -> str:
    for key in self._get_param("ResourceTagKeys"):
        _tags(self).pop(key, None)
    return json.dumps({})


def list_tags_for_resource(self: Any) -> str:
    return json.dumps({"ResourceTags": [{"Key": key, "Value": value} for key, value in _tags(self).items()]})
