"""Which clusters of EKS are taken, and what is said of the others."""

from typing import Any

import pytest

from modules.cluster.eks_settings import EksSettings
from modules.core.errors import UserError
from modules.core.settings import validated

ADMINISTRATOR = "arn:aws:iam::123456789012:role/deployer"


def cluster(**values: Any) -> EksSettings:
    given = {"administrators": [ADMINISTRATOR], **values}
    return validated(EksSettings, given, source="stacks/Pulumi.x.yaml")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"administrators": ["arn:aws:iam::123456789012:user/path/someone", ADMINISTRATOR]},
        {"viewers": ["arn:aws:iam::123456789012:role/viewer"]},
        {"public_ranges": ["203.0.113.0/24", "198.51.100.7/32"]},
        {"public_ranges": ["12.0.0.0/8"]},
        {"version": "1.34", "addons": {"kube_proxy": "v1.34.6-eksbuild.2"}},
        {"addons": {"coredns": "v1.12.4-eksbuild.1"}},
    ],
)
def test_a_cluster_is_taken(values: dict[str, Any]) -> None:
    assert cluster(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"administrators": []}, "administrators is []: "),
        ({"administrators": ["deployer"]}, "administrators.0 is 'deployer': "),
        ({"administrators": ["arn:aws:iam::1:role/x"]}, "administrators.0 is 'arn:aws:iam::1:role/x': "),
        (
            {"administrators": ["arn:aws:iam::123456789012:root"]},
            "administrators.0 is 'arn:aws:iam::123456789012:root'",
        ),
        ({"viewers": [ADMINISTRATOR]}, f" {ADMINISTRATOR} is there twice, in administrators or viewers: keep one"),
        ({"administrators": [ADMINISTRATOR] * 2}, f" {ADMINISTRATOR} is there twice"),
        ({"public_ranges": ["0.0.0.0/0"]}, "public_ranges is ['0.0.0.0/0']: 0.0.0.0/0 is nearly everyone: name the"),
        (
            {"public_ranges": ["0.0.0.0/1", "128.0.0.0/1"]},
            "public_ranges is ['0.0.0.0/1', '128.0.0.0/1']: 0.0.0.0/1 is",
        ),
        ({"public_ranges": ["::/0"]}, "public_ranges is ['::/0']: ::/0 is nearly everyone"),
        ({"public_ranges": ["10.1.0.0/16"]}, "public_ranges is ['10.1.0.0/16']: 10.1.0.0/16 is a private range, from"),
        ({"public_ranges": ["100.64.0.0/10"]}, "public_ranges is ['100.64.0.0/10']: 100.64.0.0/10 is a private range"),
        ({"public_ranges": ["everyone"]}, "public_ranges.0 is 'everyone': "),
        (
            {"public_ranges": ["203.0.113.1/24"]},
            "public_ranges.0 is '203.0.113.1/24': 203.0.113.1/24 has host bits set",
        ),
        ({"version": "1.99"}, "version is '1.99'; "),
        ({"version": "1.33"}, "version is '1.33'; "),  # AWS raises it: its standard support ended on 29 July 2026
        ({"version": "1.36"}, " addons.kube_proxy is v1.35.3-eksbuild.2, but version is '1.36': give one that begins"),
        ({"version": 1.34}, "version is 1.34; "),
        ({"addons": {"coredns": "latest"}}, "addons.coredns is 'latest': "),
        ({"addons": {"vpc_cni": "v1.21"}}, "addons.vpc_cni is 'v1.21': "),
        ({"addons": {"vpccni": "v1.21.1-eksbuild.7"}}, "addons.vpccni: unknown key; did you mean 'vpc_cni'?"),
        ({"public": True}, "public: unknown key; did you mean 'public_ranges'?"),
    ],
)
def test_a_cluster_is_refused_with_its_path_the_reason_and_what_to_do(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        cluster(**values)
    assert str(caught.value).startswith(f"groundwork:{message}")


def test_nobody_gets_in_by_having_made_it() -> None:
    with pytest.raises(UserError, match="groundwork:administrators: missing; ARNs of the roles or users"):
        validated(EksSettings, {}, source="stacks/Pulumi.x.yaml")
