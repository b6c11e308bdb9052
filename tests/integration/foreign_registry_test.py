"""The platform's images in a registry that somebody else runs: the real server, over TLS, behind each kind of login."""

import gzip
import io
import json
import tarfile
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modules.core import images as lock
from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.core.images import own_architecture, read_images, write_images
from modules.registry.build import build_images
from modules.registry.contents import STATUS
from modules.registry.images import read_sources, sha256
from modules.registry.logins import Login
from modules.registry.remote import MANIFEST, Remote
from modules.registry.sboms import Keys, attach, read_sbom
from scripts.cli.main import app
from tests.scripts.cli import fakes

from .conftest import IMAGES
from .registries import LOGIN, ForeignRegistry, password_registry, token_registry

LAYER = gzip.compress(b"a layer" * 1000, mtime=0)
CONFIG = json.dumps({"architecture": own_architecture(), "os": "linux"}).encode()
KEY = Ed25519PrivateKey.generate()
REGISTRIES = {"password": password_registry, "token": token_registry}


@pytest.fixture(params=REGISTRIES)
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ForeignRegistry]:
    with REGISTRIES[request.param](tmp_path) as served:
        yield served


def push(remote: Remote, folder: Path, name: str, tag: str, layers: Sequence[bytes] = (LAYER,)) -> str:
    """Pushes a small image; returns its digest."""
    for content in (*layers, CONFIG):
        (folder / "blob").write_bytes(content)
        remote.upload(name, sha256(content), folder / "blob")
    config, *described = ({"digest": sha256(content), "size": len(content)} for content in (CONFIG, *layers))
    kind = "application/vnd.oci.image"
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": f"{kind}.config.v1+json", **config},
        "layers": [{"mediaType": f"{kind}.layer.v1.tar+gzip", **layer} for layer in described],
    }
    remote.put_manifest(name, tag, json.dumps(document).encode())
    return sha256(json.dumps(document).encode())


def packages(name: str) -> bytes:
    """A layer of an image of Debian with one package."""
    status = f"Package: {name}\nStatus: install ok installed\nVersion: 1\n".encode()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        member = tarfile.TarInfo(STATUS)
        member.size = len(status)
        archive.addfile(member, io.BytesIO(status))
    return content.getvalue()


def refusal(registry: Registry, foreign: ForeignRegistry, login: Login | None) -> str:
    with Remote(registry, foreign.access(login)) as remote, pytest.raises(UserError) as refused:
        remote.check_push("base")
    assert LOGIN.password not in str(refused.value)
    return str(refused.value)


def test_an_image_is_pushed_found_and_read_back_with_a_login(foreign: ForeignRegistry, tmp_path: Path) -> None:
    with Remote(foreign.registry(), foreign.access()) as remote:
        remote.check_push("base")
        assert remote.find({"base": "1"}) == {}
        digest = push(remote, tmp_path, "base", "1")
        assert remote.find({"base": "1", "other": "1"}) == {"base": digest}
        assert remote.architecture("base", digest) == own_architecture()
        assert remote.has_blob("other", sha256(LAYER), "base")
        remote.download("other", sha256(LAYER), tmp_path / "layer")
        assert (tmp_path / "layer").read_bytes() == LAYER
        assert remote.sizes({"base": digest})["base"].uncompressed == 0.007


def test_a_login_that_is_wrong_or_missing_is_refused_before_anything_is_sent(foreign: ForeignRegistry) -> None:
    registry = foreign.registry()
    wrong = refusal(registry, foreign, replace(LOGIN, password="guessed"))
    assert f"registry {registry.push} refused the login of 'ml' from the test" in wrong
    assert f"`docker login {foreign.host}` or `buildah login {foreign.host}`" in wrong
    assert f"registry {registry.push} wants a login" in refusal(registry, foreign, None)


def test_who_may_only_pull_is_told_before_a_push(tmp_path: Path) -> None:
    with token_registry(tmp_path) as foreign:
        public = foreign.registry("public/groundwork")
        with Remote(public, foreign.access()) as remote:
            digest = push(remote, tmp_path, "base", "1")
        with Remote(public, foreign.access(None)) as anyone:
            assert anyone.find({"base": digest}) == {"base": digest}
        assert "wants a login" in refusal(public, foreign, None)


def test_a_certificate_that_is_not_trusted_is_said_with_what_to_do(tmp_path: Path) -> None:
    with password_registry(tmp_path) as foreign:
        access = replace(foreign.access(), ca=None, advice="name its CA in registry.ca")
        with Remote(foreign.registry(), access) as remote, pytest.raises(UserError) as refused:
            remote.find({"base": "1"})
    assert "CERTIFICATE_VERIFY_FAILED" in str(refused.value)
    assert str(refused.value).endswith("name its CA in registry.ca")


def test_an_environment_that_uses_the_registry_of_a_copy_builds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From one that wants a password to one that wants a token, by the logins of `docker login`."""
    for name in ("first", "second", "stacks"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(lock, "REPOSITORY", tmp_path)
    fakes.stack(monkeypatch)
    sources = read_sources(IMAGES)
    with password_registry(tmp_path / "first") as first, token_registry(tmp_path / "second") as second:
        with Remote(first.registry(), first.access()) as remote:
            built = {
                name: source.locked(push(remote, tmp_path, name, source.tag, (packages("libc6"), packages(name))))
                for name, source in sources.items()
            }
            attach(built, sources, remote=remote, key=KEY)
        write_images("test", built)
        trusted, logins = tmp_path / "ca.pem", tmp_path / "config.json"
        trusted.write_bytes(first.ca.read_bytes() + second.ca.read_bytes())
        entry = {"auth": b64encode(f"{LOGIN.username}:{LOGIN.password}".encode()).decode()}
        logins.write_text(json.dumps({"auths": {first.host: entry, second.host: entry}}))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        to = second.registry().push
        command = ("--stack=test", f"--from={first.registry().push}", f"--to={to}", f"--ca={trusted}", "--json")
        for copied in (True, False):
            copy_by_command(*command)
            said = json.loads(capsys.readouterr().out)
            assert [image["copied"] for image in said["images"]] == [copied] * len(sources)
            assert (
                said["images"][0]["reference"] == f"{to}/airflow:{built['airflow'].version}@{built['airflow'].digest}"
            )
            assert (said["architecture"], said["outdated"]) == (own_architecture(), [])
        build_images(
            "other",
            IMAGES,
            registry=second.registry(),
            access=second.access(),
            progress=(reported := list[str]()).append,
            log=tmp_path / "log",
            keys=Keys(sign=Ed25519PrivateKey.generate, known=list),
        )
        with Remote(second.registry(), second.access()) as remote:
            for name, image in built.items():
                listed = read_sbom(name, image.digest, remote=remote, keys=[KEY.public_key()]).document["components"]
                assert [each["name"] for each in listed] == [name]
    assert reported == [f"{len(sources)} unchanged"]
    assert read_images("other") == built


def copy_by_command(*arguments: str) -> None:
    app(["images", "copy", *arguments], standalone_mode=False)
