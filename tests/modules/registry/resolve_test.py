"""Resolving, against a registry and a token server of a few lines on real sockets."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from modules.registry.resolve import digest_of, resolve
from modules.registry.third_party import ThirdPartyImage

POLL_SECONDS = 0.01
"""Between looks of a server whether it shall end: the default of half a second is waited for at each end."""
MANIFEST = b'{"schemaVersion": 2}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


class Registry(ThreadingHTTPServer):
    """Holds a/b:1. `token`: what it wants to see, and what its token server gives away."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.token: str | None = None
        self.returns: str | None = DIGEST
        self.realm = f"http://{self.host}/token"
        self.asked: list[dict[str, list[str]]] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def image(self, repository: str = "a/b", tag: str = "1", digest: str = "unresolved") -> ThirdPartyImage:
        return ThirdPartyImage.model_validate({"source": f"{self.host}/{repository}", "tag": tag, "digest": digest})


class Handler(BaseHTTPRequestHandler):
    @property
    def registry(self) -> Registry:
        assert isinstance(self.server, Registry)
        return self.server

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/token":
            self.registry.asked.append(parse_qs(address.query))
            self.answer(200, f'{{"token": "{self.registry.token}"}}'.encode())
        elif self.registry.token and self.headers.get("Authorization") != f"Bearer {self.registry.token}":
            self.answer(401, b"", **{"WWW-Authenticate": f'Bearer realm="{self.registry.realm}",service="the-service"'})
        elif address.path == "/v2/a/b/manifests/1" and "oci.image.index" in self.headers.get("Accept", ""):
            headers = {"Docker-Content-Digest": self.registry.returns} if self.registry.returns else {}
            self.answer(200, MANIFEST, **headers)
        else:
            self.answer(404, b"")

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever, args=[POLL_SECONDS])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def problem(image: ThirdPartyImage) -> str:
    (answer,) = resolve({"x": image}).values()
    assert answer.digest is None
    return answer.problem or ""


def test_a_registry_is_asked_for_the_digest_of_the_tag(registry: Registry) -> None:
    assert resolve({"x": registry.image()})["x"].digest == DIGEST


def test_a_token_is_fetched_where_the_registry_wants_one(registry: Registry) -> None:
    registry.token = "anonymous"
    assert resolve({"x": registry.image()})["x"].digest == DIGEST
    assert registry.asked == [{"service": ["the-service"], "scope": ["repository:a/b:pull"]}]


def test_a_digest_that_the_registry_does_not_return_is_measured(registry: Registry) -> None:
    registry.returns = None
    assert resolve({"x": registry.image()})["x"].digest == DIGEST


def test_a_digest_that_is_known_is_not_asked_for_again(registry: Registry) -> None:
    assert resolve({"x": registry.image(digest=f"sha256:{0:064x}")}) == {}


def test_why_a_registry_returned_no_digest_is_reported(registry: Registry) -> None:
    assert "answered 404" in problem(registry.image(tag="2"))
    registry.returns = "sha256:short"
    assert "returned the digest 'sha256:short'" in problem(registry.image())
    registry.token, registry.realm = "anonymous", "http://elsewhere.example/token"
    assert "its token server is http://elsewhere.example/token; expected an https:// address" in problem(
        registry.image()
    )
    registry.realm = f"http://{registry.host}/v2/nothing"
    assert "wants a login" in problem(registry.image())


def test_a_registry_that_is_not_reached_is_a_reason_too() -> None:
    nobody = ThirdPartyImage.model_validate({"source": "127.0.0.1:1/a/b", "tag": "1", "digest": "unresolved"})
    assert problem(nobody).startswith("not reached (ConnectError")


def test_the_default_registry_is_asked_where_it_answers() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, headers={"Docker-Content-Digest": DIGEST})

    image = ThirdPartyImage.model_validate({"source": "docker.io/library/python", "tag": "3", "digest": "unresolved"})
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        assert digest_of(client, image) == DIGEST
    assert asked == ["https://registry-1.docker.io/v2/library/python/manifests/3"]
