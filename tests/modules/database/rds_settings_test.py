"""Which servers of RDS are taken, and what is said of the others."""

from typing import Any

import pytest

from modules.core.errors import UserError
from modules.core.settings import validated
from modules.database.rds_settings import RdsSettings


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
        ({"instance_class": "m7g.large"}, "instance_class is 'm7g.large': "),
        ({"instance_class": "db.nope"}, "instance_class is 'db.nope': "),
        (
            {"instance_class": "db.m7k.large"},
            "instance_class is 'db.m7k.large': 'm7k': did you mean 'm7i'? allowed: t3, t4g, m5",
        ),
        (
            {"instance_class": "db.t4g.4xlarge"},
            "instance_class is 'db.t4g.4xlarge': '4xlarge': did you mean 'xlarge'? allowed: micro, ",
        ),
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
