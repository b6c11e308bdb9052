"""What leads to the gateway on somebody else's cluster: what is missing or taken is refused before anything is made."""

from base64 import b64encode
from typing import Any

import pytest

from .certificates import Authority
from .wrong_stack import STACK, Team, admins, applied, bare, refusal, team

__all__ = ["bare", "team"]

DOMAIN = "ml.example.com"
INSIDE = f"{STACK}-gateway"
BALANCED = {"by": "load-balancer", "domain": DOMAIN, "certificate": "public"}


@pytest.mark.parametrize(
    ("reached", "kind"),
    [
        ({"by": "ingress", "ingress_class": "traefik"}, "ServersTransport of traefik.io/v1alpha1"),
        (
            {"by": "gateway-api", "gateway": {"name": "front", "namespace": "front"}, "proxy_namespace": "front"},
            "HTTPRoute of gateway.networking.k8s.io/v1, BackendTLSPolicy of gateway.networking.k8s.io/v1",
        ),
    ],
)
def test_an_entry_of_kinds_that_the_cluster_lacks_is_refused(team: Team, reached: dict[str, Any], kind: str) -> None:
    found = team.check(reached={"domain": "ml.example.com", **reached})
    text = refusal(found, "entry")
    assert f"groundwork:foundation.reached.by is {reached['by']!r}, and the cluster does not have {kind}" in text


def test_a_certificate_that_only_cert_manager_would_make_is_refused_without_it(team: Team) -> None:
    reached = {
        "by": "ingress",
        "domain": DOMAIN,
        "ingress_class": "nginx",
        "certificate": "public",
        "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
    }
    text = refusal(team.check(reached=reached), "entry")
    assert "reached.annotations has cert-manager.io/cluster-issuer, and the cluster has no cert-manager" in text


def test_a_certificate_of_ones_own_must_be_there_beforehand(team: Team) -> None:
    text = refusal(team.check(reached=BALANCED), "entry")
    assert f"groundwork:foundation.reached.certificate is 'public', and namespace {INSIDE} has no such Secret" in text
    assert "with reached.by: none once" in text
    with applied(team.bare, *admins()):
        text = refusal(team.check(reached=BALANCED, cluster_scope=False), "entry")
    assert "reached.by: none" not in text
    assert f"`kubectl create secret tls public --namespace {INSIDE} --cert FILE --key FILE`" in text


def test_a_certificate_of_another_name_or_without_its_key_is_refused(team: Team) -> None:
    team.settle()
    authority = Authority.new("somebody's")
    good = authority.issue([DOMAIN, f"*.{DOMAIN}"])
    wrong = {
        "whose certificate is of other.example.com": authority.issue(["other.example.com"]),
        f"whose certificate is of {DOMAIN}": authority.issue([DOMAIN]),
        "whose tls.key is not the key of its tls.crt": {**good, "tls.key": authority.issue([DOMAIN])["tls.key"]},
        "are not a PEM certificate": {**good, "tls.crt": "none"},
        "whose key tls.key is missing": {"tls.crt": good["tls.crt"]},
    }
    for expected, data in wrong.items():
        with applied(team.bare, *admins(), _secret(data)):
            assert expected in refusal(team.check(reached=BALANCED, cluster_scope=False), "entry")
    with applied(team.bare, *admins(), _secret(good)):
        states = {each.check: each.state for each in team.check(reached=BALANCED, cluster_scope=False)}
    assert states["entry"] == "ok"


def _secret(data: dict[str, str]) -> dict[str, Any]:
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "public", "namespace": INSIDE}, "data": encoded}


def test_a_node_port_that_is_taken_is_refused_and_one_out_of_the_usual_range_warned_of(team: Team) -> None:
    port = {"port": 443, "nodePort": 30443}
    service: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "theirs", "namespace": "default"},
        "spec": {"type": "NodePort", "ports": [port]},
    }
    reached = {"by": "node-port", "domain": DOMAIN}
    with applied(team.bare, service):
        text = refusal(team.check(reached=reached), "entry")
    assert "groundwork:foundation.reached.port is 30443" in text
    assert "already allocated" in text
    for number, state in ((30443, "ok"), (8443, "warning")):
        states = {each.check: each.state for each in team.check(reached={**reached, "port": number})}
        assert states["entry"] == state
