"""In which order things are made, and what a preview knows of them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.runtime.rpc import UNKNOWN

from modules.core.component import after


async def _settled(value: object) -> Any:
    return value


def unknown() -> pulumi.Output[str]:
    """What a preview has of an id that is not given yet."""
    return pulumi.Output(set(), _settled(UNKNOWN), _settled(False))


def of_a_resource(resource: object, value: str) -> pulumi.Output[str]:
    return pulumi.Output({resource}, _settled(value), _settled(True))  # type: ignore[arg-type]


def settled(make: Callable[[], pulumi.Output[str]]) -> tuple[str | None, bool, set[Any]]:
    """Value, whether it is known, and what it comes after."""

    async def run() -> tuple[str | None, bool, set[Any]]:
        made = make()
        return await made.future(), await made.is_known(), await made.resources()

    return asyncio.run(run())


def test_what_comes_after_others_depends_on_all_of_them() -> None:
    value, known, before = settled(lambda: after(of_a_resource("subnet", "id"), of_a_resource("route", "other")))
    assert (value, known, before) == ("id", True, {"subnet", "route"})


@pytest.mark.parametrize(("value", "expected"), [("name", ("name", True)), (None, (None, False))])
def test_a_preview_knows_a_value_where_what_comes_before_it_is_not_made_yet(
    value: str | None, expected: tuple[str | None, bool]
) -> None:
    found = settled(lambda: after(unknown() if value is None else value, unknown()))
    assert found[:2] == expected
