"""What the gateway's component declares, seen through the engine's mocks."""

from collections.abc import Sequence

import pytest
import yaml

from modules.core.contracts import Route, Tracking
from modules.core.labels import LOCAL_PORT, Labels
from modules.gateway.proxy import CERTIFICATE_SECRET, LOGIN_SECRET, USERS_SECRET, Gateway
from modules.gateway.settings import GatewaySettings
from tests.mocks import Recorder, declare
from tests.neighbours import REGISTRY


def route(name: str, *, login: bool) -> Route:
    address = f"http://{name}:5000"
    return Route(name=name, title=name, servers={name: address}, weights={name: 100}, health="/health", login=login)


MLFLOW, IRIS = route("mlflow", login=True), route("iris", login=False)


def declared(routes: Sequence[Route] = (MLFLOW, IRIS), *, local_port: int | None = 8443) -> Recorder:
    def program() -> None:
        Gateway(
            "gateway",
            settings=GatewaySettings(local_port=local_port),
            labels=Labels(environment="local", owner="someone"),
            registry=REGISTRY,
            image="registry/gateway:3@sha256:" + "1" * 64,
            namespace="local-gateway",
            routes=routes,
            models=(),
            tracking=Tracking(url="http://mlflow:5000", namespace="local-mlflow", artifacts="s3://local-artifacts"),
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
    assert one["ConfigMap", "gateway-routes"]["metadata"] == two["ConfigMap", "gateway-routes"]["metadata"]
    assert one["ConfigMap", "gateway-routes"]["data"] != two["ConfigMap", "gateway-routes"]["data"]


def test_a_login_is_asked_for_on_every_way_to_a_route_that_wants_one_and_on_no_other() -> None:
    data = declared().objects["ConfigMap", "gateway-routes"]["data"]
    (text,) = (content for name, content in data.items() if name.endswith(".yaml"))
    routers = yaml.safe_load(text)["http"]["routers"]
    asking = {name for name, router in routers.items() if "login" in router.get("middlewares", [])}
    assert asking == {"mlflow", "mlflow-path"}


def test_the_password_is_in_the_secret_of_people_only_and_the_proxy_has_its_hash() -> None:
    secrets = {
        inputs["metadata"]["name"]: inputs for (kind, _), inputs in declared().objects.items() if kind == "Secret"
    }
    assert secrets.keys() == {CERTIFICATE_SECRET, LOGIN_SECRET, USERS_SECRET}
    mounted = {
        volume["secret"]["secretName"]
        for volume in declared().objects["Deployment", "gateway-proxy"]["spec"]["template"]["spec"]["volumes"]
        if "secret" in volume
    }
    assert mounted == {CERTIFICATE_SECRET, USERS_SECRET}


@pytest.mark.parametrize("port", [9443, None])
def test_it_is_published_where_the_settings_name_a_port(port: int | None) -> None:
    annotations = declared(local_port=port).objects["Service", "gateway-service"]["metadata"]["annotations"]
    assert annotations.get(LOCAL_PORT) == (None if port is None else str(port))


def test_a_new_proxy_answers_before_the_old_one_goes() -> None:
    strategy = declared().objects["Deployment", "gateway-proxy"]["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
