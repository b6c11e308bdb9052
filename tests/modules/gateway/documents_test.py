import json
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from modules.core.contracts import Entry, Route, ServedModel, Tracking
from modules.gateway.documents import (
    TRIED,
    address,
    client_address,
    files,
    portal,
    routing,
    server_names,
    static_configuration,
)
from tests.neighbours import CLOUD_ENTRY, ENTRY

MLFLOW = Route(
    name="mlflow",
    title="Experiments",
    servers={"mlflow": "http://mlflow.local-mlflow:5000"},
    weights={"mlflow": 1},
    health="/health",
    login="mlflow-users",
)
IRIS = Route(
    name="iris",
    title="Flowers",
    servers={"iris": "http://iris.local-iris:8080", "iris-canary": "http://iris-canary.local-iris:8080"},
    weights={"iris": 90, "iris-canary": 10},
    health="/v2/health/ready",
    login=None,
)
TRACKING = Tracking(
    url="http://mlflow.local-mlflow:5000",
    namespace="local-mlflow",
    artifacts="s3://a/mlflow",
    credentials={"gateway": "mlflow-login"},
)
MODEL = ServedModel(workload="iris", model="iris", release=2, version=3, canary_version=4, canary_weight=10)


def http(*routes: Route) -> dict[str, Any]:
    return routing(routes, ENTRY)["http"]


def headers_of_every_answer(entry: Entry) -> dict[str, str]:
    return routing((MLFLOW,), entry)["http"]["middlewares"]["headers"]["headers"]["customResponseHeaders"]


def test_a_service_is_reached_by_its_host_and_by_its_path() -> None:
    routers = http(MLFLOW)["routers"]
    assert routers["mlflow"]["rule"] == "Host(`mlflow.localhost`)"
    assert routers["mlflow-path"]["rule"] == (
        "(Host(`localhost`) || Host(`127.0.0.1`)) && (Path(`/mlflow`) || PathPrefix(`/mlflow/`))"
    )
    assert routers["mlflow"]["service"] == routers["mlflow-path"]["service"] == "mlflow"


def test_a_service_gets_its_path_without_the_part_that_led_to_it() -> None:
    document = http(MLFLOW)
    assert document["routers"]["mlflow-path"]["middlewares"] == ["login-rate", "mlflow-users", "mlflow-path"]
    assert document["middlewares"]["mlflow-path"] == {"stripPrefix": {"prefixes": ["/mlflow"]}}


def test_who_opens_a_page_by_its_path_is_led_to_its_own_host() -> None:
    document = http(MLFLOW)
    page = document["routers"]["mlflow-page"]
    assert page["rule"].startswith(document["routers"]["mlflow-path"]["rule"])
    page_of_a_browser = (
        "((Method(`GET`) && HeaderRegexp(`Accept`, `text/html`)) || Header(`Sec-Fetch-Mode`, `navigate`))"
    )
    assert page["rule"].endswith(f" && {page_of_a_browser}")
    assert (page["middlewares"], page["service"]) == (["mlflow-page"], "groundwork")
    redirect = document["middlewares"]["mlflow-page"]["redirectRegex"]
    replacement = redirect["replacement"].replace("$", "\\").replace("{", "g<").replace("}", ">")
    for asked, led_to in {
        "https://localhost:8443/mlflow": "https://mlflow.localhost:8443/",
        "https://127.0.0.1:8443/mlflow/": "https://mlflow.localhost:8443/",
        "https://localhost/mlflow/a/b?c=/d": "https://mlflow.localhost/a/b?c=/d",
        "https://localhost:8443/mlflow?a=b": "https://mlflow.localhost:8443/?a=b",
    }.items():
        assert re.sub(redirect["regex"], replacement, asked) == led_to


def test_a_slow_upload_goes_on_and_a_drip_ends() -> None:
    timeouts = static_configuration()["entryPoints"]["https"]["transport"]["respondingTimeouts"]
    assert timeouts == {"readTimeout": "3600s", "writeTimeout": "3600s"}


def test_who_is_let_in_is_asked_again_by_the_service_itself() -> None:
    document = http(MLFLOW, IRIS)
    assert document["routers"]["mlflow"]["middlewares"] == ["login-rate", "mlflow-users"]
    assert "middlewares" not in document["routers"]["iris"]
    users = "/var/run/groundwork/login/mlflow-users/users"
    assert document["middlewares"]["mlflow-users"]["basicAuth"] == {"usersFile": users}


