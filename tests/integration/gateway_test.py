"""The entry point of the platform, as browsers and clients use it."""

import http.client
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from modules.core.releases import Canary, Release, read_releases, write_releases
from scripts.cli.clients import gateway, kubectl
from scripts.cli.environment import Environment

from .conftest import STACK, run
from .pods import eventually
from .workloads_test import FLOWER, Mlflow, another_version

EFFECT_SECONDS = 60.0
"""For changed routes to be in the proxy's files and read, with room for a slow machine."""


@pytest.fixture
def port(platform: Environment) -> int:
    return platform.settings.ports()["gateway"]


@pytest.fixture
def client(platform: Environment) -> Iterator[httpx.Client]:
    """Trusts the environment's authority only, and has no login."""
    context = ssl.create_default_context(cadata=gateway.ca_certificate(platform))
    with httpx.Client(verify=context, timeout=20, trust_env=False) as made:
        yield made


def at(port: int, path: str = "/") -> str:
    return f"https://localhost:{port}{path}"


def test_the_certificate_is_of_the_environments_own_authority(client: httpx.Client, port: int) -> None:
    assert client.get(at(port)).status_code == 200
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(at(port), trust_env=False)


@pytest.mark.parametrize("service", ["mlflow", "airflow"])
def test_a_browser_that_opens_a_path_lands_at_the_services_own_host(
    client: httpx.Client, port: int, service: str
) -> None:
    for path in (f"/{service}", f"/{service}/"):
        answer = client.get(at(port, path), headers={"accept": "text/html,*/*;q=0.8"})
        assert (answer.status_code, answer.headers["location"]) == (302, f"https://{service}.localhost:{port}/")


def test_no_page_of_a_model_server_opens_in_the_origin_of_the_others(client: httpx.Client, port: int) -> None:
    """A page at a path below `localhost` could act with the login to MLflow: a browser gets none, a program does."""
    own = f"https://iris.localhost:{port}/v2/models/iris"
    navigating = {"sec-fetch-mode": "navigate", "accept": "*/*"}
    opened = client.get(at(port, "/iris/v2/models/iris"), headers=navigating)
    assert (opened.status_code, opened.headers["location"]) == (302, own)
    sent = client.post(at(port, "/iris/v2/models/iris"), headers=navigating, data={"from": "a form"})
    assert (sent.status_code, sent.headers["location"]) == (307, own)
    assert client.get(at(port, "/iris/v2/models/iris")).json()["name"] == "iris"


def test_a_model_is_asked_over_grpc_by_its_public_client(platform: Environment, port: int, tmp_path: Path) -> None:
    certificate = tmp_path / "ca.crt"
    certificate.write_text(gateway.ca_certificate(platform) or "")
    released = read_releases(STACK)["iris"]
    client = ("uv", "run", "--frozen", "--script")
    row = json.dumps(list(FLOWER.values()))
    arguments = (f"127.0.0.1:{port}", "iris", row, str(certificate), "iris.localhost")
    found = json.loads(run(*client, "tests/workloads/server/grpc/triton.py", *arguments).stdout)
    assert (found["live"], found["ready"], found["model_ready"]) == (True, True, True)
    assert (found["label"], found["versions"]) == (["setosa"], [str(released.model_version)])
    assert found["digest"] == released.model_digest
    assert found["refused"]["status"] == "StatusCode.NOT_FOUND"


@pytest.mark.parametrize("host", ["localhost", "mlflow.localhost", "airflow.localhost", "iris.localhost"])
def test_every_answer_tells_browsers_what_they_may_not_do_and_nobody_what_runs(
    client: httpx.Client, port: int, host: str
) -> None:
    answer = client.get(at(port), headers={"host": f"{host}:{port}", "accept": "*/*"})  # resolvers may not know it
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in answer.headers  # of a machine whose other ports are other programs
    assert "server" not in answer.headers


def test_guesses_at_airflows_passwords_are_few_and_logging_in_goes_on(client: httpx.Client, port: int) -> None:
    address, wrong = at(port, "/airflow/auth/token"), {"username": "admin", "password": "wrong"}
    asked = [address, at(port, "/airflow//auth//%74oken")] * 20  # the same, whoever reads it so
    guesses = [client.post(each, json=wrong).status_code for each in asked]
    assert guesses[0] == 401
    assert guesses[-1] == 429
    assert client.get(at(port, "/airflow/api/v2/version")).status_code == 200
    assert eventually(lambda: client.post(address, json=wrong).status_code == 401, 10)
    time.sleep(10)  # for the logins of the next tests


