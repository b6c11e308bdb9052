import json
from dataclasses import replace

from modules.core.contracts import Route, ServedModel, Tracking
from modules.gateway.documents import address, client_address, portal, server_names
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


def test_an_address_names_no_port_that_goes_without_saying_and_there_is_none_where_nobody_gets_in() -> None:
    assert address("iris", CLOUD_ENTRY) == "https://iris.ml.example"
    assert client_address("iris", CLOUD_ENTRY) == "https://ml.example/iris"
    closed = replace(ENTRY, port=None)
    assert (address("iris", closed), client_address("iris", closed)) == (None, None)