def test_guesses_at_passwords_that_a_service_takes_itself_are_bounded_on_every_way_to_it() -> None:
    document = http(replace(IRIS, own_logins=("/auth/login", "/auth/token")), MLFLOW)
    login, by_path = document["routers"]["iris-login"], document["routers"]["iris-path-login"]
    assert login["rule"] == "Host(`iris.localhost`) && (PathPrefix(`/auth/login`) || PathPrefix(`/auth/token`))"
    assert by_path["rule"] == (
        "(Host(`localhost`) || Host(`127.0.0.1`)) && (PathPrefix(`/iris/auth/login`) || PathPrefix(`/iris/auth/token`))"
    )
    assert login["middlewares"] == ["guess-rate"]
    assert by_path["middlewares"] == ["guess-rate", "iris-path"]
    assert login["service"] == by_path["service"] == document["routers"]["iris"]["service"]
    assert "mlflow-login" not in document["routers"]


def test_no_rule_comes_before_that_which_leads_browsers_to_a_service_s_own_host() -> None:
    routers = http(replace(IRIS, own_logins=("/auth/login",)))["routers"]
    priorities = {name: router.get("priority", len(router["rule"])) for name, router in routers.items()}
    assert max(priorities, key=priorities.__getitem__) == "iris-page"


def test_requests_are_shared_by_weight_and_counted_by_server() -> None:
    document = http(IRIS)
    assert document["routers"]["iris-shared"]["service"] == "iris-shared"
    assert document["services"]["iris-shared"] == {
        "weighted": {"services": [{"name": "iris", "weight": 90}, {"name": "iris-canary-guarded", "weight": 10}]}
    }
    guarded = document["services"]["iris-canary-guarded"]["failover"]
    assert (guarded["service"], guarded["fallback"]) == ("iris-canary", "iris")
    assert guarded["errors"]["status"] == ["404", "500-599"]
    canary = document["services"]["iris-canary"]["loadBalancer"]
    assert canary["servers"] == [{"url": "http://iris-canary.local-iris:8080"}]


def test_calls_of_grpc_go_to_what_serves_at_the_host_s_name() -> None:
    """Of a canary too: what it fails to answer could not be asked of another."""
    document = http(replace(IRIS, grpc="h2c://iris.local-iris:8081"))
    router = document["routers"]["iris-grpc"]
    assert router["rule"] == "Host(`iris.localhost`) && HeaderRegexp(`Content-Type`, `^application/grpc`)"
    assert document["services"][router["service"]]["loadBalancer"]["servers"] == [{"url": "h2c://iris.local-iris:8081"}]
    assert "iris-grpc" not in http(IRIS)["routers"]


def test_a_canary_gets_what_the_proxy_can_hold_and_all_else_is_asked_of_what_serves() -> None:
    login, document = ("login-rate", "iris-users"), http(replace(IRIS, login="iris-users"))
    for way, middlewares in {"iris": [*login], "iris-path": [*login, "iris-path"]}.items():
        every, tried = document["routers"][way], document["routers"][f"{way}-shared"]
        assert (every["service"], tried["service"]) == ("iris", "iris-shared")
        assert tried["rule"] == f"{every['rule']} && {TRIED}"  # longer, so that it comes first
        assert every["middlewares"] == tried["middlewares"] == middlewares
    # What is held is what was sent: a bound here is memory that the proxy sets aside at each request.
    assert document["services"]["iris-canary-guarded"]["failover"]["errors"]["maxRequestBodyBytes"] == -1


@pytest.mark.parametrize(
    ("length", "tried"), [("0", True), ("999999", True), ("1000000", False), ("", False), ("-1", False), ("1e3", False)]
)
def test_what_says_that_it_is_shorter_than_a_megabyte_is_tried(length: str, tried: bool) -> None:
    rule = re.fullmatch(r"HeaderRegexp\(`(.+)`, `(.+)`\)", TRIED)
    assert rule
    assert rule[1] == "Content-Length"
    assert bool(re.search(rule[2], length)) is tried


def test_a_route_to_one_server_has_no_canary() -> None:
    document = http(MLFLOW)
    assert not [name for name in (*document["routers"], *document["services"]) if name.endswith(("shared", "guarded"))]