def test_no_client_gets_a_tunnel_past_the_gateways_rules(platform: Environment, port: int) -> None:
    context = ssl.create_default_context(cadata=gateway.ca_certificate(platform))
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
    host = f"iris.localhost:{port}"
    connection.request("CONNECT", host, headers={"Host": host})
    assert connection.getresponse().status == 405
    connection.close()


def test_no_weak_cipher_is_spoken(platform: Environment, port: int) -> None:
    context = ssl.create_default_context(cadata=gateway.ca_certificate(platform))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for ciphers, taken in {"ECDHE-ECDSA-AES128-GCM-SHA256": True, "ECDHE-ECDSA-AES128-SHA": False}.items():
        context.set_ciphers(ciphers)
        with httpx.Client(verify=context, trust_env=False) as weak:
            if taken:
                assert weak.get(at(port)).status_code == 200
            else:
                with pytest.raises(httpx.ConnectError, match="HANDSHAKE_FAILURE"):
                    weak.get(at(port))


@pytest.mark.parametrize("identity", ["\ud800", "x" * 3_000_000, 7])
def test_an_id_that_no_answer_can_hold_is_refused_and_not_repeated(
    client: httpx.Client, port: int, identity: object
) -> None:
    tensor = {"name": "input", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}
    url = at(port, "/iris/v2/models/iris/infer")
    assert client.post(url, json={"id": "mine", "inputs": [tensor]}).json()["id"] == "mine"
    refused = client.post(url, content=json.dumps({"id": identity, "inputs": [tensor]}))
    assert (refused.status_code, len(refused.content) < 1000) == (400, True)


def test_a_model_refuses_a_body_before_it_has_arrived_and_its_own_words_reach_the_client(
    client: httpx.Client, port: int
) -> None:
    refused = client.post(at(port, "/iris/v2/models/iris/infer"), content=b" " * 100_000_000)
    assert (refused.status_code, refused.json()["model_name"]) == (413, "iris")


def test_of_200000_unknown_features_an_error_repeats_a_few(client: httpx.Client, port: int) -> None:
    asked = {f"f{number}": 1 for number in range(200_000)}
    refused = client.post(at(port, "/iris/predict"), json=asked)
    assert (refused.status_code, len(refused.content) < 1000) == (400, True)


def test_a_slash_at_the_end_of_a_path_leads_nowhere_else(client: httpx.Client, port: int) -> None:
    answer = client.post(at(port, "/iris/predict/"), json=FLOWER)
    assert (answer.status_code, answer.headers.get("location")) == (200, None)


def test_curl_opens_a_service_by_its_host(platform: Environment, port: int) -> None:
    gateway.write_ca_certificate(platform)
    url = f"https://iris.localhost:{port}/v2/health/ready"
    assert (
        run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(platform.ca_certificate), url).stdout
        == "200"
    )


def test_mlflow_asks_for_the_login_that_credentials_tells(client: httpx.Client, port: int) -> None:
    url = at(port, "/mlflow/api/2.0/mlflow/registered-models/get?name=iris")
    assert client.get(url).status_code == 401
    assert client.get(url, auth=("groundwork", "wrong")).status_code == 401
    (login,) = json.loads(run(".venv/bin/groundwork", "credentials", "mlflow", "--stack", STACK, "--json").stdout)
    assert client.get(url, auth=(login["username"], login["password"])).json()["registered_model"]["name"] == "iris"


def test_the_clients_of_a_shell_are_led_through_the_gateway() -> None:
    code = "import mlflow; print(mlflow.MlflowClient().get_registered_model('iris').name)"
    printed = run("bash", "-c", f'eval "$(scripts/env {STACK})" && python -W ignore -c "{code}"').stdout
    assert printed.strip() == "iris"


def test_the_landing_page_tells_what_runs_and_what_serves(client: httpx.Client, port: int) -> None:
    page = client.get(at(port)).text
    assert f'href="https://mlflow.localhost:{port}/"' in page
    status = client.get(at(port, "/status.json")).json()
    assert {service["name"]: service["health"] for service in status["services"]} == {
        "mlflow": "healthy",
        "airflow": "healthy",
        "iris": "healthy",
    }
    (iris,) = status["models"]
    assert iris["champion"] == f"version {iris['version']}"


