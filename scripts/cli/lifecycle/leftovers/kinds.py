"""The kinds of things in an account, and what a month of each costs: data, read once."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from modules.nodes import aws_instances
from modules.nodes.facts import instance_types

HERE = Path(__file__).parent
HOURS = 730
"""Of a month, as AWS counts."""
GIB = 2**30


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Asked(_Data):
    """An operation that is asked for one item."""

    call: str
    parameters: Mapping[str, Any] = Field(alias="with")
    at: str
    """Where in the answer it is (JMESPath)."""


class Priced(_Data):
    """A part of what an item costs."""

    name: str
    times: str | None = None
    bytes: str | None = None


class Kind(_Data):
    """One entry of kinds.yaml, which says what each key is."""

    kind: str
    service: str
    operation: str = Field(alias="list")
    parameters: Mapping[str, Any] = Field(alias="with", default_factory=dict[str, Any])
    items: str
    id: str
    names: Sequence[str] = ()
    tags: str | None = None
    vpc: str | None = None
    more: Asked | None = None
    tags_of: Asked | None = None
    gone: str | None = None
    going: str | None = None
    arn: Sequence[str] = ()
    price: Sequence[Priced] = ()


class Price(_Data):
    """US dollars."""

    usd: float
    per: Literal["hour", "month"]
    source: str
    estimate: bool = False
    """Whether no source confirms it."""

    @property
    def month(self) -> float:
        return self.usd * (HOURS if self.per == "hour" else 1)


class Prices(_Data):
    """Of one region, on one day."""

    region: str
    as_of: str
    sources: Mapping[str, str]
    """By the name that a price's source begins with."""
    prices: Mapping[str, Price]


@cache
def kinds() -> Sequence[Kind]:
    """Return all of them."""
    content = yaml.safe_load((HERE / "kinds.yaml").read_text())
    return [Kind.model_validate(each) for each in content["kinds"]]


@cache
def prices() -> Prices:
    """Return the table, with the instance types of the nodes' own."""
    table = Prices.model_validate(yaml.safe_load((HERE / "prices.yaml").read_text()))
    source = aws_instances.__doc__ or ""
    instances = {
        f"{each.name} instance": Price(usd=each.price, per="hour", source=source)
        for each in instance_types()
        if each.price is not None
    }
    return table.model_copy(update={"prices": {**instances, **table.prices}})


def month(kind: Kind, item: Mapping[str, Any]) -> tuple[float | None, str]:
    """(US dollars a month, None where that is not known; what is known of it then, or which prices are estimates)"""
    import jmespath

    total, unknown, estimates = 0.0, list[str](), list[str]()
    for part in kind.price:
        name = part.name.format_map(_Lenient(item))
        price = prices().prices.get(name)
        if price is None:
            unknown.append(f"no price of {name}")
            continue
        amount = part.times or part.bytes
        many = jmespath.search(amount, item) if amount else None
        if many is None:
            unknown.append(f"{price.month:g} a {name}")
        else:
            total += price.month * (many / GIB if part.bytes else many)
            estimates += [f"an estimate: {name}"] if price.estimate else []
    return (None, ", ".join(unknown)) if unknown else (total, ", ".join(estimates))


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"