def test_servers_are_called_by_the_names_they_know() -> None:
    assert http(MLFLOW)["services"]["mlflow"]["loadBalancer"]["passHostHeader"] is False


def test_what_no_route_claims_is_the_landing_pages() -> None:
    routers = http(MLFLOW)["routers"]
    assert routers["groundwork"]["rule"] == "Host(`localhost`) || Host(`127.0.0.1`) || Host(`groundwork.localhost`)"
    assert routers["groundwork"]["priority"] == 1
    assert all(router.get("priority", 2) > 1 for name, router in routers.items() if name != "groundwork")


def test_every_way_in_is_encrypted_and_nothing_calls_home() -> None:
    configuration = static_configuration()
    assert configuration["entryPoints"]["https"]["http"]["tls"] == {}
    assert routing((MLFLOW,), ENTRY)["tls"]["options"]["default"]["minVersion"] == "VersionTLS12"
    assert configuration["global"] == {"checkNewVersion": False, "sendAnonymousUsage": False}
    assert configuration["metrics"]["prometheus"]["entryPoint"] == "metrics"


def test_what_is_refused_or_fails_is_logged_without_what_the_client_sent() -> None:
    log = static_configuration()["accessLog"]
    assert log["filters"] == {"statusCodes": ["400-599"]}
    assert log["fields"] == {"headers": {"defaultMode": "drop"}}


def test_browsers_keep_to_tls_for_a_domain_and_never_for_localhost() -> None:
    own = headers_of_every_answer(ENTRY)
    public = headers_of_every_answer(replace(ENTRY, domain="ml.example.com"))
    assert public == {**own, "Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


def test_every_answer_has_the_headers_that_browsers_hold_to_and_names_no_server() -> None:
    assert static_configuration()["entryPoints"]["https"]["http"]["middlewares"] == ["headers@file"]
    assert headers_of_every_answer(ENTRY) == {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "same-origin",
        "Server": "",
    }


def test_the_certificate_names_every_host() -> None:
    assert server_names([MLFLOW, IRIS], ENTRY) == [
        "localhost",
        "groundwork.localhost",
        "mlflow.localhost",
        "iris.localhost",
    ]
    assert address("iris", ENTRY) == "https://iris.localhost:8443"
    assert client_address("iris", ENTRY) == "https://localhost:8443/iris"


def test_the_landing_page_knows_where_to_ask_and_no_secret() -> None:
    shown = portal([IRIS], [MODEL], environment="local", tracking=TRACKING, entry=ENTRY)
    assert shown["services"][0]["checks"] == [
        "http://iris.local-iris:8080/v2/health/ready",
        "http://iris-canary.local-iris:8080/v2/health/ready",
    ]
    assert shown["models"][0]["canary_version"] == 4
    assert "password" not in json.dumps(shown)


def test_the_proxy_reads_yaml_and_the_landing_page_json() -> None:
    content = files([MLFLOW], [MODEL], environment="local", tracking=TRACKING, entry=ENTRY)
    assert content.keys() == {"routes.yaml", "portal.json"}
    assert yaml.safe_load(content["routes.yaml"]) == routing([MLFLOW], ENTRY)
    assert json.loads(content["portal.json"])["environment"] == "local"


def test_with_a_domain_of_its_own_each_service_has_a_host_below_it() -> None:
    routers = routing([MLFLOW], CLOUD_ENTRY)["http"]["routers"]
    assert routers["mlflow"]["rule"] == "Host(`mlflow.ml.example`)"
    assert routers["mlflow-path"]["rule"].startswith("(Host(`ml.example`)) && (Path(`/mlflow`)")
    assert "localhost" not in str(routing([MLFLOW], CLOUD_ENTRY))
    assert server_names([MLFLOW], CLOUD_ENTRY) == ["ml.example", "groundwork.ml.example", "mlflow.ml.example"]


def test_an_address_names_no_port_that_goes_without_saying_and_there_is_none_where_nobody_gets_in() -> None:
    assert address("iris", CLOUD_ENTRY) == "https://iris.ml.example"
    assert client_address("iris", CLOUD_ENTRY) == "https://ml.example/iris"
    closed = replace(ENTRY, port=None)
    assert (address("iris", closed), client_address("iris", closed)) == (None, None)