def test_status_tells_the_addresses_that_any_client_opens(platform: Environment, port: int) -> None:
    found = json.loads(run(".venv/bin/groundwork", "status", STACK, "--json").stdout)
    addresses = {service["name"]: service["address"] for service in found["services"]}
    assert platform.stack == STACK
    assert addresses["gateway"] == f"https://localhost:{port}"
    assert addresses["mlflow"] == f"https://localhost:{port}/mlflow"


class Load:
    """Keep-alive clients that ask the model through the gateway until the end of a `with` block."""

    def __init__(self, context: ssl.SSLContext, url: str) -> None:
        self.versions: Counter[str] = Counter()
        self.failures: list[str] = []
        self._context, self._url = context, url
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]

    def _ask(self) -> None:
        with httpx.Client(verify=self._context, timeout=20, trust_env=False) as client:
            while not self._ended.wait(0.01):
                try:
                    answer = client.post(self._url, json=FLOWER)
                except httpx.TransportError as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
                    continue
                if answer.status_code != 200:
                    self.failures.append(f"{answer.status_code}: {answer.text[:200]}")
                else:
                    self.versions[answer.headers["x-model-version"]] += 1

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def share(self, version: int, requests: int = 200) -> float:
        """Of a version, of the next so many requests."""
        before = Counter(self.versions)
        deadline = time.monotonic() + EFFECT_SECONDS
        while (self.versions - before).total() < requests and time.monotonic() < deadline:
            time.sleep(0.05)
        counted = self.versions - before
        return counted[str(version)] / max(counted.total(), 1)


def place(platform: Environment, release: Release) -> None:
    """Pins and applies, as commands do."""
    write_releases(STACK, {**read_releases(STACK), "iris": release})
    run("pulumi", "up", "--yes", "--skip-preview", "-s", STACK, "--non-interactive", env=platform.process_environment())


def requests_of(platform: Environment, server: str) -> float:
    """That the proxy counted for a server since it last took up changed routes, answered with 2xx."""
    text = kubectl.run(
        platform, "get", "--raw", f"/api/v1/namespaces/{STACK}-gateway/services/gateway:metrics/proxy/metrics"
    )
    wanted = f'haproxy_server_http_responses_total{{proxy="{server}",server="{server}",code="2xx"}} '
    return sum(float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted))


def test_a_canary_gets_its_share_and_no_request_is_lost_while_it_comes_and_goes(
    platform: Environment, port: int
) -> None:
    stable = read_releases(STACK)["iris"]
    asked = Mlflow(platform)
    with asked.client:
        number = another_version(asked)
    tried = stable.pin.model_copy(update={"model_version": number})
    context = ssl.create_default_context(cadata=gateway.ca_certificate(platform))
    with Load(context, at(port, "/iris/predict")) as load:
        place(platform, stable.model_copy(update={"canary": Canary(pin=tried, weight=30)}))
        deadline = time.monotonic() + EFFECT_SECONDS
        while not load.versions[str(number)] and time.monotonic() < deadline:
            time.sleep(0.2)
        share = load.share(number)
        # What the proxy can't hold, to ask it again, is never tried: with 30 of 100, by chance, once in 1000 times.
        long = json.dumps(FLOWER) + " " * 1_000_000
        headers = {"content-type": "application/json"}
        with httpx.Client(verify=context, timeout=20, trust_env=False, headers=headers) as client:
            answers = [client.post(at(port, "/iris/predict"), content=long) for _ in range(20)]
        counted = requests_of(platform, "iris-canary")
        place(platform, stable.model_copy(update={"canary": Canary(pin=tried, weight=0)}))
        deadline = time.monotonic() + EFFECT_SECONDS
        while (left := load.share(number)) and time.monotonic() < deadline:
            pass
        place(platform, stable)
        load.share(number)
    assert load.failures == []
    # Requests are shared out by turns: of 200 with a weight of 30 a few only are off.
    assert 0.25 <= share <= 0.35
    assert counted > 0
    assert {answer.headers["x-model-version"] for answer in answers} == {str(stable.pin.model_version)}
    assert left == 0
