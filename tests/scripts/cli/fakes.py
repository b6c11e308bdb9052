"""A stack without a cluster: its settings, its kubectl and its MLflow are what a test says."""

import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs

import httpx
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modules.core.errors import UserError
from modules.core.paths import REPOSITORY
from scripts.cli import environment
from scripts.cli.clients import gateway, kubectl
from scripts.cli.environment import Environment
from stacks.configuration import parse
from stacks.settings import PlatformSettings
from workloads.signing import SIGNATURE, public_pem, sign, statement_of

DIGEST = "sha256:" + "a" * 64
TRAINING_DIGEST = "sha256:" + "5" * 64
SERVING_DIGEST = "sha256:" + "1" * 64
"""Of today's serving image."""
EARLIER_DIGEST = "sha256:" + "2" * 64
"""Of one of before."""
IMAGE = f"10.80.0.1:5000/groundwork/serving:0.1.0@{SERVING_DIGEST}"


def settings(**changed: Any) -> PlatformSettings:
    return parse({"groundwork:workloads": {"iris": {"local_port": 8080}}, **changed}, source="stacks/Pulumi.local.yaml")


def on_aws(**changed: Any) -> PlatformSettings:
    """The settings of the example on AWS. changed: groups of its foundation, by their keys."""
    config: dict[str, Any] = yaml.safe_load((REPOSITORY / "stacks/aws-dev.example.yaml").read_text())["config"]
    foundation: dict[str, Any] = config["groundwork:foundation"]
    for group, values in changed.items():
        foundation[group] = {**foundation.get(group, {}), **values}
    return parse(config, source="stacks/Pulumi.local.yaml")


def stack(monkeypatch: pytest.MonkeyPatch, given: PlatformSettings | None = None) -> Environment:
    """The stack `local`, whose settings come from no file."""
    loaded = given or settings()
    monkeypatch.setattr(environment, "load", always(loaded))
    return Environment("local")


def cron_job(variables: dict[str, str], image: str = IMAGE) -> dict[str, Any]:
    """A template as the API server gives it: empty values are left out."""
    container = {
        "name": "main",
        "image": image,
        "env": [{"name": key, "value": value} if value else {"name": key} for key, value in variables.items()],
    }
    labels = {"app.kubernetes.io/name": "iris", "app.kubernetes.io/managed-by": "pulumi"}
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container]}}
    return {
        "metadata": {"name": "iris-check", "namespace": "local-iris"},
        "spec": {"jobTemplate": {"metadata": {"labels": labels}, "spec": {"backoffLimit": 0, "template": template}}},
    }


class Kubectl:
    """Answers in turn; remembers what was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.lists: list[list[dict[str, Any]]] = []
        self.log = ""
        self.created: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        for name in ("get", "items", "run"):
            monkeypatch.setattr(kubectl, name, getattr(self, name))

    def get(self, _: Environment, kind: str, name: str, *__: str) -> dict[str, Any] | None:
        return self.objects.get((kind, name))

    def items(self, _: Environment, *__: str) -> list[dict[str, Any]]:
        return self.lists.pop(0) if self.lists else []

    def run(self, _: Environment, verb: str, *arguments: str, stdin: str | None = None) -> str:
        if verb == "create":
            self.created.append(json.loads(stdin or ""))
        elif verb == "delete":
            self.deleted.append(arguments[1])
        elif verb == "logs":
            return self.log
        return ""


HttpClient = httpx.Client
CA_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
Answer = tuple[int, dict[str, Any]]


def mlflow(monkeypatch: pytest.MonkeyPatch, answer: Callable[[str, dict[str, Any]], Answer | None]) -> None:
    """An MLflow that answers (status, content) to a path below /api/2.0/mlflow and its parameters; None: not found."""

    def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/mlflow/api/2.0/mlflow/")
        query = {key: values[0] for key, values in parse_qs(request.url.query.decode()).items()}
        found = answer(path, json.loads(request.content) if request.content else query)
        status, content = found or (404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not found"})
        return httpx.Response(status, json=content)

    def client(**options: Any) -> httpx.Client:
        return HttpClient(transport=httpx.MockTransport(handle), base_url=options["base_url"])

    monkeypatch.setattr(gateway, "ca_certificate", always(CA_CERTIFICATE))
    monkeypatch.setattr(gateway, "mlflow_login", always(("groundwork", "not-a-password")))
    monkeypatch.setattr(gateway.ssl, "create_default_context", always(None))
    monkeypatch.setattr(gateway.httpx, "Client", client)


KEY = Ed25519PrivateKey.generate()
TRUST = {"MODEL_PUBLIC_KEY": public_pem(KEY), "MODEL_ROOT": "s3://b"}
"""Variables of a check that believes what the key signed."""


def signed(run: str, tags: dict[str, str], key: Ed25519PrivateKey = KEY) -> dict[str, str]:
    """The tags of a run, signed as its training does."""
    return {**tags, SIGNATURE: sign(key, statement_of("iris", run, tags))}


def version(number: int, **tags: str) -> dict[str, Any]:
    """A version of the model iris, as MLflow describes it, signed but for these tags."""
    own = {
        "groundwork.uri": f"s3://b/{number}",
        "groundwork.digest": DIGEST,
        "groundwork.config": "{}",
        "groundwork.image_digest": TRAINING_DIGEST,
    }
    given = {**signed(f"run-{number}", own), **tags}
    pairs = [{"key": key, "value": value} for key, value in given.items()]
    return {"name": "iris", "version": str(number), "run_id": f"run-{number}", "tags": pairs}


Value = TypeVar("Value")


def always(value: Value) -> Callable[..., Value]:
    """A function that gives this, whatever it is called with."""

    def give(*_: object, **__: object) -> Value:
        return value

    return give


def quiet(_: str) -> None:
    """Progress that nobody watches."""


def refused(call: Callable[[], object]) -> str:
    """The message of the UserError that a call ends with."""
    with pytest.raises(UserError) as error:
        call()
    return str(error.value)
