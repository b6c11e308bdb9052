"""Settings of a budget."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from modules.core.settings import Settings

MOST_ADDRESSES = 10
"""That a notification takes: AWS Budgets' quotas."""
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", max_length=254)]


def _addresses(values: list[str]) -> list[str]:
    if repeated := sorted({value for value in values if values.count(value) > 1}):
        raise ValueError(f"{repeated[0]} is there twice: remove one")
    return values


def _percents(values: list[int]) -> list[int]:
    for value in values:
        if not 1 <= value <= 1000:
            raise ValueError(f"{value} is no percentage of the budget to warn at: allowed are 1 to 1000")
    if repeated := sorted({value for value in values if values.count(value) > 1}):
        raise ValueError(f"{repeated[0]} is there twice: remove one")
    return values


class BudgetSettings(Settings):
    """What a platform may cost a month, and who hears of it."""

    monthly_usd: int = Field(ge=1, le=100_000_000, description="US dollars a month, 1 to 100000000.")
    emails: Annotated[list[Email], AfterValidator(_addresses)] = Field(
        min_length=1,
        max_length=MOST_ADDRESSES,
        description=f"Addresses that are written to, 1 to {MOST_ADDRESSES}.",
    )
    spent_percent: Annotated[list[int], AfterValidator(_percents)] = Field(
        default=[50, 80, 100],
        max_length=4,
        description="Percentages of the budget at which they are, once so much is spent; 4 at most.",
    )
    activate_tags: bool = Field(
        default=False,
        description="Whether costs are counted by the platform's tags from now on. AWS lets only the account that pays "
        "do so, a day after a tag was first used; others ask that account to.",
    )
