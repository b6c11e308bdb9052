"""The budget on AWS: of what has the environment's tag."""

from collections.abc import Mapping

import pulumi
from pulumi_aws.budgets import Budget, BudgetCostFilterArgs, BudgetNotificationArgs
from pulumi_aws.costexplorer import CostAllocationTag

from modules.core.component import Component
from modules.core.labels import Labels

from .settings import BudgetSettings

COUNTED_BY = "environment"
"""Key of the tag by which a platform's costs are told from others'."""


class MonthlyBudget(Component):
    """`tags`: of everything that takes tags, beside its name."""

    def __init__(
        self,
        name: str,
        *,
        settings: BudgetSettings,
        tags: Mapping[str, str],
        labels: Labels,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, labels=labels, opts=opts)
        physical = f"groundwork-{labels.environment}"
        Budget(
            f"{name}-monthly",
            name=physical,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(settings.monthly_usd),
            limit_unit="USD",
            cost_filters=[BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:{COUNTED_BY}${labels.environment}"])],
            notifications=[
                # First what will be: while there is time to do something about it.
                _notification(settings, "FORECASTED", 100),
                *(_notification(settings, "ACTUAL", percent) for percent in sorted(settings.spent_percent)),
            ],
            tags={**tags, "Name": physical},
            opts=self.child(),
        )
        for key in sorted(tags) if settings.activate_tags else ():
            # They are the account's, not the platform's: others there are counted by them too.
            CostAllocationTag(f"{name}-{key}", tag_key=key, status="Active", opts=self.child(retain=True))
        self.register_outputs({})


def _notification(settings: BudgetSettings, kind: str, percent: int) -> BudgetNotificationArgs:
    return BudgetNotificationArgs(
        comparison_operator="GREATER_THAN",
        threshold=percent,
        threshold_type="PERCENTAGE",
        notification_type=kind,
        subscriber_email_addresses=settings.emails,
    )
