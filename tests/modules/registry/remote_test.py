"""A registry's answers, and how each way of logging in is used and refused."""

import gzip
import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.registry.access import RegistryAccess, challenge, scheme
from modules.registry.logins import TOKEN_USER, Login
from modules.registry.remote import Remote
from tests.modules.registry.fakes import FakeRegistry, connected, filled

REGISTRY = Registry(push="registry.test:5000/groundwork", pull="registry.test:5000/groundwork")
LAYER = gzip.compress(b"x" * 3_000_000)
LOGIN = Login(username="ml", password="secret", source="/home/ml/.docker/config.json")
BASIC = f"Basic {b64encode(b'ml:secret').decode()}"
Handler = Callable[[httpx.Request], httpx.Response]


def answer(request: httpx.Request) -> httpx.Response:
    """A registry that holds one image, `there`, of two equal layers."""
    path = request.url.path.removeprefix("/v2/groundwork")
    if path in {"/there/manifests/sha256:1", "/there/manifests/tag"}:
        layer = {"digest": "sha256:2", "size": 1_000_000}
        digest = {"Docker-Content-Digest": "sha256:1"}
        return httpx.Response(200, text=json.dumps({"layers": [layer, layer]}), headers=digest)
    if path == "/there/blobs/sha256:2" and "Range" in request.headers:
        return httpx.Response(206, content=LAYER[-4:])
    return httpx.Response(500 if path.startswith("/broken") else 404)


