"""What a change of settings does to what is on AWS: held to AWS's own data of what can't be changed in place."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from embedded.providers.aws.diff import changes
from embedded.providers.aws.table import entries
from embedded.providers.base import Change as Kind
from embedded.providers.base.values import is_list, is_object
from stacks.foundation.aws_settings import SYSTEM, AwsSettings
from stacks.reference import group_of

from .aws_changes import IN_PLACE, IN_THE_CLUSTER, NEVER, REPLACING, Change
from .aws_platform import as_sent, declared, example, foundation, in_aws

Made = Mapping[tuple[str, str], dict[str, Any]]
"""Inputs by type and name."""


def made(changed: Change) -> Made:
    """What the small example declares, with other settings."""
    config = example("aws-dev")
    pools = {"system": SYSTEM.model_dump(exclude_defaults=True)}
    config["groundwork:foundation"]["nodes"] = {"pools": pools}
    for path, value in changed.items():
        *groups, key = path.split(".")
        place = config["groundwork:foundation"]
        for group in groups:
            place = place.setdefault(group, {})
        place[key] = value
    return {(each.type, each.name): as_sent(each.inputs) for each in in_aws(declared(config, program=foundation))}


@pytest.fixture(scope="module")
def before() -> Made:
    return made({})


@pytest.mark.parametrize(("changed", "replaced"), [*((each, set[str]()) for each in IN_PLACE), *REPLACING], ids=str)
def test_a_setting_that_may_change_does_so_in_place_but_for_nodes_of_another_kind(
    changed: Change, replaced: set[str], before: Made
) -> None:
    after = made(changed)
    kept = [key for key in before.keys() & after.keys() if key[0] in entries()]
    differing = [key for key in kept if before[key] != after[key]]
    assert differing or after.keys() - before.keys() or "reached.by" in changed
    found = {
        name
        for type_, name in differing
        if Kind.UPDATE_REPLACE in changes(entries()[type_], {}, before[type_, name], after[type_, name]).values()
    }
    assert found == replaced
    gone = {type_ for type_, _ in before.keys() - after.keys()}
    assert gone <= {"aws:rds/parameterGroup:ParameterGroup"}  # of the other version


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Paths of all that is no group itself."""
    for name, field in model.model_fields.items():
        group, each = group_of(field.annotation)
        if group is None:
            yield f"{prefix}{name}"
        else:
            yield from settings(group, f"{prefix}{name}.{each}")


def paths(value: Any, path: str) -> Iterator[str]:
    """Paths of settings in a value that is given for one path, a pool's name as the reference has it."""
    whole = path.replace("pools.system", "pools.<name>").replace("pools.gpus", "pools.<name>")
    if is_object(value) and not whole.endswith("labels"):
        for key, each in value.items():
            yield from paths(each, f"{whole}.{key}")
    elif is_list(value) and value and is_object(value[0]):
        yield from paths(value[0], f"{whole}.<number>")
    else:
        yield whole


def test_every_setting_is_changed_or_never_changes_or_changes_nothing_in_the_account() -> None:
    given = [*IN_PLACE, *(change for change, _ in REPLACING)]
    changed = {each for change in given for path, value in change.items() for each in paths(value, path)}
    left = {
        path
        for path in settings(AwsSettings)
        if path not in changed and path not in NEVER and not path.startswith(tuple(IN_THE_CLUSTER))
    }
    assert left == {"nodes.pools.<name>.taints.<number>.effect"}  # as the taint itself
    assert changed & NEVER.keys() == set()
