import gzip
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from modules.core.contracts import Registry
from modules.core.errors import UserError
from modules.registry.remote import Remote

REGISTRY = Registry(push="registry.test:5000/groundwork", pull="registry.test:5000/groundwork")
LAYER = gzip.compress(b"x" * 3_000_000)


def answer(request: httpx.Request) -> httpx.Response:
    """A registry that holds one image, `there`, of two equal layers."""
    path = request.url.path.removeprefix("/v2/groundwork")
    if path in {"/there/manifests/sha256:1", "/there/manifests/tag"}:
        layer = {"digest": "sha256:2", "size": 1_000_000}
        digest = {"Docker-Content-Digest": "sha256:1"}
        return httpx.Response(200, text=json.dumps({"layers": [layer, layer]}), headers=digest)
    if path == "/there/blobs/sha256:2" and request.headers["Range"] == "bytes=-4":
        return httpx.Response(206, content=LAYER[-4:])
    return httpx.Response(500 if path.startswith("/broken") else 404)


def refuse(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("Connection refused")


@pytest.fixture
def remote(authority: Path) -> Callable[[Callable[[httpx.Request], httpx.Response]], Remote]:
    def make(handler: Callable[[httpx.Request], httpx.Response]) -> Remote:
        made = Remote(REGISTRY, authority)
        made.client.close()
        made.client = httpx.Client(base_url="https://registry.test:5000", transport=httpx.MockTransport(handler))
        return made

    return make


Make = Callable[[Callable[[httpx.Request], httpx.Response]], Remote]


def test_it_tells_which_images_are_there(remote: Make) -> None:
    with remote(answer) as registry:
        assert registry.find({"there": "sha256:1", "gone": "sha256:1"}) == {"there": "sha256:1"}
        assert registry.find({"there": "tag"}) == {"there": "sha256:1"}


def test_it_tells_what_images_weigh_on_the_wire_and_on_a_node(remote: Make) -> None:
    with remote(answer) as registry:
        size = registry.sizes({"there": "sha256:1"})["there"]
    assert (size.compressed, size.uncompressed) == (2.0, 6.0)


def test_a_registry_that_does_not_answer_is_an_error_and_not_an_absent_image(remote: Make) -> None:
    with remote(refuse) as registry, pytest.raises(UserError, match=r"registry\.test:5000 does not answer"):
        registry.find({"there": "sha256:1"})
    with remote(answer) as registry, pytest.raises(UserError, match="HTTP 500"):
        registry.find({"broken": "sha256:1"})
