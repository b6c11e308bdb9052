"""Which servers of RDS are taken, and what is said of the others."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import UserError
from modules.core.settings import validated
from modules.database.rds_classes import CLASSES
from modules.database.rds_settings import RdsSettings

TOO_OLD = {"m1", "m2", "m3", "m4", "r3", "r4", "t1", "t2"}
"""Generations on which PostgreSQL 14 was the last."""


def server(**values: Any) -> RdsSettings:
    return validated(RdsSettings, {"ca": "rds.pem", **values}, source="stacks/Pulumi.x.yaml")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"version": "16"},
        {"instance_class": "db.m7g.2xlarge"},
        {"volume": "100Gi", "largest_volume": "1Ti"},
        {"volume": "90Gi"},
        {"volume": "50Ti", "largest_volume": "64Ti"},
    ],
)
def test_a_server_is_taken(values: dict[str, Any]) -> None:
    assert server(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"version": "14"}, "version is '14'; "),
        ({"version": 17}, "version is 17; "),
        ({"version": "99.1"}, "version is '99.1'; "),
        ({"instance_class": "m7g.large"}, "instance_class is 'm7g.large': did you mean 'm7g'? allowed: t3, t4g, "),
        ({"instance_class": "db.nope"}, "instance_class is 'db.nope': allowed: t3, t4g, m6g, "),
        ({"instance_class": "db.nope.large"}, "instance_class is 'db.nope.large': allowed: t3, t4g, m6g, "),
        (
            {"instance_class": "db.t4g.lrge"},
            "instance_class is 'db.t4g.lrge': did you mean 'db.t4g.large'? allowed: db.t4g.micro, db.t4g.small, ",
        ),
        ({"instance_class": "db.m4.large"}, "instance_class is 'db.m4.large': allowed: t3, t4g, m6g, "),
        ({"volume": "1Gi"}, "volume is '1Gi': RDS takes whole GiB, 20Gi to 64Ti"),
        ({"volume": "65Ti"}, "volume is '65Ti': RDS takes whole GiB, 20Gi to 64Ti"),
        ({"volume": "20"}, "volume is '20': "),
        ({"volume": "30000Mi"}, "volume is '30000Mi': RDS takes whole GiB"),
        ({"volume": "100Gi"}, " largest_volume 100Gi is less than a tenth more than volume 100Gi: raise it"),
        ({"volume": "95Gi"}, " largest_volume 100Gi is less than a tenth more than volume 95Gi: raise it"),
        ({"ca": ""}, "ca is '': "),
        ({"password": "x"}, "password: unknown key; allowed: ca, instance_class, largest_volume, version, volume"),
    ],
)
def test_a_server_is_refused_with_its_path_the_reason_and_what_to_do(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        server(**values)
    assert str(caught.value).startswith(f"groundwork:{message}")


def test_the_classes_are_those_of_awss_list_for_postgresql() -> None:
    spec = find_spec("cfnlint")
    assert spec is not None
    assert spec.origin
    folder = Path(spec.origin).parent / "data/schemas/extensions/aws_rds_dbinstance"
    regions = json.loads((folder / "dbinstanceclass_enum.json").read_text())
    listed = {
        name
        for region in regions.values()
        for rule in region["allOf"]
        if rule["if"]["properties"]["Engine"].get("const") == "postgres"
        for name in rule["then"]["properties"]["DBInstanceClass"]["enum"]
    }
    ours = {f"db.{family}.{size}" for family, sizes in CLASSES.items() for size in sizes}
    assert ours == {name for name in listed if name.split(".")[1] not in TOO_OLD}
