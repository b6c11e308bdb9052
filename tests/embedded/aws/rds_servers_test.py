"""What a modification of a database of the account comes to."""

from types import SimpleNamespace
from typing import Any

import pytest

from embedded.aws.extension.rds_servers import what_changes

MANAGED = {"manage_master_user_password": True, "master_user_password": None}
GIVEN = {"manage_master_user_password": False, "master_user_password": "given"}


@pytest.mark.parametrize(
    ("instance", "asked", "left"),
    [
        (MANAGED, {"manage_master_user_password": True}, []),
        (MANAGED, {"manage_master_user_password": False}, ["manage_master_user_password"]),
        (MANAGED, {"rotate_master_user_password": True}, ["rotate_master_user_password"]),
        (GIVEN, {"master_user_password": "given"}, []),
        (GIVEN, {"master_user_password": "another"}, ["master_user_password"]),
        (MANAGED, {"allocated_storage": 30}, ["allocated_storage"]),
    ],
)
def test_a_password_that_is_asked_for_as_it_is_stays(
    instance: dict[str, Any], asked: dict[str, Any], left: list[str]
) -> None:
    assert list(what_changes(SimpleNamespace(**instance), asked)) == left
