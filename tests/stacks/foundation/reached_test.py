"""How a stack's file says that the gateway is reached."""

from typing import Any

import pytest

from modules.core.contracts import Entry, Ingress, Listener
from modules.core.errors import UserError
from stacks.configuration import parse
from stacks.settings import PlatformSettings

DOMAIN = {"domain": "ml.example.com"}
GATEWAY = {"name": "public", "namespace": "infra"}
BALANCED = {"by": "load-balancer", **DOMAIN}
INGRESS = {"by": "ingress", **DOMAIN, "ingress_class": "traefik"}
ATTACHED = {"by": "gateway-api", **DOMAIN, "gateway": GATEWAY}


def reached(**given: Any) -> PlatformSettings:
    foundation = {"target": "existing", "context": "theirs", "registry": {"push": "r.example.com"}, "reached": given}
    return parse({"groundwork:foundation": foundation}, source="file")


ACCEPTED: list[tuple[dict[str, Any], Entry]] = [
    ({}, Entry(domain="localhost", addresses=("127.0.0.1",), port=8443, forwarded=True)),
    ({"port": 9443}, Entry(domain="localhost", addresses=("127.0.0.1",), port=9443, forwarded=True)),
    (
        {**BALANCED, "annotations": {"a/b": "c"}, "certificate": "ml-tls"},
        Entry(
            domain="ml.example.com",
            addresses=[],
            port=443,
            service_type="LoadBalancer",
            annotations={"a/b": "c"},
            certificate="ml-tls",
        ),
    ),
    (
        {"by": "node-port", **DOMAIN, "addresses": ["192.0.2.7"]},
        Entry(domain="ml.example.com", addresses=["192.0.2.7"], port=30443, service_type="NodePort"),
    ),
    (
        {**INGRESS, "annotations": {"cert-manager.io/cluster-issuer": "public"}, "certificate": "made"},
        Entry(
            domain="ml.example.com",
            addresses=[],
            port=443,
            ingress=Ingress(
                class_name="traefik",
                controller="traefik",
                annotations={"cert-manager.io/cluster-issuer": "public"},
                certificate="made",
            ),
        ),
    ),
    (
        {"by": "ingress", **DOMAIN, "controller": "other"},
        Entry(
            domain="ml.example.com",
            addresses=[],
            port=443,
            ingress=Ingress(class_name=None, controller=None, annotations={}, certificate=None),
        ),
    ),
    (
        {**ATTACHED, "port": 8443, "proxy_namespace": "infra"},
        Entry(
            domain="ml.example.com",
            addresses=[],
            port=8443,
            listener=Listener(name="public", namespace="infra", section=None, passthrough=False),
            proxy_namespace="infra",
        ),
    ),
    (
        {**ATTACHED, "gateway": {**GATEWAY, "section": "tls", "passthrough": True}, "certificate": "ml-tls"},
        Entry(
            domain="ml.example.com",
            addresses=[],
            port=443,
            listener=Listener(name="public", namespace="infra", section="tls", passthrough=True),
            certificate="ml-tls",
        ),
    ),
]


@pytest.mark.parametrize(("given", "entry"), ACCEPTED)
def test_each_way_in_becomes_an_entry(given: dict[str, Any], entry: Entry) -> None:
    assert reached(**given).entry == entry


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"by": "nodeport"}, ".by is 'nodeport'; did you mean 'node-port'? allowed: none, load-balancer, node-port, "),
    ({"by": "load-balancer"}, ": domain is missing, which by: load-balancer needs: Host name"),
    ({"by": "gateway-api", **DOMAIN}, ": gateway is missing, which by: gateway-api needs: The Gateway"),
    (DOMAIN, ": domain is not for by: none; allowed with it: port"),
    ({**BALANCED, "ingress_class": "nginx"}, ": ingress_class is not for by: load-balancer; allowed with it: domain, "),
    ({**BALANCED, "gateway": GATEWAY}, ": gateway is not for by: load-balancer; allowed with it: domain, "),
    ({**INGRESS, "addresses": ["192.0.2.7"]}, ": addresses is not for by: ingress; allowed with it: domain, "),
    ({**ATTACHED, "annotations": {"a": "b"}}, ": annotations is not for by: gateway-api; allowed with it: domain, "),
    ({"by": "ingress", **DOMAIN}, ": controller is missing, which ingress_class None does not say; allowed: nginx, "),
    ({**INGRESS, "ingress_class": "inner"}, ": controller is missing, which ingress_class 'inner' does not say"),
    (
        {**INGRESS, "annotations": {"cert-manager.io/issuer": "us"}},
        ": certificate is missing: name the Secret that cert-manager is to make for annotations.cert-manager.io/issuer",
    ),
    ({**ATTACHED, "certificate": "x"}, ": certificate is 'x', but clients are shown the Gateway's own, which ends TLS"),
    ({"port": 443}, ": port is 443: allowed on 127.0.0.1 are 1024 to 65535"),
    ({**BALANCED, "port": 70000}, ".port is 70000: Input should be less than or equal to 65535"),
    (
        {**BALANCED, "addresses": ["node"]},
        ".addresses.0 is 'node': 'node' does not appear to be an IPv4 or IPv6 address",
    ),
    ({**BALANCED, "domain": "localhost"}, ".domain is 'localhost': String should match"),
    ({**BALANCED, "domain": "192.0.2.7"}, ".domain is '192.0.2.7': String should match"),
    ({**BALANCED, "domain": "ml.localhost"}, ".domain is 'ml.localhost': each client takes it for its own machine"),
    ({**BALANCED, "hosts": []}, ".hosts: unknown key; allowed: addresses, annotations, by, certificate, "),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_does_not_belong_to_a_way_in_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        reached(**given)
    assert str(caught.value).startswith(f"groundwork:foundation.reached{message}")


def test_only_a_forwarded_port_is_one_of_this_machine() -> None:
    assert reached().ports() == {"gateway": 8443}
    assert reached(**BALANCED).ports() == {}
