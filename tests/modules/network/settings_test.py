"""Which networks are taken, and what is said of the others."""

from typing import Any

import pytest

from modules.core.errors import UserError
from modules.core.settings import validated
from modules.network.settings import INTERFACE_ENDPOINTS, REQUIRED_WITHOUT_NAT, NetworkSettings


def network(**values: Any) -> NetworkSettings:
    return validated(NetworkSettings, values, source="stacks/Pulumi.x.yaml")


ALLOWED: list[dict[str, Any]] = [
    {},
    {"range": "10.0.0.0/16"},
    {"range": "10.0.0.0/23"},
    {"range": "172.31.0.0/16"},
    {"range": "192.168.0.0/16"},
    {"range": "10.0.128.0/17", "zones": 4, "nat": "per-zone"},
    {"service_range": "10.96.0.0/12", "range": "10.0.0.0/16"},
    {"service_range": "192.168.1.0/24"},
    {"peers": ["10.41.0.0/16", "192.168.0.0/24"]},
    {"nat": "none", "endpoints": list(REQUIRED_WITHOUT_NAT)},
    {"endpoints": list(INTERFACE_ENDPOINTS)},
    {"endpoints": list(INTERFACE_ENDPOINTS), "range": "10.0.0.0/22"},
    {"flow_log_days": 365},
]


@pytest.mark.parametrize("values", ALLOWED)
def test_a_network_is_taken(values: dict[str, Any]) -> None:
    assert network(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"range": "10.0.0.0/15"}, "range is '10.0.0.0/15': this is a /15, and AWS takes /16 to /28: choose a /16"),
        ({"range": "10.0.0.0/8"}, "range is '10.0.0.0/8': this is a /8, and AWS takes /16 to /28"),
        ({"range": "10.0.0.0/29"}, "range is '10.0.0.0/29': this is a /29, and AWS takes /16 to /28"),
        ({"range": "10.0.0.0/24"}, "range is '10.0.0.0/24': a /24 has no room for the subnets of 4 zones: allowed are"),
        ({"range": "10.0.0.0/28"}, "range is '10.0.0.0/28': a /28 has no room for the subnets of 4 zones"),
        ({"range": "10.0.0.1/16"}, "range is '10.0.0.1/16': 10.0.0.1/16 has host bits set; expected an IPv4 range"),
        ({"range": "10.0.0"}, "range is '10.0.0': "),
        ({"range": "fd00::/64"}, "range is 'fd00::/64': "),
        ({"range": "8.8.0.0/16"}, "range is '8.8.0.0/16': allowed are private ranges: within 10.0.0.0/8, "),
        ({"range": "172.32.0.0/16"}, "range is '172.32.0.0/16': allowed are private ranges"),
        ({"service_range": "8.8.0.0/16"}, "service_range is '8.8.0.0/16': allowed are private ranges"),
        ({"service_range": "10.0.0.0/11"}, " service_range 10.0.0.0/11: EKS takes /12 to /24"),
        ({"service_range": "172.20.0.0/25"}, " service_range 172.20.0.0/25: EKS takes /12 to /24"),
        ({"service_range": "10.40.0.0/20"}, " service_range 10.40.0.0/20 and range 10.40.0.0/16 overlap: change one"),
        ({"service_range": "10.32.0.0/12"}, " service_range 10.32.0.0/12 and range 10.40.0.0/16 overlap"),
        ({"peers": ["172.20.5.0/24"]}, " service_range 172.20.0.0/16 and peers.0 172.20.5.0/24 overlap"),
        ({"peers": ["10.41.0.0/16", "10.40.9.0/24"]}, " range 10.40.0.0/16 and peers.1 10.40.9.0/24 overlap"),
        ({"peers": ["8.8.0.0/16"]}, "peers.0 is '8.8.0.0/16': allowed are private ranges"),
        ({"zones": 1}, "zones is 1: "),
        ({"zones": 5}, "zones is 5: "),
        ({"nat": "two"}, "nat is 'two'; allowed: none, one, per-zone"),
        ({"nat": "per_zone"}, "nat is 'per_zone'; did you mean 'per-zone'?"),
        (
            {"nat": "none"},
            " nat is none, and nodes reach no AWS service without it but by endpoints: add ec2, ecr.api,",
        ),
        ({"nat": "none", "endpoints": ["ec2", "sts"]}, " nat is none, and nodes reach no AWS service without it"),
        ({"endpoints": ["s3"]}, "endpoints is ['s3']: 's3' always has a route of its own, which costs nothing"),
        ({"endpoints": ["ecr.ap"]}, "endpoints is ['ecr.ap']: 'ecr.ap': did you mean 'ecr.api'? allowed: ec2, "),
        ({"endpoints": ["sts", "sts"]}, "endpoints is ['sts', 'sts']: 'sts' is there twice: remove one"),
        (
            {"range": "10.0.0.0/23", "endpoints": list(REQUIRED_WITHOUT_NAT)},
            " range 10.0.0.0/23 has room for 3 endpoints in each zone, and 7 are named: choose a larger range, or",
        ),
        ({"flow_log_days": 31}, "flow_log_days is 31; did you mean '731'? allowed: 1, 3, 5, 7, 14, 30, "),
        ({"vpc": "x"}, "vpc: unknown key; allowed: endpoints, "),
    ],
)
def test_a_network_is_refused_with_its_path_the_reason_and_what_to_do(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        network(**values)
    assert str(caught.value).startswith(f"groundwork:{message}")
