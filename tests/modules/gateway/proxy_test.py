"""What the gateway's component declares, seen through the engine's mocks."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from modules.core.contracts import Entry, Route, Tracking
from modules.core.labels import LOCAL_PORT, Labels
from modules.core.namespaces import NamespaceRef
from modules.core.settings import resources
from modules.gateway.proxy import CERTIFICATE_SECRET, Gateway
from modules.gateway.settings import GatewaySettings
from tests.mocks import Recorder, declare
from tests.neighbours import CLOUD_ENTRY, CLUSTER, ENTRY, REGISTRY


def route(name: str, *, login: str | None) -> Route:
    address = f"http://{name}:5000"
    return Route(name=name, title=name, servers={name: address}, weights={name: 100}, health="/health", login=login)


TRACKING = Tracking(
    url="http://mlflow:5000",
    namespace="local-mlflow",
    artifacts="s3://local-artifacts",
    credentials={"gateway": "mlflow-login"},
)
DEFAULT = GatewaySettings()
MLFLOW, IRIS = route("mlflow", login="mlflow-users"), route("iris", login=None)


def declared(
    routes: Sequence[Route] = (MLFLOW, IRIS), *, entry: Entry = ENTRY, settings: GatewaySettings = DEFAULT
) -> Recorder:
    def program() -> None:
        Gateway(
            "gateway",
            settings=settings,
            labels=Labels(environment="local", owner="someone"),
            cluster=CLUSTER,
            entry=entry,
            registry=REGISTRY,
            image="registry/gateway:3@sha256:" + "1" * 64,
            namespace=NamespaceRef(name="local-gateway", ready="local-gateway"),
            routes=routes,
            models=(),
            tracking=TRACKING,
            ready=(),
        )

    return declare(program)[0]


def test_the_certificate_covers_the_host_of_each_route() -> None:
    (request,) = (each.inputs for each in declared().declared if each.name == "gateway-request")
    assert request["dnsNames"] == ["localhost", "groundwork.localhost", "mlflow.localhost", "iris.localhost"]
    assert request["ipAddresses"] == ["127.0.0.1"]


def test_a_new_route_restarts_nothing() -> None:
    """The proxy follows one ConfigMap while it runs; only the certificate, which names the hosts, is another."""
    one, two = (declared(routes).objects for routes in ((MLFLOW,), (MLFLOW, IRIS)))
    deployments = [objects["Deployment", "gateway-proxy"]["spec"] for objects in (one, two)]
    assert deployments[0] == deployments[1]
    assert one["ConfigMap", "gateway-routing"]["metadata"] == two["ConfigMap", "gateway-routing"]["metadata"]
    assert one["ConfigMap", "gateway-routing"]["data"] != two["ConfigMap", "gateway-routing"]["data"]


def test_the_proxy_knows_who_is_let_in_and_only_the_landing_page_how_to_ask_mlflow() -> None:
    """No password of people is in the gateway's namespace."""
    objects = declared().objects
    assert {inputs["metadata"]["name"] for (kind, _), inputs in objects.items() if kind == "Secret"} == {
        CERTIFICATE_SECRET
    }
    pod = objects["Deployment", "gateway-proxy"]["spec"]["template"]["spec"]
    secrets = {each["name"]: each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each}
    mounted = {
        container["name"]: {secrets[each["name"]] for each in container["volumeMounts"] if each["name"] in secrets}
        for container in pod["containers"]
    }
    assert mounted == {"proxy": {CERTIFICATE_SECRET, "mlflow-users"}, "portal": {"mlflow-login"}}


def test_the_proxy_follows_all_that_its_configuration_names() -> None:
    container, _ = declared().objects["Deployment", "gateway-proxy"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == [
        *("python", "/opt/groundwork/follow.py", "/etc/groundwork/routes/haproxy.cfg"),
        "/etc/groundwork/routes/seconds.txt",
        "/var/run/groundwork/certificate",
        "/var/run/groundwork/login/mlflow-users",
    ]


@pytest.mark.parametrize(("limit", "threads"), [("500m", 1), ("1", 1), ("1500m", 2), ("2", 2)])
def test_the_proxy_runs_on_no_more_cores_than_its_limit_has(limit: str, threads: int) -> None:
    settings = GatewaySettings(resources=resources(cpu=("50m", limit), memory=("96Mi", "256Mi")))
    data = declared(settings=settings).objects["ConfigMap", "gateway-routing"]["data"]
    assert f"    nbthread {threads}\n" in data["haproxy.cfg"]


def test_its_service_says_how_it_is_published() -> None:
    objects = declared(entry=replace(ENTRY, annotations={LOCAL_PORT: "9443"})).objects
    assert objects["Service", "gateway-service"]["metadata"]["annotations"][LOCAL_PORT] == "9443"
    assert len([kind for kind, _ in objects if kind == "Service"]) == 1


def test_a_load_balancer_leads_to_https_and_not_to_metrics() -> None:
    objects = declared(entry=CLOUD_ENTRY).objects
    outer, inner = (objects["Service", f"gateway-{name}"] for name in ("entry", "service"))
    assert outer["spec"]["type"] == "LoadBalancer"
    assert outer["spec"]["ports"] == [{"name": "https", "port": 443, "targetPort": 8443}]
    assert outer["spec"]["selector"] == inner["spec"]["selector"]
    assert outer["metadata"]["annotations"]["cloud.example/internal"] == "true"
    assert {port["name"] for port in inner["spec"]["ports"]} == {"https", "metrics"}
    assert "type" not in inner["spec"]
    assert "cloud.example/internal" not in inner["metadata"]["annotations"]


def test_a_certificate_that_somebody_else_issues_is_used_as_it_is() -> None:
    recorder = declared(entry=CLOUD_ENTRY)
    volumes = recorder.objects["Deployment", "gateway-proxy"]["spec"]["template"]["spec"]["volumes"]
    assert "ml-example-tls" in {volume["secret"]["secretName"] for volume in volumes if "secret" in volume}
    assert not [each for each in recorder.declared if each.type.startswith("tls:")]
    assert ("Secret", "gateway-certificate-secret") not in recorder.objects


def test_a_new_proxy_answers_before_the_old_one_goes() -> None:
    strategy = declared().objects["Deployment", "gateway-proxy"]["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
