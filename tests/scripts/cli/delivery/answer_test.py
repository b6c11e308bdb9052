"""When a release has the answer of its model."""

import json
from typing import Any

import httpx

from scripts.cli.clients.tracking import Version
from scripts.cli.delivery.release import await_answer, pin_of
from tests.scripts.cli.fakes import DIGEST, SERVING_DIGEST, refused
from workloads import catalog

PIN = pin_of(
    Version(model="iris", number=2, run="run-2", tags={"groundwork.uri": "s3://b/2", "groundwork.digest": DIGEST}),
    None,
    SERVING_DIGEST,
)


def test_the_address_is_asked_until_the_new_model_answers() -> None:
    answers = [
        httpx.Response(503, json={}),
        httpx.Response(200, json={"model_digest": "sha256:previous"}),
        httpx.Response(200, json={"model_digest": DIGEST}),
    ]
    asked: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        return answers.pop(0)

    client, waited = httpx.Client(transport=httpx.MockTransport(answer)), list[float]()
    iris = catalog.load("iris")
    await_answer("http://127.0.0.1:8080", iris, PIN, client=client, pause=waited.append)
    assert asked == [iris.serving.example] * 3
    assert len(waited) == 2


def test_an_address_that_does_not_answer_is_named() -> None:

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client, iris = httpx.Client(transport=httpx.MockTransport(refuse)), catalog.load("iris")
    address = "http://127.0.0.1:8080"
    message = refused(lambda: await_answer(address, iris, PIN, client=client, patience=-1))
    assert "http://127.0.0.1:8080 did not answer as version 2" in message
    assert "ConnectError: refused" in message
