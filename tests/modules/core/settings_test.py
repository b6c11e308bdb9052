"""How settings explain what is wrong with them, and what a group keeps that is given in part."""

from typing import Any, Literal

import pytest
from pydantic import Field

from modules.core.errors import UserError
from modules.core.quantities import millicores, size_bytes
from modules.core.settings import Port, Resources, Settings, resources, validated


class Inner(Settings):
    colour: Literal["green", "blue"] = Field(default="green", description="Its colour.")
    count: int = Field(default=3, ge=1, description="How many, 1 or more.")


class Outer(Settings):
    name: str = Field(description="What it is called.")
    port: Port = Field(default=8080, description="Its port.")
    inner: Inner = Field(default=Inner(count=7), description="A group.")
    several: dict[str, Inner] = Field(default={}, description="Groups by name.")
    row: list[Inner] = Field(default=[], description="Groups in a row.")
    size: Literal["small", "large"] | None = Field(default=None, description="Its size, if it has one.")
    resources: Resources = Field(default=resources(cpu=("1", "2"), memory=("1Gi", "2Gi")), description="Of it.")


def outer(**values: Any) -> Outer:
    return validated(Outer, {"name": "it", **values}, source="stacks/Pulumi.x.yaml")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prot": 1}, "groundwork:prot: unknown key; did you mean 'port'? allowed: inner, name, port, resources, row"),
        ({"inner": {"color": "green"}}, "groundwork:inner.color: unknown key; did you mean 'colour'?"),
        ({"inner": {"xyz": 1}}, "groundwork:inner.xyz: unknown key; allowed: colour, count"),
        ({"several": {"a": {"cuont": 1}}}, "groundwork:several.a.cuont: unknown key; did you mean 'count'?"),
        (
            {"inner": {"colour": "gren"}},
            "groundwork:inner.colour is 'gren'; did you mean 'green'? allowed:",
        ),
        ({"row": [{}, {"cuont": 1}]}, "groundwork:row.1.cuont: unknown key; did you mean 'count'?"),
        ({"size": "huge"}, "groundwork:size is 'huge'; allowed: small, large, null"),
        ({"inner": {"count": 0}}, "groundwork:inner.count is 0: Input should be greater than or equal to 1; How many"),
        ({"inner": {"count": "3"}}, "groundwork:inner.count is '3': Input should be a valid integer"),
        ({"inner": {"count": True}}, "groundwork:inner.count is True"),
        ({"inner": 5}, "groundwork:inner is 5: expected a mapping of keys; allowed: colour, count"),
        ({"inner": "{}"}, "groundwork:inner is '{}': expected a mapping of keys; write them below it, without quotes"),
        ({"port": 80}, "groundwork:port is 80: Input should be greater than or equal to 1024"),
        ({"port": 70000}, "groundwork:port is 70000: Input should be less than or equal to 65535"),
        (
            {"resources": {"limits": {"memory": "512Mi"}}},
            "groundwork:resources: limits.memory 512Mi is less than requests.memory 1Gi: raise the limit",
        ),
        ({"resources": {"limits": {"cpu": "500m"}}}, "groundwork:resources: limits.cpu 500m is less than requests.cpu"),
        ({"resources": {"limits": {"memory": "0Gi"}}}, "groundwork:resources.limits.memory is '0Gi': a size is"),
        ({"resources": {"requests": {"cpu": "0"}}}, "groundwork:resources.requests.cpu is '0': an amount of CPU is"),
    ],
)
def test_what_is_wrong_is_said_with_its_path_and_what_is_allowed(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        outer(**values)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("(stacks/Pulumi.x.yaml)")


def test_a_missing_key_is_said_with_its_meaning() -> None:
    with pytest.raises(UserError, match=r"groundwork:name: missing; What it is called\. \(file\)"):
        validated(Outer, {}, source="file")


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UserError) as caught:
        outer(prot=1, inner={"count": 0})
    assert len(str(caught.value).splitlines()) == 2


def test_a_group_that_is_given_in_part_keeps_the_defaults_of_its_place() -> None:
    assert outer(inner={"colour": "blue"}).inner == Inner(colour="blue", count=7)
    changed = outer(resources={"limits": {"memory": "3Gi"}}).resources
    assert changed == resources(cpu=("1", "2"), memory=("1Gi", "3Gi"))


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        outer().name = "other"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(("text", "count"), [("1Ki", 1024), ("512Mi", 512 * 2**20), ("2Gi", 2**31), ("1Ti", 2**40)])
def test_sizes_are_counted_in_bytes(text: str, count: int) -> None:
    assert size_bytes(text) == count


@pytest.mark.parametrize("text", ["0Mi", "512", "512MB", "1.5Gi", "-1Gi", " 1Gi", "Gi", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a size is a positive whole number"):
        size_bytes(text)


def test_cpu_is_counted_in_thousandths_of_a_core() -> None:
    assert (millicores("2"), millicores("250m")) == (2000, 250)


@pytest.mark.parametrize("text", ["0", "0m", "0.5", "-1", "1 m", ""])
def test_what_is_no_amount_of_cpu_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="an amount of CPU is"):
        millicores(text)
