"""Which accounts of AWS are taken, and what is said of the others."""

from typing import Any, cast, get_args

import pytest
from boto3.session import Session

from modules.core.errors import UserError
from modules.core.labels import Labels
from modules.storage.service import STORAGE
from stacks.configuration import parse
from stacks.foundation.aws_settings import PARTITION, AwsSettings, Region

CLUSTER = {"administrators": ["arn:aws:iam::123456789012:role/deployer"]}
GIVEN: dict[str, Any] = {
    "target": "aws",
    "account": "123456789012",
    "region": "eu-west-1",
    "cluster": CLUSTER,
    "database": {"ca": "rds.pem"},
}
DOMAIN = "ml.example.com"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/0-1"
PREFIX = "service.beta.kubernetes.io/aws-load-balancer"


def account(**values: Any) -> AwsSettings:
    settings = parse({"groundwork:foundation": {**GIVEN, **values}}, source="stacks/Pulumi.x.yaml")
    assert settings.aws
    return settings.aws


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"region": "ap-southeast-2"},
        {"availability_zones": ["eu-west-1a", "eu-west-1c"]},
        {"network": {"zones": 3}, "availability_zones": ["eu-west-1a", "eu-west-1b", "eu-west-1c"]},
        {"protection": "disposable", "expiry": "2027-01-31", "cost_centre": "research: 42"},
        {"reached": {"by": "load-balancer", "domain": DOMAIN}},
        {"reached": {"by": "load-balancer", "domain": DOMAIN, "public": True, "ranges": ["0.0.0.0/0"]}},
        {"reached": {"by": "load-balancer", "domain": DOMAIN, "certificate": CERTIFICATE}},
        {"nodes": {"pools": {"system": {"max": 8}}}},
        {"nodes": {"pools": {"gpus": {"purpose": "training", "gpu": {"model": "h100", "count": 8}, "max": 1}}}},
        {"nodes": {"image": "al2023@v20251103"}},
        {"service_ranges": ["52.218.0.0/17"]},
        {"budget": {"monthly_usd": 10, "emails": ["a@b.example"]}},
        {"quota": None},
        {"region": "us-east-1", "network": {"zones": 4}},
        {"region": "us-west-1", "availability_zones": ["us-west-1a", "us-west-1c"]},
    ],
)
def test_an_account_is_taken(values: dict[str, Any]) -> None:
    assert account(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"account": "1234"}, ".account is '1234': "),
        ({"account": 123456789012}, ".account is 123456789012: "),
        ({"region": "eu-west"}, ".region is 'eu-west'; did you mean 'eu-west-3'? allowed: af-south-1, "),
        ({"region": "eu-wets-1"}, ".region is 'eu-wets-1'; did you mean 'eu-west-1'? "),
        ({"region": "eu-west-9"}, ".region is 'eu-west-9'; did you mean "),
        ({"region": "cn-north-1"}, ".region is 'cn-north-1'; "),
        ({"region": "us-gov-west-1"}, ".region is 'us-gov-west-1'; "),
        ({"availability_zones": ["eu-west-1a"]}, ": availability_zones are eu-west-1a: network.zones says 2: name so"),
        ({"availability_zones": ["eu-west-1a"] * 2}, ": availability_zones are eu-west-1a, eu-west-1a: network.zones"),
        ({"availability_zones": ["eu-west-1a", "eu-west-2b"]}, ": availability_zones hold 'eu-west-2b', which is none"),
        ({"availability_zones": ["eu-west-1a", "eu-west-1B"]}, ": availability_zones hold 'eu-west-1B', which is none"),
        ({"availability_zones": ["eu-west-1a", "eu-west-1z"]}, ": availability_zones hold 'eu-west-1z', which is none"),
        (
            {"network": {"zones": 4}},
            ": availability_zones are not named, and network.zones is 4, more than are known of eu-west-1: name them",
        ),
        (
            {"region": "us-west-1"},
            ": availability_zones are not named, and network.zones is 2, more than are known of us-west-1: name them",
        ),
        ({"protection": "none"}, ".protection is 'none'; allowed: disposable, removable, full"),
        ({"cost_centre": "a,b"}, ".cost_centre is 'a,b': "),
        (
            {"expiry": "31.1.2027"},
            ".expiry is '31.1.2027': Invalid isoformat string: '31.1.2027': expected a day, such",
        ),
        ({"expiry": "2027-02-30"}, ".expiry is '2027-02-30': "),
        (
            {"service_ranges": ["2600:1f68::/32"]},
            ": service_ranges holds 2600:1f68::/32: network and cluster are of IPv4: name ranges of that",
        ),
        (
            {"cluster": {**CLUSTER, "public_ranges": ["2001:db8::/32"]}},
            ": cluster.public_ranges holds 2001:db8::/32: network and cluster are of IPv4",
        ),
        (
            {"reached": {"by": "load-balancer", "domain": DOMAIN, "public": True, "ranges": ["::/0"]}},
            ": reached.ranges holds ::/0: network and cluster are of IPv4",
        ),
        ({"service_ranges": []}, ".service_ranges is []: "),
        ({"cluster": {}}, ".cluster.administrators: missing; "),
        ({"database": {}}, ".database.ca: missing; PEM file, "),
        ({"reached": {"by": "ingress"}}, ".reached.by is 'ingress'; "),
        (
            {"reached": {"domain": DOMAIN}},
            ".reached: domain is not for by: none: remove it, or set by to load-balancer",
        ),
        ({"reached": {"by": "load-balancer"}}, ".reached: domain is missing, which by: load-balancer needs"),
        (
            {"reached": {"by": "load-balancer", "domain": DOMAIN, "public": True}},
            ".reached: ranges is empty where public is true: name the CIDRs that may connect",
        ),
        *(
            (
                {"reached": {"by": "load-balancer", "domain": DOMAIN, "certificate": certificate}},
                f": reached.certificate is {certificate}, but a load balancer takes certificates of its own",
            )
            for certificate in (
                CERTIFICATE.replace("eu-west-1", "us-east-1"),
                CERTIFICATE.replace("123456789012", "210987654321"),
            )
        ),
        (
            {"reached": {"by": "load-balancer", "domain": DOMAIN, "certificate": "arn:aws:iam::1:server/x"}},
            ".reached.certificate is 'arn:aws:iam::1:server/x': ",
        ),
        ({"reached": {"by": "load-balancer", "domain": "localhost"}}, ".reached.domain is 'localhost': "),
        ({"nodes": {"image": "al2023@v1"}}, ".nodes.image is 'al2023@v1': "),
        ({"nodes": {"image": "bottlerocket@latest"}}, ".nodes.image is 'bottlerocket@latest': "),
        ({"context": "mine"}, ".context: unknown key; "),
        ({"nodes": {"pools": {"system": {"min": 0}}}}, ".nodes.pools.system: min is 0, but what brings other nodes"),
    ],
)
def test_an_account_is_refused_with_its_path_the_reason_and_what_to_do(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        account(**values)
    assert str(caught.value).startswith(f"groundwork:foundation{message}")


def test_the_regions_are_those_that_awss_own_sdk_knows() -> None:
    known = cast(list[str], Session().get_available_regions("ec2", PARTITION))
    assert [*get_args(Region)] == known


def test_data_services_in_the_cluster_are_no_part_of_it() -> None:
    with pytest.raises(UserError, match="groundwork:storage: unknown key"):
        parse({"groundwork:foundation": GIVEN, "groundwork:storage": {}}, source="stacks/Pulumi.x.yaml")


def test_zones_are_the_regions_first_ones_unless_they_are_named() -> None:
    assert account(network={"zones": 3}).zone_names == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    assert account(region="ap-northeast-1").zone_names == ["ap-northeast-1a", "ap-northeast-1c"]
    assert account(availability_zones=["eu-west-1c", "eu-west-1a"]).zone_names == ["eu-west-1c", "eu-west-1a"]


def test_everything_is_tagged_by_whose_it_is_who_pays_and_until_when() -> None:
    given = account(cost_centre="research", expiry="2027-01-31")
    assert given.tags(Labels(environment="dev", owner="someone")) == {
        "environment": "dev",
        "owner": "someone",
        "cost-centre": "research",
        "expiry": "2027-01-31",
    }


def test_a_load_balancer_is_of_the_network_alone_unless_it_is_said_to_be_public() -> None:
    entry = account(reached={"by": "load-balancer", "domain": DOMAIN}).reached.entry({"owner": "someone"})
    assert (entry.domain, entry.port, entry.service_type) == (DOMAIN, 443, "LoadBalancer")
    assert entry.annotations == {
        f"{PREFIX}-type": "nlb",
        f"{PREFIX}-internal": "true",
        f"{PREFIX}-cross-zone-load-balancing-enabled": "true",
        f"{PREFIX}-additional-resource-tags": "owner=someone",
    }
    public = account(
        reached={"by": "load-balancer", "domain": DOMAIN, "public": True, "ranges": ["203.0.113.0/24", "192.0.2.0/24"]}
    ).reached.entry({})
    assert f"{PREFIX}-internal" not in public.annotations
    ranges = public.annotations["service.beta.kubernetes.io/load-balancer-source-ranges"]
    assert ranges == "203.0.113.0/24,192.0.2.0/24"


def test_a_certificate_of_acm_is_shown_to_clients_and_tls_goes_on_behind_it() -> None:
    shown = account(reached={"by": "load-balancer", "domain": DOMAIN, "certificate": CERTIFICATE}).reached.entry({})
    assert shown.annotations[f"{PREFIX}-ssl-cert"] == CERTIFICATE
    assert shown.annotations[f"{PREFIX}-ssl-ports"] == "https"
    assert shown.annotations[f"{PREFIX}-backend-protocol"] == "ssl"


def test_without_a_load_balancer_a_port_is_forwarded() -> None:
    given = account()
    assert given.reached.entry({}).forwarded
    assert given.local_ports() == {"gateway": 8443}


def test_the_namespaces_are_those_of_who_uses_data_and_of_the_job_that_makes_databases() -> None:
    settings = parse({"groundwork:foundation": GIVEN, "groundwork:workloads": {"iris": {}}}, source="test")
    names = settings.namespaces("dev")
    assert {"dev-database", "dev-mlflow", "dev-airflow", "dev-gateway", "dev-iris"} <= set(names)
    assert "dev-storage" not in names
    assert not settings.has(STORAGE)
