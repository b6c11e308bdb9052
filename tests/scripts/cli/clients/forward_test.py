"""A question to a Service by a forwarded port, which may have lost its pod."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from modules.core.errors import UserError
from scripts.cli.clients import forward
from scripts.cli.environment import Environment
from tests.scripts.cli.fakes import always, stack


class Ports:
    """Leads nowhere; counts how often a port was begun anew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: list[httpx.Response | None]) -> None:
        self.environment: Environment = stack(monkeypatch)
        self.closed: list[tuple[str, int, str | None]] = []
        self.asked: list[tuple[str, str]] = []
        self.answers: Iterator[httpx.Response | None] = iter(answers)
        monkeypatch.setattr(forward, "forwarded", always(40001))
        monkeypatch.setattr(forward, "close", self.close)
        monkeypatch.setattr(httpx, "request", self.request)

    def close(self, _: Environment, service: str, port: int, *, part: str | None) -> None:
        self.closed.append((service, port, part))

    def request(self, method: str, address: str, **_: Any) -> httpx.Response:
        self.asked.append((method, address))
        answer = next(self.answers)
        if answer is None:
            raise httpx.ConnectError("refused")
        return answer


def test_a_port_whose_pod_has_gone_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = Ports(monkeypatch, [None, httpx.Response(200, text="well")])
    assert forward.ask(ports.environment, "iris-canary", 8080, "/predict", part="iris", json={"rows": []}) == "well"
    assert ports.asked == [("POST", "http://127.0.0.1:40001/predict")] * 2
    assert ports.closed == [("iris-canary", 8080, "iris")]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [([None, None], "gateway answers /metrics with nothing"), ([httpx.Response(503, text="no")], "with 503: no")],
)
def test_who_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, answers: list[httpx.Response | None], expected: str
) -> None:
    ports = Ports(monkeypatch, answers)
    with pytest.raises(UserError, match=expected):
        forward.ask(ports.environment, "gateway", 8082, "/metrics")
