import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as elliptic_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modules.core.errors import UserError
from scripts.cli.clients.cache import signing
from scripts.cli.clients.cache.cache import Cache, configured, digest_of
from scripts.cli.clients.cache.stores import Unreachable, open_store


class Handler(BaseHTTPRequestHandler):
    """A web server that keeps what is put, for who logs in."""

    files: dict[str, bytes]
    login: str | None = None

    def do_GET(self) -> None:
        content = self.files.get(self.path)
        self._answer(404 if content is None else 200, content or b"")

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        if self.login and self.headers["Authorization"] != self.login:
            self._answer(401, b"")
            return
        self.files[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, b"")

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def handler() -> type[Handler]:
    return type("Own", (Handler,), {"files": {}})


@pytest.fixture
def web(handler: type[Handler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/cache"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def a_person_without_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in (signing.KEY_VARIABLE, signing.TRUSTED_VARIABLE, "GROUNDWORK_CACHE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["folder", "web"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "cache") if request.param == "folder" else request.getfixturevalue("web")


def filled(address: str, tmp_path: Path, content: bytes = b"a binary") -> tuple[Cache, str]:
    """A cache in which `toolchain/tool-1` stands for the content; and its digest."""
    cache = Cache(address)
    source = tmp_path / "source"
    source.write_bytes(content)
    digest = cache.store(source)
    cache.sign("toolchain/tool-1", digest)
    return cache, digest


def test_what_one_machine_stored_another_one_finds_by_name(address: str, tmp_path: Path) -> None:
    cache, digest = filled(address, tmp_path)
    assert cache.find("toolchain/tool-1") == digest
    assert cache.find("toolchain/tool-2") is None
    assert cache.fetch(digest, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"a binary"
    assert cache.has(digest)


def test_content_that_is_gone_counts_as_never_stored(address: str, tmp_path: Path) -> None:
    cache = Cache(address)
    digest = f"sha256:{'0' * 64}"
    assert not cache.has(digest)
    assert not cache.fetch(digest, tmp_path / "target")


def test_content_that_was_changed_is_refused_and_not_left_behind(tmp_path: Path) -> None:
    cache, digest = filled(str(tmp_path / "cache"), tmp_path)
    (tmp_path / "cache" / "blobs" / digest.replace(":", "/")).write_bytes(b"another one")
    with pytest.raises(UserError, match="another content than its digest says"):
        cache.fetch(digest, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_name_for_other_content_needs_a_new_signature(tmp_path: Path) -> None:
    cache, _ = filled(str(tmp_path / "cache"), tmp_path)
    name = tmp_path / "cache" / "names" / "toolchain" / "tool-1.json"
    evil = tmp_path / "evil"
    evil.write_bytes(b"evil")
    name.write_text(json.dumps({**json.loads(name.read_text()), "digest": cache.store(evil)}))
    with pytest.raises(UserError, match="signed by nobody whom you trust"):
        cache.find("toolchain/tool-1")


def test_an_artifact_can_not_stand_in_the_place_of_another(tmp_path: Path) -> None:
    cache, _ = filled(str(tmp_path / "cache"), tmp_path)
    names = tmp_path / "cache" / "names" / "toolchain"
    (names / "other-1.json").write_bytes((names / "tool-1.json").read_bytes())
    with pytest.raises(UserError, match="signed by nobody whom you trust"):
        cache.find("toolchain/other-1")


@pytest.mark.parametrize("text", ["", "[]", '{"digest": "sha256:1"}', '{"digest": "sha256:1", "signature": "?"}'])
def test_a_name_that_no_push_wrote_is_refused(text: str, tmp_path: Path) -> None:
    cache, _ = filled(str(tmp_path / "cache"), tmp_path)
    (tmp_path / "cache/names/toolchain/tool-1.json").write_text(text)
    with pytest.raises(UserError, match=r"tool-1\.json is not as `groundwork cache push` writes it"):
        cache.find("toolchain/tool-1")


def test_the_signature_of_a_stranger_counts_for_nothing_until_the_key_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, digest = filled(str(tmp_path / "cache"), tmp_path)
    theirs = signing.own_public_key()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another person"))
    with pytest.raises(
        UserError, match=r"GROUNDWORK_TRUSTED_KEYS: not set, and .*signing-key\.pub\.pem does not exist"
    ):
        Cache(cache.address).find("toolchain/tool-1")
    signing.signing_key()
    with pytest.raises(UserError, match="signed by nobody whom you trust"):
        Cache(cache.address).find("toolchain/tool-1")
    monkeypatch.setenv(signing.TRUSTED_VARIABLE, f"{signing.own_public_key()}:{theirs}")
    assert Cache(cache.address).find("toolchain/tool-1") == digest


def test_a_key_of_ones_own_is_made_once_and_is_for_nobody_else_to_read() -> None:
    assert signing.signing_key().private_bytes_raw() == signing.signing_key().private_bytes_raw()
    private = signing.own_public_key().with_name("signing-key.pem")
    assert private.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in signing.own_public_key().read_bytes()


def test_what_is_signed_here_is_known_beside_what_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"signing-key\.pub\.pem does not exist"):
        signing.known_keys()
    own, other = signing.signing_key(), Ed25519PrivateKey.generate()
    (tmp_path / "other.pub.pem").write_text(signing.public_pem(other))
    assert signing.known_keys() == [own.public_key()]
    monkeypatch.setenv(signing.TRUSTED_VARIABLE, str(tmp_path / "other.pub.pem"))
    assert signing.known_keys() == [other.public_key(), own.public_key()]
    (tmp_path / "key.pem").write_bytes(pem(other))
    monkeypatch.setenv(signing.KEY_VARIABLE, str(tmp_path / "key.pem"))
    assert signing.known_keys() == [other.public_key(), other.public_key()]


def test_a_named_key_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(pem(key))
    monkeypatch.setenv(signing.KEY_VARIABLE, str(tmp_path / "key.pem"))
    assert signing.signing_key().private_bytes_raw() == key.private_bytes_raw()
    assert not signing.own_public_key().exists()


def pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


OTHER = elliptic_key(SECP256R1())
OTHER_PRIVATE = OTHER.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
OTHER_PUBLIC = OTHER.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


@pytest.mark.parametrize(
    ("content", "why"), [(None, "can't be read"), (b"text", "no private key"), (OTHER_PRIVATE, "another kind")]
)
def test_what_is_no_signing_key_is_refused(
    content: bytes | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(signing.KEY_VARIABLE, str(tmp_path / "key"))
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(UserError, match=f"GROUNDWORK_SIGNING_KEY: .*{why}"):
        signing.signing_key()


@pytest.mark.parametrize(
    ("content", "why"), [(None, "can't be read"), (b"text", "no public key"), (OTHER_PUBLIC, "another kind")]
)
def test_what_is_no_public_key_is_refused(
    content: bytes | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(signing.TRUSTED_VARIABLE, str(tmp_path / "key"))
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(UserError, match=f"GROUNDWORK_TRUSTED_KEYS: .*{why}"):
        signing.trusted_keys()


@pytest.mark.parametrize(
    "address", ["cache", "./cache", "ftp://host/cache", "http://cache.example/path", "s3://", "https://", "s3:bucket"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(
        UserError, match=r"GROUNDWORK_CACHE: .*expected the absolute path of a folder, https://HOST/PATH"
    ):
        open_store(address)


def test_without_an_address_there_is_no_cache() -> None:
    assert configured() is None


def test_a_cache_that_does_not_answer_is_told_from_one_that_lacks_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing.signing_key()
    for address in (str(tmp_path / "not mounted" / "cache"), "http://127.0.0.1:9/cache"):
        monkeypatch.setenv("GROUNDWORK_CACHE", address)
        with pytest.raises(Unreachable, match="GROUNDWORK_CACHE: "):
            configured()
    assert not (tmp_path / "not mounted").exists()


def test_a_web_server_is_written_with_the_login_of_netrc(web: str, handler: type[Handler], tmp_path: Path) -> None:
    handler.login = "Basic dXNlcjpzZWNyZXQ="
    with pytest.raises(Unreachable, match="HTTP 401"):
        filled(web, tmp_path)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    filled(web, tmp_path)
    assert handler.files


def test_what_is_there_is_not_sent_twice(web: str, handler: type[Handler], tmp_path: Path) -> None:
    _, digest = filled(web, tmp_path)
    handler.files[f"/cache/blobs/{digest.replace(':', '/')}"] = b"as it was"
    filled(web, tmp_path)
    assert handler.files[f"/cache/blobs/{digest.replace(':', '/')}"] == b"as it was"


def test_a_digest_is_that_of_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert digest_of(tmp_path / "file") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
