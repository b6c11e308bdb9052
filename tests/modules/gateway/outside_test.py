"""What stands in front of the gateway, seen through the engine's mocks."""

from dataclasses import replace
from typing import Any

import pytest

from modules.core.contracts import Entry, Ingress, Listener
from tests.mocks import Recorder
from tests.neighbours import CLOUD_ENTRY

from .proxy_test import IRIS, MLFLOW, declared

INSIDE = replace(CLOUD_ENTRY, service_type="ClusterIP", annotations={}, certificate=None, proxy_namespace="infra")
HOSTS = ["ml.example", "groundwork.ml.example", "mlflow.ml.example", "iris.ml.example"]


def behind(controller: str | None, **annotations: str) -> Entry:
    made = Ingress(class_name="inner", controller=controller, annotations=annotations, certificate="shown")
    return replace(INSIDE, ingress=made)


def attached(*, passthrough: bool = False, section: str | None = None) -> Entry:
    listener = Listener(name="public", namespace="infra", section=section, passthrough=passthrough)
    return replace(INSIDE, listener=listener)


def custom(recorder: Recorder) -> dict[str, dict[str, Any]]:
    """Objects of kinds that extensions bring, by kind."""
    groups = ("gateway.networking.k8s.io/", "traefik.io/")
    objects = [each.inputs for each in recorder.declared if each.is_object]
    return {each["kind"]: each for each in objects if each["apiVersion"].startswith(groups)}


def test_an_ingress_leads_every_host_to_the_gateway_and_shows_the_certificate_it_was_given() -> None:
    spec = declared((MLFLOW, IRIS), entry=behind("nginx")).objects["Ingress", "gateway-ingress"]["spec"]
    assert spec["ingressClassName"] == "inner"
    assert spec["tls"] == [{"hosts": HOSTS, "secretName": "shown"}]
    assert [rule["host"] for rule in spec["rules"]] == HOSTS
    backends = [path["backend"]["service"] for rule in spec["rules"] for path in rule["http"]["paths"]]
    assert backends == [{"name": "gateway", "port": {"name": "https"}}] * len(HOSTS)


def test_behind_an_ingress_the_gateway_has_its_own_certificate() -> None:
    objects = declared(entry=behind("nginx")).objects
    volumes = objects["Deployment", "gateway-proxy"]["spec"]["template"]["spec"]["volumes"]
    assert {volume["secret"]["secretName"] for volume in volumes if "secret" in volume} >= {"gateway-certificate"}


def test_ingress_nginx_speaks_https_to_the_gateway_and_checks_its_certificate() -> None:
    entry = behind("nginx", **{"nginx.ingress.kubernetes.io/proxy-body-size": "1g", "cert-manager.io/issuer": "us"})
    annotations = declared(entry=entry).objects["Ingress", "gateway-ingress"]["metadata"]["annotations"]
    given = {name.partition("/")[2]: value for name, value in annotations.items() if name.startswith("nginx.")}
    assert given == {
        "force-ssl-redirect": "true",
        "backend-protocol": "HTTPS",
        "proxy-ssl-secret": "local-gateway/gateway-certificate",
        "proxy-ssl-verify": "on",
        "proxy-ssl-name": "ml.example",
        "proxy-ssl-server-name": "on",
        "proxy-body-size": "1g",
        "proxy-request-buffering": "off",
        "proxy-read-timeout": "3600",
        "proxy-send-timeout": "3600",
    }
    assert annotations["cert-manager.io/issuer"] == "us"


def test_traefik_answers_by_tls_alone_and_checks_the_gateways_certificate() -> None:
    recorder = declared(entry=behind("traefik"))
    annotations = recorder.objects["Ingress", "gateway-ingress"]["metadata"]["annotations"]
    assert annotations["traefik.ingress.kubernetes.io/router.tls"] == "true"
    service = recorder.objects["Service", "gateway-service"]["metadata"]["annotations"]
    transport = "traefik.ingress.kubernetes.io/service.serverstransport"
    assert service[transport] == "local-gateway-gateway@kubernetescrd"
    made = custom(recorder)["ServersTransport"]
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == ("local-gateway", "gateway")
    assert made["spec"] == {"serverName": "ml.example", "rootCAsSecrets": ["gateway-certificate"]}


