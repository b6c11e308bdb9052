import json
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from modules.core.artifacts import Artifacts
from modules.core.errors import UserError
from modules.core.images import Image, LockedImage
from modules.registry import artifacts as shared
from modules.registry import attestation, sbom
from modules.registry.attestation import fingerprint
from modules.registry.copy import copy_images
from modules.registry.images import Source, sha256
from modules.registry.sboms import attach, read_sbom, without_sbom

from .contents_test import layer
from .fakes import FakeRegistry, connected

KEY, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
STATUS = b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36\n"
PACKAGE = {"opt/venv/lib/python3.11/site-packages/boto3-1.44.5.dist-info/METADATA": b"Name: boto3\nVersion: 1.44.5\n"}
BASE, OWN = layer({"var/lib/dpkg/status": STATUS}), layer(PACKAGE)


@dataclass
class Place:
    """A registry with two images, one on the other."""

    registry: FakeRegistry
    images: dict[str, LockedImage]

    @property
    def sources(self) -> dict[str, Source]:
        return {name: source(name, image) for name, image in self.images.items()}

    def attach(self, key: Ed25519PrivateKey = KEY) -> None:
        with connected(self.registry) as remote:
            attach(without_sbom(self.images, remote), self.sources, remote=remote, key=key)

    def read(self, name: str = "one", *keys: Ed25519PrivateKey) -> dict[str, Any]:
        with connected(self.registry) as remote:
            public = [key.public_key() for key in keys or (KEY,)]
            return read_sbom(name, self.images[name].digest, remote=remote, keys=public).document

    def replace(self, media_type: str, content: bytes, name: str = "one") -> None:
        """Puts another content into the place of one in the manifests of an image's SBOM, as one who can push does."""
        held = self.registry.manifests[name]
        for reference, manifest in list(held.items()):
            found = json.loads(manifest)
            for part in found.get("layers", []):
                if part.get("mediaType") == media_type:
                    part |= {"digest": sha256(content), "size": len(content)}
            held[reference] = json.dumps(found).encode()
        self.registry.blobs[name][sha256(content)] = content


def source(name: str, image: LockedImage) -> Source:
    built = Image(budget_mb=1, name=name, containerfile="Containerfile", base=None if name == "base" else "base")
    requirements = f"boto3==1.44.5 \\\n    --hash=sha256:{'a' * 64}\n".encode()
    return Source(
        image=built, containerfile=b"", files={}, requirements=requirements, inputs=image.inputs, version=image.version
    )


def filled(registry: FakeRegistry) -> Place:
    images: dict[str, LockedImage] = {}
    for name, layers in {"base": [BASE], "one": [BASE, OWN]}.items():
        configuration = b"{}" + name.encode()
        registry.blobs[name] = {sha256(part): part for part in (configuration, *layers)}
        parts = [{"digest": sha256(part), "size": len(part)} for part in (configuration, *layers)]
        manifest = json.dumps({"config": parts[0], "layers": parts[1:]}).encode()
        image = LockedImage(digest=sha256(manifest), inputs=sha256(name.encode()), version="1")
        registry.manifests[name] = {image.digest: manifest, image.tag: manifest}
        images[name] = image
    return Place(registry, images)


@pytest.fixture(params=[True, False], ids=["referrers", "tags"])
def place(request: pytest.FixtureRequest) -> Place:
    """A registry with the referrers API, and one without."""
    return filled(FakeRegistry(lists_referrers=request.param))


def test_each_image_gets_an_sbom_of_its_layers_once(place: Place) -> None:
    place.attach()
    purls = {name: {each["purl"] for each in place.read(name)["components"]} for name in place.images}
    libc, boto3 = "pkg:deb/debian/libc6@2.36?arch=amd64&distro=bookworm", "pkg:pypi/boto3@1.44.5"
    assert purls == {"base": {libc}, "one": {libc, boto3}}
    assert place.read("one")["metadata"]["component"]["hashes"][0]["content"] == place.images["one"].digest[7:]
    with connected(place.registry) as remote:
        assert without_sbom(place.images, remote) == {}
    assert place.registry.calls.count("GET base blobs") + place.registry.calls.count("GET one blobs") == 2 + 3 * 2


def test_cosign_finds_the_statement_alone(place: Place) -> None:
    place.attach()
    with connected(place.registry) as remote:
        listed = remote.referrers("one", place.images["one"].digest)
        manifests = {each["artifactType"]: json.loads(remote.manifest("one", each["digest"])) for each in listed}
    assert manifests.keys() == {sbom.MEDIA_TYPE, attestation.MEDIA_TYPE}
    assert [part["mediaType"] for part in manifests[attestation.MEDIA_TYPE]["layers"]] == [attestation.MEDIA_TYPE]
    assert {each["subject"]["digest"] for each in manifests.values()} == {place.images["one"].digest}


def test_an_image_without_an_sbom_says_so(place: Place) -> None:
    with pytest.raises(UserError, match=r"the SBOM of image one@sha256:.* is not there"):
        place.read()


def test_the_sbom_of_a_stranger_is_refused_until_one_of_a_trusted_key_is_beside_it(place: Place) -> None:
    place.attach(STRANGER)
    with pytest.raises(UserError, match="is refused: no key that is trusted here signed it"):
        place.read()
    assert place.read("one", KEY, STRANGER)
    with connected(place.registry) as remote:
        attach(place.images, place.sources, remote=remote, key=KEY)
        found = read_sbom("one", place.images["one"].digest, remote=remote, keys=[KEY.public_key()])
    assert found.key == fingerprint(KEY.public_key())


def test_a_document_that_was_changed_is_refused(place: Place) -> None:
    place.attach()
    place.replace(sbom.MEDIA_TYPE, json.dumps({**place.read(), "components": []}).encode())
    with pytest.raises(UserError, match="it is another document than the one that was signed"):
        place.read()


def test_the_statement_about_another_image_is_refused(place: Place) -> None:
    place.attach()
    statement = attestation.sign("base", place.images["base"].digest, json.dumps(place.read("base")).encode(), KEY)
    place.replace(attestation.MEDIA_TYPE, statement)
    with pytest.raises(UserError, match="it was signed for another image"):
        place.read()


def test_a_document_that_nobody_signed_is_refused(place: Place) -> None:
    with connected(place.registry) as remote:
        subject = {"digest": place.images["one"].digest}
        manifest: dict[str, Any] = {"artifactType": sbom.MEDIA_TYPE, "layers": [], "subject": subject}
        remote.put_referrer("one", place.images["one"].digest, json.dumps(manifest).encode())
    with pytest.raises(UserError, match="it is not signed"):
        place.read()


def test_nothing_is_signed_of_a_layer_that_is_not_the_image_s(place: Place) -> None:
    for held in place.registry.blobs.values():
        held[sha256(BASE)] = OWN
    with pytest.raises(UserError, match="don't use it, and ask its owner"):
        place.attach()


def test_sboms_go_along_where_images_are_copied(place: Place) -> None:
    place.attach()
    target = FakeRegistry()
    for _ in range(2):
        with connected(place.registry) as origin, connected(target) as to:
            copy_images(place.images, source=origin, target=to, progress=lambda _: None)
    assert Place(target, place.images).read() == place.read()


def test_sboms_go_along_through_a_shared_cache(place: Place, artifacts: Artifacts) -> None:
    place.attach()
    target = FakeRegistry()
    with connected(place.registry) as origin, connected(target) as to:
        for name, image in place.images.items():
            shared.publish(name, image, origin, artifacts)
            assert shared.fetch(source(name, image), to, artifacts)
    assert Place(target, place.images).read() == place.read()
