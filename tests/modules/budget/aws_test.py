"""What the budget's component declares on AWS, and which settings are taken."""

from typing import Any

import pytest

from modules.budget.aws import MonthlyBudget
from modules.budget.settings import BudgetSettings
from modules.core.errors import UserError
from modules.core.labels import Labels
from modules.core.settings import validated
from tests.mocks import Declared, Monitor, declare

TAGS = {"environment": "dev", "owner": "someone", "cost-centre": "42"}


def budget(**values: Any) -> BudgetSettings:
    given = {"monthly_usd": 500, "emails": ["someone@example.com"], **values}
    return validated(BudgetSettings, given, source="stacks/Pulumi.x.yaml")


def declared(**values: Any) -> list[Declared]:
    return watched(**values)[0]


def watched(**values: Any) -> tuple[list[Declared], Monitor]:
    def program() -> None:
        labels = Labels(environment="dev", owner="someone")
        MonthlyBudget("budget", settings=budget(**values), tags=TAGS, labels=labels)

    recorder, monitor = declare(program)
    return recorder.declared, monitor


def of_kind(resources: list[Declared], kind: str) -> list[dict[str, Any]]:
    return [each.inputs for each in resources if each.type.rpartition(":")[2] == kind]


def test_it_counts_what_has_the_environments_tag() -> None:
    (made,) = of_kind(declared(), "Budget")
    assert (made["limitAmount"], made["limitUnit"], made["timeUnit"]) == ("500", "USD", "MONTHLY")
    assert made["costFilters"] == [{"name": "TagKeyValue", "values": ["user:environment$dev"]}]
    assert made["tags"].items() >= TAGS.items()


def test_people_hear_of_what_will_be_spent_and_of_what_is() -> None:
    (made,) = of_kind(declared(spent_percent=[90, 50]), "Budget")
    found = [(each["notificationType"], each["threshold"]) for each in made["notifications"]]
    assert found == [("FORECASTED", 100), ("ACTUAL", 50), ("ACTUAL", 90)]
    assert all(each["subscriberEmailAddresses"] == ["someone@example.com"] for each in made["notifications"])


def test_costs_are_counted_by_tags_where_the_account_may_say_so() -> None:
    assert of_kind(declared(), "CostAllocationTag") == []
    activated = of_kind(declared(activate_tags=True), "CostAllocationTag")
    assert {each["tagKey"]: each["status"] for each in activated} == dict.fromkeys(TAGS, "Active")


def test_the_accounts_tags_still_count_costs_of_others_when_a_platform_goes() -> None:
    assert watched(activate_tags=True)[1].retained == {f"budget-{key}" for key in TAGS}


@pytest.mark.parametrize(
    "values", [{}, {"spent_percent": []}, {"spent_percent": [150]}, {"emails": ["a.b+c@sub.example.com"] * 1}]
)
def test_a_budget_is_taken(values: dict[str, Any]) -> None:
    assert budget(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"monthly_usd": 0}, "monthly_usd is 0: "),
        ({"monthly_usd": 9.5}, "monthly_usd is 9.5: "),
        ({"monthly_usd": "500"}, "monthly_usd is '500': "),
        ({"emails": []}, "emails is []: "),
        ({"emails": ["someone"]}, "emails.0 is 'someone': "),
        ({"emails": ["a@b.example"] * 11}, "emails is "),
        ({"spent_percent": [0]}, "spent_percent is [0]: 0 is no percentage of the budget to warn at: allowed are 1 to"),
        ({"spent_percent": [80, 80]}, "spent_percent is [80, 80]: 80 is there twice: remove one"),
        ({"spent_percent": [1, 2, 3, 4, 5]}, "spent_percent is [1, 2, 3, 4, 5]: "),
        ({"hourly": 1}, "hourly: unknown key; "),
    ],
)
def test_a_budget_is_refused_with_its_path_the_reason_and_what_to_do(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        budget(**values)
    assert str(caught.value).startswith(f"groundwork:{message}")