def test_another_controller_gets_the_settings_annotations_alone() -> None:
    recorder = declared(entry=behind(None, **{"haproxy.org/server-ssl": "true"}))
    annotations = recorder.objects["Ingress", "gateway-ingress"]["metadata"]["annotations"]
    assert {name for name in annotations if "pulumi.com" not in name} == {"haproxy.org/server-ssl"}
    assert custom(recorder) == {}


def test_a_gateway_that_ends_tls_speaks_https_to_ours_and_checks_its_certificate() -> None:
    recorder = declared(entry=attached(section="https"))
    made = custom(recorder)
    assert made.keys() == {"HTTPRoute", "BackendTLSPolicy"}
    route = made["HTTPRoute"]["spec"]
    assert route["parentRefs"] == [{"name": "public", "namespace": "infra", "sectionName": "https"}]
    assert route["hostnames"] == ["ml.example", "*.ml.example"]
    assert route["rules"] == [{"backendRefs": [{"name": "gateway", "port": 8443}], "timeouts": {"request": "3600s"}}]
    policy = made["BackendTLSPolicy"]["spec"]
    assert policy["targetRefs"] == [{"group": "", "kind": "Service", "name": "gateway", "sectionName": "https"}]
    (authority,) = policy["validation"]["caCertificateRefs"]
    assert policy["validation"]["hostname"] == "ml.example"
    config = recorder.objects["ConfigMap", "gateway-authority"]
    assert (config["metadata"]["name"], config["data"]) == (authority["name"], {"ca.crt": "certificate"})


def test_a_gateway_that_passes_tls_through_leads_to_ours_by_name() -> None:
    recorder = declared(entry=attached(passthrough=True))
    made = custom(recorder)
    assert made.keys() == {"TLSRoute"}
    assert made["TLSRoute"]["spec"] == {
        "parentRefs": [{"name": "public", "namespace": "infra"}],
        "hostnames": ["ml.example", "*.ml.example"],
        "rules": [{"backendRefs": [{"name": "gateway", "port": 8443}]}],
    }
    assert ("ConfigMap", "gateway-authority") not in recorder.objects


def admitted(entry: Entry) -> Any:
    """Who may connect to the proxy's pods: None is everyone, 0 nobody."""
    policies = [each for (kind, _), each in declared(entry=entry).objects.items() if kind == "NetworkPolicy"]
    return policies[0]["spec"]["ingress"][0].get("from") if policies else 0


@pytest.mark.parametrize(
    ("entry", "peers"),
    [
        (replace(INSIDE, forwarded=True), 0),
        (CLOUD_ENTRY, None),
        (
            attached(),
            [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "infra"}}}],
        ),
    ],
)
def test_who_may_connect_to_the_gateway(entry: Entry, peers: Any) -> None:
    assert admitted(entry) == peers


def test_a_node_port_is_the_one_that_clients_use() -> None:
    entry = replace(CLOUD_ENTRY, service_type="NodePort", port=30443)
    (port,) = declared(entry=entry).objects["Service", "gateway-entry"]["spec"]["ports"]
    assert port == {"name": "https", "port": 30443, "targetPort": 8443, "nodePort": 30443}


@pytest.mark.parametrize("entry", [CLOUD_ENTRY, behind("traefik"), attached(), attached(passthrough=True)])
def test_nobody_waits_for_an_address_that_somebody_else_gives(entry: Entry) -> None:
    outer = ("entry", "ingress", "route", "transport", "backend-tls")
    declarations = [
        each for each in declared(entry=entry).declared if each.name in {f"gateway-{name}" for name in outer}
    ]
    assert declarations
    assert {each.inputs["metadata"]["annotations"].get("pulumi.com/skipAwait") for each in declarations} == {"true"}