def refuse(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("Connection refused")


def remote(handler: Handler, login: Login | None = None, advice: str = "is it up?") -> Remote:
    return Remote(REGISTRY, RegistryAccess(login=login, advice=advice), httpx.MockTransport(handler))


def refusal(handler: Handler, login: Login | None = None) -> str:
    with remote(handler, login) as registry, pytest.raises(UserError) as refused:
        registry.find({"there": "tag"})
    assert "secret" not in str(refused.value)
    return str(refused.value)


class TokenRegistry:
    """A registry whose token server gives away `token`; to those who log in where `wanted` says how."""

    def __init__(self, wanted: str | None = None) -> None:
        self.wanted = wanted
        self.token = "first"
        self.asked: list[httpx.Request] = []
        self.uploaded = b""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "token.test":
            self.asked.append(request)
            sent = request.headers.get("Authorization") or request.content.decode() or None
            granted = sent == self.wanted
            return (
                httpx.Response(200, json={"token": self.token, "expires_in": 300}) if granted else httpx.Response(401)
            )
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            repository = request.url.path.removeprefix("/v2/").partition("/blobs")[0].partition("/manifests")[0]
            scope = f"repository:{repository}:{'pull' if request.method == 'HEAD' else 'pull,push'}"
            wanted = f'Bearer realm="https://token.test/token",service="registry.test",scope="{scope}"'
            return httpx.Response(401, headers={"WWW-Authenticate": wanted})
        if request.method == "POST":
            return httpx.Response(202, headers={"Location": "/v2/groundwork/there/blobs/uploads/1?state=a"})
        if request.method == "PUT":
            assert request.url.params["state"] == "a"
            self.uploaded = request.read()
            return httpx.Response(201)
        return answer(request)


def basic_registry(request: httpx.Request) -> httpx.Response:
    if request.headers.get("Authorization") != BASIC:
        return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="registry"'})
    return answer(request)


def test_it_tells_which_images_are_there() -> None:
    with remote(answer) as registry:
        assert registry.find({"there": "sha256:1", "gone": "sha256:1"}) == {"there": "sha256:1"}
        assert registry.find({"there": "tag"}) == {"there": "sha256:1"}


def test_it_tells_what_images_weigh_on_the_wire_and_on_a_node() -> None:
    with remote(answer) as registry:
        size = registry.sizes({"there": "sha256:1"})["there"]
    assert (size.compressed, size.uncompressed) == (2.0, 6.0)


def test_a_registry_that_does_not_answer_is_an_error_and_not_an_absent_image() -> None:
    assert "registry.test:5000/groundwork does not answer (Connection refused): is it up?" in refusal(refuse)
    with remote(answer) as registry, pytest.raises(UserError, match="HTTP 500"):
        registry.find({"broken": "sha256:1"})


def test_a_registry_that_asks_for_a_password_gets_that_of_the_login() -> None:
    with remote(basic_registry, LOGIN) as registry:
        assert registry.find({"there": "tag"}) == {"there": "sha256:1"}


def test_a_token_is_fetched_with_the_login_once_for_each_repository_and_right() -> None:
    server = TokenRegistry(BASIC)
    with remote(server, LOGIN) as registry:
        for _ in range(3):
            assert registry.find({"there": "tag"}) == {"there": "sha256:1"}
        registry.check_push("there")
    assert [request.url.params["scope"] for request in server.asked] == [
        "repository:groundwork/there:pull",
        "repository:groundwork/there:pull,push",
    ]
    assert {request.url.params["service"] for request in server.asked} == {"registry.test"}


def test_a_token_server_is_asked_without_a_login_where_there_is_none() -> None:
    server = TokenRegistry(None)
    with remote(server) as registry:
        assert registry.find({"there": "tag"}) == {"there": "sha256:1"}


def test_an_identity_token_is_exchanged_for_a_token() -> None:
    exchange = "grant_type=refresh_token&client_id=groundwork&refresh_token=secret&service=registry.test"
    server = TokenRegistry(f"{exchange}&scope=repository%3Agroundwork%2Fthere%3Apull")
    login = Login(username=TOKEN_USER, password="secret", source="a helper")
    with remote(server, login) as registry:
        assert registry.find({"there": "tag"}) == {"there": "sha256:1"}


def test_an_upload_whose_token_is_refused_midway_is_sent_again_with_a_new_one(tmp_path: Path) -> None:
    server = TokenRegistry(BASIC)
    (tmp_path / "blob").write_bytes(LAYER)
    with remote(server, LOGIN) as registry:
        registry.check_push("there")
        ask = server.__call__

        def expire(request: httpx.Request) -> httpx.Response:
            if request.method == "PUT" and server.token == "first":
                request.read()
                server.token = "second"
            return ask(request)

        registry.client = httpx.Client(
            base_url=registry.client.base_url, auth=registry.client.auth, transport=httpx.MockTransport(expire)
        )
        registry.upload("there", f"sha256:{hashlib.sha256(LAYER).hexdigest()}", tmp_path / "blob")
    assert server.uploaded == LAYER


def test_a_blob_that_is_kept_elsewhere_is_fetched_without_the_login(tmp_path: Path) -> None:
    def elsewhere(request: httpx.Request) -> httpx.Response:
        if request.url.host == "bucket.test":
            assert "Authorization" not in request.headers
            return httpx.Response(200, content=LAYER)
        assert request.headers.get("Authorization") in {BASIC, None}
        if "Authorization" not in request.headers:
            return httpx.Response(401, headers={"WWW-Authenticate": "Basic"})
        return httpx.Response(307, headers={"Location": "https://bucket.test/blob?signature=1"})

    with remote(elsewhere, LOGIN) as registry:
        registry.download("there", "sha256:2", tmp_path / "blob")
    assert (tmp_path / "blob").read_bytes() == LAYER


def test_whose_login_from_which_file_was_refused_is_said_without_it() -> None:
    wrong = Login(username="ml", password="other-secret", source="/home/ml/.docker/config.json")
    for registry in (basic_registry, TokenRegistry(BASIC)):
        said = refusal(registry, wrong)
        assert "registry.test:5000/groundwork refused the login of 'ml' from /home/ml/.docker/config.json" in said
        assert "`docker login registry.test:5000` or `buildah login registry.test:5000`" in said


def test_a_registry_that_wants_a_login_says_how_to_log_in() -> None:
    for registry in (basic_registry, TokenRegistry(BASIC)):
        said = refusal(registry)
        assert "registry.test:5000/groundwork wants a login, and there is none for it: `docker login" in said


def test_a_right_that_is_missing_is_said_with_what_the_registry_says() -> None:
    def denied(_: httpx.Request) -> httpx.Response:
        return httpx.Response(403, json={"errors": [{"code": "DENIED", "message": "no push for you"}]})

    said = refusal(denied, LOGIN)
    assert "does not allow this to user 'ml' from /home/ml/.docker/config.json (DENIED: no push for you)" in said


@pytest.mark.parametrize("realm", ["http://token.test/token", "token.test", ""])
def test_a_login_is_sent_to_no_token_server_without_tls(realm: str) -> None:
    def insecure(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "registry.test"
        return httpx.Response(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})

    assert "expected an https:// address" in refusal(insecure, LOGIN)


@pytest.mark.parametrize(
    "answered", [httpx.Response(500), httpx.Response(200, text="hello"), httpx.Response(200, json=[])]
)
def test_a_token_server_that_gives_no_token_is_named(answered: httpx.Response) -> None:
    def odd(request: httpx.Request) -> httpx.Response:
        if request.url.host == "token.test":
            return httpx.Response(answered.status_code, content=answered.content)
        return httpx.Response(401, headers={"WWW-Authenticate": 'Bearer realm="https://token.test/token"'})

    assert f"https://token.test/token answered {answered.status_code} without a token" in refusal(odd, LOGIN)


def test_a_file_that_holds_no_certificates_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for path in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(UserError, match=f"{path}: no PEM file of CA certificates .*: is it up"):
            Remote(REGISTRY, RegistryAccess(ca=path, advice="is it up?"))


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (
            'Bearer realm="https://a/t",service="s",scope="x:y"',
            {"realm": "https://a/t", "service": "s", "scope": "x:y"},
        ),
        ('Basic realm="a"', {}),
        ("", {}),
    ],
)
def test_a_challenge_is_read(header: str, found: dict[str, str]) -> None:
    assert challenge(header) == found


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1:5000", "http"), ("localhost:5000", "http"), ("docker.io", "https"), ("127a.example", "https")],
)
def test_only_registries_of_this_machine_are_asked_without_tls(host: str, expected: str) -> None:
    assert scheme(host) == expected


def test_an_image_of_another_repository_is_taken_over_without_its_layers_on_the_way() -> None:
    registry = FakeRegistry()
    digest = filled(registry, "second/one")
    with connected(registry) as found:
        assert found.take("one", "tag", digest, "second/one")
        assert found.find({"one": digest}) == found.find({"one": "tag"}) == {"one": digest}
    assert registry.blobs["one"] == registry.blobs["second/one"]
    assert "PUT one blobs/uploads" not in registry.calls


def test_an_image_that_the_other_repository_lacks_in_part_is_not_taken_over() -> None:
    registry = FakeRegistry()
    digest = filled(registry, "second/one")
    with connected(registry) as found:
        assert not found.take("one", "tag", digest, "second/two")
        registry.blobs["second/one"].popitem()
        assert not found.take("one", "tag", digest, "second/one")
        assert found.find({"one": "tag"}) == {}


def test_another_manifest_than_the_one_asked_for_is_not_taken_over() -> None:
    registry = FakeRegistry()
    digest = filled(registry, "second/one")
    registry.manifests["second/one"][digest] += b" "
    with connected(registry) as found:
        assert not found.take("one", "tag", digest, "second/one")
        assert found.find({"one": "tag"}) == {}
